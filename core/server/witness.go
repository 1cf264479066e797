package server

import (
	"context"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// packageSuffix is what packages of mmpack have.
	packageSuffix = ".mpk"
	// lookFrom is the least size of a package that is looked into while it comes. Others
	// are read again before anybody would notice, and shall not take the place of those.
	lookFrom = 1 << 20
	// directFrom is the least that has to come of a package for a direct way to the disk.
	// What a killed process loses by that is little beside it.
	directFrom = 16 << 20
)

// witness sees every byte of a file on its way to the disk: it has the sums, and looks
// into a package.
type witness struct {
	sums
	look *upload.Look
}

// Write implements [io.Writer] for bytes that are on the disk already. It never fails.
func (w *witness) Write(p []byte) (int, error) {
	return len(p), w.look.Beside(p, func() error {
		_, _ = w.sums.Write(p)
		return nil
	})
}

// store writes to the disk what it sees.
func (w *witness) store(to io.Writer, p []byte) error {
	return w.look.Beside(p, func() error {
		_, _ = w.sums.Write(p)
		_, err := to.Write(p)
		return err
	})
}

// disk is the way to the disk for the rest of a file of which held bytes are there. What is
// looked into now need not be in memory later.
func (w *witness) disk(to vfs.File, f *file, held int64) (disk io.Writer, wait func() error) {
	if w.look != nil && f.Size-held >= directFrom {
		return upload.WriteDirect(to, held)
	}
	return upload.FlushEarly(to)
}

// arrived is what was seen of a file, and its identity when the last byte was on the disk.
type arrived struct {
	upload.Seen
	info vfs.Info
}

// is reports whether the file is still the one that was seen: nobody has written to it,
// and none has come in its place.
func (a *arrived) is(now vfs.Info) bool {
	return now.Dev == a.info.Dev && now.Ino == a.info.Ino && now.Size == a.Size && now.ModTime.Equal(a.info.ModTime)
}

// witness begins to see a file; who asks for one ends its look.
func (in *intake) witness(ctx context.Context, f *file) *witness {
	w := &witness{sums: sumsFor(f.Declared)}
	if strings.HasSuffix(f.Name, packageSuffix) && f.Size >= in.s.lookFrom && in.mayLook() {
		w.look = in.looks.Start(ctx, f.Size)
	}
	return w
}

// mayLook takes one of the few places of uploads whose packages are looked into while they
// come: what was seen in them is kept until the verdict, however long the rest takes. Who
// has none has its packages read for the verdict.
func (in *intake) mayLook() bool {
	if in.looks != nil {
		return true
	}
	select {
	case in.s.looking <- struct{}{}:
		in.looks = upload.NewLooks(upload.Options{})
		return true
	default:
		return false
	}
}

// doneLooking gives the place back.
func (in *intake) doneLooking() {
	if in.looks != nil {
		<-in.s.looking
		in.looks, in.seen = nil, nil
	}
}
