package repo

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/mmpush/mmpush/core/report"
)

// DiskError says, at a stage of the line, that the system refused to read or write
// a file, and that nothing was changed by it.
func DiskError(stage, file string, err error) error {
	e := &report.Error{
		Stage: stage, Code: report.CodeDisk, Kind: report.KindInternal, File: file, Err: cause(err),
		Hint: "nothing was changed; run the same command again when the cause is gone",
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		e.Hint = "make room, then run the same command again; nothing was changed"
	}
	return e
}

// cause keeps the whole chain for errors.Is and says it once.
func cause(err error) error { return fmt.Errorf("cannot be read or written: %w", err) }
