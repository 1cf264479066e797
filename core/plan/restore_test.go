package plan

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

func TestUnchanged(t *testing.T) {
	t.Parallel()
	a := upload("foo", "1.0", "foo", "libfoo1")
	r := published(t)
	p := r.plan(t, a, Rules{Never, Never, Never})
	if p.Result != report.Unchanged || !p.Edit.Empty() || len(p.Puts)+len(p.Retires)+len(p.Dropped)+len(p.Findings) != 0 {
		t.Fatalf("%+v", p)
	}
	for _, l := range p.Packages {
		if l.Action != report.ActionKeep || l.Previous != "1.0" || l.File == "" || l.SHA256 == "" || l.Size == 0 {
			t.Errorf("%+v", l)
		}
	}
	if len(p.Packages) != 3 {
		t.Errorf("%v", p.Packages)
	}
}

// TestUnchangedHealsNobody: a danger elsewhere is no reason to write the index, and
// neither is a file that is put back.
func TestUnchangedHealsNobody(t *testing.T) {
	t.Parallel()
	r := published(t)
	r.binaries = strings.Replace(r.binaries, "description: What bar is", "description: note: What bar is", 1)
	a := upload("foo", "1.0", "foo", "libfoo1")
	if p := r.plan(t, a, Rules{}); p.Result != report.Unchanged || !p.Edit.Empty() {
		t.Errorf("%s %+v", p.Result, p.Edit)
	}
	delete(r.files, a.Source.Filename)
	if p := r.plan(t, a, Rules{}); p.Result != report.Restored || !p.Edit.Empty() || len(p.Puts) != 1 {
		t.Errorf("%s %+v", p.Result, p.Edit)
	}
}

func TestRestoredFiles(t *testing.T) {
	t.Parallel()
	a := upload("foo", "1.0", "foo", "libfoo1")
	for name, damage := range map[string]func(files map[string]Taken, path string){
		"was gone":        func(files map[string]Taken, path string) { delete(files, path) },
		"had other bytes": func(files map[string]Taken, path string) { files[path] = Taken{true, 1, hash("cut")} },
		"had other bytes than the index says": func(files map[string]Taken, path string) {
			files[path] = Taken{Exists: true, Size: files[path].Size}
		},
	} {
		for _, path := range []string{a.Source.Filename, a.Binaries[1].Filename} {
			t.Run(name+"/"+path, func(t *testing.T) {
				t.Parallel()
				r := published(t)
				damage(r.files, path)
				p := r.plan(t, a, Rules{Never, Never, Never})
				if p.Result != report.Restored || !p.Edit.Empty() || len(p.Puts) != 1 || p.Puts[0].Path != path {
					t.Fatalf("%s %+v", p.Result, p.Puts)
				}
				f := mustFind(t, p, report.CodeHealed)[0]
				if f.Refuses() || !strings.Contains(f.Message, name) || !strings.Contains(f.Message, path) {
					t.Errorf("%+v", f)
				}
				for _, l := range p.Packages {
					if restored := l.Action == report.ActionRestore; restored != (l.File == path) {
						t.Errorf("%+v", l)
					}
				}
				r.apply(t, p)
				if p := r.plan(t, a, Rules{}); p.Result != report.Unchanged {
					t.Errorf("afterwards: %s", p.Result)
				}
			})
		}
	}
}

// TestRestoredInPool: a damaged file is put back where its stanza says, though its base
// name would be free.
func TestRestoredInPool(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo"))
	a := build("again", "foo", "1.0", "foo")
	r.apply(t, r.plan(t, a.asking(), Rules{}))
	pool := "pool/" + a.Source.SHA256 + "/" + a.Source.Filename
	delete(r.files, pool)
	delete(r.files, a.Source.Filename)
	p := r.plan(t, a, Rules{})
	if p.Result != report.Restored || len(p.Puts) != 1 || p.Puts[0].Path != pool {
		t.Errorf("%s %+v", p.Result, p.Puts)
	}
}

func TestRestoredStanza(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct{ from, to string }{
		"description":   {"What libfoo1 is for.\n .\n In two", "What libfoo1 is for.\n .In two"},
		"ghost":         {"ghost: false\nsumsha256sums: " + hash("sums", "libfoo1", "1.0", ""), "sumsha256sums: " + hash("sums", "libfoo1", "1.0", "")},
		"sumsha256sums": {hash("sums", "libfoo1", "1.0", ""), hash("wrong")},
		"depends":       {"description: What libfoo1", "depends: foo\ndescription: What libfoo1"},
		"sysdepends":    {"description: What libfoo1", "sysdepends: libc6\ndescription: What libfoo1"},
		"size":          {"filename: libfoo1_1.0_amd64-debian.mpk\nsize: 1000", "filename: libfoo1_1.0_amd64-debian.mpk\nsize: 12345"},
		"filename":      {"libfoo1_1.0_amd64-debian.mpk", "old/libfoo1_1.0_amd64-debian.mpk"},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			r := published(t)
			good := r.binaries
			r.binaries = strings.Replace(good, c.from, c.to, 1)
			bad := r.clone()
			if r.binaries == good {
				t.Fatal("nothing was damaged")
			}
			p := r.plan(t, upload("foo", "1.0", "foo", "libfoo1"), Rules{Never, Never, Never})
			if p.Result != report.Restored || len(p.Puts) != 0 {
				t.Fatalf("%s %v %v", p.Result, p.Findings, p.Puts)
			}
			if f := mustFind(t, p, report.CodeHealed); len(f) != 1 || f[0].Field != field || !strings.Contains(f[0].Message, field) || f[0].Refuses() {
				t.Errorf("%+v", f)
			}
			if l := line(t, p, report.Binary, "libfoo1"); l.Action != report.ActionRestore {
				t.Errorf("%+v", l)
			}
			r.apply(t, p)
			if r.binaries != good {
				t.Errorf("%s\nwant\n%s", r.binaries, good)
			}
			checkRetires(t, bad, r, p)
			r.edit(t, undoing(p))
			if r.binaries != bad.binaries {
				t.Errorf("undone:\n%s", r.binaries)
			}
		})
	}
}

func TestRestoredSource(t *testing.T) {
	t.Parallel()
	r := published(t)
	good := r.sources
	r.sources = strings.Replace(good, "size: 100", "size: 12345", 1)
	bad := r.clone()
	p := r.plan(t, upload("foo", "1.0", "foo", "libfoo1"), Rules{Never, Never, Never})
	if p.Result != report.Restored || line(t, p, report.Source, "foo").Action != report.ActionRestore {
		t.Fatalf("%+v", p)
	}
	mustFind(t, p, report.CodeHealed)
	r.apply(t, p)
	if r.sources != good || r.binaries != bad.binaries {
		t.Errorf("%s\nwant\n%s", r.sources, good)
	}
	r.edit(t, undoing(p))
	if r.sources != bad.sources {
		t.Errorf("undone:\n%s", r.sources)
	}
}

// TestPublishTellsWhatWasDamaged: the same notes come when the upload brings something
// new besides.
func TestPublishTellsWhatWasDamaged(t *testing.T) {
	t.Parallel()
	r := published(t)
	r.binaries = strings.Replace(r.binaries, hash("sums", "foo", "1.0", ""), hash("wrong"), 1)
	a := upload("foo", "1.0", "foo", "libfoo1", "foo-doc")
	delete(r.files, a.Binaries[1].Filename)
	p := r.plan(t, a, Rules{})
	if p.Result != report.Published || len(mustFind(t, p, report.CodeHealed)) != 2 {
		t.Errorf("%s %v", p.Result, p.Findings)
	}
	want := map[string]report.Action{"foo": report.ActionRestore, "libfoo1": report.ActionRestore, "foo-doc": report.ActionAdd}
	for name, action := range want {
		if got := line(t, p, report.Binary, name).Action; got != action {
			t.Errorf("%s is %s, want %s", name, got, action)
		}
	}
	if got := line(t, p, report.Source, "foo").Action; got != report.ActionKeep {
		t.Errorf("the source is %s", got)
	}
	r.apply(t, p)
	if p := r.plan(t, a, Rules{}); p.Result != report.Unchanged {
		t.Errorf("afterwards: %s %v", p.Result, p.Findings)
	}
}

// TestSameBytesOtherOrigin: a published stanza of the same bytes that says another
// version or origin is not the upload's; the ordinary rules hold, and it is replaced.
func TestSameBytesOtherOrigin(t *testing.T) {
	t.Parallel()
	sums := "sumsha256sums: " + hash("sums", "libfoo1", "1.0", "")
	before := "version: 1.0\nsource: foo\nsrcsha256: " + upload("foo", "1.0").Source.SHA256 + "\nghost: false\n" + sums
	for name, c := range map[string]struct {
		to   string
		code report.Code
	}{
		"an older version": {strings.Replace(before, "version: 1.0", "version: 0.9", 1), ""},
		"a newer version":  {strings.Replace(before, "version: 1.0", "version: 1.1", 1), report.CodeDowngrade},
		"another source":   {strings.Replace(before, "source: foo", "source: bar", 1), report.CodeTakeOver},
		"another tarball":  {strings.Replace(before, upload("foo", "1.0").Source.SHA256, hash("x"), 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := published(t)
			good := r.binaries
			r.binaries = strings.Replace(good, before, c.to, 1)
			a := upload("foo", "1.0", "foo", "libfoo1")
			if p := r.plan(t, a, Rules{}); c.code != "" && len(mustFind(t, p, c.code)) != 1 || c.code == "" && len(p.Findings) != 0 {
				t.Errorf("%v", p.Findings)
			}
			p := r.plan(t, a.asking(), Rules{})
			l := line(t, p, report.Binary, "libfoo1")
			if p.Result != report.Published || l.Action != report.ActionReplace && l.Action != report.ActionDowngrade || len(p.Puts) != 0 {
				t.Errorf("%s %+v %v", p.Result, l, p.Puts)
			}
			r.apply(t, p)
			if b, _, err := r.view(t).Binary("libfoo1"); err != nil || !strings.Contains(good, b.Text) {
				t.Errorf("%v\n%s", err, b.Text)
			}
		})
	}
}
