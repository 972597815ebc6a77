package store_test

import (
	"testing"
	"time"

	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// TestSessionsOfAccount tells of an account's live sessions alone, and ends one by its
// name, for its own account alone.
func TestSessionsOfAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := h.db.Sessions(func() time.Time { return h.now }, func(data []byte) register.AccountID { return register.AccountID(data[:1]) })
		for token, data := range map[string]string{"one": "a1", "two": "a2", "three": "b3"} {
			if err := s.CommitCtx(t.Context(), token, []byte(data), h.now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.CommitCtx(t.Context(), "old", []byte("a4"), h.now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		list := func(a register.AccountID) map[string]string {
			got := map[string]string{}
			if err := s.Each(t.Context(), a, func(name string, data []byte) { got[name] = string(data) }); err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := list("a"); len(got) != 2 || got[store.SessionName("one")] != "a1" || got[store.SessionName("two")] != "a2" {
			t.Errorf("sessions of a: %v", got)
		}
		if err := s.End(t.Context(), "b", store.SessionName("one")); err != nil {
			t.Fatal(err)
		}
		if got := len(list("a")); got != 2 {
			t.Errorf("b ended a session of a: %d left, want 2", got)
		}
		if err := s.End(t.Context(), "a", store.SessionName("one")); err != nil {
			t.Fatal(err)
		}
		if _, found, err := s.FindCtx(t.Context(), "one"); found || err != nil {
			t.Errorf("an ended session is found: %v", err)
		}
		if err := s.End(t.Context(), "a", "no name"); err == nil {
			t.Error("nonsense is taken for a name")
		}
	})
}
