package sample_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
)

func TestProductsDiffer(t *testing.T) {
	ids, numbers, names := map[register.ProductID]bool{}, map[register.GTIN]bool{}, map[string]bool{}
	const n = 20_000
	for i := range n {
		p := sample.At(i * 37)
		ids[p.ID], numbers[p.Facts.GTINs[0]], names[p.Facts.Make+" "+p.Facts.Name] = true, true, true
		if _, err := register.ParseGTIN(string(p.Facts.GTINs[0])); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != n || len(numbers) != n || len(names) != n {
		t.Errorf("of %d products: %d ids, %d barcodes, %d names", n, len(ids), len(numbers), len(names))
	}
	if d := cmp.Diff(sample.At(12345), sample.At(12345), cmpopts.EquateComparable(assay.Date{})); d != "" {
		t.Error(d)
	}
	makes, slugs := map[string]bool{}, map[string]bool{}
	for i := range sample.Organisations {
		makes[sample.Make(i)], slugs[sample.Organisation(i).Slug] = true, true
	}
	if len(makes) != sample.Organisations || len(slugs) != sample.Organisations {
		t.Errorf("makes: %d, slugs: %d, want %d", len(makes), len(slugs), sample.Organisations)
	}
}
