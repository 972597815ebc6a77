package browsertest

import (
	"strings"
	"testing"
)

// The checkers see what is wrong, so that their silence means something.
func TestValidate(t *testing.T) {
	const good = `<!DOCTYPE html><html lang="en"><head><title>Good</title></head><body><h1>Good</h1></body></html>`
	if faults := Validate(t, map[string][]byte{"good": []byte(good)}); len(faults) > 0 {
		t.Errorf("good: %v", faults)
	}
	bad := strings.Replace(good, "<h1>", `<p style="color:red"><div></p><h1>`, 1)
	if faults := strings.Join(Validate(t, map[string][]byte{"bad": []byte(bad)}), "\n"); !strings.Contains(faults, "close-order") || !strings.Contains(faults, "no-inline-style") {
		t.Errorf("bad: %s", faults)
	}
}

func TestAxeMany(t *testing.T) {
	if testing.Short() {
		t.Skip("long: starts a browser")
	}
	const page = `<!DOCTYPE html><html lang="en"><head><title>Page</title><meta name="viewport" content="width=device-width"></head><body><main><h1>Page</h1>%</main></body></html>`
	found := AxeMany(t, map[string][]byte{
		"good": []byte(strings.Replace(page, "%", "<p>Good</p>", 1)),
		"bad":  []byte(strings.Replace(page, "%", `<img src="x"><div style="width:900px;height:10px"></div>`, 1)),
	}, []int{320, 1280}, false)
	if f := found["good 320"]; len(f.Violations) > 0 || f.Overflow > 0 {
		t.Errorf("good: %+v", f)
	}
	if f := found["bad 320"]; len(f.Violations) == 0 || f.Overflow <= 0 {
		t.Errorf("bad, narrow: %+v", f)
	}
	if f := found["bad 1280"]; len(f.Violations) == 0 || f.Overflow > 0 {
		t.Errorf("bad, wide: %+v", f)
	}
}
