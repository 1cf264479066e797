package pipeline_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// olderTool publishes in the way of mmpack-modifyrepo: it takes the same lock, knows
// nothing of .mmpush, removes the files that it replaces, moves the new ones in, and
// writes both indexes anew, with no sync anywhere.
func olderTool(fsys vfs.FS, name string) error {
	lock, err := fsys.OpenLock("lock", 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lock.TryLock(); err != nil {
		return err
	}
	view, err := index.Open(fsys)
	if err != nil {
		return err
	}
	a, err := additionOf(name)
	if err != nil {
		return err
	}
	all := plan.Rules{Rebuild: plan.Allow, Downgrade: plan.Allow, TakeOver: plan.Allow}
	p, err := plan.Add(view, a, all, func(string) (plan.Taken, error) { return plan.Taken{}, nil })
	if err != nil || report.Refused(p.Findings) {
		return fmt.Errorf("%v %w", p.Findings, err)
	}
	flat(&p)
	for _, f := range p.Retires {
		if err := fsys.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, f := range p.Puts {
		content, err := vfs.ReadFile(uploads(), path.Join(name, f.Name), 1<<24)
		if err != nil {
			return err
		}
		if err := overwrite(fsys, f.Path, string(content)); err != nil {
			return err
		}
	}
	after, err := index.Apply(view, p.Edit)
	if err != nil {
		return err
	}
	return rewriteIndexes(fsys, after)
}

// flat gives each file its base name: the older tool has no pool.
func flat(p *plan.Plan) {
	for i := range p.Puts {
		p.Puts[i].Path = p.Puts[i].Name
	}
	for i, b := range p.Edit.AppendBinaries {
		p.Edit.AppendBinaries[i].Filename, p.Edit.AppendBinaries[i].Text = path.Base(b.Filename), ""
	}
	for i, s := range p.Edit.AppendSources {
		p.Edit.AppendSources[i].Filename, p.Edit.AppendSources[i].Text = path.Base(s.Filename), ""
	}
}

var additions sync.Map

// additionOf is what an upload wants published; each is read once.
func additionOf(name string) (plan.Addition, error) {
	if a, ok := additions.Load(name); ok {
		return a.(plan.Addition), nil
	}
	a, err := readAddition(name)
	if err == nil {
		additions.Store(name, a)
	}
	return a, err
}

func readAddition(name string) (plan.Addition, error) {
	u, err := openUpload(name)
	if err != nil {
		return plan.Addition{}, err
	}
	if u, err = upload.Inspect(ctx(), u, []string{arch}, upload.Options{}); err != nil {
		return plan.Addition{}, err
	}
	packages := map[string]*mpk.Package{}
	for _, f := range u.Received {
		packages[f.PackageName] = f.Package
	}
	return plan.NewAddition(u.Manifest, u.Name, arch, packages, plan.Requests{}), nil
}

func rewriteIndexes(fsys vfs.FS, v *index.Snapshot) error {
	var sources, binaries strings.Builder
	if _, err := v.WriteSource(&sources); err != nil {
		return err
	}
	if _, err := v.WriteBinary(&binaries); err != nil {
		return err
	}
	if err := overwrite(fsys, "source-index", sources.String()); err != nil {
		return err
	}
	return overwrite(fsys, "binary-index.gz", binaries.String())
}

// overwrite moves a new file over the name.
func overwrite(fsys vfs.FS, name, content string) error {
	f, err := fsys.Create("working_dir_file", 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(content)); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return fsys.Rename("working_dir_file", name)
}

// has reports whether the binaries of an upload are what is published under their
// names.
func has(fsys vfs.FS, name string) (bool, error) {
	a, err := additionOf(name)
	if err != nil {
		return false, err
	}
	view, err := index.Open(fsys)
	if err != nil {
		return false, err
	}
	for _, b := range a.Binaries {
		got, ok, err := view.Binary(b.Name)
		if err != nil || !ok || got.SHA256 != b.SHA256 {
			return false, err
		}
	}
	return true, nil
}

// TestOlderToolPublishesInBetween kills a change ahead of each of its calls, lets
// the older tool publish, and wants to find both after the recovery: what was
// decided is not lost, and what somebody else has published is not either.
func TestOlderToolPublishesInBetween(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		setup   []action
		ours    string
		foreign string
		// overtaken: what the older tool publishes replaces what we publish, so
		// that only one can be there.
		overtaken bool
	}{
		{"another source", []action{publish(foo100), publish(greet090)}, greet100, weather, false},
		{"into an empty repository", nil, greet090, foo100, false},
		{"a rebuild, in the pool", []action{publish(foo110)}, foo110b, weather, false},
		{"another source, while a part of ours stays", []action{publish(foo110)}, foo200, greet100, false},
		{"the version that we replace", []action{publish(greet090)}, greet100, greet090, false},
		{"the same upload", []action{publish(greet090)}, greet100, greet100, false},
		{"the same source, another version", []action{publish(foo100)}, foo110, foo200, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _, moments := investigate(t, scenario{name: tt.name, setup: tt.setup, run: publish(tt.ours)}, 0, nil)
			decided := 0
			for k, m := range moments[:len(moments)-1] {
				w := w.with(m.Disk.Clone())
				_, err := w.Lstat(repo.JournalFile)
				isDecided := err == nil
				if isDecided {
					decided++
				}
				// If the older tool replaces what is served already, it is later.
				served, err := has(w.Mem, tt.ours)
				must(err)
				overtaken := tt.overtaken || served && tt.ours[3:] != tt.foreign[3:] && tt.ours[3:6] == tt.foreign[3:6]
				if err := olderTool(w.Mem, tt.foreign); err != nil {
					t.Fatalf("killed ahead of call %d: the older tool: %v", k, err)
				}
				if err := judgeBoth(w, tt.ours, tt.foreign, isDecided, overtaken); err != nil {
					t.Errorf("killed ahead of call %d (%s %s), decided %t: %v", k, m.Op.Kind, m.Op.Name, isDecided, err)
				}
			}
			t.Logf("%d kills, %d of them after the decision", len(moments)-1, decided)
			if decided == 0 {
				t.Error("no kill fell behind the decision")
			}
		})
	}
}

func judgeBoth(w *world, ours, foreign string, decided, overtaken bool) error {
	if err := recoverOnly(w, w.Mem); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	if err := judgeServed(w.Mem); err != nil {
		return fmt.Errorf("after recovery: %w", err)
	}
	isOurs, err := has(w.Mem, ours)
	if err != nil {
		return err
	}
	isForeign, err := has(w.Mem, foreign)
	if err != nil {
		return err
	}
	if decided && !overtaken && !isOurs {
		return errors.New("what we had decided is gone")
	}
	replaced := strings.Contains(ours, "greet") && strings.Contains(foreign, "greet")
	if !isForeign && !overtaken && !replaced {
		return errors.New("what the older tool published is gone")
	}
	if overtaken && !isOurs && !isForeign {
		return errors.New("both are gone")
	}
	rep, err := publish(ours)(w, w.Mem)
	if err != nil || rep.Result == report.Rejected {
		return fmt.Errorf("the next publish: %v %w", rep.Findings, err)
	}
	if isOurs, err = has(w.Mem, ours); err != nil || !isOurs {
		return fmt.Errorf("the next publish is not there: %w", err)
	}
	return judgeServed(w.Mem)
}
