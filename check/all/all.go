// Package all lists the checks.
package all

import "github.com/assay-psti/assay/check"

// Checks are all checks, in the order in which they are documented.
func Checks() []*check.Check { return nil }
