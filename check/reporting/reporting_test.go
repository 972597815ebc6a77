package reporting_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/reporting"
)

func TestDossiers(t *testing.T) { checktest.Run(t, reporting.Check, nil) }
