package store

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Statements are prepared once, survive a change of the tables, and are bounded in
// number, the last used staying.
func TestStatements(t *testing.T) {
	ctx := t.Context()
	d, err := Open(ctx, filepath.Join(t.TempDir(), "register.db"), Options{Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	read := func(query string) (n int) {
		t.Helper()
		if err := d.look(ctx, func(t *tx) error { return t.value(ctx, "number", query, nil, &n) }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	kept := func(query string) any {
		if e := d.reading.byText[query]; e != nil {
			return e.Value.(*statement).prepared
		}
		return nil
	}
	const count = `select count(*) from org`
	read(count)
	first := kept(count)
	if first == nil {
		t.Fatal("it is not kept")
	}
	if _, err := d.writer.ExecContext(ctx, `alter table org add column more text not null default ''`); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxStatements {
		if got := read(fmt.Sprintf(`select count(*) + %d from org`, i)); got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
		read(count)
	}
	if kept(count) != first {
		t.Error("what is used all the time was prepared anew")
	}
	if n := len(d.reading.byText); n != maxStatements || d.reading.latest.Len() != n {
		t.Errorf("kept: got %d and %d, want %d", n, d.reading.latest.Len(), maxStatements)
	}
	if kept(`select count(*) + 0 from org`) != nil {
		t.Error("what was not used for longest is kept")
	}
	if err := d.look(ctx, func(t *tx) error { return t.value(ctx, "nonsense", `select nothing from nowhere`, nil) }); err == nil {
		t.Error("nonsense: no error")
	}
	if n := len(d.reading.byText); n != maxStatements {
		t.Errorf("kept after an error: %d", n)
	}
}
