package password

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// rowsOf reads a text as a batch and returns its rows.
func rowsOf(text []byte, roles map[string]Role) ([]Row, error) {
	b, err := NewBatch("batch", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, roles)
	if err != nil {
		return nil, err
	}
	var out []Row
	_, err = b.scan(context.Background(), 1, nil, func(_ int, number int64, fields [][]byte) error {
		out = append(out, *b.copyRow(number, fields))
		return nil
	})
	return out, err
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func zstded(s string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func TestReader(t *testing.T) {
	const plain = "serial,password\nA1,secret1\nA2,secret2\n"
	for _, tt := range []struct{ name, text, want string }{
		{"plain", plain, "1:A1=secret1 2:A2=secret2"},
		{"no-last-line-end", strings.TrimSuffix(plain, "\n"), "1:A1=secret1 2:A2=secret2"},
		{"crlf", strings.ReplaceAll(plain, "\n", "\r\n"), "1:A1=secret1 2:A2=secret2"},
		{"byte-order-mark", "\xef\xbb\xbf" + plain, "1:A1=secret1 2:A2=secret2"},
		{"gzip", gzipped(plain), "1:A1=secret1 2:A2=secret2"},
		{"zstd", zstded(plain), "1:A1=secret1 2:A2=secret2"},
		{"semicolon", strings.ReplaceAll(plain, ",", ";"), "1:A1=secret1 2:A2=secret2"},
		{"tab", strings.ReplaceAll(plain, ",", "\t"), "1:A1=secret1 2:A2=secret2"},
		{"quoted", "serial,password\n\"A,1\",\"se\"\"cret\"\n\"A\n2\",x\nA3,y\n", "1:A,1=se\"cret 2:A\n2=x 3:A3=y"},
		{"blank-lines", "serial,password\n\nA1,x\n\nA2,y\n", "2:A1=x 4:A2=y"},
		{"json-lines", `{"serial":"A1","password":"x"}` + "\n" + `{"password":"é","serial":7}` + "\n\n" + `{"password":null}` + "\n", "1:A1=x 2:7=é 4:="},
		{"empty-password", "serial,password\nA1,\n", "1:A1="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := rowsOf([]byte(tt.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				got = append(got, fmt.Sprintf("%d:%s=%s", r.Number, strings.Join(r.Values, ""), r.Password))
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	const secret = "hunter2hunter2"
	long := strings.Repeat("x", maxLineBytes+10)
	many := "serial,password\n" + strings.Repeat("A,b\n", 300_000)
	for _, tt := range []struct{ name, text, want string }{
		{"no-password-column", "serial,mac\nA1,x\n", "no column named password"},
		{"no-header", secret + "\nother\n", "no column named password"},
		{"empty", "", "is empty"},
		{"quote-never-closed", "serial,password\nA1,x\nA2,\"" + secret + "\n", "row 2: a quoted field does not end"},
		{"quote-in-the-middle", "serial,password\nA1,x\nA2," + secret + "\"y\"\n", "row 2: a quote within a field"},
		{"text-after-quote", "serial,password\n\"A1\"x," + secret + "\n", "row 1: text after a closing quote"},
		{"broken-quote-far-down", many + "A,\"" + secret + "\nA,b\nA,b\n", "row 300001: a quoted field does not end"},
		{"bare-quote-far-down", many + "A," + secret + "\"\nA,b\nA,\"b\"\n", "row 30000"},
		{"too-few-fields", "serial,password\nA1\n", "row 1: 1 fields where the header has 2"},
		{"too-many-fields", many + "A,b," + secret + "\n", "row 300001: 3 fields"},
		{"binary", "serial,password\nA1,x\nA2,\x00" + secret + "\n", "row 2: binary data"},
		{"mixed-encodings", "serial,password\nA1,caf\xc3\xa9\nA2,caf\xe9" + secret + "\n", "row 2: byte 0xe9 is not UTF-8"},
		{"latin-far-down", many + "A,\xe9" + secret + "\n", "row 300001: byte 0xe9"},
		{"utf-16", "\xff\xfes\x00", "UTF-16"},
		{"one-long-line", "serial,password\nA1," + long + "\n", "row 1 is longer than"},
		{"endless-header", long, "header"},
		{"zip", "PK\x03\x04xxxx", "zip"},
		{"cut-gzip", gzipped(many)[:300], "ends too soon"},
		{"json-array", "[{\"password\":\"x\"}]", "JSON array"},
		{"json-broken", `{"password":"x"}` + "\n{" + secret + "\n", "row 2"},
		{"json-nested", `{"password":"x"}` + "\n" + `{"password":["` + secret + `"]}` + "\n", "row 2: the value of"},
		{"two-password-columns", "wifi_key,admin_password\nx,y\n", "several columns could be the password"},
		{"same-name-twice", "serial,serial,password\n1,2,3\n", "two columns are named"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rowsOf([]byte(tt.text), nil)
			if err == nil {
				t.Fatal("got no error")
			}
			if !errors.Is(err, ErrInput) {
				t.Errorf("got %v, want ErrInput", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows a password: %q", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %q", err)
			}
		})
	}
}

func TestRolesByNameAndByHand(t *testing.T) {
	b, err := NewBatch("b", func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("S/N,BSSID,Wi-Fi SSID 2.4,IMEI 1,Model name,label code,default_key,password_sha256\na,b,c,d,e,f,g,h\n")), nil
	}, map[string]Role{"label code": RoleSerial})
	if err != nil {
		t.Fatal(err)
	}
	var got []Role
	for _, c := range b.Columns {
		got = append(got, c.Role)
	}
	if g, want := fmt.Sprint(got), "[serial mac ssid imei model serial password ignore]"; g != want {
		t.Errorf("got %s, want %s", g, want)
	}
	if !b.WiFi() {
		t.Error("got no Wi-Fi key, want one")
	}
}

func TestGrowingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.csv")
	if err := os.WriteFile(path, []byte("serial,password\nA1,x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("serial,password\nA1,x\nA2,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Audit(t.Context(), b, Options{}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("got %v, want the change to be told", err)
	}
}

func TestScratchFolderMissing(t *testing.T) {
	path := bigBatch(t, 200_000)
	b, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Audit(t.Context(), b, Options{ScratchDir: filepath.Join(t.TempDir(), "absent"), MemoryBytes: 1})
	if err == nil || !strings.Contains(err.Error(), "scratch") {
		t.Errorf("got %v, want the scratch file to be named", err)
	}
}

func TestSpoolRemovesItsFile(t *testing.T) {
	dir := t.TempDir()
	b, err := Spool("standard input", strings.NewReader("password\nx\ny\n"), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Audit(t.Context(), b, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("got %v left", left)
	}
}

// TestRowsWithoutQuotes reads text without quotes in the quick ways and in the way for all.
func TestRowsWithoutQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.StringMatching(`([a-c;,]{0,5}(\r?\n)?){0,40}`).Draw(t, "text"))
		p := &rowParser{csv: csvParser{delim: rapid.SampledFrom([]byte(",;")).Draw(t, "delimiter")}, columns: rapid.IntRange(1, 4).Draw(t, "columns")}
		p.header = rapid.Bool().Draw(t, "header")
		first := rapid.Int64Range(0, 3).Draw(t, "first")
		read := func(way func([]byte, int64, func(int64, [][]byte) error) (int64, error)) (rows []string, said string) {
			n, err := way(bytes.Clone(text), first, func(number int64, fields [][]byte) error {
				rows = append(rows, fmt.Sprintf("%d %q", number, fields))
				return nil
			})
			return rows, fmt.Sprint(n, err)
		}
		want, wantSaid := read(p.anyRows)
		check := func(way string, got []string, gotSaid string) {
			if diff := cmp.Diff(want, got); diff != "" || gotSaid != wantSaid {
				t.Errorf("%s: got %s, want %s\n%s", way, gotSaid, wantSaid, diff)
			}
		}
		got, gotSaid := read(p.plainRows)
		check("plain", got, gotSaid)
		got, gotSaid = read(func(buf []byte, number int64, row func(int64, [][]byte) error) (int64, error) {
			return p.rows(block{buf, len(buf), number}, row)
		})
		check("chosen", got, gotSaid)
	})
}

func FuzzBatch(f *testing.F) {
	for _, s := range []string{
		"serial,password\nA1,x\n", "password\n\"a\"\"b\"\n", `{"password":"x","mac":"00:11:22:33:44:55"}` + "\n", "a;password\n1;\n",
		gzipped("password\nx\n"), zstded("password\nx\n"), "password\n\xff\n", "serial,mac,password\nKT1,00:11:22:33:44:55,001122\nKT2,00:11:22:33:44:56,001123\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
		b, err := NewBatch("batch", open, nil)
		if err != nil {
			return
		}
		r, err := Audit(context.Background(), b, Options{SampleRows: 40, Workers: 1})
		if err != nil {
			return
		}
		if r.Verdict == Pass {
			t.Errorf("a batch without a declaration passes: %s", why(r))
		}
	})
}
