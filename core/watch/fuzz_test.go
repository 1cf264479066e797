package watch

import (
	"path"
	"strings"
	"testing"
	"unicode"

	"github.com/mmpush/mmpush/core/report"
)

// FuzzJournal: no journal that is believed names anything but entries of the drop
// folder, and none panics.
func FuzzJournal(f *testing.F) {
	for _, seed := range []string{
		"", "null", `{"verdict":{"id":"id","manifest":"x"},"to":"y","files":[{"name":"x","ino":1,"size":2,"mtime":3}]}`,
		`{"verdict":{"id":"id","manifest":"../x"}}`, `{"verdict":{"id":"id","manifest":"x"},"files":[{"name":"a/b"}]}`,
		`{"verdict":{"id":"id","manifest":"x"},"to":"..","files":[{"name":"."}]}`, `{"verdict":{"id":"id","manifest":"a\u0000b"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseJournal(privateDir+"/id", []byte(text))
		if err != nil {
			return
		}
		names := []string{d.Verdict.Manifest}
		for _, o := range d.Files {
			names = append(names, o.Name)
		}
		if d.To != "" {
			names = append(names, d.To)
		}
		for _, name := range names {
			if path.Base(path.Join("drop", name)) != name || path.Dir(path.Join("drop", name)) != "drop" {
				t.Errorf("%q is believed", name)
			}
		}
		if d.Verdict.ID != "id" {
			t.Errorf("the id is %q", d.Verdict.ID)
		}
	})
}

// TestReadableIsPlain: nothing that was uploaded acts on the terminal that shows a
// report.
func TestReadableIsPlain(t *testing.T) {
	t.Parallel()
	evil := "x\x1b[2J\u202e\n\r\x07\xff"
	v := Verdict{Report: report.Report{Manifest: evil, Repository: evil, Findings: []report.Finding{
		{Code: report.CodeName, File: evil, Message: evil, Hint: evil, Actual: evil},
	}}}
	for line := range strings.Lines(string(v.readable((&clock{}).now()))) {
		for _, r := range strings.TrimSuffix(line, "\n") {
			if !unicode.IsPrint(r) {
				t.Errorf("%U in %q", r, line)
			}
		}
	}
}
