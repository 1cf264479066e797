package vfstest

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/mmpush/mmpush/core/vfs"
)

// Moment is the disk ahead of one call.
type Moment struct {
	// Op is the call; the last moment's kind is "end".
	Op vfs.Op
	// Where is the function that makes it, where that is called, and what the call
	// is about, without what is random in its name.
	Where string
	Disk  *vfs.Mem
	// Acked is set at the end of a change that was acknowledged.
	Acked bool
}

// Film runs a change on a disk and keeps the disk ahead of each call that writes, and
// after the last; the change is acknowledged if it returns no error. The syncs that
// skip, if not nil, picks by their [Moment.Where] are left out. random are the
// folders whose entries have random names.
func Film(disk *vfs.Mem, change func(vfs.FS) error, skip func(where string) bool, random ...string) ([]Moment, error) {
	var moments []Moment
	var mu sync.Mutex
	fsys := vfs.Observe(disk, func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		at := where(op, random)
		if op.Writes() {
			moments = append(moments, Moment{Op: op, Where: at, Disk: disk.Clone()})
		}
		if (op.Kind == "sync" || op.Kind == "syncdir") && skip != nil && skip(at) {
			return vfs.ErrSkipped
		}
		return nil
	})
	err := change(fsys)
	return append(moments, Moment{Op: vfs.Op{Kind: "end"}, Disk: disk.Clone(), Acked: err == nil}), err
}

// where names the function of core that makes a call, and where that is called.
func where(op vfs.Op, random []string) string {
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		name := f.Function[strings.LastIndex(f.Function, "/")+1:]
		ours := strings.Contains(f.Function, "/core/") && !strings.HasPrefix(name, "vfs.") && !strings.HasPrefix(name, "vfstest.") &&
			!strings.Contains(name, "_test.")
		if ours || !more {
			outer, _ := frames.Next()
			return fmt.Sprintf("%s in %s:%d %s %s", name, filepath.Base(outer.File), outer.Line, op.Kind, place(op.Name, random))
		}
	}
}

// place is a name without what is random in it.
func place(name string, random []string) string {
	for _, prefix := range random {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = prefix + "ID"
			if strings.Contains(rest, "/") {
				name += "/FILE"
			}
		}
	}
	return name
}

// Fates are the ways in which a power loss can treat n unsynced things (see
// [vfs.Mem.PowerLoss]): all lost, all kept, each one lost alone, kept alone and torn
// alone, and so many at random.
func Fates(n, random int, seed uint64) []func(int) vfs.Fate {
	list := []func(int) vfs.Fate{
		func(int) vfs.Fate { return vfs.Lost },
		func(int) vfs.Fate { return vfs.Kept },
	}
	for i := range n {
		for _, f := range [][2]vfs.Fate{{vfs.Lost, vfs.Kept}, {vfs.Kept, vfs.Lost}, {vfs.Torn, vfs.Kept}} {
			list = append(list, func(j int) vfs.Fate {
				if i == j {
					return f[0]
				}
				return f[1]
			})
		}
	}
	for k := range random {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		picks := make([]vfs.Fate, n)
		for i := range picks {
			picks[i] = []vfs.Fate{vfs.Lost, vfs.Kept, vfs.Kept, vfs.Torn}[r.IntN(4)]
		}
		list = append(list, func(i int) vfs.Fate { return picks[i] })
	}
	return list
}

// Judged remembers which questions were asked: most power losses end in a state of
// the disk that another one ended in, too, and need not be judged again.
type Judged struct {
	seed  maphash.Seed
	asked map[question]bool
}

type question struct {
	disk         uint64
	acked, again bool
}

// NewJudged remembers nothing yet.
func NewJudged() Judged { return Judged{maphash.MakeSeed(), map[question]bool{}} }

// Before reports whether a state of the disk was judged before; it is from now on.
// acked says whether its change was acknowledged, and again whether the judge asks
// for the change once more, which includes the question without.
func (j Judged) Before(disk *vfs.Mem, acked, again bool) bool {
	key := question{disk.Sum(j.seed), acked, true}
	before := j.asked[key]
	if !again {
		key.again = false
		before = before || j.asked[key]
	}
	j.asked[key] = true
	return before
}
