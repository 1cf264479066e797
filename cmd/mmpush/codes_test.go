package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// codesFile has, for each code, the place, the expected and the actual value, the
// message and the hint that the program tells with it.
const codesFile = "testdata/codes.txt"

// coded is a finding or an error of a document.
type coded struct {
	Code, File, Field, Expected, Actual, Message, Hint string
}

// codeWorld is a repository, and what somebody does with it.
type codeWorld struct {
	t       *testing.T
	at, dir string
}

func newCodeWorld(t *testing.T, uploads ...string) *codeWorld {
	t.Helper()
	return &codeWorld{t, newRepo(t, uploads...), t.TempDir()}
}

func (w *codeWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *codeWorld) write(name, text string) string {
	w.t.Helper()
	at := name
	if !filepath.IsAbs(at) {
		at = filepath.Join(w.dir, name)
	}
	w.must(os.WriteFile(at, []byte(text), 0o600))
	return at
}

// settings adds to the repository's settings.
func (w *codeWorld) settings(text string) {
	w.t.Helper()
	at := filepath.Join(w.at, ".mmpush/settings.yaml")
	w.write(at, mustRead(w.t, at)+"\n"+text)
}

// run runs a command line, and returns what its document tells.
func (w *codeWorld) run(s shell, args ...string) []coded {
	w.t.Helper()
	got := s.run(append(args, "--json")...)
	var doc any
	if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil {
		w.t.Fatalf("%q: %v\n%s%s", args, err, got.stdout, got.stderr)
	}
	return codesIn(doc)
}

func (w *codeWorld) do(args ...string) []coded { w.t.Helper(); return w.run(shell{}, args...) }

func (w *codeWorld) push(manifest string, flags ...string) []coded {
	w.t.Helper()
	return w.do(append([]string{"push", manifest, "--to", w.at}, flags...)...)
}

// bad pushes one of the damaged genuine uploads.
func (w *codeWorld) bad(name string) []coded {
	w.t.Helper()
	return w.push(manifestOf(w.t, "uploads-bad/"+name))
}

// made pushes an upload that was made for it.
func (w *codeWorld) made(u mpktest.Upload, flags ...string) []coded {
	w.t.Helper()
	return w.push(u.In(w.t, w.t.TempDir()), flags...)
}

// packaged pushes an upload of one package.
func (w *codeWorld) packaged(p mpktest.Package) []coded {
	w.t.Helper()
	return w.made(mpktest.Upload{Packages: []mpktest.Package{p}})
}

// codesIn are the findings and errors of a document, wherever they stand.
func codesIn(doc any) []coded {
	var list []coded
	switch v := doc.(type) {
	case []any:
		for _, item := range v {
			list = append(list, codesIn(item)...)
		}
	case map[string]any:
		if _, ok := v["code"].(string); ok {
			text := func(key string) string { s, _ := v[key].(string); return s }
			list = append(list, coded{text("code"), text("file"), text("field"), text("expected"), text("actual"), text("message"), text("hint")})
		}
		for _, key := range []string{"reports", "findings", "differences", "error"} {
			list = append(list, codesIn(v[key])...)
		}
	}
	return list
}

// codeCases produce each code once.
func codeCases() map[report.Code]func(w *codeWorld) []coded {
	type world = *codeWorld
	foo, next, rebuilt := "uploads/01-foo-1.0.0", "uploads/06-foo-1.1.0", "uploads/07-foo-1.1.0-rebuild"
	greet := "uploads/03-greet-0.9.0"
	publish := func(w world, upload string, flags ...string) []coded {
		return w.push(manifestOf(w.t, upload), flags...)
	}
	fsck := func(w world) []coded { return w.do("fsck", "-R", w.at) }
	damaged := func(damage func(w world)) func(w world) []coded {
		return func(w world) []coded {
			publish(w, greet)
			damage(w)
			return fsck(w)
		}
	}
	verified := func(settings string) func(w world) []coded {
		return func(w world) []coded {
			w.settings("verifiers:\n    " + settings)
			return publish(w, foo)
		}
	}
	in := func(w world, name string) string { return filepath.Join(w.at, name) }
	edit := func(w world, name, from, to string) {
		text := mustRead(w.t, in(w, name))
		if !strings.Contains(text, from) {
			w.t.Fatalf("%s has no %q", name, from)
		}
		w.write(in(w, name), strings.Replace(text, from, to, 1))
	}
	return map[report.Code]func(w world) []coded{
		report.CodeYAML:    func(w world) []coded { return w.bad("not-yaml") },
		report.CodeField:   func(w world) []coded { return w.bad("no-source") },
		report.CodeName:    func(w world) []coded { return w.bad("traversal") },
		report.CodeVersion: func(w world) []coded { return w.made(mpktest.Upload{Version: "1:0"}) },
		report.CodeDuplicate: func(w world) []coded {
			return w.made(mpktest.Upload{EditManifest: func(s string) string { return s + "name: again\n" }})
		},
		report.CodeArch:    func(w world) []coded { return w.bad("wrong-arch") },
		report.CodeMissing: func(w world) []coded { return w.bad("missing-mpk") },
		report.CodeSize:    func(w world) []coded { return w.bad("wrong-size") },
		report.CodeHash: func(w world) []coded {
			sum := regexp.MustCompile(`sha256: [0-9a-f]{64}`)
			return w.made(mpktest.Upload{EditManifest: func(s string) string { return sum.ReplaceAllString(s, "sha256: "+strings.Repeat("ab", 32)) }})
		},
		report.CodePackage: func(w world) []coded { return w.bad("not-a-package") },
		report.CodeLimit: func(w world) []coded {
			w.settings("limits: {members: 2}")
			return publish(w, foo)
		},
		report.CodeMember: func(w world) []coded {
			return w.packaged(mpktest.Package{Extra: []mpktest.Member{{Name: "../evil", Body: "x"}}})
		},
		report.CodeMetadata: func(w world) []coded { return w.packaged(mpktest.Package{Metadata: "name: foo\n"}) },
		report.CodePkginfo:  func(w world) []coded { return w.packaged(mpktest.Package{Pkginfo: "name: foo\n"}) },
		report.CodeMismatch: func(w world) []coded { return w.bad("name-mismatch-bin") },
		report.CodeSrcSHA:   func(w world) []coded { return w.bad("srcsha-mismatch") },
		report.CodeSumSHA: func(w world) []coded {
			return w.packaged(mpktest.Package{Edit: func(list []mpktest.Member) []mpktest.Member {
				for i := range list {
					if strings.HasSuffix(list[i].Name, ".sha256sums") {
						list[i].Body += "# more\n"
					}
				}
				return list
			}})
		},
		report.CodeText:      func(w world) []coded { return w.packaged(mpktest.Package{Description: "a\x1bb"}) },
		report.CodeDowngrade: func(w world) []coded { publish(w, next); return publish(w, foo) },
		report.CodeConflict:  func(w world) []coded { publish(w, next); return publish(w, rebuilt) },
		report.CodeTakeOver: func(w world) []coded {
			w.made(mpktest.Upload{Name: "one", Packages: []mpktest.Package{{Name: "tool"}}})
			return w.made(mpktest.Upload{Name: "two", Version: "2.0", Packages: []mpktest.Package{{Name: "tool"}}})
		},
		report.CodeNoMatch:   func(w world) []coded { return w.do("remove", "-R", w.at, "nothing", "--yes") },
		report.CodeOvertaken: func(w world) []coded { publish(w, foo); publish(w, next); return w.do("undo", "1", "-R", w.at) },
		report.CodeExpired: func(w world) []coded {
			publish(w, greet)
			w.do("remove", "greet", "--yes", "-R", w.at)
			w.must(os.Remove(in(w, "greet_0.9.0_amd64-debian.mpk")))
			return w.do("undo", "-R", w.at)
		},
		report.CodeUsers: func(w world) []coded {
			return w.do("user", "list", "--users", w.write("users", "no such line\n"))
		},
		report.CodeLogin: func(w world) []coded {
			return w.run(shell{}, "push", manifestOf(w.t, foo), "--to", "tupkg://127.0.0.1:1")
		},
		report.CodeConnection: func(w world) []coded {
			return w.run(shell{vars: map[string]string{tokenVariable: "x"}}, "push", manifestOf(w.t, foo), "--to", "tupkg://me@127.0.0.1:1", "--retry-for", "0s")
		},
		report.CodeRemote: func(w world) []coded {
			return w.run(shell{}, "push", manifestOf(w.t, foo), "--to", "ssh://host/repo", "--retry-for", "0s", "--ssh-command", "/bin/sh -c 'echo hello'")
		},
		report.CodeRecovered: func(w world) []coded {
			broken := errors.New("the power is gone")
			decided := false
			cut := failing(broken, func(op vfs.Op) bool {
				after := decided
				decided = decided || op.Kind == "rename" && strings.HasSuffix(op.Name, "journal.new")
				return after && op.Writes()
			})
			w.run(shell{wrap: cut}, "push", manifestOf(w.t, foo), "--to", w.at)
			return publish(w, greet)
		},
		report.CodeReplaced: func(w world) []coded { publish(w, next); return publish(w, rebuilt, "--rebuild") },
		report.CodeOutside: func(w world) []coded {
			publish(w, foo)
			w.must(os.RemoveAll(in(w, ".mmpush/history")))
			return publish(w, greet)
		},
		report.CodeRoom: func(w world) []coded {
			publish(w, foo)
			edit(w, ".mmpush/settings.yaml", "retired-max: 10%", "retired-max: 1000")
			return publish(w, next)
		},
		report.CodeDepends: func(w world) []coded {
			publish(w, foo)
			return w.do("remove", "-R", w.at, "libfoo1", "-n")
		},
		report.CodeLost:     damaged(func(w world) { w.must(os.Remove(in(w, "greet_0.9.0_amd64-debian.mpk"))) }),
		report.CodeDamaged:  damaged(func(w world) { w.write(in(w, "greet_0.9.0_amd64-debian.mpk"), "x") }),
		report.CodeForeign:  damaged(func(w world) { w.write(in(w, "page.html"), "x") }),
		report.CodeMode:     damaged(func(w world) { w.must(os.Chmod(in(w, "greet_0.9.0_amd64-debian.mpk"), 0o600)) }),
		report.CodeLeftover: damaged(func(w world) { w.must(os.Mkdir(in(w, ".mmpush/stage/dead"), 0o700)) }),
		report.CodePair:     damaged(func(w world) { edit(w, "source-index", "name: greet\n", "name: grout\n") }),
		report.CodeStanza:   damaged(func(w world) { edit(w, "source-index", "filename: greet", "filename: .mmpush/greet") }),
		report.CodeClock: damaged(func(w world) {
			w.must(os.Chtimes(in(w, "binary-index.gz"), time.Now(), time.Now().Add(time.Hour)))
		}),
		report.CodeIndex:   damaged(func(w world) { w.write(in(w, "binary-index.gz"), "rubbish") }),
		report.CodeHistory: damaged(func(w world) { publish(w, foo); edit(w, ".mmpush/history", `"action":"publish"`, `"action":"nothing"`) }),
		report.CodeRetired: damaged(func(w world) { w.write(in(w, ".mmpush/retired"), "rubbish\n") }),
		report.CodeJournal: func(w world) []coded {
			w.write(in(w, ".mmpush/journal"), "rubbish")
			return publish(w, foo)
		},
		report.CodePolicyName:    verified("policy: {config: {packages: {deny: [\"lib*\"]}}}"),
		report.CodePolicySize:    verified("policy: {config: {size: {package: 1KiB}}}"),
		report.CodePolicyVersion: verified("policy: {config: {version: x}}"),
		report.CodePolicyField:   verified("policy: {config: {fields: [sysdepends]}}"),
		report.CodePolicyChange:  verified("policy: {config: {changes: [{source: \"*\", forbid: [new]}]}}"),
		report.CodeExec:          verified("exec: {config: {run: [/bin/sh, -c, \"echo bad; exit 1\"]}}"),
		report.CodeExecBroke:     verified("exec: {config: {run: [/bin/sh, -c, \"exit 3\"]}}"),
		report.CodeInstallable: func(w world) []coded {
			w.settings("verifiers:\n    installable: {config: {}}")
			return w.packaged(mpktest.Package{Depends: "nothing (>= 1)"})
		},
		report.CodeUnsigned:  func(w world) []coded { w.signers("me@x"); return publish(w, foo) },
		report.CodeSigned:    func(w world) []coded { w.signers("me@x"); return w.push(w.signed()) },
		report.CodeSignKey:   func(w world) []coded { w.signers(`me@x valid-before="20200101"`); return w.push(w.signed()) },
		report.CodeNamespace: func(w world) []coded { w.signers(`me@x namespaces="mail"`); return w.push(w.signed()) },
		report.CodeSignedOther: func(w world) []coded {
			w.signers("me@x")
			m := w.signed()
			w.write(m, mustRead(w.t, m)+"# \n")
			return w.push(m)
		},
		report.CodeLater: func(w world) []coded {
			server := programtest.Need(w.t, "sftp-server")
			w.must(os.Mkdir(filepath.Join(w.dir, "drop"), 0o755))
			return w.do("push", manifestOf(w.t, foo), "--to", "sftp://host"+filepath.Join(w.dir, "drop"), "--ssh-command", "/bin/sh -c 'exec "+server+"'")
		},
		report.CodeUsage: func(w world) []coded { return w.do("push", "--no-such-flag") },
		report.CodeConfig: func(w world) []coded {
			return w.run(shell{vars: map[string]string{"MMPUSH_LOCK_WAIT": "long"}}, "list", "-R", w.at)
		},
		report.CodeNoRepo:   func(w world) []coded { return w.do("list", "-R", filepath.Join(w.dir, "nowhere")) },
		report.CodeSettings: func(w world) []coded { w.settings("rebiuld: allow"); return w.do("list", "-R", w.at) },
		report.CodeLocked: func(w world) []coded {
			defer holdLock(w.t, w.at)()
			return publish(w, foo, "--lock-wait", "1ms")
		},
		report.CodeDisk: func(w world) []coded {
			full := failing(errors.New("input/output error"), func(op vfs.Op) bool { return op.Kind == "mkdir" })
			return w.run(shell{wrap: full}, "push", manifestOf(w.t, foo), "--to", w.at)
		},
		report.CodePlugin: func(w world) []coded { return w.do("plugin", "check", filepath.Join(w.dir, "nothing")) },
	}
}

// signers has the repository want uploads that are signed by the key of w.signed.
func (w *codeWorld) signers(allowed string) {
	w.t.Helper()
	out, err := exec.Command(programtest.Need(w.t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(w.dir, "key")).CombinedOutput()
	if err != nil {
		w.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	w.write(filepath.Join(w.at, ".mmpush/allowed"), allowed+" "+mustRead(w.t, filepath.Join(w.dir, "key.pub")))
	w.settings("verifiers:\n    signature: {config: {ssh: [allowed]}}")
}

// signed is the manifest of an upload that is signed.
func (w *codeWorld) signed() string {
	w.t.Helper()
	m := mpktest.Upload{}.In(w.t, w.t.TempDir())
	if got := (shell{}).run("sign", m, "--with", "ssh", "--key", filepath.Join(w.dir, "key")); got.code != exitDone {
		w.t.Fatalf("sign: %s", got.stderr)
	}
	return m
}

// codesElsewhere are the tests that produce the codes that take more than a table has:
// a server, git, keys, a second process.
func codesElsewhere() map[report.Code]string {
	return map[report.Code]string{
		report.CodeGit: "hook_hostile_test.go", report.CodeProtocol: "../../plugins/transports/tupkg", report.CodeLFS: "hook_ways_test.go", report.CodeBuild: "hook_ways_test.go", report.CodePusher: "hook_ways_test.go",
		report.CodeMoved: "remove_test.go", report.CodeRights: "testdata/script/push_server.txtar", report.CodeCertificate: "testdata/script/push_tls.txtar",
		report.CodeServer: "../../plugins/transports/tupkg", report.CodeBusy: "testdata/script/push_server.txtar", report.CodeHealed: "../../core/plan",
		report.CodeComplete: "../../core/server", report.CodePacman: ".",
		report.CodeDanger: "../../core/upkeep", report.CodeOwner: "../../core/upkeep", report.CodeCache: "../../core/upkeep",
		report.CodeSignature: "../../core/upload", report.CodeSigner: "testdata/verifiers/signature.txtar",
		report.CodeFiles: "testdata/verifiers/contents.txtar", report.CodeSetUID: "testdata/verifiers/contents.txtar", report.CodeEscape: "testdata/verifiers/contents.txtar",
		report.CodeMachine: "testdata/verifiers/contents.txtar", report.CodeOverlap: "testdata/verifiers/contents.txtar", report.CodeLists: "testdata/verifiers/contents.txtar",
		report.CodeSource: "testdata/verifiers/source.txtar", report.CodeSpecs: "testdata/verifiers/source.txtar", report.CodeTag: "testdata/verifiers/source.txtar",
		report.CodeGone: "../../core/pipeline", report.CodeParts: "testdata/script/push_set.txtar", report.CodeSuperseded: "../../core/pipeline", report.CodeInternal: "exit_test.go", report.CodeStopped: "signals_test.go",
	}
}

// volatile is what differs from run to run.
var volatile = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|127\.0\.0\.1:\d{2,}|[0-9a-f]{64}|SHA256:[A-Za-z0-9+/]{20,}(\.\.\.)?|stage/[a-z0-9]{26}|since TIME by \S+|\d+(\.\d+)?(ms|µs|s)\b|/tmp/\S*?/(repo|\d{3})/?`)

// TestEveryCode: each code that there is, is told by some command line, with the place,
// what was expected and found, and what to do next as committed, and explained.
// MMPUSH_GOLDEN=write writes the file anew.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	cases, elsewhere := codeCases(), codesElsewhere()
	lines := map[report.Code]string{}
	t.Run("codes", func(t *testing.T) {
		found := make(chan [2]string, len(cases))
		t.Run("all", func(t *testing.T) {
			for code, produce := range cases {
				t.Run(string(code), func(t *testing.T) {
					t.Parallel()
					w := newCodeWorld(t)
					all := produce(w)
					i := slices.IndexFunc(all, func(c coded) bool { return c.Code == string(code) })
					if i < 0 {
						t.Fatalf("is not told: %+v", all)
					}
					if all[i].Message == "" {
						t.Errorf("says nothing: %+v", all[i])
					}
					found <- [2]string{string(code), all[i].line(w)}
				})
			}
		})
		close(found)
		for f := range found {
			lines[report.Code(f[0])] = f[1]
		}
	})
	// What a case could not do here, for want of a program, stays as it is.
	committed := committedCodes(t)
	var text strings.Builder
	for _, e := range report.Explanations() {
		_, there := cases[e.Code]
		if where, ok := elsewhere[e.Code]; !there && !ok {
			t.Errorf("nothing produces %s", e.Code)
		} else if ok {
			wantProduced(t, e.Code, where)
		}
		text.WriteString(cmp.Or(lines[e.Code], committed[e.Code]))
		if got := (shell{}).run("explain", string(e.Code)); got.code != exitDone || len(got.stdout) < 80 {
			t.Errorf("explain %s: exit %d, %s", e.Code, got.code, got.stdout)
		}
	}
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(codesFile, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := mustRead(t, codesFile); text.String() != want {
		t.Errorf("%s differs:\n%s", codesFile, differing(text.String(), want))
	}
}

// committedCodes is the file, by code.
func committedCodes(t *testing.T) map[report.Code]string {
	t.Helper()
	blocks, code := map[report.Code]string{}, report.Code("")
	for line := range strings.Lines(mustRead(t, codesFile)) {
		if !strings.HasPrefix(line, " ") {
			code = report.Code(strings.TrimSpace(line))
		}
		blocks[code] += line
	}
	return blocks
}

// line is what is told, without what differs from run to run.
func (c coded) line(w *codeWorld) string {
	text := fmt.Sprintf("%s\n    file      %s\n    field     %s\n    expected  %s\n    actual    %s\n    message   %s\n    hint      %s\n",
		c.Code, c.File, c.Field, c.Expected, c.Actual, strings.ReplaceAll(c.Message, "\n", "\\n"), c.Hint)
	text = strings.NewReplacer(w.at, "REPO", w.dir, "DIR").Replace(text)
	text = volatile.ReplaceAllString(text, "...")
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "")
}

// differing are the lines that only one of two texts has.
func differing(got, want string) string {
	var b strings.Builder
	have, wanted := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, l := range have {
		if !slices.Contains(wanted, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	for _, l := range wanted {
		if !slices.Contains(have, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	return b.String()
}

// wantProduced looks for a code, by its name or its constant's, in a test or in the
// tests of a folder.
func wantProduced(t *testing.T, code report.Code, where string) {
	t.Helper()
	files := []string{where}
	if info, err := os.Stat(where); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(where, "*_test.go"))
	}
	source := mustRead(t, "../../core/report/code.go")
	constant := regexp.MustCompile(`(Code\w+) +Code = "` + string(code) + `"`).FindStringSubmatch(source)
	if constant == nil {
		t.Fatalf("%s has no constant", code)
	}
	name := regexp.MustCompile(`\b(report\.` + constant[1] + `|` + string(code) + `)\b[^-]`)
	for _, f := range files {
		if name.MatchString(mustRead(t, f)) && f != "codes_test.go" {
			return
		}
	}
	t.Errorf("no test of %s has %s", where, code)
}
