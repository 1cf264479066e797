package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits bound what readers can make a server keep or wait for. A zero field takes the
// default that it documents.
type Limits struct {
	// Connections is how many there may be at once: 1,024. AddressConnections is how many
	// one address may have: 256. One more is closed without a word.
	Connections, AddressConnections int
	// Header is the time for a request's head, and for TLS before it: 10 seconds; Idle
	// the time without a request: 1 minute.
	Header, Idle time.Duration
	// HeaderBytes is the greatest length of a request's head: 16 KiB.
	HeaderBytes int
	// Rate is the least average rate at which an answer is read, in bytes per second:
	// 1,024; RateGrace is the head start of slow readers: 30 seconds.
	Rate      int64
	RateGrace time.Duration
	// Drain is how long answers may go on when the server stops: 10 seconds.
	Drain time.Duration
}

// WithDefaults fills the zero fields in.
func (l Limits) WithDefaults() Limits {
	setDefault(&l.Connections, 1024)
	setDefault(&l.AddressConnections, 256)
	setDefault(&l.Header, 10*time.Second)
	setDefault(&l.Idle, time.Minute)
	setDefault(&l.HeaderBytes, 16<<10)
	setDefault(&l.Rate, 1024)
	setDefault(&l.RateGrace, 30*time.Second)
	setDefault(&l.Drain, 10*time.Second)
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Listener is where requests come from.
type Listener struct {
	net.Listener
	// TLS, if not nil, is spoken there.
	TLS *tls.Config
}

// Listeners are those of one configuration, nil for none.
func Listeners(config *tls.Config, all ...net.Listener) []Listener {
	var list []Listener
	for _, l := range all {
		list = append(list, Listener{l, config})
	}
	return list
}

// Serve answers requests from the listeners until ctx ends; then what is under way may go
// on for Limits.Drain. It closes the listeners, and returns when no connection and no
// goroutine is left; the error is of a listener that failed.
func Serve(ctx context.Context, h http.Handler, l Limits, log *slog.Logger, listeners ...Listener) error {
	l = l.WithDefaults()
	server := &http.Server{
		Handler: paced{h, l}, ReadHeaderTimeout: l.Header, IdleTimeout: l.Idle, MaxHeaderBytes: l.HeaderBytes,
		// What a stranger sends in place of a request is no line of our log.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	guests := newGuests(l)
	var all sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, at := range listeners {
		all.Go(func() {
			if err := serveAt(server, guests.at(at.Listener), at.TLS); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Drain)
	defer cancel()
	if server.Shutdown(drain) != nil {
		_ = server.Close()
	}
	all.Wait()
	guests.wait()
	return err
}

// serveAt takes connections from one listener.
func serveAt(server *http.Server, at net.Listener, config *tls.Config) error {
	if config == nil {
		return server.Serve(at)
	}
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return server.Serve(tls.NewListener(at, config))
}

// paced gives each answer a deadline that moves on with what is read of it. Its time begins
// with its first byte: what it takes us to make it, such as the hash of a large file on a
// slow disk, is not the reader's fault.
type paced struct {
	http.Handler
	limits Limits
}

// ServeHTTP implements [http.Handler].
func (p paced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &pacedWriter{ResponseWriter: w, limits: p.limits, control: http.NewResponseController(w)}
	_ = out.control.SetWriteDeadline(time.Time{}) // that of the answer before
	p.Handler.ServeHTTP(out, r)
	// What is in the server's buffer still, and the body that nobody has asked for, get
	// their time from here.
	_ = out.control.SetWriteDeadline(time.Now().Add(p.limits.RateGrace))
	_ = out.control.SetReadDeadline(time.Now().Add(p.limits.Header))
}

// pacedWriter is one answer.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limits  Limits
	// since is the time of the first byte.
	since time.Time
	bytes int64
}

// Unwrap is for [http.ResponseController].
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write implements [http.ResponseWriter].
func (w *pacedWriter) Write(p []byte) (int, error) {
	w.move()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// move sets the deadline after what has been read. Bytes in the system's buffers count
// as read, which is in the reader's favour.
func (w *pacedWriter) move() {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	earned := time.Duration(float64(w.bytes) / float64(w.limits.Rate) * float64(time.Second))
	_ = w.control.SetWriteDeadline(w.since.Add(w.limits.RateGrace + earned))
}
