package invitation_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/invitation"
)

func TestDossiers(t *testing.T) { checktest.Run(t, invitation.Check, nil) }
