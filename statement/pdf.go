package statement

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/assay-psti/assay"
)

// browsers are the names under which Chromium is found.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

const (
	printLimit  = 2 * time.Minute
	maxPDFBytes = 32 << 20
)

// PDF prints a page with Chromium: tagged, in an empty profile, without network. The
// error is of kind assay.ErrNotFound where there is no Chromium.
func PDF(ctx context.Context, page []byte) ([]byte, error) {
	browser := ""
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		return nil, fmt.Errorf("print: %w: no Chromium in PATH", assay.ErrNotFound)
	}
	dir, err := os.MkdirTemp("", "assay-print-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.pdf")
	if err := os.WriteFile(in, page, 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, printLimit)
	defer cancel()
	args := []string{"--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--no-pdf-header-footer", "--generate-pdf-document-outline", "--print-to-pdf=" + out}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium does not start as root with it
	}
	cmd := exec.CommandContext(ctx, browser, append(args, (&url.URL{Scheme: "file", Path: filepath.ToSlash(in)}).String())...)
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInternal, Where: browser, What: "did not print the page", Err: err, Do: "try again, or say --no-pdf and print the page"}
	}
	info, err := os.Stat(out)
	if err != nil || info.Size() > maxPDFBytes {
		return nil, fmt.Errorf("print with %s: %w: it made no PDF that can be used", browser, assay.ErrInternal)
	}
	data, err := os.ReadFile(out)
	if err == nil && !bytes.HasPrefix(data, []byte("%PDF-")) {
		err = fmt.Errorf("print with %s: %w: what it made is no PDF", browser, assay.ErrInternal)
	}
	return data, err
}
