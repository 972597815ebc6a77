package password

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCount(t *testing.T) {
	file := filepath.Join(t.TempDir(), "batch.csv")
	if err := os.WriteFile(file, []byte("serial,password\n1,kettle-a\n2,kettle-b\n3,kettle-a\n4,KETTLE-A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for value, want := range map[string]int64{"kettle-a": 2, "kettle-b": 1, "kettle-c": 0} {
		rows, same, err := b.Count(t.Context(), value)
		if err != nil || rows != 4 || same != want {
			t.Errorf("%s: got %d of %d rows, %v, want %d of 4", value, same, rows, err, want)
		}
	}
}
