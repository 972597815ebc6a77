package store

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Each tells of the sessions of an account that have not expired, by a name that is
// of no use to whoever would take them over.
func (s *Sessions) Each(ctx context.Context, a register.AccountID, f func(name string, data []byte)) error {
	return s.db.look(ctx, func(t *tx) error {
		return t.q.ask(ctx, ask{what: "sessions", query: `select hash, data from session where account = $1 and expires > $2 order by expires desc limit 100`, args: []any{a, stamp(s.now())}, each: func(r row) error {
			var hash, data []byte
			if err := r.Scan(&hash, &data); err != nil {
				return err
			}
			f(hex.EncodeToString(hash), data)
			return nil
		}})
	})
}

// End ends one session of an account, by the name that Each gave it.
func (s *Sessions) End(ctx context.Context, a register.AccountID, name string) error {
	hash, err := hex.DecodeString(name)
	if err != nil {
		return fmt.Errorf("session: %w", assay.ErrNotFound)
	}
	_, err = s.db.writer.ExecContext(ctx, `delete from session where account = $1 and hash = $2`, a, hash)
	return kind("session", err)
}

// SessionName is the name by which Each and End know the session of a token.
func SessionName(token string) string { return hex.EncodeToString(hashToken(token)) }
