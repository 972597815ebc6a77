package check

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/assay-psti/assay"
)

// maxServer is how long the name of a server may be to stand as it is.
const maxServer = 100

var unfitServer = regexp.MustCompile(`[^a-z0-9._:+-]+`)

// Server is the part that stands for a server that the product calls, by the name
// that it asks for, or the address. Two names are never one part: where one cannot
// stand as it is, what is left of it is followed by a digest of the whole.
func Server(name string) assay.Subject {
	whole := strings.ToLower(strings.TrimSuffix(name, "."))
	if len(whole) <= maxServer {
		if s, err := assay.Part("peer", whole); err == nil {
			return s
		}
	}
	sum := sha256.Sum256([]byte(whole))
	short := strings.TrimLeft(unfitServer.ReplaceAllString(whole, "_"), "._:+-")
	return assay.Subject("peer/" + strings.TrimPrefix(short[:min(len(short), maxServer)]+"-", "-") + hex.EncodeToString(sum[:6]))
}
