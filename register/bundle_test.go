package register_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

func TestParseBundle(t *testing.T) {
	for _, row := range []struct {
		name, in string
		want     error
	}{
		{"newest", `{"assay_bundle":1,"facts":{},"statement":"e30="}`, nil},
		{"newer", `{"assay_bundle":2,"facts":{},"statement":"e30="}`, assay.ErrUnsupported},
		{"newer-with-more", `{"assay_bundle":2,"parts":[{"kind":"leaflet"}]}`, assay.ErrUnsupported},
		{"zero", `{"assay_bundle":0}`, assay.ErrUnsupported},
		{"none", `{"facts":{}}`, assay.ErrInvalid},
		{"no-number", `{"assay_bundle":"1"}`, assay.ErrInvalid},
		{"unknown-field", `{"assay_bundle":1,"verdict":"PASS"}`, assay.ErrInvalid},
		{"twice", `{"assay_bundle":1}{"assay_bundle":1}`, assay.ErrInvalid},
		{"empty", ``, assay.ErrInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := register.ParseBundle(strings.NewReader(row.in)); !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}
