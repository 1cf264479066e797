package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// Options are what a server is made of.
type Options struct {
	// Open opens the repository, anew for each publish.
	Open func() (*repo.Repo, error)
	// Set, if not nil, opens the set of repositories that uploads are published in, anew
	// for each publish; Open opens the one of them that the folder Dir belongs to.
	Set func() (*sets.Set, error)
	// Users are the accounts; nil is for ServeSession only: who comes that way may do
	// everything. Refresh, if not nil, is called before each login and
	// each declaration: there the caller looks whether the users file has changed.
	Users   *access.Authenticator
	Refresh func()
	// State is where the server's own folder Dir is; it is made where it is missing,
	// its parent has to be there. Nobody else may write there.
	State vfs.FS
	Dir   string
	// Adopt lets New write default settings for a repository that has none and never
	// was served from Dir; without it, New refuses such a one.
	Adopt bool
	// Incoming takes the packages that no manifest is for; nil: they stay in the areas.
	Incoming *Incoming
	// Complete, if not nil, is called after each upload that was accepted, when nothing
	// of it can be lost any more, and ahead of the verdict. Its error is logged and told
	// to the user as a warning.
	Complete func(ctx context.Context, c Completion) error
	// Free returns the number of free bytes on State's disk; nil: not checked.
	Free   func() (int64, error)
	Limits Limits
	// AllowPlaintextPasswords takes logins that come unencrypted and not from this
	// machine.
	AllowPlaintextPasswords bool
	// Verifiers run after the checks that cannot be switched off.
	Verifiers []verify.Named
	// Required makes the verifiers that the repository's settings ask for (see
	// pipeline.Options).
	Required func(*repo.Repo) ([]verify.Named, error)
	// Transport is the word for the way that uploads come by. Default: "tupkg".
	Transport string
	// Agent and Program name us to clients, and to those who wait for the lock.
	Agent, Program string
	Log            *slog.Logger
	// Meter, if not nil, is told what happens, for figures.
	Meter Meter
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Server serves one repository, or a set. It may be used by many goroutines.
type Server struct {
	Options
	// archs are those that uploads are published for.
	archs []string
	// repository is the id of its settings.
	repository string
	// fileMode and folderMode are those of the repository's settings.
	fileMode, folderMode fs.FileMode
	// self names this process among those that use the folder, alive is its lock;
	// turn is taken by the goroutine that wants the folder's.
	self  string
	alive vfs.File
	turn  chan struct{}
	// lastWord is how long a refused client may take to read why; 0 is tupkg's own.
	lastWord time.Duration
	// pause is how long a login over the limit waits for its refusal.
	pause time.Duration
	// slots has room for the uploads that may be verified at once; the committer
	// publishes them.
	slots     chan struct{}
	committer committer
	opened    opened
	// views are the indexes of the repository, open, and stages those of its uploads, if
	// there is no set.
	views  pipeline.Views
	stages pipeline.Stages
	// settling has room for the publishes that may make what they have staged durable at
	// once.
	settling chan struct{}
	// buffers are what all conversations may read with.
	buffers *tupkg.Buffers
	// hashing has room for the files that declarations have read at once. It is not
	// slots: a declaration shall not wait for publishes that wait for a lock.
	hashing chan struct{}
	// queued counts the uploads that wait for a slot, or for what comes behind it.
	queued atomic.Int64
	// looking has room for the uploads whose packages are looked into while they come,
	// if they have lookFrom bytes.
	looking  chan struct{}
	lookFrom int64
	// stopping is closed when the server drains.
	stopping chan struct{}
	stopOnce sync.Once

	mu sync.Mutex
	// drained: the time for uploads that were under way is over.
	drained  bool
	accounts map[string]*account
	conns    map[*visit]struct{}
	intakes  map[string]*intake
	reserved int64
	// beating, failing and closed are the heartbeat's.
	beating, failing, closed bool

	// telling is held by who writes our figures down; told are the last ones.
	telling sync.Mutex
	told    figures
}

// New makes a server, and its folder; other processes may be at work there. Close ends
// it.
func New(o Options) (*Server, error) {
	o.Limits = o.Limits.WithDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Meter == nil {
		o.Meter = unmetered{}
	}
	if o.Transport == "" {
		o.Transport = "tupkg"
	}
	if o.Refresh == nil {
		o.Refresh = func() {}
	}
	r, err := o.Open()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, archs: []string{r.Arch}, fileMode: r.PrivateFileMode(), folderMode: r.PrivateFolderMode(),
		self: newID(), turn: make(chan struct{}, 1),
		slots: make(chan struct{}, o.Limits.Publishes), hashing: make(chan struct{}, o.Limits.Publishes),
		looking: make(chan struct{}, o.Limits.Publishes), lookFrom: lookFrom, stopping: make(chan struct{}),
		accounts: map[string]*account{}, conns: map[*visit]struct{}{}, intakes: map[string]*intake{},
	}
	s.pause = limitedPause
	s.committer.s, s.buffers, s.settling = s, tupkg.NewBuffers(readBytes), make(chan struct{}, settleMost)
	if err := s.recognise(r); err != nil {
		return nil, err
	}
	if err := s.recogniseSet(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, diskError(o.Dir, err)
	}
	return s, nil
}

// Close takes the process away from those that use the folder. Nothing may be under
// way.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.rest()
	return s.part()
}

// rest lets go of what is kept for the next upload: nothing is under way.
func (s *Server) rest() {
	s.views.Close()
	s.stages.Close()
}

// limitedPause is how long a login waits for its refusal that comes after too many failed
// ones.
const limitedPause = 500 * time.Millisecond

// readBytes is the memory that conversations may take together to read in large pieces:
// some 90 of them at once.
const readBytes = 24 << 20

// settleMost is how many uploads may be made durable at once: what the disk does well
// together, with a few threads of the system for each.
const settleMost = 16

// newID is a random name for a request.
func newID() string { return strings.ToLower(rand.Text()[:12]) }

// slot waits for one of so many places; free gives it back.
func slot(ctx context.Context, slots chan struct{}) (free func(), err error) {
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for other publishes: %w", context.Cause(ctx))
	}
}

func (s *Server) draining() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
