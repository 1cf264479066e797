package sets_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

func ctx() context.Context { return context.Background() }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// world has two repositories, each on a disk of its own, and a time that only goes on
// when somebody looks or waits.
type world struct {
	disks map[string]*vfs.Mem
	ticks *atomic.Int64
	ids   *atomic.Int64
}

func newWorld(more ...string) *world {
	w := &world{map[string]*vfs.Mem{}, &atomic.Int64{}, &atomic.Int64{}}
	for _, arch := range append(more, "amd64", "arm64") {
		w.disks[arch] = vfs.NewMem(w.now)
		_, _, err := repo.Init(ctx(), w.disks[arch], "/"+arch, pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
		must(err)
		w.disks[arch].SyncAll()
	}
	return w
}

func (w *world) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(w.ticks.Add(1)) * time.Microsecond)
}

func (w *world) skip(d time.Duration) { w.ticks.Add(int64(d / time.Microsecond)) }

// set opens the set; home is what is seen as the disk of the first repository.
func (w *world) set(home vfs.FS) *sets.Set {
	archs := slices.Sorted(maps.Keys(w.disks))
	s := &sets.Set{Name: "all", Repositories: map[string]*repo.Repo{}, Expects: archs, Deadline: time.Hour}
	for _, arch := range archs {
		var fsys vfs.FS = machine{w.disks[arch], w, arch}
		if arch == archs[0] && home != nil {
			fsys = machine{home, w, arch}
		}
		r, err := pipeline.Open(fsys, "/"+arch)
		must(err)
		r.Now, r.Sleep = w.now, w.skip
		r.NewID = func() string { return fmt.Sprintf("id%06d", w.ids.Add(1)) }
		s.Repositories[arch] = r
	}
	return s
}

// machine is a disk among others.
type machine struct {
	vfs.FS
	w    *world
	name string
}

func (m machine) Link(from, to string) error { return m.FS.(vfs.Linker).Link(from, to) }
func (m machine) Abs() (string, error)       { return "/" + m.name, nil }
func (m machine) OpenFolder(name string) (vfs.FS, func() error, error) {
	return machine{m.w.disks[name[1:]], m.w, name[1:]}, func() error { return nil }, nil
}

// uploadOf is an upload of foo 1.0 with one package for each of the architectures.
func uploadOf(t testing.TB, source string, archs ...string) upload.Upload {
	t.Helper()
	u, found, err := openUpload(source, archs...)
	if err != nil || report.Refused(found) {
		t.Fatal(found, err)
	}
	return u
}

func push(s *sets.Set, who string, uploads ...upload.Upload) (report.Report, error) {
	return s.Publish(ctx(), sets.Request{Uploads: uploads, Options: pipeline.Options{Who: who, LockWait: time.Second, Program: "test"}})
}

func codes(rep report.Report) (list []report.Code) {
	for _, f := range rep.Findings {
		list = append(list, f.Code)
	}
	return list
}

// TestMerge: what does not belong together is refused, with the difference.
func TestMerge(t *testing.T) {
	t.Parallel()
	change := func(f func(m *manifest.Manifest)) upload.Upload {
		u := uploadOf(t, "one", "arm64")
		f(u.Manifest)
		return u
	}
	tests := map[string]struct {
		other upload.Upload
		field string
	}{
		"another name":    {change(func(m *manifest.Manifest) { m.Name = "bar" }), "name"},
		"another version": {change(func(m *manifest.Manifest) { m.Version = "2" }), "version"},
		"another tarball": {uploadOf(t, "two", "arm64"), "source.sha256"},
		"another size":    {change(func(m *manifest.Manifest) { m.Source.Size++ }), "source.size"},
		"other packages for one architecture": {change(func(m *manifest.Manifest) {
			m.Binary[0].Name, m.Binary[0].Packages[0].File.SHA256 = "amd64", strings.Repeat("0", 64)
		}), "binpkgs.amd64"},
		"more packages for one architecture": {change(func(m *manifest.Manifest) {
			m.Binary[0].Name = "amd64"
			m.Binary[0].Packages = append(m.Binary[0].Packages, manifest.Package{Name: "more"})
		}), "binpkgs.amd64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			rep, err := push(w.set(nil), "", uploadOf(t, "one", "amd64"), tt.other)
			if err != nil || rep.Result != report.Rejected {
				t.Fatalf("%+v %v", rep, err)
			}
			for _, f := range rep.Findings {
				if f.Code == report.CodeParts && f.Field == tt.field {
					return
				}
			}
			t.Errorf("%s is not named: %v", tt.field, rep.Findings)
		})
	}
}

// TestPartsWait: what waits is told, counted and found, and goes with its deadline or
// when somebody drops it; who waits learns that.
func TestPartsWait(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, s *sets.Set, id string){
		"deadline": func(w *world, s *sets.Set, _ string) { w.skip(2 * time.Hour) },
		"abort": func(w *world, s *sets.Set, id string) {
			gone, err := sets.Abort(s.Home(), id)
			if err != nil || gone == nil || gone.Source != "foo" {
				t.Errorf("abort: %v %v", gone, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			s := w.set(nil)
			part := uploadOf(t, "one", "arm64")
			rep, err := push(s, "ann", part)
			if err != nil || rep.Result != report.Accepted || rep.Waiting == nil {
				t.Fatalf("%+v %v", rep, err)
			}
			used, err := s.Used("ann")
			if other, _ := s.Used("bob"); err != nil || used != rep.Waiting.Parts[0].Size || used == 0 || other != 0 {
				t.Errorf("used: %d, %d of others, %v", used, other, err)
			}
			if _, held, err := s.Held("ann", part.Manifest); err != nil || len(held) != 2 {
				t.Errorf("held: %v %v", held, err)
			}
			if _, held, _ := s.Held("bob", part.Manifest); len(held) > 0 {
				t.Errorf("held by somebody else: %v", held)
			}
			list, err := sets.Waiting(s.Home())
			if err != nil || len(list) != 1 || list[0].Parts[0].Who != "ann" || fmt.Sprint(list[0].Missing) != "[amd64]" {
				t.Errorf("status: %+v %v", list, err)
			}
			req := sets.Request{Uploads: []upload.Upload{part}, Options: pipeline.Options{Who: "ann", LockWait: time.Second}}
			still, err := s.Wait(ctx(), req, rep, time.Minute)
			if err != nil || still.Result != report.Accepted {
				t.Errorf("it does not wait: %+v %v", still, err)
			}
			end(w, s, rep.Waiting.ID)
			over, err := s.Wait(ctx(), req, rep, time.Minute)
			if err != nil || over.Result != report.Rejected || codes(over)[0] != report.CodeExpired {
				t.Errorf("who waits is not told: %+v %v", over, err)
			}
			if list, err := sets.Waiting(s.Home()); err != nil || len(list) > 0 {
				t.Errorf("it is there still: %v %v", list, err)
			}
			if used, err := s.Used("ann"); err != nil || used != 0 {
				t.Errorf("it counts still: %d %v", used, err)
			}
			if left, err := s.Home().FS.ReadDir(repo.PartsDir); err != nil || len(left) > 1 {
				t.Errorf("left: %v %v", left, err)
			}
			if gone, err := sets.Abort(s.Home(), "../../x"); gone != nil || err != nil {
				t.Errorf("abort of a path: %v %v", gone, err)
			}
		})
	}
}

// TestExpireBesidePush: a folder without a group is one that a push is just making. What
// comes while it is looked at stays; and who has waited for the lock of a folder that
// went is not let into the next one of that name.
func TestExpireBesidePush(t *testing.T) {
	t.Parallel()
	w := newWorld()
	s := w.set(nil)
	part := uploadOf(t, "one", "arm64")
	rep, err := push(s, "ann", part)
	if err != nil || rep.Waiting == nil {
		t.Fatalf("%+v %v", rep, err)
	}
	id := rep.Waiting.ID
	lock := path.Join(repo.PartsDir, id, "lock")
	for _, kind := range []string{"lock-open", "trylock"} {
		if _, err := sets.Abort(s.Home(), id); err != nil {
			t.Fatal(err)
		}
		must(w.disks["amd64"].Mkdir(path.Join(repo.PartsDir, id), 0o700))
		came := false
		slow := w.set(vfs.Observe(w.disks["amd64"], func(op vfs.Op) error {
			if op.Kind != kind || op.Name != lock || came {
				return nil
			}
			came = true
			if kind == "trylock" { // somebody else drops the empty folder meanwhile
				must(sets.Expire(s.Home()))
			}
			if rep, err := push(s, "ann", part); err != nil || rep.Result != report.Accepted {
				t.Errorf("%+v %v", rep, err)
			}
			return nil
		}))
		if err := sets.Expire(slow.Home()); err != nil || !came {
			t.Errorf("%s: %t %v", kind, came, err)
		}
		if list, err := sets.Waiting(s.Home()); err != nil || len(list) != 1 {
			t.Errorf("%s: the part that came meanwhile is gone: %v %v", kind, list, err)
		}
	}
}

// TestEachWithTheRightsOfItsSender: the last part publishes the others with the rights
// that their senders have; a refusal publishes nothing, and the others wait on.
func TestEachWithTheRightsOfItsSender(t *testing.T) {
	t.Parallel()
	w := newWorld()
	s := w.set(nil)
	var denied string
	verifiers := func(who, source, arch string) ([]verify.Named, error) {
		return []verify.Named{{Name: "rights", Verifier: rights{who == denied}}}, nil
	}
	request := func(who string, u upload.Upload) sets.Request {
		return sets.Request{Uploads: []upload.Upload{u}, Verifiers: verifiers, Options: pipeline.Options{Who: who, Transport: "by " + who, LockWait: time.Second}}
	}
	if rep, err := s.Publish(ctx(), request("ann", uploadOf(t, "one", "arm64"))); err != nil || rep.Result != report.Accepted {
		t.Fatalf("%+v %v", rep, err)
	}
	denied = "ann"
	rep, err := s.Publish(ctx(), request("bob", uploadOf(t, "one", "amd64")))
	if err != nil || rep.Result != report.Rejected || len(rep.Repositories) != 2 {
		t.Fatalf("%+v %v", rep, err)
	}
	if list, err := sets.Waiting(s.Home()); err != nil || len(list) != 1 || len(list[0].Parts) != 1 {
		t.Errorf("waiting: %+v %v", list, err)
	}
	denied = ""
	if rep, err = s.Publish(ctx(), request("bob", uploadOf(t, "one", "amd64"))); err != nil || rep.Result != report.Published {
		t.Fatalf("%+v %v", rep, err)
	}
	for arch, who := range map[string]string{"amd64": "bob", "arm64": "ann"} {
		g, _, err := s.Repositories[arch].LastGeneration()
		if err != nil || g.Changes[0].Who != who || g.Changes[0].Transport != "by "+who {
			t.Errorf("%s: %+v %v", arch, g, err)
		}
	}
}

type rights struct{ denied bool }

func (r rights) Verify(context.Context, upload.Upload) ([]report.Finding, error) {
	if r.denied {
		return []report.Finding{{Code: report.CodeRights, Severity: report.SeverityError, Message: "no"}}, nil
	}
	return nil, nil
}

// TestPartIsDurable: an accepted part is there after any power loss, and every sync on
// its way is needed; killed anywhere, the same push goes on.
func TestPartIsDurable(t *testing.T) {
	t.Parallel()
	u := uploadOf(t, "one", "arm64")
	film := func(skip func(string) bool) (*world, []vfstest.Moment) {
		w := newWorld()
		// A repository that only another tool has written has nothing of ours.
		must(vfs.RemoveAll(w.disks["amd64"], repo.MetaDir))
		w.disks["amd64"].SyncAll()
		moments, err := vfstest.Film(w.disks["amd64"], func(fsys vfs.FS) error {
			rep, err := push(w.set(fsys), "ann", u)
			if err == nil && rep.Result != report.Accepted {
				err = fmt.Errorf("%+v", rep)
			}
			return err
		}, skip, ".mmpush/stage/", ".mmpush/parts/")
		must(err)
		return w, moments
	}
	judge := func(w *world, disk *vfs.Mem, acked bool) error {
		again := &world{map[string]*vfs.Mem{"amd64": disk, "arm64": w.disks["arm64"].Clone()}, w.ticks, w.ids}
		s := again.set(nil)
		list, err := sets.Waiting(s.Home())
		if err != nil || acked && len(list) != 1 {
			return errors.Join(fmt.Errorf("waiting: %v", list), err)
		}
		if !acked {
			if rep, err := push(s, "ann", u); err != nil || rep.Result != report.Accepted {
				return errors.Join(fmt.Errorf("the same push again: %+v", rep), err)
			}
		}
		rep, err := push(s, "bob", uploadOf(t, "one", "amd64"))
		if err != nil || rep.Result != report.Published {
			return errors.Join(fmt.Errorf("the last part: %v %v", rep.Result, rep.Findings), err)
		}
		_, err = again.disks["arm64"].Lstat("foo_1.0_arm64.mpk")
		return err
	}
	sweep := func(w *world, moments []vfstest.Moment) (states int, broken error) {
		judged := vfstest.NewJudged()
		for k, m := range moments {
			disks := []*vfs.Mem{m.Disk.Clone()}
			if m.Acked {
				for _, fate := range vfstest.Fates(m.Disk.Unsynced(), 20, uint64(k)) {
					disks = append(disks, m.Disk.PowerLoss(fate))
				}
			} else {
				disks = append(disks, m.Disk.PowerLoss(func(int) vfs.Fate { return vfs.Lost }))
			}
			for _, disk := range disks {
				if judged.Before(disk, m.Acked, false) {
					continue
				}
				states++
				if err := judge(w, disk, m.Acked); err != nil {
					return states, fmt.Errorf("ahead of call %d (%s; acknowledged: %t): %w", k, m.Where, m.Acked, err)
				}
			}
		}
		return states, nil
	}
	w, moments := film(nil)
	states, err := sweep(w, moments)
	t.Logf("%d states", states)
	if err != nil {
		t.Fatal(err)
	}
	syncs := map[string]bool{}
	for _, m := range moments {
		if m.Op.Kind == "sync" || m.Op.Kind == "syncdir" {
			syncs[m.Where] = true
		}
	}
	if len(syncs) < 5 {
		t.Errorf("only these syncs: %v", syncs)
	}
	for where := range syncs {
		t.Run(strings.ReplaceAll(where, "/", "|"), func(t *testing.T) {
			t.Parallel()
			w, moments := film(func(at string) bool { return at == where })
			if _, err := sweep(w, moments[len(moments)-1:]); err == nil {
				t.Error("nothing is broken without it")
			}
		})
	}
}

// TestAbortIsDurable: what was dropped stays dropped.
func TestAbortIsDurable(t *testing.T) {
	t.Parallel()
	u := uploadOf(t, "one", "arm64")
	broken := func(skip func(string) bool) (err error) {
		w := newWorld()
		rep, err := push(w.set(nil), "ann", u)
		must(err)
		w.disks["amd64"].SyncAll()
		moments, err := vfstest.Film(w.disks["amd64"], func(fsys vfs.FS) error {
			_, err := sets.Abort(w.set(fsys).Home(), rep.Waiting.ID)
			return err
		}, skip)
		must(err)
		last := moments[len(moments)-1]
		for k, fate := range vfstest.Fates(last.Disk.Unsynced(), 20, 1) {
			w.disks["amd64"] = last.Disk.PowerLoss(fate)
			if list, err := sets.Waiting(w.set(nil).Home()); err != nil || len(list) > 0 {
				return fmt.Errorf("power loss %d: %v %w", k, list, err)
			}
		}
		return nil
	}
	if err := broken(nil); err != nil {
		t.Error(err)
	}
	if broken(func(string) bool { return true }) == nil {
		t.Error("nothing is broken without any sync")
	}
}

// TestKilledAtTheEnd kills who brings the last part ahead of each call to the disk where the
// parts wait: brought again, it is done, and nothing waits for what is published.
func TestKilledAtTheEnd(t *testing.T) {
	t.Parallel()
	const last = "riscv64"
	w := newWorld(last)
	for _, arch := range []string{"amd64", "arm64"} {
		_, err := push(w.set(nil), "ann", uploadOf(t, "one", arch))
		must(err)
	}
	var mu sync.Mutex
	var states []*world
	home := vfs.Observe(w.disks["amd64"], func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Writes() {
			states = append(states, w.clone())
		}
		return nil
	})
	if rep, err := push(w.set(home), "bob", uploadOf(t, "one", last)); err != nil || rep.Result != report.Published {
		t.Fatal(rep, err)
	}
	for k, killed := range states {
		s := killed.set(nil)
		rep, err := push(s, "bob", uploadOf(t, "one", last))
		if err != nil || rep.Result != report.Published && rep.Result != report.Unchanged {
			t.Errorf("call %d: %v %v %v", k, rep.Result, rep.Findings, err)
		}
		if list, err := sets.Waiting(s.Home()); err != nil || len(list) > 0 {
			t.Errorf("call %d: waiting: %v %v", k, list, err)
		}
	}
	if t.Logf("%d kills", len(states)); len(states) < 30 {
		t.Error("too few")
	}
}

// clone is the world as it is now.
func (w *world) clone() *world {
	now := &world{map[string]*vfs.Mem{}, w.ticks, w.ids}
	for arch, disk := range w.disks {
		now.disks[arch] = disk.Clone()
	}
	return now
}

// TestReplacedPart: a part of another tarball leaves nothing, and one that replaces another of
// its architecture takes its place.
func TestReplacedPart(t *testing.T) {
	t.Parallel()
	w := newWorld()
	s := w.set(nil)
	if rep, err := push(s, "ann", uploadOf(t, "one", "arm64")); err != nil || rep.Result != report.Accepted {
		t.Fatalf("%+v %v", rep, err)
	}
	rep, err := push(s, "bob", uploadOf(t, "two", "amd64"))
	if err != nil || rep.Result != report.Rejected || codes(rep)[0] != report.CodeParts || !strings.Contains(rep.Findings[0].Message, "arm64 from ann") {
		t.Fatalf("%+v %v", rep, err)
	}
	renamed := uploadOf(t, "one", "arm64")
	renamed.Text = append([]byte("# again\n"), renamed.Text...)
	if rep, err = push(s, "bob", renamed); err != nil || rep.Result != report.Accepted || rep.Waiting.Parts[0].Who != "bob" {
		t.Fatalf("%+v %v", rep, err)
	}
	dirs, err := s.Home().FS.ReadDir(path.Join(repo.PartsDir, rep.Waiting.ID))
	if err != nil || len(dirs) != 3 {
		t.Errorf("the old part stays: %v %v", dirs, err)
	}
}

func openUpload(source string, archs ...string) (upload.Upload, []report.Finding, error) {
	disk := vfs.NewMem(time.Now)
	of := mpktest.Upload{Version: "1.0", Arch: strings.Join(archs, "-"), Salt: source}
	for _, arch := range archs {
		of.Packages = append(of.Packages, mpktest.Package{Arch: arch})
	}
	for _, f := range of.Build().Files() {
		must(vfs.CreateSynced(disk, f.Name, 0o644, f.Data))
	}
	return upload.Open(ctx(), disk, ".", of.ManifestName())
}

// TestDamagedPart: what has happened to a part that waits is found when it is to be published,
// and who brings it again mends it; the others wait on.
func TestDamagedPart(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(disk *vfs.Mem, dir, file string){
		"other bytes":   func(disk *vfs.Mem, dir, file string) { rewrite(disk, path.Join(dir, file), "other bytes") },
		"no file":       func(disk *vfs.Mem, dir, file string) { must(disk.Remove(path.Join(dir, file))) },
		"no manifest":   func(disk *vfs.Mem, dir, _ string) { must(disk.Remove(manifestIn(disk, dir))) },
		"other text":    func(disk *vfs.Mem, dir, _ string) { rewrite(disk, manifestIn(disk, dir), "name: bar\n") },
		"torn record":   func(disk *vfs.Mem, dir, _ string) { rewrite(disk, path.Join(dir, ".part.json"), `{"arch":`) },
		"empty record":  func(disk *vfs.Mem, dir, _ string) { rewrite(disk, path.Join(dir, ".part.json"), "null") },
		"torn group":    func(disk *vfs.Mem, dir, _ string) { rewrite(disk, path.Join(path.Dir(dir), "group.json"), "[") },
		"senseless one": func(disk *vfs.Mem, dir, _ string) { rewrite(disk, path.Join(path.Dir(dir), "group.json"), "{}") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			s := w.set(nil)
			part := uploadOf(t, "one", "arm64")
			rep, err := push(s, "ann", part)
			if err != nil || rep.Waiting == nil {
				t.Fatalf("%+v %v", rep, err)
			}
			group := path.Join(repo.PartsDir, rep.Waiting.ID)
			ruin := func() {
				for _, e := range entries(w.disks["amd64"], group) {
					if e.Mode.IsDir() {
						damage(w.disks["amd64"], path.Join(group, e.Name), part.Manifest.Packages("arm64")[0].File.Name)
					}
				}
			}
			ruin()
			if _, err := sets.Waiting(s.Home()); err != nil {
				t.Errorf("status: %v", err)
			}
			// It comes again, and is good again; then it is ruined once more.
			if rep, err = push(s, "ann", part); err != nil || rep.Result != report.Accepted || len(rep.Waiting.Parts) != 1 {
				t.Fatalf("again: %+v %v", rep, err)
			}
			if _, held, err := s.Held("ann", part.Manifest); err != nil || len(held) != 2 {
				t.Errorf("held: %v %v", held, err)
			}
			ruin()
			if rep, err = push(s, "bob", uploadOf(t, "one", "amd64")); err != nil || rep.Result != report.Accepted || fmt.Sprint(rep.Waiting.Missing) != "[arm64]" {
				t.Fatalf("the other one: %+v %v", rep, err)
			}
			if rep, err = push(s, "ann", part); err != nil || rep.Result != report.Published || len(rep.Repositories) != 2 {
				t.Errorf("the last: %+v %v", rep, err)
			}
		})
	}
}

func rewrite(disk *vfs.Mem, name, text string) {
	must(vfs.ReplaceFile(disk, name, name+".new", 0o600, []byte(text)))
}

func entries(disk *vfs.Mem, dir string) []vfs.Info {
	list, err := disk.ReadDir(dir)
	must(err)
	return list
}

func manifestIn(disk *vfs.Mem, dir string) string {
	for _, e := range entries(disk, dir) {
		if strings.HasSuffix(e.Name, "-manifest") {
			return path.Join(dir, e.Name)
		}
	}
	panic("no manifest in " + dir)
}

// TestSameFromAnother: a part is published with the rights of who brought it last.
func TestSameFromAnother(t *testing.T) {
	t.Parallel()
	w := newWorld()
	s := w.set(nil)
	part := uploadOf(t, "one", "arm64")
	for _, who := range []string{"ann", "ann", "bob"} {
		rep, err := push(s, who, part)
		if err != nil || len(rep.Waiting.Parts) != 1 || rep.Waiting.Parts[0].Who != who {
			t.Fatalf("%s: %+v %v", who, rep, err)
		}
		if dirs := entries(w.disks["amd64"], path.Join(repo.PartsDir, rep.Waiting.ID)); len(dirs) != 3 {
			t.Errorf("%s: %v", who, dirs)
		}
	}
	part.Signatures = append(part.Signatures, upload.Signature{Name: part.Name + ".sig", Text: []byte("signed since")})
	rep, err := push(s, "bob", part)
	if err != nil || rep.Result != report.Accepted {
		t.Fatalf("%+v %v", rep, err)
	}
	found := false
	for _, e := range entries(w.disks["amd64"], path.Join(repo.PartsDir, rep.Waiting.ID)) {
		if e.Mode.IsDir() {
			_, err := w.disks["amd64"].Lstat(path.Join(repo.PartsDir, rep.Waiting.ID, e.Name, part.Name+".sig"))
			found = err == nil
		}
	}
	if !found {
		t.Error("the signature that came with the same part is not kept")
	}
}
