package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
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
	switch {
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		e.Hint = "make room, then run the same command again; nothing was changed"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = "run it as the user to whom the repository belongs, or see shared in its settings; nothing was changed"
	}
	return e
}

// Tell says in which repository something could not be done; the rooms that are asked
// know only names below it.
func (r *Repo) Tell(stage string, err error) error {
	if err == nil {
		return nil
	}
	told, ok := errors.AsType[*report.Error](err)
	if !ok {
		return DiskError(stage, r.Path, err)
	}
	e := *told
	e.File = path.Join(r.Path, e.File)
	if e.Hint == "" {
		e.Hint = "nothing was changed; run the same command again when the cause is gone"
	}
	return &e
}

// cause keeps the whole chain for errors.Is and says it once.
func cause(err error) error { return fmt.Errorf("cannot be read or written: %w", err) }
