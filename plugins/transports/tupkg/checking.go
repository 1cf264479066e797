package tupkg

import (
	"context"
	"errors"
	"path"
	"sync/atomic"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

const (
	// besideBytes is the least size of an upload whose files are verified while they are
	// sent: a smaller one is verified before anybody would notice.
	besideBytes = 8 << 20
	// aheadBytes is how far the sending may be ahead of that, so that the server does not
	// wait long for the last file, and what was read once is read from memory.
	aheadBytes = 128 << 20
)

// errRefused: the files are not what the manifest declares.
var errRefused = errors.New("the upload is refused")

// checking is the verifying of an upload's files while they are sent.
type checking struct {
	cancel context.CancelFunc
	// checked are the bytes that were read; moved says that there are more.
	checked atomic.Int64
	moved   chan struct{}
	// done is closed when found and err are known.
	done  chan struct{}
	found []report.Finding
	err   error
}

// startChecking begins; who starts it must stop it.
func startChecking(ctx context.Context, u upload.Upload, archs []string) *checking {
	ctx, cancel := context.WithCancel(ctx)
	k := &checking{cancel: cancel, moved: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		k.found, k.err = check(ctx, u, archs, upload.Options{Progress: k.tell})
	}()
	return k
}

func (k *checking) stop() {
	k.cancel()
	<-k.done
}

func (k *checking) tell(p upload.Progress) {
	k.checked.Store(p.AllDone)
	select {
	case k.moved <- struct{}{}:
	default:
	}
}

// upTo waits until the byte at that place of the upload may be sent; an error is that
// none may be.
func (k *checking) upTo(at int64) error {
	for {
		select {
		case <-k.done:
			return k.verdict()
		default:
		}
		if at <= k.checked.Load()+aheadBytes {
			return nil
		}
		select {
		case <-k.moved:
		case <-k.done:
		}
	}
}

// verdict waits for the end.
func (k *checking) verdict() error {
	<-k.done
	if k.err == nil && report.Refused(k.found) {
		return errRefused
	}
	return k.err
}

// guarded are the bytes of a file, from the place start of the upload on, as far as they
// may be sent. last: none may be before the verdict, since the server publishes then.
type guarded struct {
	wire.File
	k     *checking
	start int64
	last  bool
}

// ReadAt implements [io.ReaderAt].
func (g guarded) ReadAt(p []byte, off int64) (int, error) {
	err := g.k.upTo(g.start + off)
	if g.last && err == nil {
		err = g.k.verdict()
	}
	if err != nil {
		return 0, err
	}
	return g.Content.ReadAt(p, off)
}

// guard lets the files of a set, of which the last one is the manifest, be read only as k
// allows it.
func guard(files []wire.File, k *checking) {
	var start int64
	for i, f := range files {
		files[i].Content = guarded{f, k, start, i == len(files)-1}
		start += f.Size
	}
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
