package sample

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// Database is what a register is filled through.
type Database interface {
	register.Store
	Load(ctx context.Context, orgs []register.Organisation, documents map[assay.Digest][]byte, versions iter.Seq[register.Sealed], appendAll func(context.Context, [][]byte) ([]int64, error)) error
}

// ownStatements is up to how many products each gets a signed statement of its own;
// above, those of one maker share one, as loading goes faster.
const ownStatements = 20_000

// Fill puts made-up products into an empty register, with statements that made-up
// makers really signed. Nobody can sign again: the keys are thrown away.
func Fill(ctx context.Context, db Database, log register.Log, n int) error {
	f := &filling{
		orgs: make([]register.Organisation, Organisations), keys: make([]*sign.Key, Organisations), shared: make([]*signed, Organisations), documents: map[assay.Digest][]byte{},
	}
	for i := range f.orgs {
		key, err := sign.Generate(sign.Ed25519)
		if err != nil {
			return err
		}
		f.orgs[i], f.keys[i] = Organisation(i), key
	}
	own := n <= ownStatements
	if own {
		f.own = make([]*signed, n)
	}
	for i := range max(Organisations, n) {
		if own && i < n {
			p := At(i)
			s, err := f.sign(p.Org, p.Facts, assay.DateOf(p.Published))
			if err != nil {
				return fmt.Errorf("product %d: %w", i, err)
			}
			f.own[i] = s
		}
		if !own && i < Organisations {
			s, err := f.sign(i, register.Facts{Name: "Range of " + Make(i), Make: Make(i), Support: []register.SupportPeriod{{Component: register.WholeProduct, End: assay.MustDate("2026-06-30")}}}, assay.DateOf(start))
			if err != nil {
				return fmt.Errorf("maker %d: %w", i, err)
			}
			f.shared[i] = s
		}
	}
	if err := db.Load(ctx, f.orgs, f.documents, f.versions(ctx, n), log.AppendAll); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.Write(ctx, func(w register.Writer) error {
		for i, o := range f.orgs {
			public := f.keys[i].Public()
			if err := w.AddKey(ctx, o.ID, register.Key{ID: public.ID(), PEM: string(public.PEM()), Name: "made up", Added: start}); err != nil {
				return err
			}
		}
		return nil
	})
}

// signed is a statement of a made-up maker.
type signed struct {
	digest  assay.Digest
	content *statement.Content
}

type filling struct {
	orgs      []register.Organisation
	keys      []*sign.Key
	own       []*signed // by product
	shared    []*signed // by maker
	documents map[assay.Digest][]byte
}

// sign makes the statement of a product's maker.
func (f *filling) sign(org int, facts register.Facts, issued assay.Date) (*signed, error) {
	data, content, err := Statement(f.keys[org], f.orgs[org], facts, issued)
	if err != nil {
		return nil, err
	}
	digest := register.DigestOf(data)
	f.documents[digest] = data
	return &signed{digest, content}, nil
}

// Statement is a signed statement of compliance of a made-up product, whose support ends
// on the first day that the facts give.
func Statement(key *sign.Key, o register.Organisation, facts register.Facts, issued assay.Date) ([]byte, *statement.Content, error) {
	opinion := func(id, title string, cite assay.Cite, route string) statement.Compliance {
		return statement.Compliance{Requirement: id, Title: title, Cite: cite, Basis: statement.Schedule1, Route: route, RestsOn: "both"}
	}
	types := facts.Models
	if len(types) == 0 {
		types = []string{facts.Name}
	}
	c := statement.Content{
		Product: statement.Product{Name: facts.Name, Make: facts.Make, Types: types, Batch: "B1"}, Manufacturers: []statement.Person{{Name: o.Name, Address: o.Address}}, Representatives: []statement.Person{}, PreparedBy: "manufacturer",
		Opinion: []statement.Compliance{
			opinion("passwords", "Passwords", "SI 2023/1007 Sch.1 para 1", "para1-direct"), opinion("reporting", "Information on how to report security issues", "SI 2023/1007 Sch.1 para 2", "para2-direct"),
			opinion("support", "Information on minimum security update periods", "SI 2023/1007 Sch.1 para 3", "para3-direct"),
		},
		Standards: []statement.Standard{}, Support: statement.SupportPeriod{End: facts.Support[0].End, Source: "what the maker publishes"}, Signatory: statement.Signatory{Name: "Ada Example", Function: "head of compliance"}, Place: "Exampleton",
		Issued: issued, RetainUntil: issued.AddYears(10), LawVersion: lawOn(issued), Verdict: assay.Pass,
	}
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("statement-B1.html", register.DigestOf([]byte(facts.Name)))}, statement.PredicateType, statement.Predicate{Content: c, SignedAt: issued.Time().Add(9 * time.Hour)}, key)
	if err != nil {
		return nil, nil, err
	}
	data, err := e.Encode()
	if err != nil {
		return nil, nil, err
	}
	read, err := e.Statement()
	if err != nil {
		return nil, nil, err
	}
	var p statement.Predicate
	if err := json.Unmarshal(read.Predicate, &p); err != nil {
		return nil, nil, err
	}
	return data, &p.Content, nil
}

// lawOn is the version of the UK regime that stood on a day.
func lawOn(d assay.Date) string {
	version := "2024-04-29"
	for _, from := range []string{"2025-02-25", "2025-12-04"} {
		if !d.Before(assay.MustDate(from)) {
			version = from
		}
	}
	return version
}

// versions are the first versions of products, made on a processor of their own.
func (f *filling) versions(ctx context.Context, n int) iter.Seq[register.Sealed] {
	return func(yield func(register.Sealed) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		made := make(chan []register.Sealed, 8)
		go func() {
			defer close(made)
			for from := 0; from < n; from += 500 {
				var batch []register.Sealed
				for i := from; i < min(n, from+500); i++ {
					batch = append(batch, f.version(i))
				}
				select {
				case made <- batch:
				case <-ctx.Done():
					return
				}
			}
		}()
		for batch := range made {
			for _, s := range batch {
				if !yield(s) {
					return
				}
			}
		}
	}
}

func (f *filling) version(i int) register.Sealed {
	p := At(i)
	s := f.shared[p.Org]
	if f.own != nil {
		s = f.own[i]
	}
	e := register.Entry{ID: p.ID, Slug: ProductSlug(p), Org: f.orgs[p.Org].ID}
	sealed, err := register.Seal(f.orgs[p.Org], e, register.Version{}, register.Version{Kind: register.KindPublished, Facts: p.Facts, Digest: s.digest, SignedBy: f.keys[p.Org].Public().ID(), Content: s.content, Published: p.Published})
	if err != nil {
		panic(err) // made-up products are always in order
	}
	return sealed
}

// ProductSlug is the address of a product that Fill made.
func ProductSlug(p Product) string {
	return register.Slug(p.Facts.Make, p.Facts.Name) + "-" + string(p.ID[1:6])
}
