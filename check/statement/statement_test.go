package statement_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/statement"
)

func TestDossiers(t *testing.T) { checktest.Run(t, statement.Check, nil) }
