// Package sample makes up products for tests and measurements: as many as wanted,
// always the same, and such as a shop might have. No make or model in it is meant to
// be anybody's.
package sample

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Organisations is how many manufacturers there are.
const Organisations = 600

// Organisation is a manufacturer, by number below Organisations.
func Organisation(n int) register.Organisation {
	name := Make(n) + " " + pick(mix(uint64(n), 90), []string{"Ltd", "GmbH", "Inc", "BV", "plc", "AB"})
	return register.Organisation{
		ID: register.OrgID("o" + id(uint64(n), 1)), Slug: register.Slug(name), Name: name, Kind: register.Manufacturer,
		Address: strconv.Itoa(n+1) + " Example Way, Exampleton", Site: "https://" + register.Slug(Make(n)) + ".example", Created: start,
	}
}

var (
	start   = time.Date(2024, 4, 29, 8, 0, 0, 0, time.UTC)
	openers = []string{"Ar", "Bel", "Cor", "Dal", "El", "Fen", "Gor", "Hal", "Il", "Jor", "Kel", "Lum", "Mar", "Nor", "Ost", "Pel", "Quin", "Ral", "Sol", "Tor", "Ul", "Vel", "Wen", "Xan", "Yor", "Zel"}
	middles = []string{"a", "e", "i", "o", "an", "en", "in", "on", "ar", "er"}
	closers = []string{"dex", "lux", "tech", "via", "mo", "ra", "tis", "von", "well", "zon", "nova", "mark", "line", "ton"}
	series  = []string{"Aria", "Breeze", "Classic", "Delta", "Echo Hill", "Flow", "Glow", "Haven", "Iris", "Jet", "Kite", "Lite", "Max", "Nest Egg", "Orbit", "Plus", "Pro", "Quiet", "River", "Smart", "Terra", "Ultra", "Vista", "Wave", "Zen"}
	colours = []string{"black", "white", "silver", "copper", "blue", "green", "red", "grey"}
)

// kind of product, with how many of a hundred there are.
type kind struct {
	category, noun, code string
	share                int
}

var kinds = []kind{
	{"camera", "Camera", "CM", 12}, {"light bulb", "Bulb", "LB", 11}, {"plug", "Smart Plug", "SP", 9}, {"speaker", "Speaker", "SK", 7}, {"television", "Television", "TV", 7},
	{"doorbell", "Doorbell", "DB", 6}, {"thermostat", "Thermostat", "TH", 5}, {"kettle", "Kettle", "KT", 4}, {"vacuum cleaner", "Robot Vacuum", "RV", 4}, {"router", "Router", "RT", 4},
	{"washing machine", "Washing Machine", "WM", 4}, {"lock", "Door Lock", "DL", 3}, {"baby monitor", "Baby Monitor", "BM", 3}, {"oven", "Oven", "OV", 3}, {"refrigerator", "Refrigerator", "RF", 3},
	{"smoke alarm", "Smoke Alarm", "SA", 3}, {"watch", "Watch", "WT", 3}, {"toy", "Robot Toy", "TY", 2}, {"scale", "Bathroom Scale", "BS", 2}, {"toothbrush", "Toothbrush", "TB", 2}, {"hub", "Home Hub", "HB", 2}, {"fan", "Fan", "FN", 1},
}

// Make is the make of a manufacturer, by number.
func Make(n int) string {
	return openers[n%len(openers)] + middles[n/len(openers)%len(middles)] + closers[(n/len(openers)/len(middles)+n)%len(closers)]
}

// Product is a product of an organisation, by number.
type Product struct {
	ID        register.ProductID
	Org       int
	Facts     register.Facts
	Published time.Time
}

// At is the product of a number, from 0. Two numbers never have the same id, barcode,
// or make and name.
func At(n int) Product {
	h := func(what uint64) uint64 { return mix(uint64(n), what) }
	k := kindOf(h(1))
	org := int(h(2) % Organisations)
	if h(3)%4 > 0 { // a quarter of the makers make most of what there is
		org %= Organisations / 4
	}
	code := fmt.Sprintf("%s-%d%s", k.code, 100+n*7%9_999_991, pick(h(4), []string{"", "A", "B", "X", "/2", " UK"}))
	name := pick(h(5), series) + " " + k.noun + " " + code
	end := assay.MustDate("2026-06-30").AddDays(int(h(6) % 3200))
	from := start.Add(time.Duration(n) * 80 * time.Second) // about as many days as a million takes
	maker := Make(org)
	f := register.Facts{
		Name: name, Make: maker, Models: []string{code}, Category: k.category, Description: "A " + pick(h(7), colours) + " " + strings.ToLower(k.noun) + " that connects to the home network.",
		GTINs:     []register.GTIN{gtin(n)},
		Support:   []register.SupportPeriod{{Component: register.WholeProduct, End: end}},
		Contact:   register.Contact{URL: "https://" + register.Slug(maker) + ".example/security", Email: "security@" + register.Slug(maker) + ".example", Ack: "within two working days", Updates: "every two weeks"},
		Passwords: register.Passwords{Kind: []register.PasswordKind{register.PasswordUnique, register.PasswordByUser, register.PasswordNone}[h(8)%3]},
	}
	if h(9)%8 == 0 {
		f.Support = append(f.Support, register.SupportPeriod{Component: "app", Title: "The app", End: end.AddDays(365)})
	}
	return Product{register.ProductID("p" + id(uint64(n), 2)), org, f, from}
}

func kindOf(h uint64) kind {
	at := int(h % 100)
	for _, k := range kinds {
		if at -= k.share; at < 0 {
			return k
		}
	}
	return kinds[0]
}

// gtin is a barcode number of 13 digits within a range that shops use among themselves.
func gtin(n int) register.GTIN {
	body := fmt.Sprintf("02%010d", n)
	return register.GTIN("0" + body + string(register.CheckDigit("0"+body)))
}

func pick(h uint64, words []string) string { return words[h%uint64(len(words))] }

// mix spreads a number and a purpose over 64 bits (the finishing steps of
// MurmurHash3, which no two inputs share an output of).
func mix(n, what uint64) uint64 {
	x := n*0x9e3779b97f4a7c15 + what*0xd1b54a32d192ed03
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// id is 13 letters and digits; for one purpose no two numbers have the same.
func id(n, what uint64) string {
	const letters = "0123456789abcdefghjkmnpqrstvwxyz"
	x := mix(n, what<<32)
	var b [13]byte
	for i := range b {
		b[i] = letters[x&31]
		x >>= 5
	}
	return string(b[:])
}
