package upload

import (
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
)

// uploadBases is how many times one archive's DecodedBase all packages of an upload
// may use up together: what decodes to much more than its size is rare.
const uploadBases = 4

// budget is what the packages of one upload may still cost. Limits that hold for one
// archive would be no limit for an upload of two thousand.
type budget struct {
	one archive.Limits
	// members, names and base are what is left of Members, NameBytes and
	// DecodedBase for the whole upload.
	members, names int
	base           int64
}

func newBudget(l archive.Limits) *budget {
	return &budget{one: l, members: l.Members, names: l.NameBytes, base: uploadBases * l.DecodedBase}
}

// next returns the limits for the next package.
func (b *budget) next() archive.Limits {
	l := b.one
	l.Members = max(1, b.members)
	l.NameBytes = max(1, b.names)
	l.DecodedBase = max(1, min(l.DecodedBase, b.base))
	return l
}

// spend takes off what a package of that compressed size has cost.
func (b *budget) spend(p *mpk.Package, size int64) {
	if p == nil {
		return
	}
	b.members -= len(p.Files)
	b.names -= nameBytes(p)
	b.base -= max(0, p.DecodedSize-b.one.DecodedRatio*size)
}

// covers reports whether reading a package now, with what is left, would come to what was
// seen of it.
func (b *budget) covers(seen *Seen) bool {
	if seen.Package == nil || seen.Package.limits != b.one {
		return false
	}
	p, l := seen.Package.pkg, b.next()
	return len(p.Files) <= l.Members && nameBytes(p) <= l.NameBytes && p.DecodedSize <= l.Decoded(seen.Size)
}

// nameBytes is what the names in a package take.
func nameBytes(p *mpk.Package) (n int) {
	for _, f := range p.Files {
		n += len(f.Name) + len(f.Link)
	}
	return n
}
