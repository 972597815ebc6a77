package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// listen listens at an address, or takes the socket that systemd opened
// (sd_listen_fds(3)), so that a restart refuses nobody.
func listen(address string) (net.Listener, error) {
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err == nil && pid == os.Getpid() && os.Getenv("LISTEN_FDS") == "1" {
		const first = 3 // SD_LISTEN_FDS_START
		f := os.NewFile(first, "socket of systemd")
		defer f.Close()
		return net.FileListener(f)
	}
	return net.Listen("tcp", address)
}

// notify tells systemd how it goes (sd_notify(3)); elsewhere it does nothing.
func notify(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if strings.HasPrefix(name, "@") {
		name = "\x00" + name[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		slog.Warn("systemd cannot be told how it goes", "error", err)
		return
	}
	defer c.Close()
	if _, err := io.WriteString(c, state); err != nil {
		slog.Warn("systemd cannot be told how it goes", "error", err)
	}
}

// reachedAt is where a browser on this machine finds what listens at an address.
func reachedAt(asked string, got net.Addr) string {
	host, _, err := net.SplitHostPort(asked)
	_, port, err2 := net.SplitHostPort(got.String())
	if err != nil || err2 != nil {
		return got.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost" // passkeys want a name
	}
	return net.JoinHostPort(host, port)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "localhost"
	}
	return u.Hostname()
}

// lastWords is the cause of an error of the network, without the address again.
func lastWords(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// newServerLog writes log lines.
func newServerLog(w io.Writer, form string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if form == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// quiet is a log for parts that say more than an operator wants to read.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(atLeast{log.Handler(), slog.LevelWarn}) }

// atLeast drops what matters less.
type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled reports whether lines of a level are written.
func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

// WithAttrs adds facts to all lines.
func (h atLeast) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(a), h.level}
}

// WithGroup puts the facts of all lines below a name.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}
