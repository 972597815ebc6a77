package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/vocab"
)

type publishCommand struct {
	Dir       string `arg:"" help:"The dossier's folder, with its signed statement."`
	To        string `help:"The register's address." placeholder:"URL"`
	TokenFile string `name:"token-file" help:"The file that holds a token of your organisation, for publishing." env:"ASSAY_TOKEN_FILE" placeholder:"FILE"`
	Out       string `help:"Write what would be sent to this file instead, to be uploaded on the register's pages." placeholder:"FILE"`

	Batch        string   `help:"Whose statement is published (default: the only one)."`
	GTIN         []string `name:"gtin" help:"Barcode numbers of the product." placeholder:"NUMBER"`
	ContactURL   string   `name:"contact-url" help:"The page that says how to report a security issue (default: pages.security of product.yaml)." placeholder:"URL"`
	ContactEmail string   `name:"contact-email" help:"The address to report a security issue to." placeholder:"ADDRESS"`
	Ack          string   `help:"Within what time receipt is acknowledged, such as: two working days."`
	Updates      string   `help:"When a reporter hears of progress, such as: every two weeks."`
	Product      string   `help:"The id of the entry of which this is a new version (default: yours of the same make and name)." placeholder:"ID"`
	Note         string   `help:"A note on this version, for all to read."`
	JSON         bool     `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// publishPath is where a register takes a bundle.
const publishPath = "/api/v1/publish"

// Run sends the signed statement of a dossier, and what a buyer needs beside it, to a
// register.
func (c *publishCommand) Run(ctx context.Context, env *environment) error {
	if (c.To == "") == (c.Out == "") {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "nothing says where to publish", Do: "give --to URL with --token-file FILE, or --out FILE"}
	}
	b, file, err := c.bundle(ctx)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.WriteFile(c.Out, append(data, '\n'), 0o644); err != nil {
			return err
		}
		if !c.JSON {
			fmt.Fprintf(env.out, "%s: what would be published with %s; upload it on the register's pages\n", c.Out, file)
		}
		return nil
	}
	r, err := c.send(ctx, data)
	if errors.Is(err, assay.ErrRefused) || errors.Is(err, assay.ErrConflict) || errors.Is(err, assay.ErrInvalid) {
		env.status = exitFail
		if env.fail(err, ""); c.JSON {
			return env.json(map[string]string{"refused": err.Error()})
		}
		return nil
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return env.json(r)
	}
	fmt.Fprintf(env.out, "%s is published as version %d: %s/p/%s\n", b.Facts.Name, r.Version, strings.TrimRight(c.To, "/"), r.Slug)
	if r.Leaf != nil {
		fmt.Fprintf(env.out, "It is leaf %d of the register's log. Check it with: assay verify %s --log %s/log\n", *r.Leaf, file, strings.TrimRight(c.To, "/"))
	} else {
		fmt.Fprintln(env.out, "It becomes public as soon as the register's log has it.")
	}
	for _, n := range r.Notes {
		fmt.Fprintln(env.out, "Note: "+n)
	}
	return nil
}

// bundle is what the dossier says, with its signed statement.
func (c *publishCommand) bundle(ctx context.Context) (*register.Bundle, string, error) {
	d, err := dossier.Load(ctx, c.Dir)
	if err != nil {
		return nil, "", err
	}
	defer d.Close()
	facts, err := fold(d)
	if err != nil {
		return nil, "", err
	}
	file, content, err := c.statement(ctx)
	if err != nil {
		return nil, "", err
	}
	signed, err := readSmallOr(file, register.MaxStatementBytes)
	if err != nil {
		return nil, "", err
	}
	p := &d.Product
	b := &register.Bundle{Format: register.BundleFormat, Product: register.ProductID(c.Product), Statement: signed, Note: c.Note, Facts: register.Facts{
		Name: strings.TrimSpace(content.Product.Name), Make: strings.TrimSpace(p.Make), Category: p.Category, Description: p.Description,
		Contact:   register.Contact{URL: c.ContactURL, Email: c.ContactEmail, Ack: c.Ack, Updates: c.Updates},
		Passwords: register.Passwords{Kind: passwordKind(d, facts, content)},
		Pages:     register.Pages{Product: p.Pages.Product, Security: p.Pages.Security, Support: p.Pages.Support, Statement: p.Pages.Statement},
	}}
	for _, t := range content.Product.Types { // the law calls models types
		b.Facts.Models = append(b.Facts.Models, strings.TrimSpace(t))
	}
	if b.Facts.Contact.URL == "" {
		b.Facts.Contact.URL = p.Pages.Security
	}
	if b.Facts.Contact.URL == "" && b.Facts.Contact.Email == "" {
		return nil, "", &assay.Problem{Kind: assay.ErrInvalid, Where: c.Dir, What: "does not say how to report a security issue", Do: "write pages.security into product.yaml, or give --contact-url or --contact-email"}
	}
	for _, text := range c.GTIN {
		g, err := register.ParseGTIN(text)
		if err != nil {
			return nil, "", fmt.Errorf("barcode number %.20q: %w", text, err)
		}
		b.Facts.GTINs = append(b.Facts.GTINs, g)
	}
	for _, l := range p.Labels {
		b.Facts.Labels = append(b.Facts.Labels, register.Label{Scheme: l.Scheme, Level: l.Level, Expires: l.Expires})
	}
	// A period that was extended since the statement is published as it stands now.
	if end, ok := known(facts, assay.Product, "support.end"); ok && end.Date().After(content.Support.End) && !content.Support.End.Zero() {
		b.Facts.Support = []register.SupportPeriod{{Component: register.WholeProduct, From: content.Support.From, End: end.Date()}}
	}
	return b, file, nil
}

// statement is the signed statement that is published: the newest of the batch.
func (c *publishCommand) statement(ctx context.Context) (string, *statement.Content, error) {
	names, err := filepath.Glob(filepath.Join(escapeGlob(c.Dir), "statement-*.json"))
	if err != nil {
		return "", nil, err
	}
	var file string
	var newest *statement.Content
	batches := map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "-assessment.json") {
			continue
		}
		v, err := statement.Verify(ctx, name, statement.VerifyOptions{})
		if err != nil {
			return "", nil, err
		}
		if v.Content != nil && c.Batch != "" && v.Content.Product.Batch != c.Batch {
			continue
		}
		if !v.Holds {
			return "", nil, &assay.Problem{Kind: assay.ErrRefused, Where: filepath.ToSlash(name), What: "does not hold", Do: "see assay verify " + filepath.ToSlash(name)}
		}
		batches[v.Content.Product.Batch] = true
		later := newest == nil || v.Content.Issued.After(newest.Issued) ||
			v.Content.Issued == newest.Issued && (len(name) > len(file) || len(name) == len(file) && name > file) // statement-B.2 follows statement-B
		if later {
			file, newest = name, v.Content
		}
	}
	switch {
	case len(batches) > 1:
		return "", nil, &assay.Problem{Kind: assay.ErrInvalid, Where: c.Dir, What: fmt.Sprintf("holds statements of %d batches", len(batches)), Do: "choose one with --batch"}
	case newest == nil:
		return "", nil, &assay.Problem{Kind: assay.ErrNotFound, Where: c.Dir, What: "holds no signed statement", Do: "make one with assay statement " + c.Dir}
	}
	return filepath.ToSlash(file), newest, nil
}

// escapeGlob makes a folder's name mean itself in a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`, "?", `\?`, `\`, `\\`).Replace(filepath.ToSlash(dir))
}

// known is the value of a fact, where it has one.
func known(facts *vocab.Facts, s assay.Subject, term assay.TermID) (assay.Value, bool) {
	t := facts.Vocabulary().Term(term)
	if t == nil {
		return assay.Value{}, false
	}
	f := facts.Fact(s, t)
	if f == nil || !f.Known() {
		return assay.Value{}, false
	}
	return f.Value, true
}

// passwordKind is what the dossier declares of the product's passwords. Where it leaves
// anything open, nothing is declared beside the statement.
func passwordKind(d *dossier.Dossier, facts *vocab.Facts, c *statement.Content) register.PasswordKind {
	if used, ok := known(facts, assay.Product, "password.used"); ok && !used.Bool() {
		return register.PasswordNone
	}
	if complete, ok := known(facts, assay.Product, "password.inventory_complete"); !ok || !complete.Bool() {
		return register.PasswordUndeclared
	}
	var byUser, unique bool
	for _, p := range d.Product.Passwords {
		s, err := assay.Part("password", p.ID)
		if err != nil {
			return register.PasswordUndeclared
		}
		if kind, ok := known(facts, s, "password.excluded_kind"); ok && kind.Text() != "none" {
			continue
		}
		set, ok := known(facts, s, "password.set_by_user")
		if ok && set.Bool() {
			byUser = true
			continue
		}
		one, ok := known(facts, s, "password.unique_per_product")
		if !ok || !one.Bool() {
			byUser, unique = false, false
			break
		}
		unique = true
	}
	switch {
	case byUser && unique:
		return register.PasswordBoth
	case byUser:
		return register.PasswordByUser
	case unique:
		return register.PasswordUnique
	case slices.ContainsFunc(c.Opinion, func(o statement.Compliance) bool {
		return o.Requirement == "passwords" && o.Basis == statement.ByLabel
	}):
		return register.PasswordByLabel
	}
	return register.PasswordUndeclared
}

// send hands the bundle to the register.
func (c *publishCommand) send(ctx context.Context, data []byte) (*register.Receipt, error) {
	to, err := url.Parse(c.To)
	if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" || to.User != nil {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: "--to", What: "is no address of a register", Do: "write https://register.example"}
	}
	if to.Scheme == "http" && !onThisMachine(to.Hostname()) {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: "--to", What: "would send the token where others can read it", Do: "write https://"}
	}
	if c.TokenFile == "" {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, What: "there is no token", Do: "make one on the register's page of your organisation, keep it in a file, and name that with --token-file"}
	}
	text, err := readSmall(c.TokenFile)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: c.TokenFile, What: "holds no token", Do: "put the token there as the register showed it, on one line"}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(to.String(), "/")+publishPath, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, application/problem+json")
	client := &http.Client{Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	defer response.Body.Close()
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	if err != nil {
		return nil, fmt.Errorf("publish: read the answer: %w (it may be published all the same: publishing the same again does nothing)", err)
	}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusCreated || response.StatusCode == http.StatusAccepted {
		var r register.Receipt
		if err := json.Unmarshal(body, &r); err != nil || r.Product == "" {
			return nil, fmt.Errorf("publish: the answer of %s is no receipt: is it a register?", to.Host)
		}
		return &r, nil
	}
	return nil, refusal(response, body)
}

// refusal makes an error of a problem document (RFC 9457).
func refusal(response *http.Response, body []byte) error {
	var p struct {
		Title, Detail, Reference string
		Errors                   []struct{ Location, Message string }
		Faults                   register.Faults
	}
	what := response.Status
	if json.Unmarshal(body, &p) == nil && (p.Detail != "" || p.Title != "") {
		what = p.Title
		if p.Detail != "" {
			what = p.Detail
		}
		for _, e := range p.Errors {
			what += "; " + e.Location + ": " + e.Message
		}
		if len(p.Faults) > 1 { // the first stands in the detail
			what = register.Faults{p.Faults[0]}.Error()
			for _, f := range p.Faults[1:] {
				what += "; " + register.Faults{f}.Error()
			}
		}
		if p.Reference != "" && p.Reference != "none" {
			what += " (reference " + p.Reference + ")"
		}
	}
	kind := assay.ErrInternal
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		kind = assay.ErrRefused
	case http.StatusConflict:
		kind = assay.ErrConflict
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		kind = assay.ErrInvalid
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		kind = assay.ErrNotFound
	}
	return &assay.Problem{Kind: kind, Where: response.Request.URL.Host, What: "does not publish it: " + strings.Map(printable, what)}
}

// printable keeps what a server says from doing anything to a terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return ' '
	}
	return r
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
