package page_test

import (
	"context"
	"fmt"

	"github.com/assay-psti/assay/page"
)

func ExampleRead() {
	const body = `<h1>Report a security issue</h1>
<p>Write to security@alder.example. We acknowledge your report within 5 working days and update you every 2 weeks until it is resolved.</p>
<h2>Security support</h2>
<table><tr><th>Model</th><th>Security updates until</th></tr><tr><td>AL-1</td><td>31 December 2029</td></tr></table>`
	d, err := page.Read(context.Background(), "https://alder.example/security", "text/html", []byte(body), page.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(d.Limbs.ContactPoint, d.Limbs.AckTime, d.Limbs.StatusUpdates, d.Limbs.SupportPeriod, d.Limbs.PasswordClaim)
	for _, r := range d.Readings {
		if r.Limb != "" && r.Term != page.TermSupportWording {
			fmt.Printf("%s = %v: %q\n", r.Term, r.Value, d.Text[r.From:r.To])
		}
	}
	fmt.Println(page.SupportFor(d, page.Product{Models: []string{"AL-2"}}).Why)
	// Output:
	// present present present present absent
	// reporting.contact = security@alder.example: "security@alder.example"
	// reporting.acknowledgement_time = 5 working days: "We acknowledge your report within 5 working days and update you every 2 weeks until it is resolved."
	// reporting.status_interval = every 2 weeks: "We acknowledge your report within 5 working days and update you every 2 weeks until it is resolved."
	// support.period_end = 2029-12-31: "AL-1 | 31 December 2029"
	// support periods are stated, but none for this product
}
