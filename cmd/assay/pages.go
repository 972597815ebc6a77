package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

const pagesDir = "evidence/pages"

// productOf is what checks may know of the product beforehand.
func productOf(p *dossier.Product) check.Product {
	out := check.Product{Name: p.Name, Make: p.Make, Models: p.Models}
	for _, x := range []check.Page{{Purpose: "product", URL: p.Pages.Product}, {Purpose: "security", URL: p.Pages.Security}, {Purpose: "support", URL: p.Pages.Support}, {Purpose: "statement", URL: p.Pages.Statement}} {
		if x.URL != "" {
			out.Pages = append(out.Pages, x)
		}
	}
	for _, u := range p.Units {
		out.Units = append(out.Units, check.Unit{ID: u.ID, Serial: u.Serial, MAC: u.MAC, Addresses: u.Addresses})
	}
	for _, n := range p.Interfaces {
		out.Interfaces = append(out.Interfaces, check.Interface{ID: n.ID, Protocol: n.Protocol, Port: int(n.Port)})
	}
	return out
}

// fetchPages fetches the pages that product.yaml names, and security.txt, and
// keeps them as evidence. What could not be had is kept too, and said. With render
// the product's page is also shown in a browser.
func fetchPages(ctx context.Context, env *environment, dir, authorisedBy string, render bool) error {
	d, err := dossier.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer d.Close()
	product := productOf(&d.Product)
	if len(product.Pages) == 0 {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "product.yaml", What: "names no pages to fetch", Do: "write their addresses under pages: product:, security:, support: or statement:"}
	}
	archives, err := keptArchives(d.Evidence)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	w, err := fetch.NewWriter(&file, fetch.Info{At: env.now(), Software: "assay", AuthorisedBy: authorisedBy})
	if err != nil {
		return err
	}
	p := progress{environment: env}
	f := fetcher{ctx: ctx, env: env, progress: &p, known: archives,
		Fetcher: fetch.New(fetch.Options{AuthorisedBy: authorisedBy, Now: env.now}, w, fetch.Validators(archives))}
	err = f.all(product.Pages)
	p.clear()
	for _, line := range f.said {
		fmt.Fprintln(env.errOut, "assay: "+line)
	}
	if err != nil {
		return err
	}
	if err := keepPages(dir, env.now().UTC().Format("20060102T150405Z"), file.Bytes()); err != nil {
		return err
	}
	if render && f.offered != "" {
		return renderProduct(ctx, env, dir, product, f.offered, authorisedBy)
	}
	return nil
}

type fetcher struct {
	*fetch.Fetcher
	ctx      context.Context // of one command
	env      *environment
	progress *progress
	known    []*fetch.Archive
	done     map[string]bool
	said     []string // what could not be had, one line each
	offered  string   // the product's page, where it could be had
}

// all fetches pages, and the security.txt of their hosts with what it points at.
func (f *fetcher) all(named []check.Page) error {
	f.done = map[string]bool{}
	var hosts []string
	seen := map[string]bool{}
	for _, p := range named {
		got, err := f.one(p.URL)
		if err != nil {
			return err
		}
		if got.Failure == "" && got.Status != 200 && got.Status != 304 {
			f.said = append(f.said, fmt.Sprintf("%s: the host answers with status %d", check.Printable(p.URL), got.Status))
		}
		if p.Purpose == "product" && (got.Status == 200 || got.Unchanged) {
			f.offered = p.URL
		}
		if u, err := url.Parse(p.URL); err == nil && u.Host != "" && !seen[u.Scheme+u.Host] {
			seen[u.Scheme+u.Host] = true
			hosts = append(hosts, u.Scheme+"://"+u.Host)
		}
	}
	for _, host := range hosts {
		if err := f.securityTxt(host); err != nil {
			return err
		}
	}
	return nil
}

func (f *fetcher) one(address string) (*fetch.Got, error) {
	f.progress.line("fetching " + check.Printable(address))
	f.done[address] = true
	got, err := f.Get(f.ctx, address)
	if err == nil && got.Failure != "" {
		f.said = append(f.said, check.Printable(address)+": "+got.Failure)
	}
	return got, err
}

// maxPolicies bounds the pages that one security.txt leads to.
const maxPolicies = 3

// securityTxt looks where RFC 9116 (section 3) has the file: below .well-known,
// else at the top. The policy that it names on the same host is fetched as well.
func (f *fetcher) securityTxt(host string) error {
	for _, place := range []string{"/.well-known/security.txt", "/security.txt"} {
		said := len(f.said)
		got, err := f.one(host + place)
		if err != nil {
			return err
		}
		f.said = f.said[:said] // a host need not have one
		body := got.Body
		if got.Unchanged {
			if c := fetch.Captures(f.known, host+place); len(c) > 0 && c[len(c)-1].Body != nil {
				body = c[len(c)-1].Body.Body
			}
		}
		if got.Failure != "" || got.Status != 200 && !got.Unchanged || len(page.ParseSecurityTxt(body).Contacts) == 0 {
			continue
		}
		for i, policy := range page.ParseSecurityTxt(body).Policy {
			u, err := url.Parse(policy)
			if i >= maxPolicies || err != nil || u.Scheme+"://"+u.Host != host || f.done[policy] {
				continue
			}
			if _, err := f.one(policy); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// keptArchives are the WARC files of the evidence that can be read, oldest first by name.
func keptArchives(folder *evidence.Folder) ([]*fetch.Archive, error) {
	var out []*fetch.Archive
	for _, item := range folder.Of(evidence.Pages) {
		lower := strings.ToLower(item.Name)
		if item.Folder || !strings.HasSuffix(lower, ".warc") && !strings.HasSuffix(lower, ".warc.gz") {
			continue
		}
		in, err := folder.Open(item)
		if err != nil {
			return nil, err
		}
		a, err := fetch.Read(in, fetch.Limits{})
		in.Close()
		if err == nil { // one that cannot be read is told of by the check that reads it
			out = append(out, a)
		}
	}
	return out, nil
}

// keepPages adds a WARC file to the evidence, whole or not at all.
func keepPages(dir, moment string, data []byte) error {
	_, err := keepEvidence(dir, pagesDir, "fetched-"+moment, ".warc.gz", data)
	return err
}

// keepEvidence adds a file to a folder of the evidence, whole or not at all, and
// gives its name. What is there already is never overwritten.
func keepEvidence(dir, folder, stem, ext string, data []byte) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if err := root.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	for n := 1; n <= 100; n++ {
		name := path.Join(folder, stem+ext)
		if n > 1 {
			name = path.Join(folder, fmt.Sprintf("%s-%d%s", stem, n, ext))
		}
		if _, err := root.Lstat(name); err == nil {
			continue
		}
		beside := path.Join(folder, "."+stem+".part")
		out, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return "", err
		}
		_, err = out.Write(data)
		if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
			return "", errors.Join(err, root.Remove(beside))
		}
		return name, root.Rename(beside, name)
	}
	return "", &assay.Problem{Kind: assay.ErrConflict, Where: folder, What: "already holds a hundred files of this moment", Do: "run again"}
}
