package register

import (
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
)

// GTIN is a barcode number in its 14-digit form, with leading zeros (GS1 General
// Specifications, section on GTIN): the form in which 8, 12, 13 and 14 digits compare.
type GTIN string

// ParseGTIN reads 8, 12, 13 or 14 digits, with spaces or hyphens, and holds the
// last against its check digit.
func ParseGTIN(s string) (GTIN, error) {
	bad := func(why string) (GTIN, error) {
		if len(s) > 30 {
			s = s[:30] + "..."
		}
		return "", fmt.Errorf("barcode %q: %w: %s", s, assay.ErrInvalid, why)
	}
	if len(s) > 40 {
		return bad("it is too long")
	}
	digits := strings.NewReplacer(" ", "", "-", "").Replace(strings.TrimSpace(s))
	switch len(digits) {
	case 8, 12, 13, 14:
	default:
		return bad("want 8, 12, 13 or 14 digits")
	}
	for _, r := range digits {
		if r < '0' || r > '9' {
			return bad("want digits only")
		}
	}
	digits = strings.Repeat("0", 14-len(digits)) + digits
	if digits == "00000000000000" {
		return bad("it is all zeros")
	}
	if CheckDigit(digits[:13]) != digits[13] {
		return bad("its last digit does not fit the others; look for a slip of the pen")
	}
	return GTIN(digits), nil
}

// CheckDigit is the last digit that belongs to 13 digits: weights 3 and 1 in turn
// from the right (GS1 General Specifications, check digit calculation).
func CheckDigit(thirteen string) byte {
	sum := 0
	for i := range len(thirteen) {
		d := int(thirteen[i] - '0')
		if (len(thirteen)-i)%2 == 1 {
			d *= 3
		}
		sum += d
	}
	return byte('0' + (10-sum%10)%10)
}

// Short writes the number as the shelf shows it: 8, 12, 13 or 14 digits. A number
// of 12 digits is written with 13, as an EAN.
func (g GTIN) Short() string {
	s := string(g)
	switch {
	case strings.HasPrefix(s, "000000"):
		return s[6:]
	case strings.HasPrefix(s, "0"):
		return s[1:]
	}
	return s
}
