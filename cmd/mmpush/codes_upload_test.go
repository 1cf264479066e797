package main

import (
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

// uploadCodes are about what is uploaded, and about what of it is published already.
func uploadCodes() map[report.Code]codeCase {
	return map[report.Code]codeCase{
		report.CodeYAML:    func(w *codeWorld) []coded { return w.bad("not-yaml") },
		report.CodeField:   func(w *codeWorld) []coded { return w.bad("no-source") },
		report.CodeName:    func(w *codeWorld) []coded { return w.bad("traversal") },
		report.CodeVersion: func(w *codeWorld) []coded { return w.made(mpktest.Upload{Version: "1:0"}) },
		report.CodeDuplicate: func(w *codeWorld) []coded {
			return w.made(mpktest.Upload{EditManifest: func(s string) string { return s + "name: again\n" }})
		},
		report.CodeArch:    func(w *codeWorld) []coded { return w.bad("wrong-arch") },
		report.CodeMissing: func(w *codeWorld) []coded { return w.bad("missing-mpk") },
		report.CodeSize:    func(w *codeWorld) []coded { return w.bad("wrong-size") },
		report.CodeHash: func(w *codeWorld) []coded {
			sum := regexp.MustCompile(`sha256: [0-9a-f]{64}`)
			return w.made(mpktest.Upload{EditManifest: func(s string) string { return sum.ReplaceAllString(s, "sha256: "+strings.Repeat("ab", 32)) }})
		},
		report.CodePackage: func(w *codeWorld) []coded { return w.bad("not-a-package") },
		report.CodeLimit: func(w *codeWorld) []coded {
			w.settings("limits: {members: 2}")
			return w.publish(fooUpload)
		},
		report.CodeMember: func(w *codeWorld) []coded {
			return w.packaged(mpktest.Package{Extra: []mpktest.Member{{Name: "../evil", Body: "x"}}})
		},
		report.CodeMetadata: func(w *codeWorld) []coded { return w.packaged(mpktest.Package{Metadata: "name: foo\n"}) },
		report.CodePkginfo:  func(w *codeWorld) []coded { return w.packaged(mpktest.Package{Pkginfo: "name: foo\n"}) },
		report.CodeMismatch: func(w *codeWorld) []coded { return w.bad("name-mismatch-bin") },
		report.CodeSrcSHA:   func(w *codeWorld) []coded { return w.bad("srcsha-mismatch") },
		report.CodeSumSHA: func(w *codeWorld) []coded {
			return w.packaged(mpktest.Package{Edit: func(list []mpktest.Member) []mpktest.Member {
				for i := range list {
					if strings.HasSuffix(list[i].Name, ".sha256sums") {
						list[i].Body += "# more\n"
					}
				}
				return list
			}})
		},
		report.CodeText:      func(w *codeWorld) []coded { return w.packaged(mpktest.Package{Description: "a\x1bb"}) },
		report.CodeDowngrade: func(w *codeWorld) []coded { w.publish(nextUpload); return w.publish(fooUpload) },
		report.CodeConflict:  func(w *codeWorld) []coded { w.publish(nextUpload); return w.publish(rebuiltUpload) },
		report.CodeTakeOver: func(w *codeWorld) []coded {
			w.made(mpktest.Upload{Name: "one", Packages: []mpktest.Package{{Name: "tool"}}})
			return w.made(mpktest.Upload{Name: "two", Version: "2.0", Packages: []mpktest.Package{{Name: "tool"}}})
		},
		report.CodeNoMatch: func(w *codeWorld) []coded { return w.do("remove", "-R", w.at, "nothing", "--yes") },
		report.CodeOvertaken: func(w *codeWorld) []coded {
			w.publish(fooUpload)
			w.publish(nextUpload)
			return w.do("undo", "1", "-R", w.at)
		},
		report.CodeExpired: func(w *codeWorld) []coded {
			w.publish(greetUpload)
			w.do("remove", "greet", "--yes", "-R", w.at)
			w.must(os.Remove(w.in("greet_0.9.0_amd64-debian.mpk")))
			return w.do("undo", "-R", w.at)
		},
		report.CodeReplaced: func(w *codeWorld) []coded { w.publish(nextUpload); return w.publish(rebuiltUpload, "--rebuild") },
		report.CodeDepends: func(w *codeWorld) []coded {
			w.publish(fooUpload)
			return w.do("remove", "-R", w.at, "libfoo1", "-n")
		},

		report.CodeHealed: func(w *codeWorld) []coded {
			w.publish(greetUpload)
			w.must(os.Remove(w.in("greet_0.9.0_amd64-debian.mpk")))
			return w.publish(greetUpload)
		},
		report.CodeMoved: func(w *codeWorld) []coded {
			w.publish(greetUpload)
			return w.run(shell{width: 100, stdin: keyboard{publishing{w.t, w.at}, io.Discard}}, "remove", "-R", w.at, "greet")
		},
	}
}
