package syncdb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// What is published through the whole line has the entries of repo-add, byte for byte.
func TestPublishedIsGolden(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(zlibish, alpha10, beta, gamma, delta))
	for i, step := range []action{later(0), add(alpha11)} {
		w.setup(t, step)
		want := texts(t, database(t, fmt.Sprintf("v%d.db", i+1)))
		got, _, err := served(w.Mem, "demo.db")
		if err != nil || len(got) != len(want) {
			t.Fatal(len(got), len(want), err)
		}
		for folder, text := range got {
			if want[folder+"/desc"] != text {
				t.Errorf("%s is\n%s", folder, text)
			}
		}
		if _, err := judgeServed(w.Mem); err != nil {
			t.Error(err)
		}
	}
}

// Each row is a change of a repository with alpha 1.0 and beta, and its outcome.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	other := made(infoOf("alpha", "1.0-1"))
	otherZstd := archivetest.Pack(archivetest.Zstd, archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO", Body: infoOf("alpha", "1.0-1")}))
	for _, c := range []struct {
		name   string
		files  map[string][]byte
		req    Request
		add    []string
		before []action
		result report.Result
		action report.Action
		code   report.Code
	}{
		{name: "new", add: []string{gamma}, result: report.Published, action: report.ActionAdd},
		{name: "upgrade", add: []string{alpha11}, result: report.Published, action: report.ActionReplace},
		{name: "again", add: []string{alpha10}, result: report.Unchanged, action: report.ActionKeep},
		{name: "lost file", before: []action{losing(alpha10)}, add: []string{alpha10}, result: report.Published, action: report.ActionRestore},
		{name: "downgrade", before: []action{add(alpha11)}, add: []string{alpha10}, result: report.Published, action: report.ActionDowngrade},
		{name: "downgrade prevented", before: []action{add(alpha11)}, add: []string{alpha10}, req: Request{PreventDowngrade: true}, result: report.Rejected, code: report.CodeDowngrade},
		{name: "other bytes", files: map[string][]byte{alpha10: otherZstd}, add: []string{alpha10}, result: report.Rejected, code: report.CodeConflict},
		{name: "other bytes, other compression", files: map[string][]byte{"alpha-1.0-1-any.pkg.tar.gz": other}, add: []string{"alpha-1.0-1-any.pkg.tar.gz"}, result: report.Rejected, code: report.CodeConflict},
		{name: "bytes that went", before: []action{remove("alpha")}, files: map[string][]byte{alpha10: otherZstd}, add: []string{alpha10}, result: report.Rejected, code: report.CodeConflict},
		{name: "back", before: []action{remove("alpha")}, add: []string{alpha10}, result: report.Published, action: report.ActionAdd},
		{name: "take-over", files: map[string][]byte{"beta-3:1-1-any.pkg.tar.gz": made(strings.Replace(infoOf("beta", "3:1-1"), "pkgbase = beta", "pkgbase = evil", 1))}, add: []string{"beta-3:1-1-any.pkg.tar.gz"}, result: report.Rejected, code: report.CodeTakeOver},
		{name: "take-over asked for", files: map[string][]byte{"beta-3:1-1-any.pkg.tar.gz": made(strings.Replace(infoOf("beta", "3:1-1"), "pkgbase = beta", "pkgbase = evil", 1))}, add: []string{"beta-3:1-1-any.pkg.tar.gz"}, req: Request{TakeOver: true}, result: report.Published, action: report.ActionReplace},
		{name: "twice", add: []string{alpha10, alpha11}, result: report.Rejected, code: report.CodeDuplicate},
		{name: "remove", req: Request{Remove: []string{"alpha"}}, result: report.Removed, action: report.ActionRemove},
		{name: "remove what others need", before: []action{add(gamma)}, req: Request{Remove: []string{"beta"}}, result: report.Removed, action: report.ActionRemove, code: report.CodeDepends},
		{name: "remove nothing", req: Request{Remove: []string{"omega"}}, result: report.Rejected, code: report.CodeNoMatch},
		{name: "add and remove", add: []string{alpha11}, req: Request{Remove: []string{"alpha"}}, result: report.Rejected, code: report.CodeDuplicate},
		{name: "planned", add: []string{alpha11}, req: Request{Options: Options{DryRun: true}}, result: report.Planned, action: report.ActionReplace},
		{name: "armored signature", files: map[string][]byte{zlibish + ".sig": []byte("-----BEGIN PGP SIGNATURE-----\n")}, add: []string{zlibish}, result: report.Rejected, code: report.CodeText},
		{name: "large signature", files: map[string][]byte{zlibish + ".sig": slices.Repeat([]byte{0x89}, 16385)}, add: []string{zlibish}, result: report.Rejected, code: report.CodeLimit},
		{name: "signature later", before: []action{add(zlibish)}, files: map[string][]byte{zlibish + ".sig": {0x89, 1}}, add: []string{zlibish}, result: report.Published, action: report.ActionReplace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, append([]action{add(alpha10, beta)}, c.before...)...)
			for name, data := range c.files {
				w.put(name, data)
			}
			before, _ := judgeServed(w.Mem)
			c.req.Add = w.sources(c.add...)
			generation := w.last().Number
			out, err := w.run(w.Mem, c.req)
			if err != nil || out.Result != c.result {
				t.Fatalf("%s %v %v", out.Result, out.Findings, err)
			}
			if c.action != "" && (len(out.Packages) == 0 || out.Packages[0].Action != c.action) {
				t.Errorf("%+v", out.Packages)
			}
			if c.code != "" && !slices.ContainsFunc(out.Findings, func(f report.Finding) bool { return f.Code == c.code }) {
				t.Errorf("%v", out.Findings)
			}
			after, err := judgeServed(w.Mem)
			if err != nil {
				t.Error(err)
			}
			if done := out.Result == report.Published || out.Result == report.Removed; !done && (after != before || w.last().Number != generation) {
				t.Error("it has changed something")
			} else if done && w.last().Number != generation+1 {
				t.Error("there is no generation of it")
			}
		})
	}
}

// Packages that stand for themselves are published without those that are refused.
func TestAlone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha11))
	w.put("bad-1-1-any.pkg.tar.gz", []byte("no package"))
	list := w.sources("bad-1-1-any.pkg.tar.gz", alpha10, beta)
	for i := range list {
		list[i].Alone, list[i].Who = true, fmt.Sprint("user", i)
	}
	out, err := w.run(w.Mem, Request{Add: list})
	if err != nil || out.Result != report.Published || len(out.Packages) != 1 || len(out.Settled) != 1 || out.Settled[0].Path != beta {
		t.Fatalf("%+v %v", out, err)
	}
	if c := w.last().Changes; len(c) != 1 || c[0].Who != "user2" {
		t.Errorf("%+v", c)
	}
	if len(out.Findings) != 2 || report.Refused(out.Findings) {
		t.Errorf("%v", out.Findings)
	}
}

// Each publish is dated later in whole seconds, and hardly ahead of the clock.
func TestDates(t *testing.T) {
	t.Parallel()
	w := newWorld()
	last, n := time.Time{}, 0
	for i := range 12 {
		step := add(alpha11)
		if i%2 == 1 {
			step = remove("alpha")
		}
		w.setup(t, step)
		at, err := follow(w.Mem, "demo.db")
		must(err)
		info, err := w.Lstat(at)
		must(err)
		if !info.ModTime.Truncate(time.Second).After(last.Truncate(time.Second)) || info.ModTime.Sub(w.now()) > maxAhead {
			t.Errorf("%v after %v, now %v", info.ModTime, last, w.now())
		}
		if info.ModTime.After(w.now()) {
			n++
		}
		last = info.ModTime
	}
	if n == 0 {
		t.Error("the test has no publish within a second")
	}
}

// A date that is far in the future is told, not outbid.
func TestFuture(t *testing.T) {
	t.Parallel()
	w := newWorld()
	at, err := follow(w.Mem, "demo.db")
	must(err)
	must(w.Chtimes(at, w.now().Add(time.Hour)))
	if _, err := add(alpha10)(w, w.Mem); report.CodeOf(err) != report.CodeClock {
		t.Error(err)
	}
}

// Folders of databases go, long after they were replaced; one that was just replaced
// stays, however old it is. What a commit has left that was given up goes too.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha10), later(time.Hour), add(alpha11))
	must(w.Mkdir(".demo.db/given-up", 0o755))
	w.setup(t, later(time.Hour), add(beta))
	list, err := w.ReadDir(".demo.db")
	must(err)
	if len(list) != 3 {
		t.Errorf("%v", list)
	}
	w.setup(t, later(time.Hour), add(gamma))
	if list, err = w.ReadDir(".demo.db"); err != nil || len(list) != 2 {
		t.Errorf("%v", list)
	}
}

// Links that are gone come back; what another program has put there stops everything.
func TestLinks(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha10))
	must(w.Remove("demo.db"))
	w.setup(t, add(alpha10))
	if _, err := judgeServed(w.Mem); err != nil {
		t.Error(err)
	}
	must(w.Remove("demo.db.tar.gz"))
	must(vfs.CreateSynced(w.Mem, "demo.db.tar.gz", 0o644, []byte("another program's")))
	if _, err := add(beta)(w, w.Mem); report.CodeOf(err) != report.CodeIndex || report.KindOf(err) != report.KindUsage {
		t.Error(err)
	}
}

// A folder is one repository of one name and kind.
func TestInitAgain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha10))
	if _, created, err := repo.Init(t.Context(), w.Mem, "/repo", w.format, repo.InitOptions{Arch: AnyArch}); created || err != nil {
		t.Error(created, err)
	}
	for _, f := range []repo.Format{Format{"other"}, otherKind{}} {
		if _, _, err := repo.Init(t.Context(), w.Mem, "/repo", f, repo.InitOptions{Arch: AnyArch}); report.KindOf(err) != report.KindUsage {
			t.Error(err)
		}
	}
	m := vfs.NewMem(time.Now)
	must(vfs.CreateSynced(m, "demo.db", 0o644, nil))
	if _, _, err := repo.Init(t.Context(), m, "/repo", w.format, repo.InitOptions{Arch: AnyArch}); !errors.Is(err, errElse) {
		t.Error(err)
	}
}

type otherKind struct{ Format }

func (otherKind) Kind() string { return "other" }
