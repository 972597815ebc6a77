// Package all lists the checks that the program runs. It holds nothing else.
package all

import (
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/passwords"
)

// Checks are all checks, in order of name.
func Checks() []*check.Check {
	return []*check.Check{
		accounts.Check,
		passwords.Check,
	}
}
