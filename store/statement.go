package store

import (
	ring "container/list"
	"context"
	"database/sql"
	"slices"
	"sync"
)

// maxStatements bounds the statements that are kept prepared for one pool. On each
// of its connections each has some kilobytes.
const maxStatements = 200

// statements are those of a pool of SQLite that were used last, prepared: to read the
// text of a short query takes longer than to answer it. PostgreSQL's driver keeps
// its own. A statement that is seen for the first time runs unprepared, and is
// prepared when its transaction is over: a pool of one connection has none to do it
// on before.
type statements struct {
	pool *sql.DB

	mu     sync.Mutex               // guards the fields below
	byText map[string]*ring.Element // of *statement
	latest *ring.List               // the last used in front
	fresh  []string                 // texts to be prepared
}

type statement struct {
	text     string
	prepared *sql.Stmt
}

func newStatements(pool *sql.DB) *statements {
	return &statements{pool: pool, byText: map[string]*ring.Element{}, latest: ring.New()}
}

// in is a statement within a transaction; nil where it is not prepared yet.
func (s *statements) in(ctx context.Context, t *sql.Tx, text string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock() // until the transaction has it, nobody may close it
	if e, there := s.byText[text]; there {
		s.latest.MoveToFront(e)
		return t.StmtContext(ctx, e.Value.(*statement).prepared)
	}
	if len(s.fresh) < maxStatements && !slices.Contains(s.fresh, text) {
		s.fresh = append(s.fresh, text)
	}
	return nil
}

// settle prepares what was new in a transaction that is over. What cannot be prepared
// is tried again when it is used again.
func (s *statements) settle(ctx context.Context) {
	s.mu.Lock()
	fresh := s.fresh
	s.fresh = nil
	s.mu.Unlock()
	for _, text := range fresh {
		if p, err := s.pool.PrepareContext(ctx, text); err == nil {
			s.put(text, p)
		}
	}
}

// put keeps a statement, and lets go of that which was not used for longest. Who runs
// that at the moment can finish.
func (s *statements) put(text string, p *sql.Stmt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.byText[text]; there { // somebody was faster
		_ = p.Close()
		return
	}
	s.byText[text] = s.latest.PushFront(&statement{text, p})
	if s.latest.Len() > maxStatements {
		last := s.latest.Remove(s.latest.Back()).(*statement)
		delete(s.byText, last.text)
		_ = last.prepared.Close()
	}
}
