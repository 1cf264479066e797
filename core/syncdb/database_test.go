package syncdb

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
)

const goodDesc = "%FILENAME%\nfoo-1-1-any.pkg.tar.zst\n\n%NAME%\nfoo\n\n%VERSION%\n1-1\n\n%CSIZE%\n12\n\n%ARCH%\nany\n\n"

// Each of these would mislead pacman or lead out of the folder.
func TestDamagedDatabases(t *testing.T) {
	t.Parallel()
	desc := func(old, replacement string) []byte {
		return archivetest.TarBytes(archivetest.Member{Name: "foo-1-1/desc", Body: strings.Replace(goodDesc, old, replacement, 1)})
	}
	good := archivetest.Member{Name: "foo-1-1/desc", Body: goodDesc}
	if _, err := ReadView(bytes.NewReader(archivetest.TarBytes(good)), archive.DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"no tar":               []byte(strings.Repeat("no tar", 500)),
		"cut":                  archivetest.Open(good),
		"another folder":       archivetest.TarBytes(archivetest.Member{Name: "bar-1-1/desc", Body: goodDesc}),
		"desc twice":           archivetest.TarBytes(good, good),
		"package twice":        archivetest.TarBytes(good, archivetest.Member{Name: "x/desc", Body: "x"}, good),
		"a link":               archivetest.TarBytes(archivetest.Member{Name: "foo-1-1/desc", Type: '2', Link: "x"}),
		"huge":                 archivetest.TarBytes(archivetest.Member{Name: "foo-1-1/desc", Body: strings.Repeat("x", maxDesc+1)}),
		"no name":              desc("%NAME%\nfoo\n\n", ""),
		"hostile name":         desc("%NAME%\nfoo", "%NAME%\n../foo"),
		"file elsewhere":       desc("foo-1-1-any", "../foo-1-1-any"),
		"hidden file":          desc("foo-1-1-any", ".foo"),
		"field twice":          desc("%ARCH%\nany", "%NAME%\nfoo"),
		"no field":             desc("%ARCH%", "ARCH"),
		"size":                 desc("12", "-12"),
		"carriage returns":     desc("\n", "\r\n"),
		"no architecture":      desc("%ARCH%\nany\n\n", ""),
		"no release":           desc("%VERSION%\n1-1", "%VERSION%\n1"),
		"version with a slash": desc("%VERSION%\n1-1", "%VERSION%\n1/1-1"),
	} {
		if _, err := ReadView(bytes.NewReader(data), archive.DefaultLimits()); !errors.Is(err, ErrDatabase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func entry(name, version string) Entry {
	d := Desc{Name: name, Version: version, FileName: name + "-" + version + "-any.pkg.tar.zst", Arch: "any"}
	text := fmt.Sprintf("%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n\n%%VERSION%%\n%s\n\n%%ARCH%%\nany\n\n", d.FileName, name, version)
	return Entry{Desc: d, DescText: []byte(text), FilesText: []byte("%FILES%\nusr/\n")}
}

// Whatever is put and dropped, in whatever order and steps, the database says what a
// map says, is sorted, and equals the one that is made at once.
func TestRewriteIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		model := map[string]Entry{}
		name := rapid.SampledFrom([]string{"a", "b", "a-b", "ab", "b+", "c"})
		version := rapid.SampledFrom([]string{"1-1", "2-1", "1:1-1"})
		db, files := empty(t), empty(t)
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			var e Edit
			for _, n := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(rt, "put") {
				x := entry(n, version.Draw(rt, "version"))
				e.Put = append(e.Put, x)
				model[n] = x
			}
			for _, n := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(rt, "drop") {
				if !slices.ContainsFunc(e.Put, func(x Entry) bool { return x.Name == n }) {
					e.Drop = append(e.Drop, n)
					delete(model, n)
				}
			}
			db, files = rewrite(t, db, DB, e), rewrite(t, files, Files, e)
		}
		v, err := ReadView(bytes.NewReader(db), archive.DefaultLimits())
		if err != nil {
			rt.Fatal(err)
		}
		var folders []string
		var all []Entry
		for d, err := range v.All() {
			if err != nil {
				rt.Fatal(err)
			}
			if model[d.Name].Folder() != d.Folder() {
				rt.Errorf("%s is there, want %s", d.Folder(), model[d.Name].Folder())
			}
			folders = append(folders, d.Folder())
		}
		for _, x := range model {
			all = append(all, x)
		}
		if v.Len() != len(model) || !slices.IsSorted(folders) {
			rt.Errorf("%q, want %d, sorted", folders, len(model))
		}
		if !bytes.Equal(db, rewrite(t, empty(t), DB, Edit{Put: all})) || !bytes.Equal(files, rewrite(t, empty(t), Files, Edit{Put: all})) {
			rt.Error("the steps matter")
		}
	})
}

func FuzzReadView(f *testing.F) {
	f.Add(database(f, "v1.db"), true)
	f.Add(database(f, "v2.files"), true)
	f.Add([]byte(goodDesc), false)
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if whole {
			data = archivetest.FixSums(data)
		} else {
			data = archivetest.TarBytes(archivetest.Member{Name: "foo-1-1/desc", Body: string(data)})
		}
		l := archive.DefaultLimits()
		l.Members = 1000
		v, err := ReadView(bytes.NewReader(data), l)
		if err != nil {
			return
		}
		// what reads can be rewritten, and reads again as the same
		again, err := ReadView(bytes.NewReader(rewrite(t, data, DB, Edit{})), l)
		if err != nil || again.Len() != v.Len() {
			t.Errorf("%v", err)
		}
	})
}
