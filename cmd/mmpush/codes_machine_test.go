package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// machineCodes are about the command line, the machine and mmpush itself.
func machineCodes() map[report.Code]codeCase {
	return map[report.Code]codeCase{
		report.CodeUsage: func(w *codeWorld) []coded { return w.do("push", "--no-such-flag") },
		report.CodeConfig: func(w *codeWorld) []coded {
			return w.run(shell{vars: map[string]string{"MMPUSH_LOCK_WAIT": "long"}}, "list", "-R", w.at)
		},
		report.CodeDisk: func(w *codeWorld) []coded {
			full := failing(errors.New("input/output error"), func(op vfs.Op) bool { return op.Kind == "mkdir" })
			return w.run(shell{wrap: full}, "push", manifestOf(w.t, fooUpload), "--to", w.at)
		},
		report.CodePlugin: func(w *codeWorld) []coded { return w.do("plugin", "check", filepath.Join(w.dir, "nothing")) },

		report.CodeInternal: func(w *codeWorld) []coded {
			return w.run(shell{wrap: failing(nil, func(vfs.Op) bool { panic("boom") })}, "list", "-R", w.at)
		},
		report.CodeStopped: func(w *codeWorld) []coded {
			ctx, stop := context.WithCancel(w.t.Context())
			stop()
			return w.run(shell{ctx: ctx}, "push", manifestOf(w.t, fooUpload), "--to", w.at)
		},
	}
}
