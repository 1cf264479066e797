package repo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Holder is who holds a repository's lock, as it told itself.
type Holder struct {
	Program string    `json:"program"`
	PID     int       `json:"pid"`
	Host    string    `json:"host,omitempty"`
	Since   time.Time `json:"since"`
}

// Lock is the right to change a repository. mmpack-modifyrepo takes the same one.
type Lock struct {
	repo *Repo
	file vfs.File
}

// Patience is how to wait for the lock.
type Patience struct {
	// Wait is the longest time.
	Wait time.Duration
	// Program is told to whoever has to wait for us.
	Program string
	// Waiting, if not nil, is called once, after [noticeable], with who holds the
	// lock.
	Waiting func(holder string)
}

// noticeable is after how long people wonder what a program is doing.
const noticeable = time.Second

// Lock takes the lock. The error after all patience is busy and names the holder.
func (r *Repo) Lock(ctx context.Context, p Patience) (*Lock, error) {
	f, err := r.FS.OpenLock(LockFile, r.lockMode())
	if err != nil {
		return nil, DiskError("lock", path.Join(r.Path, LockFile), err)
	}
	err = f.TryLock()
	if errors.Is(err, vfs.ErrLocked) {
		return r.wait(ctx, f, p)
	}
	return r.locked(f, p, err)
}

// locked is the end of every way to the lock.
func (r *Repo) locked(f vfs.File, p Patience, err error) (*Lock, error) {
	if err != nil {
		f.Close()
		if _, told := errors.AsType[*report.Error](err); told {
			return nil, err
		}
		return nil, DiskError("lock", path.Join(r.Path, LockFile), err)
	}
	l := &Lock{repo: r, file: f}
	l.tell(p.Program)
	return l, nil
}

// wait waits for the lock: in the system's queue, where there is one.
func (r *Repo) wait(ctx context.Context, f vfs.File, p Patience) (*Lock, error) {
	if queue, ok := f.(vfs.BlockingLocker); ok && p.Wait > 0 {
		return r.queue(ctx, f, queue, p)
	}
	return r.locked(f, p, r.poll(ctx, f, p))
}

// queue waits in the system's queue. flock has no time limit: who gives up leaves a
// goroutine behind, which gives the lock back as soon as it has it.
func (r *Repo) queue(ctx context.Context, f vfs.File, q vfs.BlockingLocker, p Patience) (*Lock, error) {
	done := make(chan error)
	gone := make(chan struct{})
	go func() {
		err := q.Lock()
		select {
		case done <- err:
		case <-gone:
			f.Close()
		}
	}()
	limit, notice := time.NewTimer(p.Wait), time.NewTimer(noticeable)
	defer limit.Stop()
	defer notice.Stop()
	for {
		select {
		case err := <-done:
			return r.locked(f, p, err)
		case <-notice.C:
			if p.Waiting != nil {
				p.Waiting(r.holder())
			}
		case <-limit.C:
			close(gone)
			return nil, r.busy(p.Wait)
		case <-ctx.Done():
			close(gone)
			return nil, r.stopped(ctx.Err())
		}
	}
}

// poll waits where there is no queue; the lock was tried just now.
func (r *Repo) poll(ctx context.Context, f vfs.File, p Patience) error {
	began, told := r.Now(), false
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return r.stopped(err)
		}
		waited := r.Now().Sub(began)
		if waited >= p.Wait {
			return r.busy(p.Wait)
		}
		if waited >= noticeable && !told && p.Waiting != nil {
			p.Waiting(r.holder())
			told = true
		}
		r.Sleep(pause)
		if err := f.TryLock(); !errors.Is(err, vfs.ErrLocked) {
			return err
		}
	}
}

func (r *Repo) stopped(err error) error {
	return &report.Error{Stage: "lock", Code: report.CodeStopped, Kind: report.KindBusy, File: r.Path, Err: err}
}

func (r *Repo) busy(wait time.Duration) error {
	return &report.Error{
		Stage: "lock", Code: report.CodeLocked, Kind: report.KindBusy, File: r.Path,
		Err:  fmt.Errorf("is locked by %s; waited %s", r.holder(), wait),
		Hint: "try again later; mmpush waits longer with --lock-wait",
	}
}

// holder names who holds the lock as well as it can be known: a program that does
// not tell (mmpack-modifyrepo) leaves an older entry, or none.
func (r *Repo) holder() string {
	var h Holder
	text, err := vfs.ReadFile(r.FS, HolderFile, metadataLimit)
	if err != nil || json.Unmarshal(text, &h) != nil {
		return "another program"
	}
	host, err := os.Hostname()
	if err == nil && host == h.Host && !alive(h.PID) {
		return "another program"
	}
	return fmt.Sprintf("%s (process %d on %s, since %s)", h.Program, h.PID, h.Host, h.Since.Format(time.RFC3339))
}

// tell leaves the holder's name for those who wait. That nobody can read it is no
// reason not to publish.
func (l *Lock) tell(program string) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	text, err := json.Marshal(Holder{program, os.Getpid(), host, l.repo.Now().UTC()})
	if err != nil {
		return
	}
	_ = l.repo.FS.Remove(HolderFile)
	f, err := l.repo.FS.Create(HolderFile, l.repo.PrivateFileMode())
	if err != nil {
		return
	}
	_, _ = f.Write(text)
	_ = f.Close()
}

// Unlock gives the lock back.
func (l *Lock) Unlock() error {
	_ = l.repo.FS.Remove(HolderFile)
	return l.file.Close()
}
