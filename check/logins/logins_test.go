package logins_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/logins"
)

func TestDossiers(t *testing.T) { checktest.Run(t, logins.Check, nil) }
