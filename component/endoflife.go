package component

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// EndOfLife is when those who make a piece of software stop to mend it.
type EndOfLife struct {
	// Cycle is the line of versions (1.0.2, 4.4), Date the last day, in UTC.
	Cycle string    `json:"cycle"`
	Date  time.Time `json:"date"`
	// Projected says that the date was announced, not reached, when the data was taken.
	Projected bool `json:"projected,omitempty"`
	// Recalled says that the date was written down from memory and not read at the source, which the source says too.
	Recalled bool `json:"recalled,omitempty"`
	// Source is who said so; AsOf when the data was taken.
	Source string    `json:"source"`
	AsOf   time.Time `json:"as_of"`
}

//go:embed endoflife.json
var endOfLifeData []byte

type endOfLifeFile struct {
	AsOf     time.Time `json:"as_of"`
	Products []struct {
		Name     string            `json:"name"`
		Source   string            `json:"source"`
		Cycles   map[string]string `json:"cycles"`
		Sources  map[string]string `json:"sources"`  // of single lines, where they are others
		Recalled []string          `json:"recalled"` // lines whose date was not read at the source
	} `json:"products"`
}

var endOfLifeTable = sync.OnceValue(func() endOfLifeFile {
	var f endOfLifeFile
	if err := json.Unmarshal(endOfLifeData, &f); err != nil {
		panic("endoflife.json: " + err.Error()) // our own file; a test reads it
	}
	return f
})

// hasEnds reports whether the ends of a product's lines are listed.
func hasEnds(name string) bool {
	for _, p := range endOfLifeTable().Products {
		if p.Name == name {
			return true
		}
	}
	return false
}

// endOfLife looks a component up. A version of no listed line has no answer, which is not the same as being maintained.
func endOfLife(c *Component) *EndOfLife {
	f := endOfLifeTable()
	name, version := c.Name, c.Version
	if c.Source == "dpkg" || c.Source == "apk" || c.Source == "opkg" {
		return nil // a distribution maintains its packages by its own dates
	}
	for _, p := range f.Products {
		if p.Name != name {
			continue
		}
		best := ""
		for cycle := range p.Cycles {
			if (version == cycle || strings.HasPrefix(version, cycle) && !digit(version[len(cycle)]) || cycle == "*") && (len(cycle) > len(best) && cycle != "*" || best == "") {
				best = cycle
			}
		}
		if best == "" {
			return nil
		}
		date, err := time.Parse(time.DateOnly, p.Cycles[best])
		if err != nil {
			return nil
		}
		e := &EndOfLife{Cycle: best, Date: date, Projected: date.After(f.AsOf), Source: cmp.Or(p.Sources[best], p.Source), AsOf: f.AsOf}
		if slices.Contains(p.Recalled, best) {
			e.Recalled = true
			e.Source += "; recalled, not read there"
		}
		return e
	}
	return nil
}

func digit(b byte) bool { return b >= '0' && b <= '9' }
