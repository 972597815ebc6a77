package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"hash/adler32"
	"hash/crc32"
	"hash/crc64"
	"hash/fnv"
	"math/bits"

	"github.com/zeebo/xxh3"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
	//lint:ignore SA1019 weak on purpose: that products use it is what is looked for
	"golang.org/x/crypto/md4" //nolint:staticcheck // the same, for the other linter
	//lint:ignore SA1019 the same
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // the same
)

// digest is an unkeyed function of bytes that generators are known to use.
type digest struct {
	name string
	of   func(dst, msg []byte) []byte
}

func be32(dst []byte, x uint32) []byte { return binary.BigEndian.AppendUint32(dst, x) }
func be64(dst []byte, x uint64) []byte { return binary.BigEndian.AppendUint64(dst, x) }

var castagnoli, crc64ISO = crc32.MakeTable(crc32.Castagnoli), crc64.MakeTable(crc64.ISO)

// digests are tried in this order. The first commonDigests are tried with every salt too.
var digests = []digest{
	{"MD5", func(d, m []byte) []byte { h := md5.Sum(m); return append(d, h[:]...) }},
	{"SHA-1", func(d, m []byte) []byte { h := sha1.Sum(m); return append(d, h[:]...) }},
	{"SHA-256", func(d, m []byte) []byte { h := sha256.Sum256(m); return append(d, h[:]...) }},
	{"SHA-512", func(d, m []byte) []byte { h := sha512.Sum512(m); return append(d, h[:]...) }},
	{"SHA-224", func(d, m []byte) []byte { h := sha256.Sum224(m); return append(d, h[:]...) }},
	{"SHA-384", func(d, m []byte) []byte { h := sha512.Sum384(m); return append(d, h[:]...) }},
	{"SHA-512/256", func(d, m []byte) []byte { h := sha512.Sum512_256(m); return append(d, h[:]...) }},
	{"SHA3-256", func(d, m []byte) []byte { h := sha3.Sum256(m); return append(d, h[:]...) }},
	{"SHA3-512", func(d, m []byte) []byte { h := sha3.Sum512(m); return append(d, h[:]...) }},
	{"BLAKE2b-256", func(d, m []byte) []byte { h := blake2b.Sum256(m); return append(d, h[:]...) }},
	{"BLAKE2b-512", func(d, m []byte) []byte { h := blake2b.Sum512(m); return append(d, h[:]...) }},
	{"BLAKE2s-256", func(d, m []byte) []byte { h := blake2s.Sum256(m); return append(d, h[:]...) }},
	{"MD4", func(d, m []byte) []byte { h := md4.New(); h.Write(m); return h.Sum(d) }},
	{"RIPEMD-160", func(d, m []byte) []byte { h := ripemd160.New(); h.Write(m); return h.Sum(d) }},
	{"MD5 of MD5 in hexadecimal", func(d, m []byte) []byte {
		h := md5.Sum(m)
		h = md5.Sum(hex.AppendEncode(nil, h[:]))
		return append(d, h[:]...)
	}},
	{"MD5 of MD5", func(d, m []byte) []byte { h := md5.Sum(m); h = md5.Sum(h[:]); return append(d, h[:]...) }},
	{"SHA-1 of MD5 in hexadecimal", func(d, m []byte) []byte {
		h := md5.Sum(m)
		g := sha1.Sum(hex.AppendEncode(nil, h[:]))
		return append(d, g[:]...)
	}},
	{"SHA-1 of SHA-1", func(d, m []byte) []byte { h := sha1.Sum(m); h = sha1.Sum(h[:]); return append(d, h[:]...) }},
	{"SHA-256 of SHA-256", func(d, m []byte) []byte { h := sha256.Sum256(m); h = sha256.Sum256(h[:]); return append(d, h[:]...) }},
	{"SHA-256 of SHA-256 in hexadecimal", func(d, m []byte) []byte {
		h := sha256.Sum256(m)
		h = sha256.Sum256(hex.AppendEncode(nil, h[:]))
		return append(d, h[:]...)
	}},
	{"the hexadecimal text of MD5", func(d, m []byte) []byte { h := md5.Sum(m); return hex.AppendEncode(d, h[:]) }},
	{"the hexadecimal text of SHA-1", func(d, m []byte) []byte { h := sha1.Sum(m); return hex.AppendEncode(d, h[:]) }},
	{"the hexadecimal text of SHA-256", func(d, m []byte) []byte { h := sha256.Sum256(m); return hex.AppendEncode(d, h[:]) }},
	{"the bytes themselves", func(d, m []byte) []byte { return append(d, m...) }},
	{"the bytes in reverse order", func(d, m []byte) []byte {
		for i := len(m) - 1; i >= 0; i-- {
			d = append(d, m[i])
		}
		return d
	}},
	{"CRC-32", func(d, m []byte) []byte { return be32(d, crc32.ChecksumIEEE(m)) }},
	{"CRC-32C", func(d, m []byte) []byte { return be32(d, crc32.Checksum(m, castagnoli)) }},
	{"CRC-64", func(d, m []byte) []byte { return be64(d, crc64.Checksum(m, crc64ISO)) }},
	{"Adler-32", func(d, m []byte) []byte { return be32(d, adler32.Checksum(m)) }},
	{"FNV-1 32", func(d, m []byte) []byte { h := fnv.New32(); h.Write(m); return h.Sum(d) }},
	{"FNV-1a 32", func(d, m []byte) []byte { h := fnv.New32a(); h.Write(m); return h.Sum(d) }},
	{"FNV-1 64", func(d, m []byte) []byte { h := fnv.New64(); h.Write(m); return h.Sum(d) }},
	{"FNV-1a 64", func(d, m []byte) []byte { h := fnv.New64a(); h.Write(m); return h.Sum(d) }},
	{"djb2", func(d, m []byte) []byte { return be32(d, rolling(m, 5381, 33, false)) }},
	{"djb2 with XOR", func(d, m []byte) []byte { return be32(d, rolling(m, 5381, 33, true)) }},
	{"sdbm", func(d, m []byte) []byte { return be32(d, rolling(m, 0, 65599, false)) }},
	{"Java hashCode", func(d, m []byte) []byte { return be32(d, rolling(m, 0, 31, false)) }},
	{"BKDR hash", func(d, m []byte) []byte { return be32(d, rolling(m, 0, 131, false)) }},
	{"one-at-a-time", func(d, m []byte) []byte { return be32(d, oneAtATime(m)) }},
	{"Murmur3", func(d, m []byte) []byte { return be32(d, murmur3(m)) }},
	{"XXH3", func(d, m []byte) []byte { return be64(d, xxh3.Hash(m)) }},
	{"an integer mix of the last eight bytes (splitmix)", func(d, m []byte) []byte { return be64(d, splitmix(tail64(m))) }},
	{"an integer mix of the last four bytes (Murmur finaliser)", func(d, m []byte) []byte { return be32(d, fmix(uint32(tail64(m)))) }},
	{"an integer mix of the last four bytes (Knuth)", func(d, m []byte) []byte { return be32(d, uint32(tail64(m))*2654435761) }},
}

const commonDigests = 3

func rolling(m []byte, h, k uint32, xor bool) uint32 {
	for _, c := range m {
		if h *= k; xor {
			h ^= uint32(c)
		} else {
			h += uint32(c)
		}
	}
	return h
}

func oneAtATime(m []byte) uint32 {
	var h uint32
	for _, c := range m {
		h += uint32(c)
		h += h << 10
		h ^= h >> 6
	}
	h += h << 3
	h ^= h >> 11
	return h + h<<15
}

func fmix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func murmur3(m []byte) uint32 {
	var h uint32
	n := len(m)
	for ; len(m) >= 4; m = m[4:] {
		k := binary.LittleEndian.Uint32(m) * 0xcc9e2d51
		h ^= bits.RotateLeft32(k, 15) * 0x1b873593
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	var k uint32
	for i := len(m) - 1; i >= 0; i-- {
		k = k<<8 | uint32(m[i])
	}
	h ^= bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593
	return fmix(h ^ uint32(n))
}

func tail64(m []byte) (x uint64) {
	for _, c := range m {
		x = x<<8 | uint64(c)
	}
	return x
}

func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
