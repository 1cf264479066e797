package upload

import (
	"context"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
)

// Seen is what a file turned out to be while it was written. Whoever has it and knows
// that the file is still that one need not read it again.
type Seen struct {
	// Size is in bytes.
	Size int64
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string
	// Package is what an .mpk says of itself, from a [Look]; nil for everything else.
	Package *SeenPackage
}

// SeenPackage is a package that a [Look] has read to its end and found nothing wrong in.
type SeenPackage struct {
	pkg    *mpk.Package
	limits archive.Limits
}

// Looks are the looks into the packages of one upload while they are written. What they
// may cost together is what [Stage] may cost.
type Looks struct{ budget *budget }

// NewLooks begins them, within the options' limits.
func NewLooks(opt Options) *Looks { return &Looks{newBudget(orDefault(opt.Limits))} }

// Look is the look into one package. It sees each byte at the time that the disk does,
// in a goroutine of its own. A nil Look sees nothing.
type Look struct {
	budget     *budget
	size       int64
	inspection *inspection
	buffers    buffers
}

// Start begins to look into a package that will have size bytes. Whoever starts a look
// must end it, before the next one is started.
func (l *Looks) Start(ctx context.Context, size int64) *Look {
	k := &Look{budget: l.budget, size: size, buffers: buffers{free: make(chan []byte, 1)}}
	k.inspection = startInspection(ctx, mpk.Read, &k.buffers, size, l.budget.next())
	return k
}

// Beside shows the next bytes while work is at work, and returns its error when both
// have done with them.
func (l *Look) Beside(p []byte, work func() error) error {
	if l == nil || len(p) == 0 {
		return work()
	}
	l.inspection.feed(p)
	err := work()
	<-l.buffers.free
	return err
}

// End says that no bytes follow. It returns the package if all of them were shown and
// nothing was wrong with it; else nil: who reads the file again is told what is. A second
// time it does nothing.
func (l *Look) End() *SeenPackage {
	if l == nil || l.inspection == nil {
		return nil
	}
	seen := l.inspection
	l.inspection = nil
	seen.end()
	if seen.err != nil || len(seen.findings) > 0 || seen.pkg == nil {
		return nil
	}
	l.budget.spend(seen.pkg, l.size)
	return &SeenPackage{seen.pkg, l.budget.one}
}

// recall takes over what was seen of a file when it was written, if that is all that
// reading it would tell now.
func (r *reader) recall(seen *Seen, got *Received) bool {
	if seen == nil || seen.Size != got.Origin.Size || got.Arch != "" && !r.budget.covers(seen) {
		return false
	}
	got.ActualSize, got.ActualSHA256 = seen.Size, seen.SHA256
	if got.Arch != "" {
		got.Package = seen.Package.pkg
		r.budget.spend(got.Package, seen.Size)
	}
	r.meter.add(seen.Size)
	return true
}
