package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"pgregory.net/rapid"
)

// contract is the interface as its own OpenAPI document describes it.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

func readContract(t *testing.T, h *house) contract {
	t.Helper()
	_, text := h.get(t, "/api/v1/openapi-3.0.json")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return contract{doc, router}
}

// send asks the interface, and holds the answer against the document. Whether the
// question itself was allowed is given back.
func (c contract) send(t rapid.TB, h *house, method, address string, data []byte) (*http.Response, []byte, bool) {
	t.Helper()
	request := func() *http.Request {
		r := httptest.NewRequest(method, address, bytes.NewReader(data))
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/json")
		}
		return r
	}
	r := request()
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	for name, v := range params { // the router leaves them as they stand in the address
		if params[name], err = url.PathUnescape(v); err != nil {
			t.Fatal(err)
		}
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	allowed := openapi3filter.ValidateRequest(r.Context(), input) == nil
	w := httptest.NewRecorder()
	h.site.ServeHTTP(w, request())
	answer := w.Result()
	out, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode >= 500 {
		t.Fatalf("%s %s: %d: %s", method, address, answer.StatusCode, out)
	}
	if err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(out)), Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}); err != nil {
		t.Fatalf("%s %s: the answer is not as the document says: %v\n%.2000s", method, address, err, out)
	}
	return answer, out, allowed
}

// value draws a value for a parameter: one that fits, one that nearly fits, or anything.
func value(t *rapid.T, name string, p *openapi3.Schema, known []string) string {
	switch rapid.IntRange(0, 5).Draw(t, name+" of kind") {
	case 0:
		return rapid.String().Draw(t, name)
	case 1:
		return rapid.SampledFrom([]string{"", "0", "-1", "1", "100", "101", "9223372036854775807", "18446744073709551616", "1e3", "true", "yes", "null", "'", "\x00", "%", "../..", "2026-02-30", "2026-11-22", "relevance", "support", strings.Repeat("a", 201), strings.Repeat("ü", 200)}).Draw(t, name)
	}
	switch {
	case len(p.Enum) > 0:
		return fmt.Sprint(rapid.SampledFrom(p.Enum).Draw(t, name))
	case p.Type.Is("boolean"):
		return strconv.FormatBool(rapid.Bool().Draw(t, name))
	case p.Type.Is("integer"):
		return strconv.Itoa(rapid.IntRange(0, 120).Draw(t, name))
	case p.Format == "date":
		return fmt.Sprintf("20%02d-%02d-%02d", rapid.IntRange(0, 99).Draw(t, "year"), rapid.IntRange(1, 13).Draw(t, "month"), rapid.IntRange(1, 31).Draw(t, "day"))
	}
	return rapid.SampledFrom(known).Draw(t, name)
}

// Whatever is asked: no fault of ours, what the document forbids is refused, and every
// answer is as the document says.
func TestContract(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	c := readContract(t, h)
	known := []string{"kettle", "baby monitor", "acme-ltd", "Acme", "5012345678900", "5012345678901", "K3", slugs["runs"], slugs["withdrawn"], slugs["unknown"], "acme kettle", "ketle", "2"}
	type operation struct {
		method, path string
		op           *openapi3.Operation
	}
	var all []operation
	for path, item := range c.doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, operation{method, path, op})
		}
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	if len(all) < 9 {
		t.Fatalf("only %d operations", len(all))
	}
	// One of each kind of answer, whatever is drawn.
	for _, x := range []struct {
		method, path, body string
		want               int
	}{{"GET", "/products/" + slugs["runs"], "", 200}, {"GET", "/products/nothing-of-the-kind", "", 404}, {"POST", "/lookup", `{"gtins":"x"}`, 422}} {
		var data []byte
		if x.body != "" {
			data = []byte(x.body)
		}
		if r, out, _ := c.send(t, h, x.method, site+"/api/v1"+x.path, data); r.StatusCode != x.want {
			t.Fatalf("%s %s: %d, want %d: %.500s", x.method, x.path, r.StatusCode, x.want, out)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(all).Draw(t, "operation")
		path, query := o.path, url.Values{}
		for _, ref := range o.op.Parameters {
			p := ref.Value
			if p.In == "path" {
				v := value(t, p.Name, p.Schema.Value, known)
				if v == "" || strings.Trim(v, "./") == "" {
					v = "x" // another address altogether
				}
				path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(v), 1)
			} else if rapid.Bool().Draw(t, p.Name+" is there") {
				query.Set(p.Name, value(t, p.Name, p.Schema.Value, known))
			}
		}
		var data []byte
		if o.method == http.MethodPost {
			switch rapid.IntRange(0, 3).Draw(t, "body of kind") {
			case 0:
				data = rapid.SliceOf(rapid.Byte()).Draw(t, "body")
			case 1:
				data = []byte(rapid.SampledFrom([]string{"", "null", "[]", "{}", `{"gtins":null}`, `{"gtins":[1]}`, `{"gtins":"x"}`, `{"gtins":[],"other":1}`, `{"gtins":[null]}`, `{"gtins":[""]}`}).Draw(t, "body"))
			default:
				list := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(known), rapid.String()), 0, 20).Draw(t, "gtins")
				var err error
				if data, err = json.Marshal(map[string][]string{"gtins": list}); err != nil {
					t.Fatal(err)
				}
			}
		}
		address := site + path
		if len(query) > 0 {
			address += "?" + query.Encode()
		}
		r, out, allowed := c.send(t, h, o.method, address, data)
		if !allowed && r.StatusCode < 400 {
			t.Fatalf("%s %s: the document forbids it, and the answer is %d: %.500s", o.method, address, r.StatusCode, out)
		}
	})
}

func TestAPIAnswers(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	c := readContract(t, h)
	get := func(path string, into any) {
		t.Helper()
		r, out, allowed := c.send(t, h, "GET", site+"/api/v1"+path, nil)
		if r.StatusCode != 200 || !allowed {
			t.Fatalf("%s: %d: %s", path, r.StatusCode, out)
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatal(err)
		}
	}
	type entry struct {
		Slug, Supported, Status string
		SupportEnd              string `json:"support_end"`
	}
	var found struct {
		Products []entry
		Next     string
		Count    int
	}
	var pages []string
	for path := "/products?limit=2&withdrawn=true"; ; path = "/products?limit=2&withdrawn=true&after=" + url.QueryEscape(found.Next) {
		found.Next = ""
		get(path, &found)
		for _, p := range found.Products {
			pages = append(pages, p.Slug)
		}
		if found.Next == "" {
			break
		}
	}
	slices.Sort(pages)
	if len(pages) != len(slugs) || len(slices.Compact(pages)) != len(slugs) {
		t.Errorf("paging: got %v", pages)
	}
	for key, want := range map[string]string{"runs": "yes published 2032-03-31", "over": "no published 2026-02-01", "unknown": "unknown published ", "withdrawn": "unknown withdrawn 2030-01-01"} {
		var full struct{ Product entry }
		get("/products/"+slugs[key], &full)
		p := full.Product
		if got := p.Supported + " " + p.Status + " " + p.SupportEnd; got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	// Everything comes once, whatever the size of the pieces.
	var changes struct {
		Changes []struct{ Leaf uint64 }
		Next    uint64
	}
	var leaves []uint64
	for since := uint64(0); ; since = changes.Next {
		get(fmt.Sprintf("/changes?limit=3&since=%d", since), &changes)
		if len(changes.Changes) == 0 {
			break
		}
		for _, x := range changes.Changes {
			leaves = append(leaves, x.Leaf)
		}
	}
	for i, leaf := range leaves {
		if leaf != uint64(i) {
			t.Fatalf("changes: got %v", leaves)
		}
	}
	if want := len(h.log.leaves); len(leaves) != want {
		t.Errorf("changes: got %d, want %d", len(leaves), want)
	}
}

// Ten thousand numbers come back in the order asked; one more is refused.
func TestLookupMany(t *testing.T) {
	h := newHouse(t)
	slugs := h.stock(t)
	asked := make([]string, 10_000)
	for i := range asked {
		asked[i] = "5012345678900"
		switch i % 3 {
		case 1:
			asked[i] = "036000291452"
		case 2:
			asked[i] = fmt.Sprint(i)
		}
	}
	post := func(list []string) (*http.Response, []byte) {
		data, err := json.Marshal(map[string][]string{"gtins": list})
		if err != nil {
			t.Fatal(err)
		}
		r := h.ask(t, "POST", "/api/v1/lookup", string(data), "Content-Type", "application/json")
		return r, body(t, r)
	}
	r, data := post(asked)
	var got struct {
		Matches []struct {
			Asked, GTIN, Fault string
			Products           []struct{ Slug string }
		}
	}
	if err := json.Unmarshal(data, &got); err != nil || r.StatusCode != 200 || len(got.Matches) != len(asked) {
		t.Fatalf("%d, %v: %d matches", r.StatusCode, err, len(got.Matches))
	}
	for i, m := range got.Matches {
		ok := m.Asked == asked[i]
		switch i % 3 {
		case 0:
			ok = ok && m.GTIN == "05012345678900" && len(m.Products) == 1 && m.Products[0].Slug == slugs["runs"]
		case 1:
			ok = ok && m.GTIN == "00036000291452" && m.Fault == "" && len(m.Products) == 0
		case 2:
			ok = ok && m.Fault != "" && m.GTIN == "" && len(m.Products) == 0
		}
		if !ok {
			t.Fatalf("%d: asked %s, got %+v", i, asked[i], m)
		}
	}
	if r, _ := post(append(asked, "5012345678900")); r.StatusCode != 422 {
		t.Errorf("one too many: got %d", r.StatusCode)
	}
	if r := h.ask(t, "POST", "/api/v1/lookup", `{"gtins":["`+strings.Repeat("1", 2<<20)+`"]}`, "Content-Type", "application/json"); r.StatusCode != 413 {
		t.Errorf("too large: got %d", r.StatusCode)
	}
}
