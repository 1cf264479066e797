package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

// setCodes are about repositories that decide as one.
func setCodes() map[report.Code]codeCase {
	amd, arm := mpktest.Upload{}, mpktest.Upload{Arch: "arm64-debian"}
	return map[report.Code]codeCase{
		report.CodeParts: func(w *codeWorld) []coded {
			other := arm
			other.Salt = "another build"
			return w.pushSet(shell{}, amd, other)
		},
		report.CodeGone: func(w *codeWorld) []coded {
			// The process dies when it is decided, and nobody but the first has begun.
			w.pushSet(shell{wrap: diesBehind("journal.prepared")}, amd, arm)
			w.must(os.Rename(w.armRepo(), filepath.Join(w.dir, "elsewhere")))
			return w.publish(greetUpload)
		},
	}
}

func (w *codeWorld) armRepo() string { return filepath.Join(w.dir, "arm") }

// pushSet pushes to the world's repository and one of another architecture as one.
func (w *codeWorld) pushSet(s shell, uploads ...mpktest.Upload) []coded {
	w.t.Helper()
	w.do("init", w.armRepo(), "--arch", "arm64-debian")
	w.must(os.Mkdir(filepath.Join(w.dir, "mmpush"), 0o700))
	w.write("mmpush/config.yaml", fmt.Sprintf("sets:\n    both: {repositories: {amd64-debian: %q, arm64-debian: %q}}\n", w.at, w.armRepo()))
	s.vars = map[string]string{"XDG_CONFIG_HOME": w.dir}
	args := []string{"push", "--to", "both"}
	for _, u := range uploads {
		args = append(args, u.In(w.t, w.t.TempDir()))
	}
	return w.run(s, args...)
}
