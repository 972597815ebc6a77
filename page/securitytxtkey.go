package page

import (
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// configAt makes signature checks happen as of a time that is given, not of the machine's clock.
func configAt(now time.Time) *packet.Config {
	return &packet.Config{Time: func() time.Time { return now }}
}
