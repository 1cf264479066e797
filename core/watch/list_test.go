package watch

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

const (
	somePackage = "foo-1-1-any.pkg.tar.zst"
	someSum     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// A list says the same whoever makes it, and is read as it was written.
func TestList(t *testing.T) {
	t.Parallel()
	files := []upload.File{{Name: somePackage, Size: 1, SHA256: someSum}, {Name: "bar-1-1-any.pkg.tar.gz", Size: 2, SHA256: someSum}, {Name: somePackage + ".sig", Size: 3, SHA256: someSum}}
	name, text, err := NewList(files)
	slices.Reverse(files)
	again, same, _ := NewList(files)
	if err != nil || name != "bar-1-1-any.pkg.tar.gz"+ListSuffix || name != again || string(text) != string(same) {
		t.Errorf("%q %q %v\n%s%s", name, again, err, text, same)
	}
	if list, found := ParseList(text); len(found) > 0 || len(list.Files) != 3 || list.Files[2] != (Listed{somePackage + ".sig", 3, someSum}) {
		t.Errorf("%+v %v", list, found)
	}
	for cut := range len(text) - 1 {
		if _, found := ParseList(text[:cut]); len(found) == 0 {
			t.Errorf("%q is taken for a whole list", text[:cut])
		}
	}
	if _, _, err := NewList(nil); err == nil {
		t.Error("a list of nothing")
	}
	if name, _, err := NewList([]upload.File{{Name: strings.Repeat("x", 250)}}); err != nil || len(name) > nameLimit {
		t.Errorf("%q has %d bytes: %v", name, len(name), err)
	}
}

// What is wrong with a list is told, all of it at once.
func TestHostileLists(t *testing.T) {
	t.Parallel()
	entry := func(name, size, sum string) string {
		return `{"name":"` + name + `","size":` + size + `,"sha256":"` + sum + `"}`
	}
	list := func(entries ...string) string { return `{"schema":1,"files":[` + strings.Join(entries, ",") + `]}` }
	good := entry(somePackage, "1", someSum)
	for name, c := range map[string]struct {
		text string
		want []report.Code
	}{
		"empty":            {"", []report.Code{report.CodeField}},
		"null":             {"null", []report.Code{report.CodeField}},
		"other schema":     {`{"schema":2,"files":[` + good + `]}`, []report.Code{report.CodeField}},
		"unknown field":    {`{"schema":1,"shell":"id","files":[` + good + `]}`, []report.Code{report.CodeField}},
		"two documents":    {list(good) + list(good), []report.Code{report.CodeField}},
		"nothing":          {list(), []report.Code{report.CodeField}},
		"too many":         {list(slices.Repeat([]string{good}, listedAtMost+1)...), []report.Code{report.CodeField}},
		"too long":         {list(good) + strings.Repeat(" ", 1<<20), []report.Code{report.CodeLimit}},
		"traversal":        {list(entry("../"+somePackage, "1", someSum)), []report.Code{report.CodeName}},
		"folder":           {list(entry("x/"+somePackage, "1", someSum)), []report.Code{report.CodeName}},
		"hidden":           {list(entry("."+somePackage, "1", someSum)), []report.Code{report.CodeName}},
		"no package":       {list(entry("foo.mmpack-manifest", "1", someSum)), []report.Code{report.CodeName}},
		"itself":           {list(entry("x"+ListSuffix, "1", someSum)), []report.Code{report.CodeName}},
		"signature of odd": {list(entry("foo.txt.sig", "1", someSum)), []report.Code{report.CodeName}},
		"lone signature":   {list(entry(somePackage+".sig", "1", someSum)), []report.Code{report.CodeMissing}},
		"twice":            {list(good, good), []report.Code{report.CodeDuplicate}},
		"no size":          {list(entry(somePackage, "0", someSum)), []report.Code{report.CodeSize}},
		"short sum":        {list(entry(somePackage, "1", "00")), []report.Code{report.CodeField}},
		"upper case sum":   {list(entry(somePackage, "1", strings.ToUpper(someSum))), []report.Code{report.CodeField}},
		"all at once":      {list(entry("..", "-1", "x"), good), []report.Code{report.CodeName, report.CodeSize, report.CodeField}},
	} {
		_, found := ParseList([]byte(c.text))
		var codes []report.Code
		for _, f := range found {
			codes = append(codes, f.Code)
		}
		if !slices.Equal(codes, c.want) {
			t.Errorf("%s: %v, want %v", name, found, c.want)
		}
	}
}

// FuzzList: no list that is believed names anything but packages of the drop folder and
// their signatures, each once.
func FuzzList(f *testing.F) {
	_, text, _ := NewList([]upload.File{{Name: somePackage, Size: 1, SHA256: someSum}, {Name: somePackage + ".sig", Size: 3, SHA256: someSum}})
	f.Add(text)
	f.Add([]byte(`{"schema":1,"files":[{"name":"../foo-1-1-any.pkg.tar.zst","size":1}]}`))
	f.Add([]byte(`{"schema":1,"files":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, found := ParseList(text)
		if len(found) > 0 {
			return
		}
		seen := map[string]bool{}
		for _, l := range list.Files {
			if _, ok := alpm.IsFileName(strings.TrimSuffix(l.Name, ".sig")); !ok || !isBase(l.Name) || l.Name[0] == '.' || seen[l.Name] || l.Size <= 0 {
				t.Errorf("believed: %+v", l)
			}
			seen[l.Name] = true
		}
	})
}
