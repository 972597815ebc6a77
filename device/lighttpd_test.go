package device

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Digest authentication by SHA-256, on a page that the first one leads to, of a real
// server; and by MD5 where it wants that.
func TestDigestOfARealServer(t *testing.T) {
	if testing.Short() {
		t.Skip("a real server is started without -short")
	}
	path, err := exec.LookPath("lighttpd")
	if err != nil {
		t.Skip("lighttpd is missing (package lighttpd)")
	}
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		t.Run(algorithm, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			port := l.Addr().(*net.TCPAddr).Port
			l.Close()
			dir := t.TempDir()
			write := func(name, text string) {
				t.Helper()
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			sum := sha256.Sum256([]byte("root:kettle:root"))
			digest := hex.EncodeToString(sum[:])
			if algorithm == "MD5" {
				sum := md5.Sum([]byte("root:kettle:root"))
				digest = hex.EncodeToString(sum[:])
			}
			write("users", "root:kettle:"+digest+"\n")
			write("www/index.html", `<title>Kettle</title>Water is hot. <a href="/settings/">Administration</a>`)
			write("www/settings/index.html", "Settings")
			write("conf", fmt.Sprintf(`server.document-root = "%[1]s/www"
server.port = %[2]d
server.bind = "127.0.0.1"
server.modules = ("mod_auth", "mod_authn_file")
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html")
auth.backend = "htdigest"
auth.backend.htdigest.userfile = "%[1]s/users"
auth.require = ("/settings" => ("method" => "digest", "algorithm" => "%[3]s", "realm" => "kettle", "require" => "valid-user"))
`, dir, port, algorithm))
			c := exec.Command(path, "-D", "-f", filepath.Join(dir, "conf"))
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
			for end := time.Now().Add(10 * time.Second); ; {
				if q, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
					q.Close()
					break
				}
				if time.Now().After(end) {
					t.Skip("lighttpd does not run here")
				}
			}
			s, _ := newSession(t, Limits{})
			r, err := Inspect(t.Context(), s, &Work{NoUDP: true, TCP: []int{port}, Logins: true, Published: list})
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Ways {
				w := &r.Ways[i]
				if a := w.AcceptedDefault(); w.Method == "digest" && w.Where == "/settings/" && a != nil && a.User == "root" {
					for _, x := range r.Transcript {
						if strings.Contains(x.Said, "algorithm="+algorithm) {
							return
						}
					}
				}
			}
			t.Errorf("got %+v", r.Ways)
		})
	}
}
