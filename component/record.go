package component

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// LoadDatabase reads every .json file of a folder. What is no record of either kind is named in Unread.
func LoadDatabase(ctx context.Context, fsys fs.FS) (*Database, error) {
	db := &Database{names: map[string][]*affected{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil {
			if name == "." {
				return err
			}
			db.miss(name, err.Error())
			return nil
		}
		if !d.Type().IsRegular() || path.Ext(name) != ".json" {
			return nil
		}
		if db.Records >= maxRecords {
			db.miss(name, "more than a million records: the rest was not read")
			return fs.SkipAll
		}
		data, err := readAll(fsys, name, maxRecord)
		if err != nil {
			db.miss(name, err.Error())
			return nil
		}
		if err := db.add(name, data); err != nil {
			db.miss(name, err.Error())
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the vulnerability records: %w", err)
	}
	return db, nil
}

func readAll(fsys fs.FS, name string, limit int64) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if int64(len(data)) > limit {
		return data[:limit], fmt.Errorf("larger than %d bytes: the rest was not read", limit)
	}
	return data, err
}

func (db *Database) miss(name, why string) {
	if len(db.Unread) < 10_000 {
		db.Unread = append(db.Unread, Unread{name, printable(why, 300)})
	}
}

func (db *Database) add(name string, data []byte) error {
	var head struct {
		DataType string          `json:"dataType"`
		ID       string          `json:"id"`
		Affected json.RawMessage `json:"affected"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	switch {
	case head.DataType == "CVE_RECORD":
		return db.addCVE(name, data)
	case head.ID != "" && len(head.Affected) > 0:
		return db.addOSV(name, data)
	case head.ID != "":
		return nil // a withdrawn or empty record
	}
	return fmt.Errorf("it is neither an OSV nor a CVE 5 record")
}

func (db *Database) index(key string, a *affected) {
	if key != "" && len(db.names[key]) < 100_000 {
		db.names[key] = append(db.names[key], a)
	}
}

type osvRecord struct {
	ID        string   `json:"id"`
	Summary   string   `json:"summary"`
	Details   string   `json:"details"`
	Aliases   []string `json:"aliases"`
	Withdrawn string   `json:"withdrawn"`
	Severity  []struct {
		Score string `json:"score"`
	} `json:"severity"`
	Affected []struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Type   string `json:"type"`
			Events []struct {
				Introduced   string `json:"introduced"`
				Fixed        string `json:"fixed"`
				LastAffected string `json:"last_affected"`
			} `json:"events"`
		} `json:"ranges"`
		Versions []string `json:"versions"`
	} `json:"affected"`
}

func (db *Database) addOSV(name string, data []byte) error {
	var r osvRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	db.Records++
	if r.Withdrawn != "" {
		return nil
	}
	rec := &record{id: printable(r.ID, 100), summary: printable(cmp.Or(r.Summary, r.Details), 300), file: name, aliases: r.Aliases}
	if len(r.Severity) > 0 {
		rec.severity = printable(r.Severity[0].Score, 200)
	}
	for _, x := range r.Affected {
		if x.Package.Name == "" {
			continue // by commits only: there is nothing to compare a version with
		}
		a := &affected{record: rec, kind: "osv", label: x.Package.Ecosystem + " " + x.Package.Name, versions: x.Versions}
		a.debian = strings.HasPrefix(x.Package.Ecosystem, "Debian") || strings.HasPrefix(x.Package.Ecosystem, "Ubuntu") || strings.HasPrefix(x.Package.Ecosystem, "Alpine")
		for _, rg := range x.Ranges {
			if rg.Type == "GIT" {
				continue
			}
			cur := versionRange{}
			open := false
			for _, e := range rg.Events {
				switch {
				case e.Introduced != "":
					if open {
						a.ranges = append(a.ranges, cur)
					}
					cur, open = versionRange{introduced: e.Introduced}, true
				case e.Fixed != "" && open:
					cur.fixed, open = e.Fixed, false
					a.ranges = append(a.ranges, cur)
				case e.LastAffected != "" && open:
					cur.last, open = e.LastAffected, false
					a.ranges = append(a.ranges, cur)
				}
			}
			if open {
				a.ranges = append(a.ranges, cur)
			}
		}
		db.index(strings.ToLower(x.Package.Ecosystem)+"/"+strings.ToLower(x.Package.Name), a)
	}
	return nil
}

type cveRecord struct {
	Metadata struct {
		ID    string `json:"cveId"`
		State string `json:"state"`
	} `json:"cveMetadata"`
	Containers struct {
		CNA cveContainer   `json:"cna"`
		ADP []cveContainer `json:"adp"`
	} `json:"containers"`
}

type cveContainer struct {
	Title        string `json:"title"`
	Descriptions []struct {
		Lang  string `json:"lang"`
		Value string `json:"value"`
	} `json:"descriptions"`
	Metrics  []map[string]json.RawMessage `json:"metrics"`
	Affected []struct {
		Vendor   string   `json:"vendor"`
		Product  string   `json:"product"`
		Default  string   `json:"defaultStatus"`
		CPEs     []string `json:"cpes"`
		Versions []struct {
			Version         string `json:"version"`
			Status          string `json:"status"`
			LessThan        string `json:"lessThan"`
			LessThanOrEqual string `json:"lessThanOrEqual"`
			Type            string `json:"versionType"`
			Changes         []struct {
				At     string `json:"at"`
				Status string `json:"status"`
			} `json:"changes"`
		} `json:"versions"`
	} `json:"affected"`
	Applicability []struct {
		Nodes []struct {
			Negate  bool `json:"negate"`
			Matches []struct {
				Vulnerable bool   `json:"vulnerable"`
				Criteria   string `json:"criteria"`
				FromIncl   string `json:"versionStartIncluding"`
				FromExcl   string `json:"versionStartExcluding"`
				ToIncl     string `json:"versionEndIncluding"`
				ToExcl     string `json:"versionEndExcluding"`
			} `json:"cpeMatch"`
		} `json:"nodes"`
	} `json:"cpeApplicability"`
}

func (db *Database) addCVE(name string, data []byte) error {
	var r cveRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	db.Records++
	if r.Metadata.State != "" && r.Metadata.State != "PUBLISHED" {
		return nil
	}
	rec := &record{id: printable(r.Metadata.ID, 100), file: name}
	for _, c := range append([]cveContainer{r.Containers.CNA}, r.Containers.ADP...) {
		rec.describe(c)
		db.addContainer(rec, c)
	}
	return nil
}

func (r *record) describe(c cveContainer) {
	if r.summary == "" {
		r.summary = printable(c.Title, 300)
	}
	for _, d := range c.Descriptions {
		if r.summary == "" && strings.HasPrefix(d.Lang, "en") {
			r.summary = printable(d.Value, 300)
		}
	}
	for _, m := range c.Metrics {
		for _, key := range []string{"cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0"} {
			var v struct {
				Vector string `json:"vectorString"`
			}
			if raw, ok := m[key]; ok && r.severity == "" && json.Unmarshal(raw, &v) == nil {
				r.severity = printable(v.Vector, 200)
			}
		}
	}
}

func (db *Database) addContainer(rec *record, c cveContainer) {
	for _, x := range c.Affected {
		a := &affected{record: rec, kind: "cve", label: printable(x.Vendor+" "+x.Product, 100), byStatus: true, standard: cmp.Or(x.Default, "unknown")}
		for _, v := range x.Versions {
			if v.Type == "git" || v.Type == "original_commit_for_fix" || placeholder(v.Version) && v.LessThan == "" && v.LessThanOrEqual == "" {
				continue
			}
			rg := versionRange{status: cmp.Or(v.Status, "affected")}
			for _, ch := range v.Changes {
				rg.changes = append(rg.changes, versionRange{introduced: ch.At, status: ch.Status})
			}
			switch {
			case v.LessThan != "" || v.LessThanOrEqual != "":
				rg.introduced, rg.fixed, rg.last = v.Version, v.LessThan, v.LessThanOrEqual
				if placeholder(rg.introduced) {
					rg.introduced = "0"
				}
			default:
				rg.exact = v.Version
			}
			a.ranges = append(a.ranges, rg)
		}
		if len(a.ranges) == 0 {
			continue // no version is named: it decides nothing
		}
		vendor, product := word(x.Vendor), word(x.Product)
		if product != "" && product != "n/a" && vendor != "n/a" {
			db.index("cpe/"+vendor+"/"+product, a)
		}
		for _, name := range x.CPEs {
			if _, v, p := cpeFields(name); p != "" && (v != vendor || p != product) {
				db.index("cpe/"+v+"/"+p, a)
			}
		}
	}
	for _, app := range c.Applicability {
		for _, n := range app.Nodes {
			if n.Negate {
				continue
			}
			for _, m := range n.Matches {
				_, vendor, product := cpeFields(m.Criteria)
				if !m.Vulnerable || product == "" {
					continue
				}
				a := &affected{record: rec, kind: "cpe", label: printable(m.Criteria, 120)}
				rg := versionRange{introduced: cmp.Or(m.FromIncl, m.FromExcl, "0"), excludeStart: m.FromIncl == "" && m.FromExcl != "", fixed: m.ToExcl, last: m.ToIncl}
				if f := strings.Split(m.Criteria, ":"); len(f) > 5 && f[5] != "*" && f[5] != "-" {
					rg = versionRange{exact: strings.ReplaceAll(f[5], `\`, "")}
					if len(f) > 6 && f[6] != "*" && f[6] != "-" {
						rg.exact += f[6]
					}
				} else if m.ToExcl == "" && m.ToIncl == "" && m.FromIncl == "" && m.FromExcl == "" {
					continue // every version: it says nothing about this one
				}
				a.ranges = []versionRange{rg}
				db.index("cpe/"+vendor+"/"+product, a)
			}
		}
	}
}

func placeholder(v string) bool {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "", "n/a", "unspecified", "unknown", "*", "-", "all", "all versions":
		return true
	}
	return false
}
