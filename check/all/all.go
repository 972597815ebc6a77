// Package all lists the checks that the program runs. It holds nothing else.
package all

import (
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/components"
	"github.com/assay-psti/assay/check/credentials"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/check/invitation"
	"github.com/assay-psti/assay/check/logins"
	"github.com/assay-psti/assay/check/pages"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/check/peers"
	"github.com/assay-psti/assay/check/records"
	"github.com/assay-psti/assay/check/reporting"
	"github.com/assay-psti/assay/check/secrets"
	"github.com/assay-psti/assay/check/services"
	"github.com/assay-psti/assay/check/statement"
	"github.com/assay-psti/assay/check/support"
	"github.com/assay-psti/assay/check/traffic"
	"github.com/assay-psti/assay/check/updates"
)

// Checks are all checks, in order of name.
func Checks() []*check.Check {
	return []*check.Check{
		accounts.Check,
		components.Check,
		credentials.Check,
		image.Check,
		invitation.Check,
		logins.Check,
		pages.Check,
		passwords.Check,
		peers.Check,
		records.Check,
		reporting.Check,
		secrets.Check,
		services.Check,
		statement.Check,
		support.Check,
		traffic.Check,
		updates.Check,
	}
}
