package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// listen opens all of the addresses, or none; given are sockets that are open already.
func (c *serveCmd) listen(ctx context.Context, given []net.Listener, config *tls.Config, log *slog.Logger) ([]net.Listener, error) {
	all, err := listenAll(ctx, "--listen", c.Listen)
	if err != nil {
		return nil, err
	}
	all = append(all, given...)
	for i, l := range all {
		log.Info("listening", "address", l.Addr().String(), "tls", config != nil)
		if config != nil {
			all[i] = tls.NewListener(l, config)
		}
	}
	return all, nil
}

// listenAll opens all of the addresses of a flag, or none.
func listenAll(ctx context.Context, flag string, addrs []string) (all []net.Listener, err error) {
	for _, addr := range addrs {
		l, err := listenAt(ctx, addr)
		if err != nil {
			closeAll(all)
			return nil, listenError(flag, addr, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

func listenAt(ctx context.Context, addr string) (net.Listener, error) {
	socket, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	}
	if err := removeStale(ctx, socket); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	// Whoever may come in is for the folder's modes to say; the users still log in.
	if err := os.Chmod(socket, 0o660); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale deletes a socket that a killed server has left; one that somebody listens
// on stays, as does what is no socket.
func removeStale(ctx context.Context, socket string) error {
	info, err := os.Lstat(socket)
	if err != nil {
		return nil
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("a %s is there already, and no socket", vfs.TypeName(info.Mode()))
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err == nil {
		_ = conn.Close()
		return syscall.EADDRINUSE
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(socket)
	}
	return nil
}

func listenError(flag, addr string, err error) error {
	e := &report.Error{Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, File: addr, Err: err}
	var at *net.OpError
	if errors.As(err, &at) {
		e.Err = fmt.Errorf("cannot listen there: %w", at.Err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.Err = errors.New("somebody else listens there")
		e.Hint = "stop the other server, or choose another " + flag
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "ports below 1024 need the capability CAP_NET_BIND_SERVICE; a socket needs a folder that you may write to"
	case !strings.Contains(addr, ":"):
		e.Hint = "give HOST:PORT, :PORT or unix:PATH"
	}
	return e
}
