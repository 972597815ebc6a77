package services_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/services"
)

func TestDossiers(t *testing.T) { checktest.Run(t, services.Check, nil) }
