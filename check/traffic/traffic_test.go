package traffic

import (
	"testing"

	"github.com/assay-psti/assay/check/checktest"
)

func TestCheck(t *testing.T) { checktest.Run(t, Check, nil) }
