// Package all lists the checks that the program runs. It holds nothing else.
package all

import (
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/components"
	"github.com/assay-psti/assay/check/credentials"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/check/secrets"
	"github.com/assay-psti/assay/check/updates"
)

// Checks are all checks, in order of name.
func Checks() []*check.Check {
	return []*check.Check{
		accounts.Check,
		components.Check,
		credentials.Check,
		image.Check,
		passwords.Check,
		secrets.Check,
		updates.Check,
	}
}
