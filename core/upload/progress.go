package upload

import (
	"math"
	"time"
)

// interval is the least time between two reports within a file.
const interval = 100 * time.Millisecond

// meter counts what is read and tells it now and then.
type meter struct {
	tell func(Progress)
	now  func() time.Time
	p    Progress
	// before is AllDone at the start of the file.
	before int64
	last   time.Time
}

func (m *meter) plan(list []Received) {
	m.p.Files = len(list)
	for _, r := range list {
		m.p.AllTotal = saturate(m.p.AllTotal, r.Size)
	}
}

// skip counts a file that is not read.
func (m *meter) skip(f File) {
	m.p.Number++
	m.before = saturate(m.before, f.Size)
}

func (m *meter) start(f File) {
	m.p.Number++
	m.p.File, m.p.Done, m.p.Total = f.Name, 0, f.Size
	m.report()
}

func (m *meter) add(n int64) {
	m.p.Done += n
	if m.tell != nil && m.now().Sub(m.last) >= interval {
		m.report()
	}
}

func (m *meter) end() {
	m.report()
	m.before = saturate(m.before, m.p.Total)
}

func (m *meter) report() {
	if m.tell == nil {
		return
	}
	m.last = m.now()
	m.p.AllDone = saturate(m.before, min(m.p.Done, m.p.Total))
	m.tell(m.p)
}

// saturate adds two sizes; declared ones may be anything.
func saturate(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + max(b, 0)
}
