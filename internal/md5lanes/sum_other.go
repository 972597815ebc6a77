//go:build !amd64

package md5lanes

const vectors = false

func sum16(s *Sums, b *Blocks) { sumPairs(s, b, Lanes) }
