package support_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/support"
)

func TestDossiers(t *testing.T) { checktest.Run(t, support.Check, nil) }
