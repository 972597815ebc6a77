package sign_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/assay-psti/assay/sign"
)

// openssl runs OpenSSL in a folder, or skips the test.
func openssl(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl: install the package openssl")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v %s", args, err, complaint.Bytes())
	}
	return out
}

func TestKeysOfOpenSSL(t *testing.T) {
	for name, args := range map[string][]string{
		"ed25519": {"genpkey", "-algorithm", "ed25519"},
		"p256":    {"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			openssl(t, dir, append(args, "-out", "key.pem")...)
			if err := os.Chmod(filepath.Join(dir, "key.pem"), 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := sign.ReadKeyFile(filepath.Join(dir, "key.pem"))
			if err != nil {
				t.Fatal(err)
			}
			theirs := openssl(t, dir, "pkey", "-in", "key.pem", "-pubout")
			if !bytes.Equal(theirs, k.Public().PEM()) {
				t.Errorf("public key: got %s, want %s", k.Public().PEM(), theirs)
			}
			ours, err := k.PEM()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "ours.pem"), ours, 0o600); err != nil {
				t.Fatal(err)
			}
			if again := openssl(t, dir, "pkey", "-in", "ours.pem", "-pubout"); !bytes.Equal(again, theirs) {
				t.Errorf("OpenSSL reads another key from what we write")
			}
		})
	}
}

const authorityConfig = `
[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
[name]
CN = OpenSSL Time-Stamping
[extensions]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = ALGORITHM
`

// A time-stamp authority that is not made of our own libraries.
func TestTimestampOfOpenSSL(t *testing.T) {
	for _, algorithm := range []string{"sha1", "sha256", "sha512"} {
		t.Run(algorithm, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("tsa.cnf", string(bytes.ReplaceAll([]byte(authorityConfig), []byte("ALGORITHM"), []byte(algorithm))))
			write("serial", "01\n")
			openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem", "-days", "2", "-config", "tsa.cnf")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				query, _ := io.ReadAll(r.Body)
				if err := os.WriteFile(filepath.Join(dir, "query"), query, 0o600); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				cmd := exec.Command("openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "authority", "-queryfile", "query", "-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply")
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					http.Error(w, string(out), http.StatusInternalServerError)
					return
				}
				http.ServeFile(w, r, filepath.Join(dir, "reply"))
			}))
			defer server.Close()
			token, err := sign.RequestTimestamp(t.Context(), server.URL, []byte("signature"))
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(dir, "tsa.pem"))
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(data)
			root, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AddCert(root)
			stamp, err := sign.VerifyTimestamp(token, []byte("signature"), roots)
			if err != nil || !stamp.Trusted || stamp.Authority != "CN=OpenSSL Time-Stamping" {
				t.Errorf("got %v %v", stamp, err)
			}
		})
	}
}
