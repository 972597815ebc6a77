package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/report"
)

type passwordsCommand struct {
	Audit    passwordsAuditCommand    `cmd:"" default:"withargs" help:"Audit a batch of default passwords."`
	Generate passwordsGenerateCommand `cmd:"" help:"Make lawful passwords for a production run."`
}

type passwordsAuditCommand struct {
	File      string   `arg:"" help:"CSV with a header row, or JSON lines; plain, gzip or zstd; - for standard input."`
	Column    []string `help:"What a column holds, where its name does not tell: NAME=password, serial, mac, imei, ssid, model, brand, date, other or ignore." placeholder:"NAME=ROLE"`
	Brand     []string `help:"Public words: brand, model, product family." placeholder:"WORD"`
	Firmware  []string `help:"An image, archive or folder whose texts and constants are tried as salts and keys." placeholder:"FILE"`
	Known     []string `help:"A file of constants that the manufacturer names, one a line (text, or hex: and hexadecimal)." placeholder:"FILE"`
	Attack    string   `help:"How the passwords can be guessed: online (each guess through the product) or offline (Wi-Fi keys)." enum:"online,offline," default:""`
	Mechanism string   `help:"A file that declares how the passwords are made, as assay passwords generate writes it." placeholder:"FILE"`
	Show      bool     `help:"Show passwords in the clear."`
	Scratch   string   `help:"Folder for scratch files." placeholder:"DIR"`
	JSON      bool     `name:"json" help:"Machine form."`
}

// Run audits one batch.
func (c *passwordsAuditCommand) Run(ctx context.Context, env *environment) error {
	roles, err := columnRoles(c.Column)
	if err != nil {
		return err
	}
	o := passwords.Options()
	o.Public, o.Attack, o.Show, o.ScratchDir = c.Brand, password.Attack(c.Attack), c.Show, c.Scratch
	for _, file := range c.Known {
		known, err := knownConstants(file)
		if err != nil {
			return err
		}
		o.Constants = append(o.Constants, known...)
	}
	for _, file := range c.Firmware {
		found, err := firmwareConstants(ctx, env, file, password.MaxConstants-len(o.Constants))
		if err != nil {
			return err
		}
		o.Constants = append(o.Constants, found...)
	}
	if c.Mechanism != "" {
		data, err := os.ReadFile(c.Mechanism)
		if err != nil {
			return err
		}
		if o.Declared, err = passwords.ParseMechanism(filepath.Base(c.Mechanism), data); err != nil {
			return err
		}
	}
	p := progress{environment: env}
	o.Progress = func(pass string, rows int64) { p.line(fmt.Sprintf("%s: %d rows", pass, rows)) }
	r, err := c.audit(ctx, env, roles, o)
	p.clear()
	if err != nil {
		return batchProblem(c.File, err)
	}
	switch r.Verdict {
	case password.Pass:
		env.verdict(assay.Pass)
	case password.Fail:
		env.verdict(assay.Fail)
	default:
		env.verdict(assay.Inconclusive)
	}
	if c.JSON {
		return env.json(r)
	}
	return report.Passwords(env.out, r, report.TextOptions{Width: env.width, Colour: env.outTerm})
}

func (c *passwordsAuditCommand) audit(ctx context.Context, env *environment, roles map[string]password.Role, o password.Options) (*password.Report, error) {
	var b *password.Batch
	var err error
	if c.File == "-" {
		b, err = password.Spool("standard input", env.in, c.Scratch, roles)
	} else {
		b, err = password.Open(c.File, roles)
	}
	if err != nil {
		return nil, err
	}
	r, err := password.Audit(ctx, b, o)
	return r, errors.Join(err, b.Close())
}

// batchProblem gives an error of the audit its kind and its file.
func batchProblem(file string, err error) error {
	if errors.Is(err, password.ErrInput) || errors.Is(err, os.ErrNotExist) {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: file, What: "cannot be audited", Err: err}
	}
	return err
}

func columnRoles(columns []string) (map[string]password.Role, error) {
	roles := map[string]password.Role{}
	for _, text := range columns {
		name, word, ok := strings.Cut(text, "=")
		role, err := password.ParseRole(word)
		if !ok || err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--column " + text, What: "wants NAME=ROLE", Err: err, Do: "give a role such as password, serial, mac or ignore"}
		}
		roles[name] = role
	}
	return roles, nil
}

// knownConstants reads constants that somebody names, one a line.
func knownConstants(file string) ([][]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var constants [][]byte
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		b, err := passwords.ParseConstant(lines.Text())
		if err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: file + ":" + strconv.Itoa(n), What: "is no constant", Err: err, Do: "write a text, or hex: and hexadecimal digits"}
		}
		if len(b) > 0 {
			constants = append(constants, b)
		}
	}
	return constants, lines.Err()
}

// firmwareConstants are the candidate salts and keys in an image.
func firmwareConstants(ctx context.Context, env *environment, file string, most int) ([][]byte, error) {
	image, closer, err := firmware.OpenFile(ctx, file, firmware.Limits{})
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: file, What: "cannot be read as firmware", Err: err}
	}
	defer closer.Close()
	constants, complete, err := image.Constants(ctx, max(0, most))
	if err != nil {
		return nil, err
	}
	if !complete || len(image.Unread) > 0 {
		fmt.Fprintf(env.errOut, "assay: %s: not every constant is tried: %d are, and the image holds more or was not read whole\n", file, len(constants))
	}
	return constants, nil
}

type passwordsGenerateCommand struct {
	Units     string `required:"" help:"CSV with a header row that names the units; - for standard input." placeholder:"FILE"`
	ID        string `name:"id" help:"The column that tells units apart." default:"serial"`
	Out       string `help:"Where to write the units with their passwords (default: standard output)." placeholder:"FILE"`
	Mechanism string `help:"Where to write the declaration of the mechanism that the dossier needs." placeholder:"FILE"`
	Key       string `help:"Make passwords by HMAC-SHA-256 from the key in this file (at least 16 bytes, or hex: and hexadecimal) instead of at random." placeholder:"FILE"`
	Custody   string `help:"With --key: who holds the key, where, and that no firmware carries it."`
	Label     string `help:"With --key: keeps passwords of different uses apart."`
	Alphabet  string `help:"Symbols to draw from (default: no look-alikes, no vowels that make words)."`
	Length    int    `help:"Symbols in a password, separators not counted." default:"12"`
	Group     int    `help:"Symbols between separators; 0 for none." default:"4"`
	Separator string `help:"What stands between groups." default:"-"`
}

// Run makes the passwords of a production run.
func (c *passwordsGenerateCommand) Run(ctx context.Context, env *environment) error {
	g := password.Generator{Alphabet: c.Alphabet, Length: c.Length, Group: c.Group, Separator: c.Separator, Label: c.Label}
	if c.Group == 0 {
		g.Group = -1
	}
	if c.Key != "" {
		key, err := readKey(c.Key)
		if err != nil {
			return err
		}
		g.Key = key
		if c.Custody == "" && c.Mechanism != "" {
			return &assay.Problem{Kind: assay.ErrInvalid, What: "the declaration of a keyed mechanism says who holds the key", Do: "give --custody"}
		}
	}
	in := io.Reader(env.in)
	if c.Units != "-" {
		f, err := os.Open(c.Units)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	var made bytes.Buffer
	n, err := passwords.Generate(ctx, &g, in, &made, c.ID)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: c.Units, What: "no passwords were made", Err: err}
	}
	if c.Mechanism != "" {
		declared, err := g.Declaration(c.Custody)
		if err != nil {
			return err
		}
		text, err := passwords.MechanismFile(declared)
		if err != nil {
			return err
		}
		if err := writeNew(c.Mechanism, text); err != nil {
			return err
		}
	}
	if c.Out == "" {
		_, err := made.WriteTo(env.out)
		return err
	}
	if err := writeNew(c.Out, made.Bytes()); err != nil {
		return err
	}
	bits, err := g.Bits()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.out, "Made %d passwords of %.0f bits into %s, readable by you alone.\n", n, bits, c.Out)
	return nil
}

func readKey(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if text := strings.TrimSpace(string(data)); strings.HasPrefix(text, "hex:") {
		return passwords.ParseConstant(text)
	}
	return data, nil
}

// writeNew writes a file that must not exist yet, for its owner's eyes alone.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrConflict, Where: name, What: "cannot be written", Err: err, Do: "choose another name"}
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
