package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/watch"
)

const (
	// lookEvery is the pause between two looks at the folder.
	lookEvery = 200 * time.Millisecond
	// staleClaim is when who has claimed a name must be dead: putting files into
	// place takes less than a second.
	staleClaim = 30 * time.Second
	// emptyClaim is the same for a claim that does not say yet whose it is: that is
	// written at once.
	emptyClaim = 2 * time.Second
	// leastPatience is how long others are waited for in any case.
	leastPatience = 5 * time.Second
)

// place renames everything, the manifest last. If somebody else has brought the very
// same upload meanwhile, it returns the verdict on that, and nothing is left to do.
func (d *drop) place(ctx context.Context) (*watch.Verdict, error) {
	for until := time.Now().Add(max(d.t.Options.LockWait, leastPatience)); ; {
		release, err := d.claim(ctx, until)
		if err != nil {
			return nil, err
		}
		told, busy, err := d.placeClaimed()
		if rerr := release(); err == nil {
			err = rerr
		}
		if err != nil || !busy {
			return told, err
		}
		if err := d.pause(ctx, until, "an upload of the same name is in the drop folder, and its watcher has not taken it yet"); err != nil {
			return nil, err
		}
	}
}

// placed reports whether the connection was lost behind the last rename: the manifest
// is not where it was before.
func (d *drop) placed() (bool, error) {
	if !d.placing {
		return false, nil
	}
	_, err := d.c.Lstat(d.at(watch.PartFile(d.sum)))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// placeClaimed does it while nobody else does. busy: another upload of that name has to
// leave first.
func (d *drop) placeClaimed() (told *watch.Verdict, busy bool, err error) {
	if told, err = d.news(); told != nil || err != nil {
		return told, false, err
	}
	list := d.files()
	_, err = d.c.Lstat(d.at(d.name))
	if err == nil {
		return d.joinIt(list)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	d.placing = true
	for _, f := range list {
		if err := d.rename(f); err != nil {
			// Another push of this very upload may have been faster.
			told, nerr := d.news()
			if told != nil && nerr == nil {
				err = nil
			}
			return told, false, err
		}
	}
	return nil, false, nil
}

// joinIt deals with a manifest that is there already: of an earlier push of the same
// upload, which lacks files perhaps, or of another one.
func (d *drop) joinIt(list []file) (told *watch.Verdict, busy bool, err error) {
	same, err := d.sameManifest()
	if !same || err != nil {
		return nil, true, err
	}
	for _, f := range list[:len(list)-1] {
		info, err := d.c.Lstat(d.at(f.Name))
		if err == nil && info.Size() == f.Size {
			// The watcher may be at it.
			err = d.discard(f)
		} else if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = d.rename(f)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return nil, false, d.discard(list[len(list)-1])
}

// sameManifest reports whether the manifest that is there is ours.
func (d *drop) sameManifest() (bool, error) {
	f, err := d.c.Open(d.at(d.name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	text := make([]byte, len(d.text)+1)
	n, err := f.ReadAt(text, 0)
	if n != len(d.text) {
		// Longer, or shorter; how reading ended does not matter then.
		return false, nil
	}
	_ = err
	return string(text[:n]) == string(d.text), nil
}

// rename puts a whole file into its place.
func (d *drop) rename(f file) error {
	from, to := d.at(watch.PartFile(f.SHA256)), d.at(f.Name)
	err := d.move(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		if info, lerr := d.c.Lstat(to); lerr == nil && info.Size() == f.Size {
			// Another push of this very upload has done it.
			return nil
		}
	}
	return err
}

func (d *drop) move(from, to string) error {
	if _, can := d.c.HasExtension("posix-rename@openssh.com"); can {
		return d.c.PosixRename(from, to)
	}
	if err := d.c.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.c.Rename(from, to)
}

// discard deletes a part that nobody needs any more.
func (d *drop) discard(f file) error {
	err := d.c.Remove(d.at(watch.PartFile(f.SHA256)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// claim keeps others from putting a manifest of the same name into place. Who has died
// with a claim is overruled.
func (d *drop) claim(ctx context.Context, until time.Time) (release func() error, err error) {
	name := d.at(watch.ClaimFile(d.name))
	release = func() error {
		if err := d.c.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	for seen, since := "", time.Now(); ; {
		f, err := d.c.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err == nil {
			_, err = f.Write([]byte(d.sum))
			return release, errors.Join(err, f.Close())
		}
		whose, there, lerr := d.claimant(name)
		switch {
		case lerr != nil:
			return nil, lerr
		case whose == d.sum:
			// An earlier push of this upload, or one beside us: it puts the same files
			// into the same places.
			return release, nil
		case !there && errors.Is(err, fs.ErrPermission):
			return nil, err
		case !there || whose != seen:
			seen, since = whose, time.Now()
		case time.Since(since) > staleClaim, whose == "" && time.Since(since) > emptyClaim:
			_ = d.c.Remove(name)
		}
		if err := d.pause(ctx, until, "others are about to put an upload of the same name into the drop folder"); err != nil {
			return nil, err
		}
	}
}

// claimant is the SHA-256 of the manifest that a claim is for; there is false if nobody
// has claimed anything.
func (d *drop) claimant(name string) (sum string, there bool, err error) {
	f, err := d.c.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case errors.Is(err, fs.ErrPermission):
		// It is another user's.
		return "unreadable", true, nil
	case err != nil:
		return "", false, err
	}
	defer f.Close()
	const enough = 100
	text, err := io.ReadAll(io.LimitReader(f, enough))
	return string(text), true, err
}

// pause waits a little, or says that it has been long enough.
func (d *drop) pause(ctx context.Context, until time.Time, why string) error {
	if time.Now().After(until) {
		return &report.Error{
			Stage: stage, Code: report.CodeBusy, Kind: report.KindBusy, File: d.t.Name, Err: fmt.Errorf("%s: %s", d.name, why),
			Hint: "does its watcher run? try later: what has arrived is not sent once more",
		}
	}
	return sleep(ctx, lookEvery)
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
