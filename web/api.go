package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

const apiBase = "/api/v1"

// apiRoutes are the interface for programs. Its description is made from the same
// code as its answers.
func (s *Server) apiRoutes() error {
	config := huma.DefaultConfig(s.Title, "1")
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", apiBase+"/openapi"
	config.CreateHooks = nil // no links to schemas in answers
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return strings.TrimPrefix(huma.DefaultSchemaNamer(t, hint), "Api")
	})
	config.RejectUnknownQueryParameters = true
	config.Info.Description = "Reads the public register. No account is needed. Errors are problem documents (RFC 9457) with a reference. Answers to GET carry an ETag."
	config.Servers = []*huma.Server{{URL: s.BaseURL}}
	config.Transformers = append(config.Transformers, s.apiProblem)
	mux := http.NewServeMux()
	s.api = humago.New(mux, config)
	s.apiReads()
	schemas := s.api.OpenAPI().Components.Schemas
	schemas.Map()["ErrorModel"] = schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[problem](), true, "").Ref)
	for _, item := range s.api.OpenAPI().Paths { // an empty value is as none
		if item.Get == nil {
			continue
		}
		for _, p := range item.Get.Parameters {
			p.AllowEmptyValue = p.In == "query"
		}
	}
	page := sync.OnceValues(func() (apiView, error) { return describe(s.api.OpenAPI(), s.BaseURL) })
	mux.HandleFunc("/", s.handle(s.nothing))
	s.mux.Handle("/api/", tagged(mux))
	s.mux.HandleFunc("GET /api", s.handle(func(w http.ResponseWriter, r *http.Request) error {
		v, err := page()
		if err != nil {
			return err
		}
		return s.page(w, r, http.StatusOK, "api", frame{Title: "Interface for programs", Content: v})
	}))
	return nil
}

type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, apiError(err)
	}
	return &body[T]{v}, nil
}

type apiResults struct {
	Products []apiEntry `json:"products" nullable:"false"`
	Count    int        `json:"count" doc:"How many were found, up to 1000."`
	More     bool       `json:"more" doc:"There are more than count."`
	Next     string     `json:"next,omitempty" doc:"Cursor of the next page; not there on the last."`
	Instead  string     `json:"instead,omitempty" doc:"What was looked for, where the text itself was found nowhere and is close to this."`
}

type apiMatch struct {
	Asked    string     `json:"asked"`
	GTIN     string     `json:"gtin,omitempty" doc:"In 14 digits."`
	Fault    string     `json:"fault,omitempty" doc:"Why it is no barcode number."`
	Products []apiEntry `json:"products" nullable:"false" doc:"Usually one; several where several claim the number; none where the register does not have it."`
}

type apiMatches struct {
	Matches []apiMatch `json:"matches" nullable:"false" doc:"In the order asked."`
}

type apiChanges struct {
	Changes []apiChange `json:"changes" nullable:"false" doc:"The oldest first."`
	Next    uint64      `json:"next" doc:"Give this as since to go on, now or later."`
}

type apiMaker struct {
	Slug     string   `json:"slug"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Site     string   `json:"site,omitempty"`
	Products int      `json:"products"`
	Keys     []apiKey `json:"keys" nullable:"false"`
}

type apiKey struct {
	ID      string `json:"id" doc:"SHA-256 of the key's SubjectPublicKeyInfo."`
	PEM     string `json:"pem"`
	Name    string `json:"name,omitempty"`
	Added   string `json:"added" format:"date-time"`
	Revoked string `json:"revoked,omitempty" format:"date-time"`
}

type apiTally struct {
	Category string `json:"category"`
	Count    int    `json:"count"`
}

type apiCategories struct {
	Categories []apiTally `json:"categories" nullable:"false" doc:"The fullest first."`
}

type apiLog struct {
	Size    uint64 `json:"size" doc:"Entries of the log."`
	Shown   uint64 `json:"shown" doc:"Entries of it that pages show."`
	Pending int    `json:"pending" doc:"Written, and not yet in the log or on a page."`
	URL     string `json:"url"`
	Key     string `json:"key,omitempty"`
}

func operation(id, path, summary, description string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: apiBase + path, Summary: summary, Description: description, Errors: []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusInternalServerError}}
}

// apiReads are what programs may read.
func (s *Server) apiReads() {
	huma.Register(s.api, operation("search", "/products", "Search", "Finds products by words, makes, model codes or a barcode number. Without q: all products that the filters leave."),
		func(ctx context.Context, in *struct {
			Q            string `query:"q" maxLength:"200" doc:"Words, a make, a model or a barcode number."`
			Category     string `query:"category" maxLength:"200"`
			Make         string `query:"make" maxLength:"200"`
			Manufacturer string `query:"manufacturer" maxLength:"200" doc:"Slug of a manufacturer."`
			SupportedOn  string `query:"supported_on" format:"date" doc:"Only products that get security updates on that day."`
			Withdrawn    bool   `query:"withdrawn" doc:"Withdrawn entries as well."`
			Order        string `query:"order" enum:"relevance,newest,support" default:"relevance"`
			After        string `query:"after" maxLength:"200" doc:"Cursor: next of the page before."`
			Limit        int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
		}) (*body[apiResults], error) {
			q := register.Query{Text: in.Q, Category: in.Category, Make: in.Make, Org: in.Manufacturer, Withdrawn: in.Withdrawn, Cursor: in.After, Limit: in.Limit}
			if in.Order != "relevance" {
				q.Order = register.Order(in.Order)
			}
			if in.SupportedOn != "" {
				day, err := assay.ParseDate(in.SupportedOn)
				if err != nil {
					return nil, apiError(err)
				}
				q.SupportedOn = day
			}
			r, err := s.Register.Search(ctx, register.Public, q)
			return answer(apiResults{s.apiEntries(r.Entries), r.Count, r.More, r.Next, r.Instead}, err)
		})
	huma.Register(s.api, operation("product", "/products/{product}", "A product", "By its id or its slug."),
		func(ctx context.Context, in *struct {
			Product string `path:"product" maxLength:"200"`
		}) (*body[apiProduct], error) {
			full, err := s.Register.Product(ctx, register.Public, in.Product)
			return answer(s.apiProduct(full), err)
		})
	huma.Register(s.api, operation("version", "/products/{product}/versions/{number}", "A version of a product", "Versions count from 1. A published version never changes."),
		func(ctx context.Context, in *struct {
			Product string `path:"product" maxLength:"200"`
			Number  int    `path:"number" minimum:"1"`
		}) (*body[apiVersion], error) {
			full, err := s.Register.ProductVersion(ctx, register.Public, in.Product, in.Number)
			return answer(s.apiVersion(full.Entry, &full.Version), err)
		})
	huma.Register(s.api, operation("lookup-one", "/lookup/{gtin}", "Look a barcode number up", "8, 12, 13 or 14 digits; the check digit is checked, and a number that is none is answered with its fault."),
		func(ctx context.Context, in *struct {
			GTIN string `path:"gtin" maxLength:"40"`
		}) (*body[apiMatch], error) {
			m, err := s.lookup(ctx, []string{in.GTIN})
			if err != nil {
				return nil, apiError(err)
			}
			return answer(m[0], nil)
		})
	many := operation("lookup", "/lookup", "Look many barcode numbers up", "Up to 10,000 at once, answered in the order asked.")
	many.Method, many.MaxBodyBytes = http.MethodPost, 1<<20
	many.Errors = append(many.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	huma.Register(s.api, many, func(ctx context.Context, in *struct {
		Body struct {
			GTINs []string `json:"gtins" nullable:"false" maxItems:"10000"`
		}
	}) (*body[apiMatches], error) {
		m, err := s.lookup(ctx, in.Body.GTINs)
		return answer(apiMatches{m}, err)
	})
	huma.Register(s.api, operation("changes", "/changes", "What changed", "Every entry of the log from an index on. Begin at 0, keep next, and ask again with it: nothing is missed and nothing comes twice."),
		func(ctx context.Context, in *struct {
			Since uint64 `query:"since" maximum:"9000000000000000" doc:"Index in the log."`
			Limit int    `query:"limit" minimum:"1" maximum:"100" default:"100"`
		}) (*body[apiChanges], error) {
			changes, err := s.Register.Feed(ctx, register.Public, register.ChangeFilter{Since: in.Since, Limit: in.Limit})
			out := apiChanges{Changes: []apiChange{}, Next: in.Since}
			for _, c := range changes {
				out.Changes = append(out.Changes, s.apiChange(c))
				out.Next = c.Leaf + 1
			}
			return answer(out, err)
		})
	huma.Register(s.api, operation("manufacturer", "/manufacturers/{slug}", "A manufacturer", "With the public keys by which its statements are checked."),
		func(ctx context.Context, in *struct {
			Slug string `path:"slug" maxLength:"200"`
		}) (*body[apiMaker], error) {
			m, err := s.Register.Manufacturer(ctx, register.Public, in.Slug, register.Query{Limit: 1})
			out := apiMaker{Slug: m.Org.Slug, Name: m.Org.Name, Kind: string(m.Org.Kind), Site: m.Org.Site, Products: m.Org.Products, Keys: []apiKey{}}
			for _, k := range m.Keys {
				x := apiKey{ID: string(k.ID), PEM: k.PEM, Name: k.Name, Added: stamp(k.Added)}
				if !k.Revoked.IsZero() {
					x.Revoked = stamp(k.Revoked)
				}
				out.Keys = append(out.Keys, x)
			}
			return answer(out, err)
		})
	huma.Register(s.api, operation("categories", "/categories", "Kinds of product", "With how many public entries each has."),
		func(ctx context.Context, _ *struct{}) (*body[apiCategories], error) {
			tallies, err := s.Register.Categories(ctx, register.MaxCount)
			out := apiCategories{[]apiTally{}}
			for _, t := range tallies {
				out.Categories = append(out.Categories, apiTally{t.Key, t.Count})
			}
			return answer(out, err)
		})
	huma.Register(s.api, operation("log", "/log", "The log", "How far the log has got, and where it is."),
		func(ctx context.Context, _ *struct{}) (*body[apiLog], error) {
			state, err := s.Register.LogState(ctx)
			return answer(apiLog{state.Size, state.Integrated, state.Pending, s.BaseURL + "/log", s.LogKey}, err)
		})
}

func (s *Server) lookup(ctx context.Context, asked []string) ([]apiMatch, error) {
	matches, err := s.Register.Lookup(ctx, register.Public, asked)
	out := make([]apiMatch, len(matches))
	for i, m := range matches {
		out[i] = apiMatch{m.Asked, string(m.GTIN), m.Fault, s.apiEntries(m.Entries)}
	}
	return out, err
}

// apiError makes of an error of the register one that the interface answers with;
// what went wrong inside goes along, for the log.
func apiError(err error) error {
	code := status(err)
	if code == http.StatusInternalServerError {
		return &failure{huma.ErrorModel{Status: code, Title: "Something went wrong here"}, err}
	}
	return &failure{huma.ErrorModel{Status: code, Title: headings[code], Detail: err.Error()}, nil}
}

// failure is a problem document with its cause, which is not for the reader.
type failure struct {
	huma.ErrorModel
	cause error
}

// apiProblem gives every error of the interface its reference, and puts what went
// wrong inside into the log under it.
func (s *Server) apiProblem(ctx huma.Context, _ string, v any) (any, error) {
	var model huma.ErrorModel
	var cause error
	switch e := v.(type) {
	case *failure:
		model, cause = e.ErrorModel, e.cause
	case *huma.ErrorModel:
		model = *e
	default:
		return v, nil
	}
	p := problem{Type: "about:blank", Title: model.Title, Status: model.Status, Detail: model.Detail, Instance: ctx.URL().Path, Reference: rand.Text()[:10]}
	for _, d := range model.Errors {
		p.Errors = append(p.Errors, problemDetail{d.Message, d.Location})
	}
	if model.Status >= http.StatusInternalServerError {
		p.Detail = "The fault is ours and has been noted."
		if cause == nil {
			cause = errors.New(model.Detail)
		}
		s.Log.LogAttrs(ctx.Context(), slog.LevelError, "request failed", slog.String("reference", p.Reference), slog.String("method", ctx.Method()), slog.String("route", ctx.Operation().Path), slog.Any("error", cause))
	}
	return p, nil
}

// tagged puts a tag on answers to GET, and answers with "not changed" where the asker
// has it. Answers to who has said who they are are kept by nobody; all others may be
// read by the pages of other sites.
func tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Cache-Control", "no-store")
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			h.Set("Cache-Control", "private, no-store")
		} else {
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		}
		b := buffered{header: h}
		next.ServeHTTP(&b, r)
		if b.code == 0 {
			b.code = http.StatusOK
		}
		if b.code == http.StatusOK && h.Get("Cache-Control") == "" {
			sum := sha256.Sum256(b.Bytes())
			tag := `"` + hex.EncodeToString(sum[:12]) + `"`
			h.Set("ETag", tag)
			h.Set("Cache-Control", "public, max-age=60")
			if strings.Contains(r.Header.Get("If-None-Match"), tag) {
				h.Del("Content-Type")
				w.WriteHeader(http.StatusNotModified)
				return
			}
		}
		h.Set("Content-Length", strconv.Itoa(b.Len()))
		w.WriteHeader(b.code)
		if r.Method != http.MethodHead {
			_, _ = w.Write(b.Bytes()) // the asker went away
		}
	})
}

// buffered holds an answer back until it is whole.
type buffered struct {
	bytes.Buffer
	header http.Header
	code   int
}

func (b *buffered) Header() http.Header { return b.header }

func (b *buffered) WriteHeader(code int) {
	if b.code == 0 {
		b.code = code
	}
}
