package peers_test

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/peers"
)

func TestDossiers(t *testing.T) { checktest.Run(t, peers.Check, nil) }
