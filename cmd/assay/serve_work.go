package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/mail"
	"github.com/assay-psti/assay/register"
)

// worker does background work: it sends letters, and leaves the rest to the register.
type worker struct {
	h       *house
	letters *mail.Sender
	figures *figures
}

func (w *worker) do(ctx context.Context, work register.Work) error {
	if work.Kind != register.WorkMail {
		return w.h.register.Do(ctx, work)
	}
	var m register.Mail
	if err := json.Unmarshal(work.Payload, &m); err != nil {
		return fmt.Errorf("letter: %w: %w", assay.ErrInvalid, err)
	}
	err := w.letters.Send(ctx, mail.Letter{To: m.To, Subject: m.Subject, Text: m.Text, StopURL: m.StopURL})
	switch {
	case err == nil:
		w.figures.letters.WithLabelValues("sent").Inc()
	case errors.Is(err, assay.ErrInvalid):
		w.figures.letters.WithLabelValues("refused").Inc()
		w.h.slog.Warn("a letter was refused for good", "error", err) // to whom is nobody's business
	default:
		w.figures.letters.WithLabelValues("failed").Inc()
		w.h.slog.Warn("a letter was not sent, and will be tried again", "error", err)
	}
	return err
}
