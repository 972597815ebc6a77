package law_test

import (
	"testing"

	"github.com/assay-psti/assay/law"
)

func TestStandardLoads(t *testing.T) {
	if len(law.Standard().Regimes()) == 0 {
		t.Fatal("no regime")
	}
}
