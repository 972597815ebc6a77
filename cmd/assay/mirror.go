package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/tlog"
)

type mirrorCommand struct {
	URL       string `arg:"" name:"url" help:"The log's address."`
	Dir       string `arg:"" help:"The folder of the copy; the log's key is pinned in it."`
	VKey      string `name:"vkey" help:"The log's public key, or a file that holds it. Without it the key that the log offers is taken on trust, the first time." placeholder:"KEY"`
	Witnesses string `help:"A policy (C2SP tlog-policy) of whose cosignatures are wanted." placeholder:"FILE"`
	Audit     bool   `help:"Read the whole copy again, and compute its tree from its leaves alone."`
	JSON      bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// mirrorOutcome is the machine form.
type mirrorOutcome struct {
	Key string `json:"key"`
	*tlog.Mirrored
	Audited bool       `json:"audited"`
	Fork    *forkShown `json:"fork,omitempty"`
}

// forkShown is evidence against a log's keeper: two signed notes.
type forkShown struct {
	Rollback bool   `json:"rollback"`
	Kept     string `json:"kept"`
	Shown    string `json:"shown"`
}

func showFork(f *tlog.Fork) *forkShown {
	return &forkShown{f.Rollback, string(f.Kept.Raw), string(f.Shown.Raw)}
}

// Run brings a checked copy of a log up to date.
func (c *mirrorCommand) Run(ctx context.Context, env *environment) error {
	o, err := logOptions(c.VKey, c.Witnesses)
	if err != nil {
		return err
	}
	m, err := tlog.Mirror(ctx, c.URL, c.Dir, o, env.bundles("copied"))
	env.clearLine()
	var fork *tlog.Fork
	if errors.As(err, &fork) && m != nil {
		env.status = exitFail
		if c.JSON {
			return env.json(mirrorOutcome{Key: m.Key.String(), Mirrored: m, Fork: showFork(fork)})
		}
		fmt.Fprintf(env.out, "The log did not only grow: %v.\nThe copy in %s stays as it was. Both checkpoints, each signed by the log's key, are kept below its evidence folder:\n\n%s\n%s", fork, c.Dir, fork.Kept.Raw, fork.Shown.Raw)
		return nil
	}
	if err != nil {
		return err
	}
	if c.Audit {
		if _, err := tlog.AuditFolder(ctx, c.Dir, m.Key, o.Witnesses, nil); err != nil {
			return err
		}
	}
	if c.JSON {
		return env.json(mirrorOutcome{Key: m.Key.String(), Mirrored: m, Audited: c.Audit})
	}
	if m.FirstUse {
		fmt.Fprintf(env.out, "The key was taken from the log itself, on trust, and is pinned from now on: %s\nCompare it with what the log's keeper says elsewhere.\n", m.Key)
	}
	fmt.Fprintf(env.out, "%s: %d leaves", m.Now.Origin, m.Now.Size)
	if m.Before != nil {
		fmt.Fprintf(env.out, ", %d of them new; it only grew since the copy of before", m.Now.Size-m.Before.Size)
	}
	fmt.Fprintln(env.out, ". Every leaf fits the checkpoint that the log's key signed.")
	if c.Audit {
		fmt.Fprintln(env.out, "The whole copy was read again, and its tree computed from its leaves: it is the same.")
	}
	return nil
}

// logOptions reads what a log is held to.
func logOptions(vkey, witnesses string) (tlog.ClientOptions, error) {
	var o tlog.ClientOptions
	if vkey != "" {
		text := []byte(vkey)
		if !strings.Contains(vkey, "+") {
			var err error
			if text, err = readSmall(vkey); err != nil {
				return o, err
			}
		}
		key, err := tlog.ParseKey(string(text))
		if err != nil {
			return o, err
		}
		o.Key = &key
	}
	if witnesses != "" {
		text, err := readSmall(witnesses)
		if err != nil {
			return o, err
		}
		if o.Witnesses, err = tlog.ParsePolicy(text); err != nil {
			return o, err
		}
	}
	return o, nil
}

// readSmall reads a file of at most a megabyte, which the user named.
func readSmall(name string) ([]byte, error) { return readSmallOr(name, 1<<20) }

func readSmallOr(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: name, What: "is not there"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("is longer than %d bytes", most)}
	}
	return data, err
}

// bundles shows how far reading a log is, to a person who watches.
func (env *environment) bundles(word string) func(done, of int64) {
	if !env.errTerm {
		return nil
	}
	return func(done, of int64) {
		if done%64 == 0 || done == of {
			fmt.Fprintf(env.errOut, "\r\x1b[K%d%% %s", done*100/max(of, 1), word)
		}
	}
}

func (env *environment) clearLine() {
	if env.errTerm {
		fmt.Fprint(env.errOut, "\r\x1b[K")
	}
}
