package password

import (
	"bytes"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	accuracy       = flag.Bool("accuracy", false, "measure the audit and write docs/password-accuracy.md")
	accuracySeeds  = flag.Int("accuracy.seeds", 50, "batches of each family and size")
	accuracyLawful = flag.Int("accuracy.lawful", 10000, "lawful batches through the tests that look at rows")
	accuracyFrom   = flag.String("accuracy.from", "", "the family to begin with, where a measurement was broken off")
	accuracyParts  = flag.String("accuracy.parts", "detection,alarms,vectors", "what to measure")
	accuracyOut    = flag.String("accuracy.out", filepath.Join("..", "docs", "password-accuracy.md"), "where to write the measurements")
	accuracyFull   = flag.Int("accuracy.full", 1000, "lawful batches through the whole audit as well")
)

var accuracySizes = []int{10, 30, 100, 300, 1000, 5000}

// TestAccuracy measures how often each family is caught and how often lawful batches are failed. It takes an hour of two
// processors at full size: go test ./password -run Accuracy -accuracy -timeout 3h
func TestAccuracy(t *testing.T) {
	if !*accuracy {
		t.Skip("run with -accuracy to measure and to write docs/password-accuracy.md")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# How accurate the password audit is\n\n"+
		"Measured by `go test ./password -run Accuracy -accuracy -accuracy.seeds %d -accuracy.lawful %d -accuracy.full %d -timeout 3h` on %s.\n"+
		"The families and the audit have one author, so the table flatters the audit on schemes of these shapes; what it cannot see\n"+
		"at all is in `password-audit.md`. Units have serial, MAC address, SSID and model columns; serials and addresses mostly follow\n"+
		"each other, rows are in random order.\n\n", *accuracySeeds, *accuracyLawful, *accuracyFull, time.Now().UTC().Format(time.DateOnly))
	// What is measured is written down family by family, so that a run that is cut short is not lost.
	save := func() {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(*accuracyOut), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*accuracyOut, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range strings.Split(*accuracyParts, ",") {
		switch part {
		case "detection":
			detection(t, &out, save)
		case "alarms":
			falseAlarms(t, &out, save)
		case "vectors":
			vectors(t, &out)
		default:
			t.Fatalf("no such part: %s", part)
		}
		save()
	}
}

func detection(t *testing.T, out *bytes.Buffer, save func()) {
	fmt.Fprintf(out, "## Detection\n\nShare of %d batches that FAIL, by number of rows; in brackets the share in which a recipe was found. Short\npasswords fail as guessable before any recipe is found; families without a recipe (pools, words, dates) fail by other limbs.\n\n| family |", *accuracySeeds)
	for _, n := range accuracySizes {
		fmt.Fprintf(out, " %d |", n)
	}
	fmt.Fprintf(out, "\n|--|%s\n", strings.Repeat("--:|", len(accuracySizes)))
	families := badFamilies()
	from := slices.IndexFunc(families, func(f family) bool { return f.name == *accuracyFrom })
	for _, f := range families[max(from, 0):] {
		fmt.Fprintf(out, "| %s |", f.name)
		for _, n := range accuracySizes {
			failed, recipes := 0, 0
			for seed := range *accuracySeeds {
				us, pws := batchOf(f, uint64(1000+seed), n)
				r := auditText(t, csvOf(us, pws), familyOptions(f))
				if r.Verdict == Fail {
					failed++
				}
				if len(r.Limbs.Derived.Recipes)+len(r.Limbs.Incremental.Recipes)+len(r.Limbs.Public.Recipes) > 0 {
					recipes++
				}
			}
			fmt.Fprintf(out, " %d %% (%d %%) |", percent(failed), percent(recipes))
		}
		fmt.Fprintln(out)
		save()
	}
}

func percent(k int) int { return k * 100 / *accuracySeeds }

// familyOptions gives what a family needs to be found at all.
func familyOptions(f family) Options {
	var o Options
	if strings.Contains(f.name, "clock") {
		o.SeedFrom, o.SeedTo = time.Unix(1699900000, 0), time.Unix(1700300000, 0)
	}
	return o
}

func falseAlarms(t *testing.T, out *bytes.Buffer, save func()) {
	kinds := lawfulFamilies()
	sizes := []int{10, 50, 100, 300, 1000}
	fmt.Fprintf(out, "\n## False alarms\n\nLawful batches that FAIL in any limb. The whole audit includes the search for constructions, whose own bound is 1e-12\nby calculation; the tests that look at rows are the ones whose bounds are approximations, so most batches go through these.\nSizes %s in turn.\n\n| kind | row tests: batches | failed | whole audit: batches | failed |\n|--|--:|--:|--:|--:|\n", strings.Trim(fmt.Sprint(sizes), "[]"))
	batches, failed := 0, 0
	for k, f := range kinds {
		rowTests, rowFailed, whole, wholeFailed := 0, 0, 0, 0
		for i := 0; i*len(kinds)+k < *accuracyLawful; i++ {
			us, pws := batchOf(f, uint64(500_000+i), sizes[i%len(sizes)])
			text := csvOf(us, pws)
			fd := finderOf(t, text, &Options{})
			fd.statistics()
			fd.texts()
			in := fd.inside()
			rowTests++
			if len(fd.recipes) > 0 || in.bits < offlineFail {
				rowFailed++
				t.Errorf("%s: false alarm at seed %d: %v, %.1f bits", f.name, i, fd.recipes, in.bits)
			}
			if i*len(kinds)+k < *accuracyFull {
				whole++
				if r := auditText(t, text, Options{Published: []string{"admin"}}); r.Verdict == Fail {
					wholeFailed++
					t.Errorf("%s: false alarm of the whole audit: %s", f.name, why(r))
				}
			}
		}
		batches, failed = batches+rowTests, failed+rowFailed+wholeFailed
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d |\n", f.name, rowTests, rowFailed, whole, wholeFailed)
		save()
	}
	fmt.Fprintf(out, "\n%d lawful batches, %d failed.\n", batches, failed)
}

// vectorFile holds published vectors of real routers; it is not part of the project.
var vectorFile = filepath.Join("..", "..", "shared", "inputs", "batches", "routerkeygen_vectors.csv")

// vectors audits published identifiers and keys of real routers, algorithm by algorithm, with one row, then two, and so on.
func vectors(t *testing.T, out *bytes.Buffer) {
	raw, err := os.ReadFile(vectorFile)
	if err != nil {
		fmt.Fprintf(out, "\n## Published router vectors\n\nThe file of vectors was not there.\n")
		return
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string][][]string{}
	for _, r := range rows[1:] {
		groups[r[1]] = append(groups[r[1]], r)
	}
	fmt.Fprintf(out, "\n## Published router vectors\n\nIdentifiers and keys of real routers, by algorithm. An algorithm often gives several candidate keys for one device, which\ncount as rows; most have one to four rows, so only exact constructions can decide them.\n\n| algorithm | rows | verdict | decided from | what was found |\n|--|--:|--|--:|--|\n")
	decided := 0
	for _, name := range sortedKeys(groups) {
		g := groups[name]
		from, found, verdict := "", "", Inconclusive
		for n := 1; n <= len(g); n++ {
			var b strings.Builder
			b.WriteString("ssid,bssid,default_key\n")
			for _, r := range g[:n] {
				fmt.Fprintf(&b, "%s,%s,%s\n", r[2], r[3], r[4])
			}
			r := auditText(t, b.String(), Options{})
			if verdict = r.Verdict; verdict == Fail {
				from = fmt.Sprint(n)
				for _, l := range []Limb{r.Limbs.Derived, r.Limbs.Incremental, r.Limbs.Public, r.Limbs.Unique, r.Limbs.Guessable} {
					if l.Verdict == Fail {
						found = l.Note
						break
					}
				}
				decided++
				break
			}
		}
		fmt.Fprintf(out, "| %s | %d | %s | %s | %s |\n", name, len(g), verdict, from, strings.ReplaceAll(found, "|", "\\|"))
	}
	fmt.Fprintf(out, "\n%d of %d algorithms are decided.\n", decided, len(groups))
}

// TestVectors holds the audit to what it decides among the published vectors, whose keys are all derived.
func TestVectors(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	if _, err := os.Stat(vectorFile); err != nil {
		t.Skip("no published vectors beside the project")
	}
	var out bytes.Buffer
	vectors(t, &out)
	for _, name := range []string{"AliceGermany", "Megared", "NetFaster", "Ote", "OteBAUD", "WifimediaR", "Wlan6", "Tplink", "Belkin"} {
		if !strings.Contains(out.String(), "| "+name+" | ") || !slices.ContainsFunc(strings.Split(out.String(), "\n"), func(l string) bool {
			return strings.HasPrefix(l, "| "+name+" | ") && strings.Contains(l, "| FAIL |")
		}) {
			t.Errorf("%s: got no FAIL", name)
		}
	}
	if strings.Contains(out.String(), "| PASS |") {
		t.Errorf("a published algorithm passes:\n%s", out.String())
	}
}
