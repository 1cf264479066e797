package syncdb

import (
	"context"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

// check is what fsck finds, by code.
func (w *world) check(t *testing.T, repair bool) []report.Code {
	t.Helper()
	r, err := w.open(w.Mem)
	must(err)
	opt := upkeep.Options{
		Deep: true, Commit: CommitOptions(Options{LockWait: 10 * time.Second}),
		Rewrite: func(ctx context.Context) error {
			_, err := Heal(ctx, r, Options{LockWait: 10 * time.Second})
			return err
		},
	}
	check := upkeep.Check
	if repair {
		check = upkeep.Repair
	}
	got, err := check(t.Context(), r, w.format, opt)
	must(err)
	var codes []report.Code
	for _, d := range got.Differences {
		codes = append(codes, d.Code)
	}
	return codes
}

// replaceDatabase puts other entries into one of the databases that are served, as a
// damaged disk or a stranger does.
func (w *world) replaceDatabase(t *testing.T, k Kind, e Edit) {
	t.Helper()
	s, err := w.format.read(w.Mem)
	must(err)
	defer s.close()
	name := path.Join(s.folder, w.format.file(k))
	packed, err := vfs.ReadFile(w.Mem, name, 1<<20)
	must(err)
	must(w.Remove(name))
	must(vfs.CreateSynced(w.Mem, name, 0o644, pack(t, rewrite(t, unpacked(t, packed), k, e))))
}

// Databases that disagree are found, and mended from the packages; a table that lies is
// deleted.
func TestFsckOfDatabases(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(w *world)
		want   []report.Code
	}{
		"nothing": {damage: func(*world) {}},
		"an entry is missing in the files": {
			damage: func(w *world) { w.replaceDatabase(t, Files, Edit{Drop: []string{"alpha"}}) },
			want:   []report.Code{report.CodePair},
		},
		"an entry too many in the files": {
			damage: func(w *world) { w.replaceDatabase(t, Files, Edit{Put: []Entry{entry("omega", "1-1")}}) },
			want:   []report.Code{report.CodePair},
		},
		"another text in the files": {
			damage: func(w *world) {
				e := genuine(t, gamma)
				e.DescText = append(e.DescText, "%GROUPS%\nothers\n\n"...)
				w.replaceDatabase(t, Files, Edit{Put: []Entry{e}})
			},
			want: []report.Code{report.CodePair},
		},
		"a table that lies": {
			damage: func(w *world) {
				s, err := w.format.read(w.Mem)
				must(err)
				defer s.close()
				pieces := slices.Clone(s.view.pieces)
				pieces[0].folders = []string{"alpha-9-9", "beta-1-1"}
				at := path.Join(s.folder, tableFile)
				must(w.Remove(at))
				ids, err := w.format.identities(w.Mem, s.folder)
				must(err)
				must(vfs.CreateSynced(w.Mem, at, 0o600, formatTable(pieces, ids)))
			},
			want: []report.Code{report.CodeCache},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, add(alpha10, gamma), later(time.Hour))
			c.damage(w)
			if got := w.check(t, false); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if got := w.check(t, true); len(got) > 0 {
				t.Errorf("left: %q", got)
			}
			want := newWorld()
			want.setup(t, add(alpha10, gamma))
			is, err := judgeServed(w.Mem)
			must(err)
			if was, err := judgeServed(want.Mem); err != nil || is != was {
				t.Errorf("mended to\n%s\n%v", is, err)
			}
		})
	}
}
