// Package blank makes databases of registers without anything in them, for tests. The
// tables are made once in a process, and copied from then on. It is for tests only.
package blank

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/store"
)

var migrated = sync.OnceValues(func() (data []byte, err error) {
	dir, err := os.MkdirTemp("", "blank")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "register.db")
	if err := migrate(context.Background(), file); err != nil {
		return nil, err
	}
	return os.ReadFile(file) // closed by all, the database is this file alone
})

func migrate(ctx context.Context, where string) error {
	db, err := store.Open(ctx, where, store.Options{})
	if err != nil {
		return err
	}
	return db.Close()
}

// SQLite is the file of a database of its own for a test.
func SQLite(t testing.TB) string {
	t.Helper()
	data, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "register.db")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Postgres is the address of a database of its own on a server.
func Postgres(ctx context.Context, s *pgtest.Server) (string, error) { return s.Like(ctx, migrate) }
