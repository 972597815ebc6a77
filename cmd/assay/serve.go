package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/mail"
)

// database says which database; the same flags wherever one is opened.
type database struct {
	Data  string `help:"The folder of the data: the SQLite database, and the transparency log with its key." default:"assay-data" env:"ASSAY_DATA" placeholder:"DIR"`
	DB    string `name:"db" help:"A PostgreSQL database in place of SQLite in the data folder: postgres://user@host/name." env:"ASSAY_DB" placeholder:"URL"`
	Tests string `help:"The folder of laboratories' tests, which all processes on one database share (default: tests in the data folder)." env:"ASSAY_TESTS" placeholder:"DIR"`
}

// where is the database as package store names it.
func (d *database) where() string {
	if d.DB != "" {
		return d.DB
	}
	return filepath.Join(d.Data, "register.db")
}

// logDir is the folder of the transparency log.
func (d *database) logDir() string { return filepath.Join(d.Data, "log") }

// testsDir is the folder of laboratories' tests.
func (d *database) testsDir() string {
	if d.Tests != "" {
		return d.Tests
	}
	return filepath.Join(d.Data, "tests")
}

func (d *database) check() error {
	if d.DB != "" && !strings.HasPrefix(d.DB, "postgres://") && !strings.HasPrefix(d.DB, "postgresql://") {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--db", What: "is no address of a PostgreSQL database", Do: "write postgres://user@host/name, or leave it out for SQLite in the data folder"}
	}
	return nil
}

type serveCommand struct {
	database
	Listen    string `help:"Where to listen." default:"localhost:8080" env:"ASSAY_LISTEN" placeholder:"HOST:PORT"`
	PublicURL string `name:"public-url" help:"The address by which people reach it (default: http:// and where it listens)." env:"ASSAY_PUBLIC_URL" placeholder:"URL"`
	LogAt     string `name:"log-at" help:"Leave the transparency log to another process on the same database, which serves it at this address." env:"ASSAY_LOG_AT" placeholder:"URL"`
	Metrics   string `help:"Serve figures for Prometheus at this address, below /metrics." env:"ASSAY_METRICS" placeholder:"HOST:PORT"`

	Title    string `help:"What this register is called." env:"ASSAY_TITLE"`
	Operator string `help:"Who runs it, for its page about itself." env:"ASSAY_OPERATOR"`
	Contact  string `help:"How to reach who runs it." env:"ASSAY_CONTACT"`

	SMTP             string `name:"smtp" help:"The mail server: smtp://user@host:587 or smtps://user@host:465. Without it letters are put into the folder mail of the data." env:"ASSAY_SMTP" placeholder:"URL"`
	SMTPPasswordFile string `name:"smtp-password-file" help:"The file that holds its password." env:"ASSAY_SMTP_PASSWORD_FILE" placeholder:"FILE"`
	MailFrom         string `name:"mail-from" help:"The sender of letters (default: register@ the public address)." env:"ASSAY_MAIL_FROM" placeholder:"ADDRESS"`

	SignIn string `name:"sign-in" help:"A file that lists companies' own sign-in (OpenID Connect), each for one organisation." env:"ASSAY_SIGN_IN" placeholder:"FILE"`

	CheckPages        *time.Duration `name:"check-pages" help:"How often the pages that entries name are looked at; 0: never (default: 168h, which is a week; never on localhost and for invented products)." env:"ASSAY_CHECK_PAGES" placeholder:"TIME"`
	PagesAuthorisedBy string         `name:"pages-authorised-by" help:"Who allowed pages at addresses that are not public to be looked at: for trying it out on one's own machines." env:"ASSAY_PAGES_AUTHORISED_BY" placeholder:"NAME"`

	Proxy       []netip.Prefix `help:"Networks of proxies that are believed when they say who asks (X-Forwarded-For)." env:"ASSAY_PROXY" placeholder:"CIDR"`
	Rate        float64        `help:"Requests a second that one client may make in the long run; ten times as many at once. 0: no bound." default:"20" env:"ASSAY_RATE"`
	Connections int            `help:"Connections at the same time, and a tenth of them from one client." default:"4000" env:"ASSAY_CONNECTIONS"`
	StopAfter   time.Duration  `name:"stop-after" help:"How long requests that were begun may take when it is asked to stop." default:"20s" env:"ASSAY_STOP_AFTER"`
	LogFormat   string         `name:"log-format" help:"The form of log lines on standard error." enum:"text,json" default:"text" env:"ASSAY_LOG_FORMAT"`

	Demo int `help:"Fill an empty register with so many made-up products, in a new folder that is removed afterwards unless --data names one." placeholder:"N"`
}

// defaultData is the data folder where nobody names one.
const defaultData = "assay-data"

// Run serves the register until it is asked to stop.
func (c *serveCommand) Run(ctx context.Context, env *environment) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if env.verbose {
		level = slog.LevelDebug
	}
	log := newServerLog(env.errOut, c.LogFormat, level)
	slog.SetDefault(log)
	if c.Demo > 0 && c.DB == "" && c.Data == defaultData {
		if c.Data, err = os.MkdirTemp("", "assay-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Data)) }()
	}
	if c.Demo > 0 && c.Title == "" {
		c.Title = "Register of invented products" // nobody must take it for one that counts
	}
	listener, err := listen(c.Listen)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrRefused, Where: c.Listen, What: "cannot be listened at: " + lastWords(err), Do: "name another with --listen"}
	}
	defer listener.Close()
	if c.PublicURL == "" {
		c.PublicURL = "http://" + reachedAt(c.Listen, listener.Addr())
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	h, err := c.open(ctx, env, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if c.Demo > 0 {
		if err := c.fill(ctx, env, h); err != nil {
			return err
		}
	}
	letters, err := c.letters()
	if err != nil {
		return err
	}
	figures := newFigures(h)
	door, err := newDoor(h, figures, c)
	if err != nil {
		return err
	}
	return c.serve(ctx, env, h, door, figures, letters, listener)
}

// serve runs all parts. The first to end stops the others: first whoever asks is
// answered, then what was begun for them is finished, then the folders are let go.
func (c *serveCommand) serve(ctx context.Context, env *environment, h *house, d *door, f *figures, letters *mail.Sender, listener net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	behind, stopBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBehind()
	var parts errgroup.Group
	part := func(name string, run func() error) {
		parts.Go(func() error {
			err := run()
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			stop(err)
			return err
		})
	}
	if h.log != nil {
		part("moving leaves to the log", func() error { return h.register.Run(behind) })
	}
	w := &worker{h: h, letters: letters, figures: f}
	part("background work", func() error { return h.db.Work(behind, 4, w.do) })
	var figuresServer *http.Server
	if c.Metrics != "" {
		l, err := net.Listen("tcp", c.Metrics)
		if err != nil {
			stopBehind()
			return errors.Join(&assay.Problem{Kind: assay.ErrRefused, Where: c.Metrics, What: "cannot be listened at: " + lastWords(err), Do: "name another with --metrics"}, parts.Wait())
		}
		figuresServer = &http.Server{Handler: f.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
		part("figures", func() error { return closedIsNoError(figuresServer.Serve(l)) })
	}
	server := d.server(h.slog)
	part("pages", func() error {
		return closedIsNoError(server.Serve(limitConnections(listener, c.Connections, len(c.Proxy) == 0)))
	})
	d.ready.Store(true)
	if err := c.greet(ctx, env, h); err != nil {
		stop(err)
	}
	notify("READY=1\nSTATUS=" + c.PublicURL)

	<-ctx.Done()
	notify("STOPPING=1")
	d.ready.Store(false)
	h.slog.Info("stopping")
	soft, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.StopAfter)
	defer cancel()
	if err := server.Shutdown(soft); err != nil {
		h.slog.Warn("requests were cut off", "error", err)
		_ = server.Close()
	}
	if figuresServer != nil {
		_ = figuresServer.Close()
	}
	stopBehind()
	if err := parts.Wait(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	h.slog.Info("stopped")
	return nil
}

func closedIsNoError(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// greet says where it is, and, where nobody can sign in, how to make the first account.
func (c *serveCommand) greet(ctx context.Context, env *environment, h *house) error {
	secret, err := h.register.SetupLink(ctx)
	if err != nil {
		return err
	}
	if secret != "" {
		fmt.Fprintf(env.out, "Nobody can sign in yet. This link makes the first account, once, within a day; keep it to yourself:\n%s%s%s\n", c.PublicURL, setupPath, secret)
	}
	fmt.Fprintf(env.out, "The register is at %s\n", c.PublicURL)
	return nil
}

// setupPath is where the pages take up the link of the first start.
const setupPath = "/set-up/"

// fill makes up products, where there are none.
func (c *serveCommand) fill(ctx context.Context, env *environment, h *house) error {
	const most = 5_000_000
	if c.Demo > most {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--demo", What: fmt.Sprintf("is more than %d", most)}
	}
	if h.log == nil {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "--demo and --log-at do not go together"}
	}
	total, err := h.register.Total(ctx)
	if err != nil || total > 0 {
		return err
	}
	began := env.now()
	if err := sample.Fill(ctx, h.db, h.log, c.Demo); err != nil {
		return fmt.Errorf("made-up products: %w", err)
	}
	if _, err := h.register.Integrate(ctx); err != nil {
		return err
	}
	h.slog.Info("filled with made-up products", "products", c.Demo, "took", env.now().Sub(began).Round(time.Millisecond))
	return nil
}

// letters is how mail is sent.
func (c *serveCommand) letters() (*mail.Sender, error) {
	s := mail.Server{Address: c.SMTP, From: c.MailFrom}
	if s.Address == "" {
		s.Address = filepath.Join(c.Data, "mail")
	}
	if s.From == "" {
		s.From = "register@" + hostOf(c.PublicURL)
	}
	if c.SMTPPasswordFile != "" {
		text, err := readSmall(c.SMTPPasswordFile)
		if err != nil {
			return nil, err
		}
		s.Password = strings.TrimRight(string(text), "\r\n")
	}
	return mail.New(s)
}
