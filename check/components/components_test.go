package components_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/components"
)

func TestDossiers(t *testing.T) { checktest.Run(t, components.Check, nil) }
