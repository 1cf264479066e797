package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// repositoryCodes are about the state of a repository.
func repositoryCodes() map[report.Code]codeCase {
	return map[report.Code]codeCase{
		report.CodeRecovered: func(w *codeWorld) []coded {
			w.run(shell{wrap: diesBehind("journal.new")}, "push", manifestOf(w.t, fooUpload), "--to", w.at)
			return w.publish(greetUpload)
		},
		report.CodeOutside: func(w *codeWorld) []coded {
			w.publish(fooUpload)
			w.must(os.RemoveAll(w.in(".mmpush/history")))
			return w.publish(greetUpload)
		},
		report.CodeRoom: func(w *codeWorld) []coded {
			w.publish(fooUpload)
			w.edit(".mmpush/settings.yaml", "retired-max: 10%", "retired-max: 1000")
			return w.publish(nextUpload)
		},
		report.CodeLost:     damaged(func(w *codeWorld) { w.must(os.Remove(w.in("greet_0.9.0_amd64-debian.mpk"))) }),
		report.CodeDamaged:  damaged(func(w *codeWorld) { w.write(w.in("greet_0.9.0_amd64-debian.mpk"), "x") }),
		report.CodeForeign:  damaged(func(w *codeWorld) { w.write(w.in("page.html"), "x") }),
		report.CodeMode:     damaged(func(w *codeWorld) { w.must(os.Chmod(w.in("greet_0.9.0_amd64-debian.mpk"), 0o600)) }),
		report.CodeLeftover: damaged(func(w *codeWorld) { w.must(os.Mkdir(w.in(".mmpush/stage/dead"), 0o700)) }),
		report.CodePair:     damaged(func(w *codeWorld) { w.edit("source-index", "name: greet\n", "name: grout\n") }),
		report.CodeStanza:   damaged(func(w *codeWorld) { w.edit("source-index", "filename: greet", "filename: .mmpush/greet") }),
		report.CodeClock: damaged(func(w *codeWorld) {
			w.must(os.Chtimes(w.in("binary-index.gz"), time.Now(), time.Now().Add(time.Hour)))
		}),
		report.CodeIndex: damaged(func(w *codeWorld) { w.write(w.in("binary-index.gz"), "rubbish") }),
		report.CodeHistory: damaged(func(w *codeWorld) {
			w.publish(fooUpload)
			w.edit(".mmpush/history", `"action":"publish"`, `"action":"nothing"`)
		}),
		report.CodeRetired: damaged(func(w *codeWorld) { w.write(w.in(".mmpush/retired"), "rubbish\n") }),
		report.CodeJournal: func(w *codeWorld) []coded {
			w.write(w.in(".mmpush/journal"), "rubbish")
			return w.publish(fooUpload)
		},
		report.CodeNoRepo:   func(w *codeWorld) []coded { return w.do("list", "-R", filepath.Join(w.dir, "nowhere")) },
		report.CodeSettings: func(w *codeWorld) []coded { w.settings("rebiuld: allow"); return w.do("list", "-R", w.at) },
		report.CodeLocked: func(w *codeWorld) []coded {
			defer holdLock(w.t, w.at)()
			return w.publish(fooUpload, "--lock-wait", "1ms")
		},

		report.CodeDanger: damaged(func(w *codeWorld) {
			w.editIndex("\ndescription: ", "\ndescription: note: ")
		}),
		report.CodeOwner: func(w *codeWorld) []coded {
			w.publish(greetUpload)
			return w.run(shell{wrap: func(fsys vfs.FS) vfs.FS { return foreignFile{fsys, "source-index"} }}, "fsck", "-R", w.at)
		},
	}
}

// damaged has fsck look at a repository that something has happened to.
func damaged(damage func(w *codeWorld)) codeCase {
	return func(w *codeWorld) []coded {
		w.publish(greetUpload)
		damage(w)
		return w.fsck()
	}
}

// foreignFile is an FS in which one file is another user's than all the others.
type foreignFile struct {
	vfs.FS
	name string
}

// Lstat implements [vfs.FS].
func (f foreignFile) Lstat(name string) (vfs.Info, error) {
	info, err := f.FS.Lstat(name)
	if info.Owned, info.UID = true, 1000; name == f.name {
		info.UID = 1001
	}
	return info, err
}
