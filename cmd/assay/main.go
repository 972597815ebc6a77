// Command assay tells, from evidence, whether a consumer smart product meets the
// law on its cyber security.
//
// It parses the command line, wires the packages together and turns errors into
// one line for people and an exit status: 0 every requirement passes or does not
// apply, 1 at least one fails, 3 none fails but something is inconclusive, 2 the
// command could not do its work.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/assay-psti/assay"
)

// Exit statuses.
const (
	exitPass         = 0
	exitFail         = 1
	exitError        = 2
	exitInconclusive = 3
)

// commands is the command line.
type commands struct {
	Verbose bool `help:"Say more, and log to standard error." short:"v"`

	Init initCommand `cmd:"" help:"Start a dossier, asking only what scope needs."`
	Test testCommand `cmd:"" help:"Run every check the evidence allows, judge, write the report."`
	Ask  askCommand  `cmd:"" help:"Answer what is still unknown and can change a verdict."`
	Law  lawCommand  `cmd:"" help:"Show the law as data, and compare it between dates."`

	Passwords passwordsCommand `cmd:"" help:"Audit a batch of default passwords, or generate lawful ones."`
	Read      readCommand      `cmd:"" help:"Read public information: pages, statements, security.txt."`
	Watch     watchCommand     `cmd:"" help:"Tell what changed when in what was published, from the kept pages."`
	Firmware  firmwareCommand  `cmd:"" help:"Take a firmware image apart: map, ways in, secrets, updates, components."`
	Device    deviceCommand    `cmd:"" help:"Look at a unit on the bench: services, ways in, default passwords, encryption."`
	Peer      peerCommand      `cmd:"" help:"Play the servers that a device calls, and see whether it checks their certificates."`
	Bench     benchCommand     `cmd:"" help:"Run a guided conformance test after ETSI TS 103 701, and write its report."`
	Capture   captureCommand   `cmd:"" help:"Read captures of network traffic: whom a device speaks to, over what, how protected."`
	Statement statementCommand `cmd:"" help:"Build and sign the statement of compliance."`
	Verify    verifyCommand    `cmd:"" help:"Check a signed statement of compliance: 0 it holds, 1 something does not, 2 it cannot be read."`
	Serve     serveCommand     `cmd:"" help:"Serve the public register of products, with accounts, API and transparency log."`
	Publish   publishCommand   `cmd:"" help:"Publish a product from its dossier in a register: 0 published, 1 refused."`
	Backup    backupCommand    `cmd:"" help:"Write a register, log and keys and all, into one file while it is served."`
	Restore   restoreCommand   `cmd:"" help:"Fill an empty data folder or database from a backup."`
	CheckLog  checkLogCommand  `cmd:"" name:"check-log" help:"Hold a register's database against its transparency log: 0 they agree, 1 they do not."`
	Mirror    mirrorCommand    `cmd:"" help:"Keep a checked copy of a transparency log: 0 it only grew, 1 it was forked or rolled back."`
}

// environment is the world outside: what commands may touch of it.
type environment struct {
	in      *bufio.Reader
	out     io.Writer
	errOut  io.Writer
	inTerm  bool // a person types
	errTerm bool // a person watches standard error
	outTerm bool
	width   int
	verbose bool
	now     func() time.Time
	user    string // who answers, where nobody says
	status  int
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := &environment{
		in: bufio.NewReader(os.Stdin), out: os.Stdout, errOut: os.Stderr, now: time.Now, user: os.Getenv("ASSAY_BY"),
		inTerm: term.IsTerminal(int(os.Stdin.Fd())), outTerm: term.IsTerminal(int(os.Stdout.Fd())), errTerm: term.IsTerminal(int(os.Stderr.Fd())),
	}
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		env.width = min(w, 120)
	}
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("assay"), kong.Exit(func(code int) { exited = code }), kong.Writers(env.out, env.errOut),
		kong.Description("Tells, from evidence, whether a consumer smart product meets the law on its cyber security.\n\n"+
			"Exit status: 0 every requirement passes or does not apply, 1 at least one fails, 3 none fails but something is inconclusive, 2 the command could not do its work."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // a mistake in the command line's own description
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	switch {
	case exited >= 0: // help was asked for
		return exited
	case err != nil:
		return env.fail(err, "run assay --help")
	}
	env.verbose = c.Verbose
	level := slog.LevelError + 1
	if c.Verbose {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(env.errOut, &slog.HandlerOptions{Level: level})))
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(env); err != nil {
		return env.fail(err, "")
	}
	return env.status
}

// fail says in one line what went wrong.
func (env *environment) fail(err error, do string) int {
	line := strings.Join(strings.Fields(err.Error()), " ")
	if errors.Is(err, context.Canceled) {
		line = "stopped; nothing that was written is half-written"
	}
	if do != "" {
		line += "; " + do
	}
	fmt.Fprintln(env.errOut, "assay: "+line)
	return exitError
}

// verdict sets the exit status.
func (env *environment) verdict(v assay.Verdict) {
	env.status = map[assay.Verdict]int{assay.Pass: exitPass, assay.NotApplicable: exitPass, assay.Fail: exitFail, assay.Inconclusive: exitInconclusive}[v]
}

// json writes the machine form.
func (env *environment) json(v any) error {
	e := json.NewEncoder(env.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// date is a date flag; none means today.
type date struct{ assay.Date }

func (d date) orToday(env *environment) assay.Date {
	if d.Zero() {
		return assay.DateOf(env.now())
	}
	return d.Date
}
