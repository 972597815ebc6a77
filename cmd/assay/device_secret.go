package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/device"
)

// secret gets a password of the unit: from a file, the environment, or a person.
// It is never taken from the command line, which others on the machine can read.
func (c *deviceCommand) secret(env *environment, wanted bool, file, variable, prompt string) (*device.Secret, error) {
	switch value, set := os.LookupEnv(variable); {
	case file != "":
		p, err := readSecretFile(file)
		return &device.Secret{Users: c.User, Password: p}, err
	case wanted && set:
		return &device.Secret{Users: c.User, Password: value}, nil
	case wanted:
		p, err := env.hidden(prompt)
		return &device.Secret{Users: c.User, Password: p}, err
	}
	return nil, nil
}

// hidden asks a person for something that is not shown while it is typed.
func (env *environment) hidden(prompt string) (string, error) {
	fmt.Fprint(env.errOut, prompt)
	if env.inTerm {
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(env.errOut)
		return string(b), err
	}
	l, err := env.in.ReadString('\n')
	if err != nil && (l == "" || !errors.Is(err, io.EOF)) {
		return "", &assay.Problem{Kind: assay.ErrInvalid, What: "no password was given", Do: "type it, or give it in a file or the environment"}
	}
	return strings.TrimRight(l, "\r\n"), nil
}

// asked reads one line of a person's answer.
func (env *environment) asked(prompt string) (string, error) {
	fmt.Fprint(env.errOut, prompt)
	l, err := env.in.ReadString('\n')
	if err != nil && l == "" {
		return "", &assay.Problem{Kind: assay.ErrInvalid, What: "the questions were not answered to the end", Do: "run again"}
	}
	return strings.TrimSpace(l), nil
}

// weakPassword is what a person is asked to try to set. It is a default itself.
const weakPassword = "12345678"

// confirmChanges leads a person through changing the password at a web log-in, and
// looks what became of it. The person does each step; here only log-ins are made.
func confirmChanges(ctx context.Context, env *environment, s *device.Session, r *device.Record) error {
	fmt.Fprintf(env.errOut, "Changing the password of %s. You do each step on the device; log-ins are made here to see what became of it.\n", r.Address)
	text, err := env.asked("Port of the web log-in: ")
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("%q is no port", text), Do: "give a number such as 80"}
	}
	user, err := env.asked("User name: ")
	if err != nil {
		return err
	}
	old, err := env.hidden("Password now: ")
	if err != nil {
		return err
	}
	if _, err := env.asked("Now change the password on the device to a good new one, then press Enter. "); err != nil {
		return err
	}
	fresh, err := env.hidden("The new password: ")
	if err != nil {
		return err
	}
	if fresh == old {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "the new password is the old one", Do: "change it to another and run again"}
	}
	c, err := device.Verify(ctx, s, r, port, user, &old, &fresh, nil)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrNotFound, What: err.Error(), Do: "give the port of a web log-in that was found"}
	}
	answer, err := env.asked("Was that simple, and as the instructions describe it? (yes/no) ")
	if err != nil {
		return err
	}
	c.Simple = answered(answer)
	if answer, err = env.asked(fmt.Sprintf("Now try to change it to %s. Did the device take it? (yes/no) ", weakPassword)); err != nil {
		return err
	}
	c.Taken = answered(answer)
	weak := weakPassword
	switch c, err := device.Verify(ctx, s, r, port, user, nil, &fresh, &weak); {
	case err != nil:
		return err
	case c.TookWeak():
		fmt.Fprintln(env.errOut, "The device accepts it: change it back to a good one.")
	case c.Taken == device.Yes:
		fmt.Fprintln(env.errOut, "You say that the device took it, yet it does not let in: look again.")
	}
	return nil
}

// answered reads a yes or no; anything else is neither.
func answered(text string) device.Answer {
	switch strings.ToLower(text) {
	case "y", "yes":
		return device.Yes
	case "n", "no":
		return device.No
	}
	return device.Unknown
}
