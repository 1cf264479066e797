package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"sync"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/web"
)

// webFlags say what is served over HTTP.
type webFlags struct {
	HTTP     []string `name:"http" placeholder:"ADDR" help:"Show the repository, or those of a set below their architectures, to readers over HTTP, such as :80 or unix:/run/mmpush-http.sock; may be given several times."`
	HTTPS    []string `name:"https" placeholder:"ADDR" help:"The same over TLS, with the certificate that uploads have."`
	HTTPList bool     `name:"http-list" help:"Show what is in a folder; without it a folder is not found."`
	Status   string   `placeholder:"ADDR" help:"Answer /healthz, and /metrics for Prometheus, at this address. :PORT is on the loopback address; another one has to be named."`
}

// shows reports whether anything is asked for over HTTP.
func (f *webFlags) shows(given sockets) bool {
	return len(f.HTTP)+len(f.HTTPS)+len(given.http)+len(given.https) > 0
}

// show adds what is served over HTTP.
func (f *webFlags) show(ctx context.Context, e *enterprise) error {
	if len(f.HTTPS)+len(e.given.https) > 0 && e.config == nil {
		return wrongUsage("give --tls-cert and --tls-key, or --tls-self-signed", "--https needs a certificate")
	}
	if err := f.showFiles(ctx, e); err != nil {
		return err
	}
	return f.showStatus(ctx, e)
}

// showFiles adds the server of the readers.
func (f *webFlags) showFiles(ctx context.Context, e *enterprise) error {
	if !f.shows(e.given) {
		return nil
	}
	plain, err := listenAll(ctx, "--http", f.HTTP)
	if err != nil {
		return err
	}
	secure, err := listenAll(ctx, "--https", f.HTTPS)
	if err != nil {
		closeAll(plain)
		return err
	}
	all := append(web.Listeners(nil, append(plain, e.given.http...)...), web.Listeners(e.config, append(secure, e.given.https...)...)...)
	for _, l := range all {
		e.log.Info("showing the repository", "address", l.Addr().String(), "tls", l.TLS != nil)
	}
	e.serveWeb(f.files(e), all)
	return nil
}

// files are those of the repository, or of all repositories of the set.
func (f *webFlags) files(e *enterprise) http.Handler {
	show := func(r *repo.Repo) *web.Files { return &web.Files{FS: r.FS, List: f.HTTPList, Log: e.log} }
	if e.all == nil {
		return show(e.repo)
	}
	set := web.Set{}
	for arch, r := range e.all {
		set[arch] = show(r)
	}
	return set
}

// showStatus adds the server of the operator.
func (f *webFlags) showStatus(ctx context.Context, e *enterprise) error {
	all := e.given.status
	if f.Status != "" {
		at, err := listenAll(ctx, "--status", []string{onLoopback(f.Status)})
		if err != nil {
			return err
		}
		all = append(at, all...)
	}
	if len(all) == 0 {
		return nil
	}
	for _, l := range all {
		e.log.Info("telling the status", "address", l.Addr().String())
	}
	if e.metrics == nil {
		e.metrics = web.NewMetrics(web.Current{Retired: func() (int64, error) { return retiredBytes(e.repo) }})
	}
	e.serveWeb(web.Status(e.healthy, e.metrics), web.Listeners(nil, all...))
	return nil
}

// onLoopback is the address with a host: this machine's own, if none is named.
func onLoopback(addr string) string {
	if host, port, err := net.SplitHostPort(addr); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// readable says why readers cannot be served, nil if they can.
func (e *enterprise) readable() error {
	if e.all == nil {
		return readable(e.repo)
	}
	var errs []error
	for _, r := range e.all {
		errs = append(errs, readable(r))
	}
	return errors.Join(errs...)
}

func readable(r *repo.Repo) error {
	if _, err := repo.ReadMetadata(r.FS, r.Path); err != nil {
		return err
	}
	for _, name := range r.Format.Indexes() {
		if _, err := r.FS.Lstat(name); err != nil {
			return repo.DiskError("serve", path.Join(r.Path, name), err)
		}
	}
	return nil
}

// retiredBytes are those of the files that stay for the grace time.
func retiredBytes(r *repo.Repo) (bytes int64, err error) {
	files, err := r.RetiredFiles()
	for _, f := range files {
		bytes += f.Size
	}
	return bytes, err
}

// enterprise is everything that one process serves: servers that start and stop together.
type enterprise struct {
	app  *app
	repo *repo.Repo
	// at is the repository as the user named it.
	at string
	// set opens the set anew that is published in, and all are its repositories; nil for
	// one repository.
	set func() (*sets.Set, error)
	all map[string]*repo.Repo
	log *slog.Logger
	// state and dir are the server's own folder, config its TLS, nil without.
	state  vfs.FS
	dir    string
	config *tls.Config
	given  sockets
	// reload reads again what may have changed, healthy says what is wrong.
	reload  func()
	healthy func() error
	metrics *web.Metrics

	servers   []func(context.Context) error
	listeners []net.Listener
}

// add adds a server, which closes its listeners when it is run.
func (e *enterprise) add(server func(context.Context) error, listeners ...net.Listener) {
	e.servers, e.listeners = append(e.servers, server), append(e.listeners, listeners...)
}

func (e *enterprise) serveWeb(h http.Handler, listeners []web.Listener) {
	e.add(func(ctx context.Context) error { return web.Serve(ctx, h, web.Limits{}, e.log, listeners...) })
	for _, l := range listeners {
		e.listeners = append(e.listeners, l.Listener)
	}
}

// abandon closes the listeners of servers that are never run.
func (e *enterprise) abandon() { closeAll(e.listeners) }

// run runs all servers until ctx ends, or one of them fails.
func (e *enterprise) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	told := e.notify(ctx)
	defer told()
	errs := make([]error, len(e.servers))
	var all sync.WaitGroup
	for i, server := range e.servers {
		all.Go(func() {
			defer stop()
			errs[i] = server(ctx)
		})
	}
	all.Wait()
	stop()
	err := errors.Join(errs...)
	if _, told := errors.AsType[*report.Error](err); err != nil && !told {
		err = &report.Error{Stage: "serve", Code: report.CodeUsage, File: e.at, Err: err}
	}
	return err
}
