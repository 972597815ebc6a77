package reporting_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/reporting"
)

// A signed security.txt counts under its own key and without any, and not under
// the key of somebody else.
func TestSignedSecurityTxt(t *testing.T) {
	config := &packet.Config{Time: func() time.Time { return checktest.At.AddDate(0, -1, 0) }}
	maker, err := openpgp.NewEntity("Maker", "", "security@kettles.example", config)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := openpgp.NewEntity("Stranger", "", "a@b.example", config)
	if err != nil {
		t.Fatal(err)
	}
	var signed bytes.Buffer
	w, err := clearsign.Encode(&signed, maker.PrivateKey, config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("Contact: mailto:security@kettles.example\nExpires: 2099-06-01T00:00:00Z\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		key  *openpgp.Entity
		want string
		not  string
	}{
		"no-key":    {nil, "reporting.contact_published = yes", "holds under"},
		"own-key":   {maker, "its signature holds under the key", "none of"},
		"other-key": {stranger, "its signature holds under none of the 1 keys", "contact_published"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pages := filepath.Join(dir, "pages")
			if err := os.Mkdir(pages, 0o755); err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{"security.txt": signed.Bytes()}
			if row.key != nil {
				var key bytes.Buffer
				if err := row.key.Serialize(&key); err != nil {
					t.Fatal(err)
				}
				files["key.pgp"] = key.Bytes()
			}
			for file, data := range files {
				if err := os.WriteFile(filepath.Join(pages, file), data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := checktest.Observe(t, reporting.Check, dir, nil, nil)
			if !strings.Contains(got, row.want) || strings.Contains(got, row.not) {
				t.Errorf("want %q and not %q, got\n%s", row.want, row.not, got)
			}
		})
	}
}
