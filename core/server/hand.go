package server

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// A set of version 2 is judged when its last byte has come, as a rule a moment after the
// first. The files that its manifest names stay in hand until then: where they were
// received, and not durable. The publish takes them from there and makes them so, and
// what goes to the area for that moment only would have cost more than the rest. Their
// manifest is in the area, so that one whose process was killed is found and run. Whatever
// is not published, and so has to last, is put aside, to the area.

// waiting are the files that may be kept in hand, by their SHA-256; nil if this is no such
// set.
func (in *intake) waiting() map[string]bool {
	if in.v.version == 1 || in.manifest == nil || in.d.DryRun {
		return nil
	}
	list := map[string]bool{}
	for _, f := range needed(in.manifest, in.s.archs) {
		if !in.s.takes(f.Name) && !isManifest(f.Name) {
			list[f.SHA256] = true
		}
	}
	return list
}

// mayWait reports whether a file need not be durable before the verdict.
func (in *intake) mayWait(f *file) bool {
	return in.named != nil && f == &in.files[in.d.ManifestFile] || in.named[f.SHA256] && !isManifest(f.Name)
}

// inHand are the files in hand, by their SHA-256.
func (in *intake) inHand() map[string]place {
	found := map[string]place{}
	for i := range in.files {
		if f := &in.files[i]; f.inHand {
			found[f.sha] = place{fs: in.s.State, name: in.partial(f), size: f.Size, received: true}
		}
	}
	return found
}

// putAside brings what is in hand to the area, and makes all of the upload durable that is
// not yet.
func (in *intake) putAside(ctx context.Context) error {
	some := false
	for i := range in.files {
		f := &in.files[i]
		if !f.loose {
			continue
		}
		some = true
		if err := in.putOneAside(ctx, f); err != nil {
			return err
		}
	}
	if !some {
		return nil
	}
	return in.settleNames()
}

func (in *intake) putOneAside(ctx context.Context, f *file) error {
	at := in.partial(f)
	if f.sha != "" && !f.inHand {
		var err error
		if at, err = in.s.inArea(in.acc.name, f.sha); err != nil || at == "" {
			return err
		}
	}
	if err := syncFile(in.s.State, at); err != nil {
		return err
	}
	if f.inHand {
		if _, err := in.store(ctx, f, f.sha); err != nil {
			return err
		}
	}
	f.loose, f.inHand = false, false
	return nil
}

// syncFile makes a file durable that was written and closed.
func syncFile(fsys vfs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// needNotLast notes that a manifest was published, and goes.
func (in *intake) needNotLast(sha string) {
	for i := range in.files {
		if f := &in.files[i]; f.sha == sha {
			f.loose = false
		}
	}
}

// letGo deletes what is in hand of a published file, or brings it to the area if a
// manifest there waits for it. was reports whether there was any.
func (in *intake) letGo(ctx context.Context, sha string, awaited bool) (was bool, err error) {
	for i := range in.files {
		f := &in.files[i]
		if !f.inHand || f.sha != sha {
			continue
		}
		was = true
		var ferr error
		if awaited {
			_, ferr = in.store(ctx, f, sha)
		} else {
			ferr = gone(in.s.State.Remove(in.partial(f)))
		}
		err = errors.Join(err, ferr)
		f.loose, f.inHand = false, false
	}
	return was, err
}

// gather brings to the area what is missing of a manifest and lies here whole, in hand of
// a process that was killed. It reports whether there was any.
func (in *intake) gather(ctx context.Context, missing []wanted) (some bool, err error) {
	d := tupkg.Declaration{}
	for _, f := range missing {
		one := tupkg.Declared{Name: f.Name, Size: f.Size, SHA256: f.SHA256}
		info, err := in.s.State.Lstat(in.s.path("partial", in.acc.name, keyOf(one)))
		if err == nil && info.Size == f.Size {
			d.Files = append(d.Files, one)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	if len(d.Files) == 0 {
		return false, nil
	}
	sub := newIntake(in.v, in.who, d)
	// Nobody asks it to go.
	sub.judging = true
	rival, foreign, err := in.s.tryClaim(ctx, sub)
	if err != nil || rival != nil || foreign != nil {
		return false, err
	}
	defer in.s.release(sub)
	defer sub.doneLooking()
	return true, sub.takeParts(ctx)
}

// takeParts brings the partial files to the area that are whole and right.
func (in *intake) takeParts(ctx context.Context) error {
	for i := range in.files {
		f := &in.files[i]
		held, err := in.part(ctx, f)
		if err == nil && held == f.Size {
			err = in.settleOne(ctx, f, held)
		}
		if err != nil {
			return noRoom(err)
		}
	}
	return in.settleNames()
}

// intact reports whether a manifest in the area is what its name there says: a power loss
// may have taken a part of one that nobody had made durable yet.
func (c candidate) intact(text []byte) bool { return sumOf(string(text)) == c.sha }
