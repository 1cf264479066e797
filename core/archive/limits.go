package archive

import (
	"fmt"
	"math"
)

// Limits bounds what one archive may cost. Every field must be at least 1 (and
// Window at least 1024); [DefaultLimits] has the values that mmpush starts from.
type Limits struct {
	// DecodedBase and DecodedRatio bound the decoded bytes of one stream:
	// DecodedBase + DecodedRatio * the compressed size.
	DecodedBase  int64
	DecodedRatio int64
	// Window is the largest window (zstd) or dictionary (xz) in bytes.
	Window uint64
	// Members is the number of tar members, global headers included.
	Members int
	// HeaderBytes is the size of all header blocks of one tar member: its own
	// 512 bytes, and the extended (PAX) or long-name headers before it.
	HeaderBytes int
	// NameBytes is the sum of the lengths of all names and link targets of one
	// tar stream.
	NameBytes int
}

// DefaultLimits returns 256 MiB + 200 times the compressed size, a window of
// 8 MiB (what `zstd -19` and `xz -6` need), 500,000 members, 256 KiB for one
// header and 32 MiB for all names.
func DefaultLimits() Limits {
	return Limits{
		DecodedBase:  256 << 20,
		DecodedRatio: 200,
		Window:       8 << 20,
		Members:      500_000,
		HeaderBytes:  256 << 10,
		NameBytes:    32 << 20,
	}
}

// Decoded returns how many bytes a stream of compressedSize bytes may decode to.
// A negative size counts as 0.
func (l Limits) Decoded(compressedSize int64) int64 {
	const most = math.MaxInt64 - 1
	size := max(compressedSize, 0)
	if l.DecodedRatio > 0 && size > (most-l.DecodedBase)/l.DecodedRatio {
		return most
	}
	return l.DecodedBase + l.DecodedRatio*size
}

// minWindow is the smallest window that the zstd format has.
const minWindow = 1 << 10

// check says which field makes no sense; that is a mistake in the settings or
// the caller, not in an archive.
func (l Limits) check() error {
	switch {
	case l.DecodedBase < 1 || l.DecodedBase == math.MaxInt64:
		return fmt.Errorf("archive limits: DecodedBase is %d", l.DecodedBase)
	case l.DecodedRatio < 1:
		return fmt.Errorf("archive limits: DecodedRatio is %d, expected at least 1", l.DecodedRatio)
	case l.Window < minWindow || l.Window > math.MaxInt32:
		return fmt.Errorf("archive limits: Window is %d, expected %d to %d", l.Window, minWindow, math.MaxInt32)
	case l.Members < 1:
		return fmt.Errorf("archive limits: Members is %d, expected at least 1", l.Members)
	case l.HeaderBytes < 1:
		return fmt.Errorf("archive limits: HeaderBytes is %d, expected at least 1", l.HeaderBytes)
	case l.NameBytes < 1:
		return fmt.Errorf("archive limits: NameBytes is %d, expected at least 1", l.NameBytes)
	}
	return nil
}
