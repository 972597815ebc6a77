package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
)

// rowList is rows of texts and whole numbers, as JSON carries them to the database.
type rowList [][]any

func (l *rowList) add(values ...any) { *l = append(*l, values) }

// many runs a statement over rows, which it has as x between its two parts. It must
// change as many rows as there are.
func (t *tx) many(ctx context.Context, what string, rows rowList, columns []string, before, after string, args ...any) error {
	n, err := t.some(ctx, what, rows, columns, before, after, args...)
	if err == nil && n != int64(len(rows)) {
		err = fmt.Errorf("%s: %w: %d rows of %d", what, assay.ErrNotFound, n, len(rows))
	}
	return err
}

// some is many, which may change fewer.
func (t *tx) some(ctx context.Context, what string, rows rowList, columns []string, before, after string, args ...any) (int64, error) {
	if len(rows) == 0 {
		return 0, nil
	}
	text, err := jsonText(rows)
	if err != nil {
		return 0, err
	}
	n, err := t.q.exec(ctx, before+t.db.rows("$1", columns...)+after, append([]any{text}, args...)...)
	return n, kind(what, err)
}

// rows is how the engines make rows with named columns of a JSON list of lists. A
// column is a text, or what stands behind its name: "int" for a whole number, "hex" for
// bytes.
func (d *DB) rows(placeholder string, columns ...string) string {
	var b strings.Builder
	for i, c := range columns {
		name, form, _ := strings.Cut(c, " ")
		value := fmt.Sprintf("r ->> %d", i)
		switch {
		case form == "hex" && d.engine == sqliteEngine:
			value = "unhex(" + value + ")"
		case form == "hex":
			value = "decode(" + value + ", 'hex')"
		case form == "int" && d.engine == postgresEngine:
			value = "(" + value + ")::bigint"
		}
		b.WriteString(", " + value + " as " + name)
	}
	from := " from (select value as r from json_each(" + placeholder + ")) t)"
	if d.engine == postgresEngine {
		from = " from jsonb_array_elements(" + placeholder + "::jsonb) as t (r))"
	}
	return "(select " + b.String()[2:] + from
}
