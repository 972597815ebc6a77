package register_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func TestParseGTIN(t *testing.T) {
	for _, row := range []struct{ name, in, want, short string }{
		{"ean13", "5012345678900", "05012345678900", "5012345678900"},
		{"upc", "036000291452", "00036000291452", "0036000291452"},
		{"gtin14", "10614141000415", "10614141000415", "10614141000415"},
		{"ean8", "73513537", "00000073513537", "73513537"},
		{"spaced", " 5-012345 678900 ", "05012345678900", "5012345678900"},
		{"wrong-check-digit", "5012345678901", "", ""},
		{"letters", "50123456789OO", "", ""},
		{"zeros", "0000000000000", "", ""},
		{"short", "1234567", "", ""},
		{"long", strings.Repeat("1", 4000), "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := register.ParseGTIN(row.in)
			if string(got) != row.want || (err == nil) != (row.want != "") {
				t.Fatalf("got %q, %v, want %q", got, err, row.want)
			}
			if err != nil && (!errors.Is(err, assay.ErrInvalid) || len(err.Error()) > 200) {
				t.Errorf("error of another kind, or too long: %v", err)
			}
			if err == nil && got.Short() != row.short {
				t.Errorf("short: got %s, want %s", got.Short(), row.short)
			}
		})
	}
}

// One wrong digit, or two neighbours exchanged that differ by other than 5, never pass.
func TestGTINSlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := fmt.Sprintf("%012d", rapid.Int64Range(1, 999_999_999_999).Draw(t, "body"))
		whole := body + string(register.CheckDigit("0"+body))
		if _, err := register.ParseGTIN(whole); err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, 12).Draw(t, "place")
		d := byte('0' + (int(whole[i]-'0')+rapid.IntRange(1, 9).Draw(t, "by"))%10)
		if g, err := register.ParseGTIN(whole[:i] + string(d) + whole[i+1:]); err == nil {
			t.Fatalf("%s passes for %s", g, whole)
		}
	})
}

func FuzzParseGTIN(f *testing.F) {
	f.Add("5012345678900")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := register.ParseGTIN(s)
		if err != nil {
			return
		}
		again, err := register.ParseGTIN(g.Short())
		if err != nil || again != g {
			t.Fatalf("%q: %q is read again as %q: %v", s, g, again, err)
		}
	})
}

func TestRights(t *testing.T) {
	maker := register.Viewer{Account: "a1", Org: "o1", OrgKind: register.Manufacturer}
	as := func(r register.Role) register.Viewer { v := maker; v.Role = r; return v }
	token := func(r register.Role, scopes ...register.TokenScope) register.Viewer {
		v := as(r)
		v.Token, v.Scopes = "t1", scopes
		return v
	}
	operator := register.Viewer{Account: "a2", Operator: true}
	lab := register.Viewer{Account: "a3", Org: "o3", OrgKind: register.Laboratory, Role: register.RoleEditor}
	for _, row := range []struct {
		name   string
		viewer register.Viewer
		action register.Action
		want   bool
	}{
		{"public-sees-no-drafts", register.Public, register.SeeDrafts, false},
		{"role-without-account", register.Viewer{Org: "o1", Role: register.RoleOwner, OrgKind: register.Manufacturer}, register.SeeDrafts, false},
		{"reader-sees-drafts", as(register.RoleReader), register.SeeDrafts, true},
		{"reader-edits-nothing", as(register.RoleReader), register.EditDrafts, false},
		{"editor-publishes", as(register.RoleEditor), register.PublishEntry, true},
		{"editor-manages-nobody", as(register.RoleEditor), register.ManageMembers, false},
		{"owner-manages", as(register.RoleOwner), register.ManageMembers, true},
		{"unknown-role", as("chief"), register.SeeDrafts, false},
		{"token-publishes", token(register.RoleEditor, register.ScopePublish), register.PublishEntry, true},
		{"token-of-another-scope", token(register.RoleEditor, register.ScopeRead), register.PublishEntry, false},
		{"token-beyond-its-maker", token(register.RoleReader, register.ScopePublish), register.PublishEntry, false},
		{"token-manages-nobody", token(register.RoleOwner, register.TokenScopes()...), register.ManageMembers, false},
		{"operator-sees-no-drafts", operator, register.SeeDrafts, false},
		{"operator-operates", operator, register.Operate, true},
		{"owner-does-not-operate", as(register.RoleOwner), register.Operate, false},
		{"laboratory-assesses", lab, register.AttachVerdict, true},
		{"laboratory-publishes-nothing", lab, register.PublishEntry, false},
		{"maker-assesses-nothing", as(register.RoleOwner), register.AttachVerdict, false},
		{"unknown-action", as(register.RoleOwner), "fly", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.viewer.May(row.action); got != row.want {
				t.Errorf("may %s: got %v, want %v", row.action, got, row.want)
			}
		})
	}
	if register.Visible(operator).Org() != "" || register.Visible(register.Public) != (register.Scope{}) {
		t.Error("somebody sees drafts that are nobody's of theirs")
	}
	if got := register.Visible(as(register.RoleReader)).Org(); got != "o1" {
		t.Errorf("a member's scope: got %q, want o1", got)
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{"Acme  Kettle/K2": "acme-kettle-k2", "Ærø & Sønner": "r-s-nner", "---": "", "日本": ""} {
		if got := register.Slug(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add(`{"assay_bundle":1,"facts":{"name":"K2","make":"Acme","models":["K2"],"category":"kettle","support":[{"component":"product","end":"2031-01-01"}],"contact":{"email":"a@example.org"},"passwords":{"kind":"unique"}},"statement":"e30="}`)
	f.Add(`{"assay_bundle":1}{}`)
	f.Fuzz(func(t *testing.T, s string) {
		b, err := register.ParseBundle(strings.NewReader(s))
		if err == nil && b.Format != register.BundleFormat {
			t.Fatal("a bundle of another form was read")
		}
	})
}
