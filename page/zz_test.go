package page

import (
	"fmt"
	"os"
	"testing"
)

func TestZZ(t *testing.T) {
	f := os.Getenv("ZZ")
	if f == "" {
		t.Skip("debugging only")
	}
	data, _ := os.ReadFile(f)
	d, err := Read(t.Context(), f, "", data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(d.Limbs, d.Title, d.Conditions)
	for _, r := range d.Readings {
		fmt.Printf("%+v\n", r)
	}
	for i, s := range d.sents {
		ts := tokens(d.Text, s.Span)
		fmt.Printf("%d sec %d %q acts %v times %v\n", i, s.sec, d.Quote(s.Span), findActs(ts), findTimes(ts))
	}
}
