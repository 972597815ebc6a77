package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// However many leaves are taken note of at once, the register is the same: with
// several versions of a product among them, a later one before an earlier, a leaf
// that is in the log twice, and one that is nobody's.
func TestBatchesDoNotMatter(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for i := range 4 {
			f := facts(fmt.Sprintf("Lamp %d", i))
			f.GTINs = []register.GTIN{"5012345678900"}
			f.Labels = []register.Label{{Scheme: "JC-STAR", Level: "1", Expires: assay.MustDate("2027-01-01")}}
			r := h.publish(t, f, "2031-01-01")
			switch i {
			case 0:
				f.Models, f.GTINs, f.Category = []string{"L-0 <&>", "L-0X"}, nil, "Light"
				h.publish(t, f, "2032-01-01")
			case 1:
				if _, err := h.s.Withdraw(ctx, h.maker, r.Product, "recalled"); err != nil {
					t.Fatal(err)
				}
			case 2:
				if _, err := h.s.ExtendSupport(ctx, h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2033-01-01")}}, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		var leaves [][]byte
		if err := h.db.Read(ctx, func(r register.Reader) error {
			out, err := r.Outbox(ctx, 100)
			for _, o := range out {
				leaves = append(leaves, o.Leaf)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(leaves) != 7 {
			t.Fatalf("outbox: %d leaves, want 7", len(leaves))
		}
		leaves[0], leaves[1] = leaves[1], leaves[0]
		leaves = append(leaves, leaves[2], []byte("nobody's"))
		var file bytes.Buffer
		if _, err := h.db.Backup(ctx, &file, "", nil, h.now); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, step := range []int{1, 2, 5, len(leaves)} {
			db, err := store.Open(ctx, address(t, h.engine()), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Restore(ctx, bytes.NewReader(file.Bytes()), int64(file.Len()), "", ""); err != nil {
				t.Fatal(err)
			}
			var sum register.Integration
			from := 0
			for part := range slices.Chunk(leaves, step) {
				if err := db.Write(ctx, func(w register.Writer) error {
					done, err := w.Integrate(ctx, uint64(from), part)
					sum.Public, sum.Again, sum.Unknown = sum.Public+done.Public, sum.Again+done.Again, append(sum.Unknown, done.Unknown...)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				from += len(part)
			}
			if d := cmp.Diff(sum, register.Integration{Public: 7, Again: 1, Unknown: []uint64{8}}); d != "" {
				t.Errorf("batches of %d: %s", step, d)
			}
			got := db.Public(ctx, t)
			if step == 1 {
				want = got
			}
			if d := cmp.Diff(got, want); d != "" {
				t.Errorf("batches of %d: %s", step, d)
			}
			if words, has := db.Words(ctx, t); !slices.Equal(words, has) {
				t.Errorf("batches of %d: words: %s", step, cmp.Diff(has, words))
			}
			for text, n := range map[string]int{"lamp": 3, "lamp acme": 3, "acme light": 1, "acme kettle lamp": 2, "L-0X": 1, "lamp 1": 0, "Light": 1, "kettle": 2, "recalled": 0} {
				var r register.Results
				if err := db.Read(ctx, func(rd register.Reader) (err error) {
					r, err = rd.Search(ctx, register.Visible(register.Public), register.Query{Text: text, Limit: 10})
					return err
				}); err != nil || len(r.Entries) != n {
					t.Errorf("batches of %d: %q finds %d, %v, want %d", step, text, len(r.Entries), err, n)
				}
			}
		}
		for _, line := range []string{"all||4", "category|light|1", "category|kettle|3", "acme-ltd|4", "log.next|9"} {
			if !slices.Contains(want, line) {
				t.Errorf("%s is not among %q", line, want)
			}
		}
	})
}
