package archivetest

import (
	"runtime"
	"testing"
	"time"
)

// What refusing any hostile archive may cost.
const (
	MaxTime   = slower * 2 * time.Second
	MaxMemory = 128 << 20
)

// CheckCost runs f, and fails the test if it takes [MaxTime] or [MaxMemory]. f
// runs again if the machine was busy. The test must not be parallel, so that
// nothing else is measured.
func CheckCost(tb testing.TB, f func()) {
	tb.Helper()
	took, memory := Cost(f)
	if took >= MaxTime {
		took, memory = Cost(f)
	}
	tb.Logf("%v, %d MB", took, memory>>20)
	if took >= MaxTime || memory >= MaxMemory {
		tb.Errorf("took %v and %d MB, allowed are %v and %d MB", took, memory>>20, MaxTime, MaxMemory>>20)
	}
}

// Cost runs f and returns its time, and by how much the heap grew meanwhile, in
// bytes, what is not collected yet included. The time is the processor's where
// that is less: other programs may keep f waiting.
func Cost(f func()) (time.Duration, uint64) {
	runtime.GC()
	base := heap()
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := base
		for {
			most = max(most, heap())
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	start, worked := time.Now(), processorTime()
	f()
	took := min(time.Since(start), processorTime()-worked)
	close(stop)
	return took, <-peak - base
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
