package secrets_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/secrets"
)

func TestDossiers(t *testing.T) { checktest.Run(t, secrets.Check, nil) }
