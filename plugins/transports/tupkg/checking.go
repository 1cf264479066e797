package tupkg

import (
	"context"
	"errors"
	"path"
	"syscall"
	"time"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

const (
	// besideBytes is the least size of an upload that is not verified before it is sent: a
	// smaller one is verified before anybody would notice.
	besideBytes = 8 << 20
	// besideAfter is the default of [Options].VerifyAfter.
	besideAfter = 5 * time.Second
)

// errRefused: the files are not what the manifest declares.
var errRefused = errors.New("the upload is refused")

// checking is the verifying of a large upload's files here. The server verifies what it
// gets, so it is begun only where it can tell more, or sooner: when the sending takes its
// time, for files that are not sent, and to tell what is wrong with those that the server
// has rejected. But for the verifying itself, all of it is for one goroutine.
type checking struct {
	check  func() ([]report.Finding, error)
	cancel context.CancelFunc
	// after is how long the sending may take without it; since is its first byte.
	after time.Duration
	since time.Time
	// unsent are the files of which the first byte was not sent.
	unsent map[string]bool
	begun  bool
	// done is closed when found and err are known.
	done  chan struct{}
	found []report.Finding
	err   error
}

// newChecking is not begun yet; who has it must stop it.
func newChecking(ctx context.Context, u upload.Upload, archs []string, after time.Duration) *checking {
	ctx, cancel := context.WithCancel(ctx)
	return &checking{
		check:  func() ([]report.Finding, error) { return check(ctx, u, archs, upload.Options{}) },
		cancel: cancel, after: after, unsent: map[string]bool{}, done: make(chan struct{}),
	}
}

// begin begins, if that has not been done.
func (k *checking) begin() {
	if k.begun {
		return
	}
	k.begun = true
	go func() {
		defer close(k.done)
		k.found, k.err = k.check()
	}()
}

func (k *checking) stop() {
	k.cancel()
	if k.begun {
		<-k.done
	}
}

// verdict waits for the end, and begins if need be.
func (k *checking) verdict() error {
	k.begin()
	<-k.done
	if k.err == nil && report.Refused(k.found) {
		return errRefused
	}
	return k.err
}

// over reports whether the verdict is there.
func (k *checking) over() bool {
	select {
	case <-k.done:
		return true
	default:
		return false
	}
}

// soFar is the verdict if it is there.
func (k *checking) soFar() error {
	if !k.over() {
		return nil
	}
	return k.verdict()
}

// may says, ahead of each part of a file, whether it may be sent.
func (k *checking) may() error {
	if k.since.IsZero() {
		k.since = time.Now()
	}
	if time.Since(k.since) >= k.after {
		k.begin()
	}
	return k.soFar()
}

// mayPublish says, ahead of the manifest, whether that may be sent.
func (k *checking) mayPublish() error {
	if len(k.unsent) > 0 {
		return k.verdict()
	}
	return k.soFar()
}

// guarded are the bytes of a file that are sent as long as nothing is wrong.
type guarded struct {
	wire.File
	k *checking
}

// ReadAt implements [io.ReaderAt].
func (g guarded) ReadAt(p []byte, off int64) (int, error) {
	if err := g.may(off); err != nil {
		return 0, err
	}
	return g.Content.ReadAt(p, off)
}

// Filed implements [wire.Filed].
func (g guarded) Filed(off int64) (syscall.Conn, error) {
	filed, ok := g.Content.(wire.Filed)
	if !ok {
		return nil, nil
	}
	if err := g.may(off); err != nil {
		return nil, err
	}
	return filed.Filed(off)
}

// may says whether the bytes from off on may be sent.
func (g guarded) may(off int64) error {
	if off == 0 {
		delete(g.k.unsent, g.Name)
	}
	return g.k.may()
}

// guardedLast is the manifest: when the server has that, it publishes.
type guardedLast struct {
	wire.File
	k *checking
}

// ReadAt implements [io.ReaderAt].
func (g guardedLast) ReadAt(p []byte, off int64) (int, error) {
	if err := g.k.mayPublish(); err != nil {
		return 0, err
	}
	return g.Content.ReadAt(p, off)
}

// guard lets the source and the packages, and then the manifest, be read only as k allows.
func (k *checking) guard(files []wire.File, manifest *wire.File) {
	for i, f := range files {
		if f.Size > 0 {
			k.unsent[f.Name] = true
		}
		files[i].Content = guarded{f, k}
	}
	manifest.Content = guardedLast{*manifest, k}
}

// plausible reports whether the files are large, and what can be seen of them without
// reading them is as declared.
func (f *files) plausible(list []wire.File) bool {
	var total int64
	for _, file := range list {
		info, err := f.u.FS.Lstat(path.Join(f.u.Dir, file.Name))
		if err != nil || !info.IsRegular() || info.Size != file.Size {
			return false
		}
		total += file.Size
	}
	return total >= besideBytes
}
