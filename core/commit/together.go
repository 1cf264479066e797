package commit

import (
	"errors"
	"sync"
)

// aside is work that goes on while other things are done. The zero value has none; nil is
// done.
type aside struct {
	running sync.WaitGroup

	mu      sync.Mutex
	errs    []error
	defects []any
}

// start begins some work.
func (a *aside) start(do func() error) {
	a.running.Go(func() {
		var err error
		defer func() {
			defect := recover()
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.errs = append(a.errs, err); defect != nil {
				a.defects = append(a.defects, defect)
			}
		}()
		err = do()
	})
}

// wait returns when all of the work has ended, with its errors. A defect in it is the
// caller's, not the process's.
func (a *aside) wait() error {
	if a == nil {
		return nil
	}
	a.running.Wait()
	for _, d := range a.defects {
		panic(d)
	}
	return errors.Join(a.errs...)
}

// together does some work at once, and returns when all of it has ended.
func together(work ...func() error) error {
	if len(work) == 1 {
		return work[0]()
	}
	var all aside
	for _, do := range work {
		all.start(do)
	}
	return all.wait()
}
