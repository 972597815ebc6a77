package blank_test

import (
	"os"
	"testing"

	"github.com/assay-psti/assay/internal/blank"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// Each has a file of its own, with all tables and nothing that waits beside it.
func TestSQLite(t *testing.T) {
	first, second := blank.SQLite(t), blank.SQLite(t)
	for i, file := range []string{first, second} {
		if _, err := os.Stat(file + "-wal"); err == nil {
			t.Error("the write-ahead log holds a part of it")
		}
		db, err := store.Open(t.Context(), file, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(w register.Writer) error {
			if _, err := w.Setting(t.Context(), "mark"); err == nil {
				t.Errorf("database %d is not blank", i)
			}
			return w.PutSetting(t.Context(), "mark", "x")
		}); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
