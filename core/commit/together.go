package commit

import (
	"errors"
	"sync"
)

// together does some work at once, and returns when all of it has ended. A defect in one
// of them is the caller's, not the process's.
func together(work ...func() error) error {
	errs, defects := make([]error, len(work)), make([]any, len(work))
	var all sync.WaitGroup
	for i, do := range work {
		all.Go(func() {
			defer func() { defects[i] = recover() }()
			errs[i] = do()
		})
	}
	all.Wait()
	for _, d := range defects {
		if d != nil {
			panic(d)
		}
	}
	return errors.Join(errs...)
}
