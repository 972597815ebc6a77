package updates_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/updates"
)

func TestDossiers(t *testing.T) { checktest.Run(t, updates.Check, nil) }
