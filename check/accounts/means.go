package accounts

import (
	"fmt"
	"strings"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
)

// means is what in the image could put another password in the place of one that
// is fixed in it.
type means struct {
	places []image.Mean // the first few
	total  int
}

func meansOf(r *root) *means {
	found, more := r.tree.Replacement.Means(r.Dir)
	return &means{found[:min(len(found), 3)], len(found) + more}
}

func (m *means) found() bool { return m.total > 0 }

func (m *means) words() string {
	var words []string
	for _, p := range m.places {
		words = append(words, fmt.Sprintf("%s %s", check.Printable(p.Place.String()), p.What))
	}
	if more := m.total - len(m.places); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}

// kept says why the password is taken to stay.
func (m *means) kept(r *root) string {
	if image.ReadOnly(r.tree.Kind) {
		return fmt.Sprintf("%s is a file system that only reads, and no script in it changes passwords or mounts anything over its account files", r.tree.Kind)
	}
	return "no script in the image changes passwords, writes the account files or mounts anything over them, and no program in it names the file of hashes, or could write the accounts, save the system's own"
}
