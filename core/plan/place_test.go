package plan

import (
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

func TestPlacement(t *testing.T) {
	t.Parallel()
	a := upload("foo", "1.0", "foo")
	b := a.Binaries[0]
	base, pool := b.Filename, "pool/"+b.SHA256+"/"+b.Filename
	right := Taken{Exists: true, Size: b.Size, SHA256: b.SHA256}
	other := Taken{Exists: true, Size: b.Size, SHA256: hash("other")}
	longer := Taken{Exists: true, Size: b.Size + 1, SHA256: b.SHA256}
	unknown := Taken{Exists: true, Size: b.Size}
	for name, c := range map[string]struct {
		base, pool Taken
		path       string
		put        bool
	}{
		"nothing there":              {path: base, put: true},
		"there":                      {base: right, path: base},
		"there twice":                {base: right, pool: right, path: base},
		"in the pool only":           {pool: right, path: pool},
		"other bytes":                {base: other, path: pool, put: true},
		"another size":               {base: longer, path: pool, put: true},
		"bytes that nobody knows":    {base: unknown, path: pool, put: true},
		"other bytes, pool right":    {base: other, pool: right, path: pool},
		"other bytes, pool damaged":  {base: other, pool: other, path: pool, put: true},
		"other bytes, pool unknown":  {base: other, pool: unknown, path: pool, put: true},
		"nothing there, pool broken": {pool: other, path: base, put: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := emptyRepository()
			r.files[base], r.files[pool] = c.base, c.pool
			p := r.plan(t, a, Rules{})
			checkPlaced(t, p, "foo", c.path, c.put)
			r.apply(t, p)
			if got := r.files[c.path]; got != right {
				t.Errorf("%s has %+v", c.path, got)
			}
		})
	}
}

// checkPlaced says where one package of a published plan has to be.
func checkPlaced(t *testing.T, p Plan, name, path string, put bool) {
	t.Helper()
	if l := line(t, p, report.Binary, name); l.File != path {
		t.Errorf("%s stands at %s, want %s", name, l.File, path)
	}
	placed := false
	for _, f := range p.Puts {
		placed = placed || f.Path == path
	}
	if placed != put {
		t.Errorf("placed: %t, want %t; puts %v", placed, put, p.Puts)
	}
	for _, b := range p.Edit.AppendBinaries {
		if b.Name == name && b.Filename != path {
			t.Errorf("the stanza says %s, want %s", b.Filename, path)
		}
	}
}

// TestSourceGoesToPool: the tarball is a file like the others.
func TestSourceGoesToPool(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo"))
	a := build("again", "foo", "1.0", "foo").asking()
	p := r.plan(t, a, Rules{})
	want := "pool/" + a.Source.SHA256 + "/" + a.Source.Filename
	if got := p.Edit.AppendSources[0].Filename; got != want || p.Puts[0].Path != want || p.Puts[0].Name != a.Source.Filename {
		t.Errorf("the source is at %s, puts %v, want %s", got, p.Puts, want)
	}
}

// TestNamedButGone: where a stanza says that other bytes should be, nothing else is
// put, or undo and the readers of an older index would find the wrong file.
func TestNamedButGone(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo"), upload("bar", "1.0", "bar"))
	a := build("again", "foo", "1.0", "foo").asking()
	delete(r.files, a.Binaries[0].Filename)
	delete(r.files, a.Source.Filename)
	checkPlaced(t, r.plan(t, a, Rules{}), "foo", "pool/"+a.Binaries[0].SHA256+"/"+a.Binaries[0].Filename, true)

	thief := upload("thief", "1.0", "thief")
	thief.Binaries[0].Filename = "bar_1.0_amd64-debian.mpk"
	delete(r.files, thief.Binaries[0].Filename)
	p := r.plan(t, thief, Rules{})
	checkPlaced(t, p, "thief", "pool/"+thief.Binaries[0].SHA256+"/bar_1.0_amd64-debian.mpk", true)
}

// TestKeptInPool: what stands in the pool stays there when its base name is free
// again, and is found there after it was removed.
func TestKeptInPool(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo"))
	a := build("again", "foo", "1.0", "foo")
	asking := a.asking()
	r.apply(t, r.plan(t, asking, Rules{}))
	pool := "pool/" + a.Binaries[0].SHA256 + "/" + a.Binaries[0].Filename
	delete(r.files, a.Binaries[0].Filename)
	if p := r.plan(t, a, Rules{}); p.Result != report.Unchanged {
		t.Fatalf("%s %v", p.Result, p.Puts)
	}
	p, err := Remove(r.view(t), selector("foo", ""))
	if err != nil {
		t.Fatal(err)
	}
	r.apply(t, p)
	p = r.plan(t, a, Rules{})
	checkPlaced(t, p, "foo", pool, false)
	if p.Result != report.Published {
		t.Errorf("%s", p.Result)
	}
}
