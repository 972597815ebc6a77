package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Sessions keeps the sessions of the web pages, in the form that the session library
// scs wants. Tokens are kept as their SHA-256: who reads the database cannot use them.
type Sessions struct {
	db      *DB
	now     func() time.Time
	account func(data []byte) register.AccountID
}

// Sessions are the sessions in this database. Account tells from a session's data
// whose it is, "" for nobody's, so that all sessions of an account can be ended; it
// may be nil.
func (d *DB) Sessions(now func() time.Time, account func(data []byte) register.AccountID) *Sessions {
	if account == nil {
		account = func([]byte) register.AccountID { return "" }
	}
	return &Sessions{d, now, account}
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// FindCtx is the data of a session that has not expired.
func (s *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.db.look(ctx, func(t *tx) error {
		return t.value(ctx, "session", `select data from session where hash = $1 and expires > $2`, []any{hashToken(token), stamp(s.now())}, &data)
	})
	if errors.Is(err, assay.ErrNotFound) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx keeps the data of a session until it expires.
func (s *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expires time.Time) error {
	_, err := s.db.writer.ExecContext(ctx, `insert into session (hash, account, data, expires) values ($1, $2, $3, $4)
		on conflict (hash) do update set account = excluded.account, data = excluded.data, expires = excluded.expires`, hashToken(token), s.account(data), data, stamp(expires))
	return kind("session", err)
}

// DeleteCtx ends a session.
func (s *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := s.db.writer.ExecContext(ctx, `delete from session where hash = $1`, hashToken(token))
	return kind("session", err)
}

// Find is FindCtx without a context.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *Sessions) Commit(token string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expires)
}

// Delete is DeleteCtx without a context.
func (s *Sessions) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }
