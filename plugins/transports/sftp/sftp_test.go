package sftp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/watch"
	"github.com/mmpush/mmpush/plugins/transports/sftp"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// place is a drop folder behind an sshd, and a repository.
type place struct {
	*sshtest.Server
	drop string
	repo *vfs.Dir

	mu sync.Mutex
	// allows is what the running watcher allows; stop ends it.
	allows plan.Requests
	stop   func()
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{Server: sshtest.Start(t, ""), drop: t.TempDir(), stop: func() {}}
	at := t.TempDir()
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	if _, _, err := repo.Init(t.Context(), folder, at, pipeline.Mmpack{}, repo.InitOptions{Arch: transporttest.Arch}); err != nil {
		t.Fatal(err)
	}
	p.repo = folder
	return p
}

// watch runs a watcher that allows this, in place of the one that runs.
func (p *place) watch(t *testing.T, allows plan.Requests) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	drop, err := vfs.OpenDir(p.drop)
	if err != nil {
		t.Fatal(err)
	}
	o := watch.Options{
		Drop: drop, Path: p.drop, Settle: time.Minute, Log: slog.New(slog.DiscardHandler),
		Open: func() (*repo.Repo, func(), error) {
			r, err := pipeline.Open(p.repo, "repo")
			return r, func() {}, err
		},
		Request: pipeline.Request{Requests: allows, Options: pipeline.Options{Transport: "watch", LockWait: time.Minute}},
	}
	s, err := watch.New(o)
	// A program that is being started holds the lock's descriptor for a moment.
	for tries := 0; report.KindOf(err) == report.KindBusy && tries < 100; tries++ {
		time.Sleep(10 * time.Millisecond)
		s, err = watch.New(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	p.allows = allows
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, s.Close(), drop.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
}

func (p *place) transport(t testing.TB, o transport.Options) *sftp.Transport {
	t.Helper()
	u, err := url.Parse(p.URL("sftp", p.drop))
	if err != nil {
		t.Fatal(err)
	}
	target, err := ssh.ParseTarget(u)
	if err != nil {
		t.Fatal(err)
	}
	return &sftp.Transport{
		Dialer: ssh.Dialer{Command: ssh.Command{Words: p.Words}, Target: target, Told: io.Discard}, Name: u.String(), Wait: time.Minute, Pause: 10 * time.Millisecond, Options: o,
	}
}

// asked is a transport, and a watcher that allows what the pusher would ask for: a drop
// folder cannot be asked.
func (p *place) asked(t *testing.T, o transport.Options) transport.Transport {
	t.Helper()
	if want := (plan.Requests{Rebuild: o.Rebuild, Downgrade: o.Downgrade, TakeOver: o.TakeOver}); want != p.allows {
		p.watch(t, want)
	}
	o.Rebuild, o.Downgrade, o.TakeOver = false, false, false
	return p.transport(t, o)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		p := newPlace(t)
		p.watch(t, plan.Requests{})
		return transporttest.Ground{
			Repo: p.repo, New: p.asked, Chunk: 4 << 20, Alone: true,
			Cut: func(t *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
				p.CutAfter.Store(after + 1)
				before := p.Received.Load()
				return p.asked(t, o), func() int64 { return p.Received.Load() - before }
			},
		}
	})
}
