package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/watch"
)

const (
	// packetBytes is the most that every server takes at once, inFlight how many
	// packets are on their way.
	packetBytes = 32 << 10
	inFlight    = 64
	// overlap is how much of a part is sent again: packets in flight may have been
	// written in another order than they were sent, so there may be holes in it.
	overlap = packetBytes * inFlight

	// quiet is how long nothing may happen to a part before it is nobody's; busyQuiet
	// is the same if something was seen to happen.
	quiet     = 500 * time.Millisecond
	busyQuiet = 5 * time.Second

	// openMode is that of the files: the watcher is another user, and they are to be
	// published.
	openMode fs.FileMode = 0o644
)

// sendAll brings all files under their temporary names.
func (d *drop) sendAll(ctx context.Context) error {
	list := d.files()
	from := make([]int64, len(list))
	d.told = sending{tell: d.t.Options.Sending, s: transport.Sending{Files: len(list), Done: d.told.s.Done, Total: d.told.s.Done}}
	for i, f := range list {
		var err error
		if from[i], err = d.part(f); err != nil {
			return err
		}
		d.told.s.Total += f.Size - from[i]
		d.told.s.Skipped += from[i]
	}
	for i, f := range list {
		d.told.s.File, d.told.s.Number = f.Name, i+1
		if err := d.send(ctx, f, from[i]); err != nil {
			return err
		}
	}
	return nil
}

// abandoned waits until nobody else writes to one of the parts: another push of the
// same files, whose bytes it then need not send.
func (d *drop) abandoned(ctx context.Context, list []file) error {
	patience := quiet
	for before, since := d.sizes(list), time.Now(); len(before) > 0 && time.Since(since) < patience; {
		if err := sleep(ctx, lookEvery); err != nil {
			return err
		}
		if now := d.sizes(list); !maps.Equal(before, now) {
			before, since, patience = now, time.Now(), busyQuiet
		}
	}
	return nil
}

// sizes are those of the parts that are there.
func (d *drop) sizes(list []file) map[string]int64 {
	sizes := map[string]int64{}
	for _, f := range list {
		if info, err := d.c.Lstat(d.at(watch.PartFile(f.SHA256))); err == nil {
			sizes[f.SHA256] = info.Size()
		}
	}
	return sizes
}

// part is how much of a file is there from an earlier push, and will do.
func (d *drop) part(f file) (int64, error) {
	name := d.at(watch.PartFile(f.SHA256))
	info, err := d.c.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular() || info.Size() > f.Size:
		return 0, d.c.Remove(name)
	}
	return max(0, info.Size()-overlap), nil
}

// send brings the rest of one file, and makes it durable where the server can.
func (d *drop) send(ctx context.Context, f file, from int64) error {
	name := d.at(watch.PartFile(f.SHA256))
	to, err := d.c.OpenFile(name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	defer to.Close()
	src, done, err := d.source(f)
	if err != nil {
		return err
	}
	defer done()
	if _, err := to.Seek(from, io.SeekStart); err != nil {
		return err
	}
	local := &counted{ctx: ctx, r: io.NewSectionReader(src, from, f.Size-from), d: d}
	if _, err := to.ReadFromWithConcurrency(local, inFlight); err != nil {
		return errors.Join(local.err, err)
	}
	if _, can := d.c.HasExtension("fsync@openssh.com"); can {
		if err := to.Sync(); err != nil {
			return err
		}
	}
	// A server that lets nobody set modes has a folder that is set up for that.
	_ = to.Chmod(openMode)
	info, err := to.Stat()
	if err == nil && info.Size() != f.Size {
		err = fmt.Errorf("%s has %d bytes there, and should have %d", f.Name, info.Size(), f.Size)
	}
	return err
}

// source opens a file of the upload.
func (d *drop) source(f file) (r io.ReaderAt, done func(), err error) {
	if f.text != nil {
		return bytes.NewReader(f.text), func() {}, nil
	}
	local, err := d.u.FS.Open(path.Join(d.u.Dir, f.Name))
	if err != nil {
		return nil, nil, localError(f.Name, err)
	}
	return local, func() { _ = local.Close() }, nil
}

func localError(name string, err error) error {
	return &report.Error{
		Stage: stage, Code: report.CodeDisk, File: name, Err: err,
		Hint: "was the file changed while it was sent? run the same command again",
	}
}

// counted tells how much was read, and ends with its context.
type counted struct {
	ctx context.Context
	r   *io.SectionReader
	d   *drop
	// err is why there is no more; the sftp client does not tell.
	err  error
	read int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.err == nil && c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.read += int64(n)
	c.d.told.add(int64(n))
	if errors.Is(err, io.EOF) && c.read < c.r.Size() {
		err = localError(c.d.told.s.File, errors.New("it has become shorter"))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// sending tells how far it is.
type sending struct {
	tell func(transport.Sending)
	s    transport.Sending
}

func (s *sending) add(n int64) {
	s.s.Done += n
	if s.tell != nil {
		s.tell(s.s)
	}
}
