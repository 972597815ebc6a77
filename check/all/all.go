// Package all lists the checks that the program runs. It holds nothing else.
package all

import (
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/invitation"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/check/reporting"
	"github.com/assay-psti/assay/check/statement"
	"github.com/assay-psti/assay/check/support"
)

// Checks are all checks, in order of name.
func Checks() []*check.Check {
	return []*check.Check{
		accounts.Check,
		invitation.Check,
		pages.Check,
		passwords.Check,
		reporting.Check,
		statement.Check,
		support.Check,
	}
}
