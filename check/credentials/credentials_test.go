package credentials_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/credentials"
)

func TestDossiers(t *testing.T) { checktest.Run(t, credentials.Check, nil) }
