package upload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// publishedMode is the mode of every published file, whatever the upload's was.
const publishedMode = 0o644

// file reads one file of the upload and fills in what it is.
func (r *reader) file(ctx context.Context, got *Received) error {
	src, problem, err := r.open(got)
	if err != nil {
		return err
	}
	if problem != nil {
		got.Findings = []report.Finding{*problem}
		r.meter.skip(got.File)
		return nil
	}
	defer src.Close()
	if got.Origin.Size > got.Size {
		got.ActualSize = got.Origin.Size
		r.meter.skip(got.File)
		return nil
	}
	r.meter.start(got.File)
	if r.to == nil {
		err = r.read(ctx, src, nil, got)
	} else if seen, given := r.given(got); given {
		err = r.adopt(ctx, got, seen)
	} else {
		err = r.copy(ctx, src, got)
	}
	if err != nil {
		return err
	}
	r.meter.end()
	return nil
}

// given reports whether the staged file is there already: whoever has the original has
// given it as it is, perhaps with what was seen of it.
func (r *reader) given(got *Received) (*Seen, bool) {
	g, ok := r.u.FS.(Giver)
	if !ok {
		return nil, false
	}
	return g.Give(path.Join(r.u.Dir, got.Name), r.to, path.Join(r.folder, got.Name))
}

// adopt makes a staged file that was given one that can be published, and reads it if
// that is still to do.
func (r *reader) adopt(ctx context.Context, got *Received, seen *Seen) error {
	f, err := r.to.Open(path.Join(r.folder, got.Name))
	if err != nil {
		return r.stageError(got.Name, err)
	}
	if err = f.Chmod(publishedMode); err != nil {
		err = r.stageError(got.Name, err)
	} else if !r.recall(seen, got) {
		err = r.read(ctx, f, nil, got)
	}
	return r.settle(f, got, err)
}

// copy makes the staged file and reads it, or reads the original on the way into
// it.
func (r *reader) copy(ctx context.Context, src vfs.File, got *Received) error {
	dst, err := r.to.Create(path.Join(r.folder, got.Name), publishedMode)
	if err != nil {
		return r.stageError(got.Name, err)
	}
	if clone(dst, src) {
		err = r.readClone(ctx, got)
	} else {
		w := &flusher{to: dst, every: r.flushEvery}
		err = r.read(ctx, src, w, got)
		if werr := w.wait(); err == nil && werr != nil {
			err = r.stageError(got.Name, werr)
		}
	}
	return r.settle(dst, got, err)
}

// clone shares the blocks of src with the new file, where the file system can.
func clone(dst, src vfs.File) bool {
	c, ok := dst.(vfs.Cloner)
	return ok && c.CloneFrom(src) == nil
}

// readClone reads the staged file: the original may have changed since it was
// cloned.
func (r *reader) readClone(ctx context.Context, got *Received) error {
	f, err := r.to.Open(path.Join(r.folder, got.Name))
	if err != nil {
		return r.stageError(got.Name, err)
	}
	defer f.Close()
	return r.read(ctx, f, nil, got)
}

// settle makes sure that the staged file is what was hashed, and begins to make it
// durable. It closes the file; err is what has become of it so far.
func (r *reader) settle(dst vfs.File, got *Received, err error) error {
	if err == nil {
		err = r.intact(dst, got)
	}
	if err != nil {
		dst.Close()
		return err
	}
	name := got.Name
	r.settling.start(dst, got.ActualSize, func(err error) error { return r.stageError(name, err) })
	return nil
}

// intact compares the size of the staged file with what was read.
func (r *reader) intact(dst vfs.File, got *Received) error {
	info, err := dst.Stat()
	if err == nil && got.ActualSHA256 != "" && info.Size != got.ActualSize {
		err = fmt.Errorf("the copy has %d bytes, but %d were read", info.Size, got.ActualSize)
	}
	if err != nil {
		return r.stageError(got.Name, err)
	}
	return nil
}

// atOnce is the size, in bytes, up to which a file is read whole: waking other goroutines
// for so little takes longer than doing their work.
const atOnce = 64 << 10

// read is the one pass over a file, which copies into to if that is given.
func (r *reader) read(ctx context.Context, from vfs.File, to io.Writer, got *Received) error {
	look, sum, err := r.pass(ctx, from, to, got)
	if err != nil || got.ActualSize > got.Size {
		// What was seen of a part of a package says nothing.
		return err
	}
	got.ActualSHA256 = sum
	if look == nil {
		return nil
	}
	return r.keep(ctx, look, got)
}

// pass reads a file; it looks into a package, and into nothing else.
func (r *reader) pass(ctx context.Context, from vfs.File, to io.Writer, got *Received) (*inspection, string, error) {
	if readLimit(got.Size) <= min(atOnce, int64(r.buffers.size)) {
		return r.whole(ctx, from, to, got)
	}
	return r.stream(ctx, from, to, got)
}

// whole reads a small file into one buffer.
func (r *reader) whole(ctx context.Context, from vfs.File, to io.Writer, got *Received) (look *inspection, sum string, err error) {
	data := r.buffers.take()
	defer func() { r.buffers.give(data) }()
	data = data[:0]
	err = r.pump(ctx, from, to, got, func() []byte { return data[len(data):cap(data)] }, func(chunk []byte) {
		data = data[:len(data)+len(chunk)]
	})
	if err != nil || got.ActualSize > got.Size {
		return nil, "", err
	}
	digest := sha256.Sum256(data)
	if got.Arch != "" {
		look = &inspection{}
		look.run(ctx, r.parse, bytes.NewReader(data), got.Origin.Size, r.budget.next())
	}
	return look, hex.EncodeToString(digest[:]), nil
}

// stream shares a file between three goroutines, so that no core waits: this one
// reads it, and copies; then the chunks go through the digest to the look into the package.
func (r *reader) stream(ctx context.Context, from vfs.File, to io.Writer, got *Received) (look *inspection, sum string, err error) {
	next := r.buffers.give
	if got.Arch != "" {
		look = startInspection(ctx, r.parse, &r.buffers, got.Origin.Size, r.budget.next())
		next = look.feed
	}
	digest := startDigest(next)
	err = r.pump(ctx, from, to, got, r.buffers.take, digest.feed)
	sum = digest.end()
	if look != nil {
		look.end()
	}
	return look, sum, err
}

// keep takes over what was seen in the package.
func (r *reader) keep(ctx context.Context, look *inspection, got *Received) error {
	if err := ctx.Err(); err != nil {
		return stopped("stage", r.u.displayPath(got.Name), err)
	}
	if look.err != nil {
		return &report.Error{Stage: "stage", Code: report.CodeInternal, File: r.u.displayPath(got.Name),
			Err: fmt.Errorf("look into the package: %w", look.err)}
	}
	got.Package, got.Findings = look.pkg, look.findings
	r.budget.spend(look.pkg, got.Origin.Size)
	for i := range got.Findings {
		if got.Findings[i].File == "" {
			got.Findings[i].File = got.Name
		}
	}
	return nil
}

// pump reads one file up to the limit, into what buffer returns, and hands on each chunk
// once it is written.
func (r *reader) pump(ctx context.Context, from vfs.File, to io.Writer, got *Received, buffer func() []byte, next func(chunk []byte)) error {
	limit := readLimit(got.Size)
	for got.ActualSize < limit {
		if err := ctx.Err(); err != nil {
			return stopped("stage", r.u.displayPath(got.Name), err)
		}
		b := buffer()
		n, end := from.Read(b[:min(int64(len(b)), limit-got.ActualSize)])
		chunk := b[:n]
		got.ActualSize += int64(n)
		if to != nil && n > 0 {
			if _, err := to.Write(chunk); err != nil {
				return r.stageError(got.Name, err)
			}
		}
		next(chunk)
		r.meter.add(int64(n))
		if end == io.EOF {
			return nil
		}
		if end != nil {
			return r.sourceError(got.Name, end)
		}
	}
	return nil
}
