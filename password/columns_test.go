package password

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestOtherColumns audits lawful batches with columns of every kind, among them a running number and a date.
func TestOtherColumns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := rand.New(rand.NewPCG(12, 12))
	var b strings.Builder
	b.WriteString("no;unit id;imei;made;SSID 2.4;SSID 5;vendor;hw version;username;admin_password;pw hash\n")
	for i := range 250 {
		mac := fmt.Sprintf("%06X", 0xA00000+3*i)
		fmt.Fprintf(&b, "%d;%08x;35693803%07d;2026-03-%02d;Kettle-%s;Kettle-%s-5G;Kettleworks;%d.1;admin;%s;%x\n",
			i+1, r.Uint32(), 5640000+i, 1+i/50, mac, mac, 1+i%3, drawn(r, safe32, 12), r.Uint64())
	}
	rep := auditText(t, b.String(), Options{Published: []string{"admin"}, Declared: &Declared{Mechanism: MechanismRandom, Construction: "CSPRNG"}})
	if rep.Verdict != Pass {
		t.Errorf("got %s, want PASS: %s", rep.Verdict, why(rep))
	}
	for _, c := range rep.Columns {
		if c.Name == "pw hash" && c.Role != RoleIgnore {
			t.Logf("column %q has role %s", c.Name, c.Role)
		}
	}
}
