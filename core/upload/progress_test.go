package upload

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestProgressOfAnUpload(t *testing.T) {
	t.Parallel()
	m := colon(t)
	var told []Progress
	u := open(t, m, ".", colonYAML)
	_, err := Stage(t.Context(), u, m, stageFolder, arch, Options{Progress: func(p Progress) { told = append(told, p) }})
	check(t, err)
	want := []Progress{
		{File: colonSource, Done: 0, Total: 560, Number: 1, Files: 2, AllDone: 0, AllTotal: 1367},
		{File: colonSource, Done: 560, Total: 560, Number: 1, Files: 2, AllDone: 560, AllTotal: 1367},
		{File: colonMPK, Done: 0, Total: 807, Number: 2, Files: 2, AllDone: 560, AllTotal: 1367},
		{File: colonMPK, Done: 807, Total: 807, Number: 2, Files: 2, AllDone: 1367, AllTotal: 1367},
	}
	if len(told) < len(want) || told[0] != want[0] || told[len(told)-1] != want[3] {
		t.Fatalf("told %+v, want %+v", told, want)
	}
	for _, w := range want {
		found := false
		for _, p := range told {
			found = found || p == w
		}
		if !found {
			t.Errorf("%+v was not told", w)
		}
	}
}

func TestProgressSkipsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	m := colon(t)
	check(t, m.Remove(colonSource))
	var told []Progress
	_, err := Inspect(t.Context(), open(t, m, ".", colonYAML), nil, Options{Progress: func(p Progress) { told = append(told, p) }})
	check(t, err)
	if p := told[0]; p.File != colonMPK || p.Number != 2 || p.AllDone != 560 {
		t.Errorf("first told %+v", p)
	}
	if p := told[len(told)-1]; p.AllDone != p.AllTotal {
		t.Errorf("last told %+v", p)
	}
}

// Ten times a second at most, whatever comes how fast; never backwards.
func TestMeterIsThrottled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1700000000, 0)
		var last time.Time
		var before Progress
		started, size := false, rapid.Int64Range(0, 1<<40).Draw(t, "size")
		m := meter{now: func() time.Time { return now }, tell: func(p Progress) {
			if started && p.Done < p.Total && now.Sub(last) < 100*time.Millisecond {
				t.Errorf("told %v after the last", now.Sub(last))
			}
			if p.Done < before.Done || p.AllDone < before.AllDone || p.AllDone > p.AllTotal {
				t.Errorf("told %+v after %+v", p, before)
			}
			last, before = now, p
		}}
		m.plan([]Received{{File: File{Size: size}}})
		m.start(File{Size: size})
		started = true
		for m.p.Done < size {
			now = now.Add(time.Duration(rapid.IntRange(0, 150).Draw(t, "ms")) * time.Millisecond)
			m.add(min(rapid.Int64Range(1, 1<<36).Draw(t, "n"), size-m.p.Done))
		}
		m.end()
		if before.Done != size || before.AllDone != size {
			t.Errorf("last told %+v", before)
		}
	})
}

func TestMeterWithoutListener(t *testing.T) {
	t.Parallel()
	m := meter{now: func() time.Time { t.Error("asked for the time"); return time.Time{} }}
	m.start(File{Size: 1})
	m.add(1)
	m.end()
}

func TestSizesThatAddUpToTooMuch(t *testing.T) {
	t.Parallel()
	var m meter
	m.plan([]Received{{File: File{Size: math.MaxInt64}}, {File: File{Size: math.MaxInt64}}, {File: File{Size: -5}}})
	if m.p.AllTotal != math.MaxInt64 {
		t.Errorf("total %d", m.p.AllTotal)
	}
	for declared, want := range map[int64]int64{0: 1, 1: 2, -3: 1, math.MaxInt64: math.MaxInt64, math.MaxInt64 - 1: math.MaxInt64} {
		if got := readLimit(declared); got != want {
			t.Errorf("limit for %d is %d, want %d", declared, got, want)
		}
	}
}
