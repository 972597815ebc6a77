package records_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/records"
)

func TestDossiers(t *testing.T) { checktest.Run(t, records.Check, nil) }
