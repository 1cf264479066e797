package contents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	r := repository(t, "amd64-debian")
	bar, baz := stanza(t, r, "bar", "1", "bin/x", "lib/bar"), stanza(t, r, "baz", "1", "bin/z")
	old := stanza(t, r, "foo", "1", "bin/x", "bin/foo")
	view := published(t, r, bar, baz, old)
	for name, tt := range map[string]struct {
		in       []index.Binary
		settings string
		want     string
	}{
		"none":            {in: []index.Binary{stanza(t, r, "new", "1", "bin/new")}},
		"one":             {in: []index.Binary{stanza(t, r, "new", "1", "bin/z")}, want: "OVERLAP bin/z"},
		"two":             {in: []index.Binary{stanza(t, r, "new", "1", "bin/z", "lib/bar")}, want: "OVERLAP lib/bar, OVERLAP bin/z"},
		"its own":         {in: []index.Binary{stanza(t, r, "baz", "2", "bin/z", "bin/zz")}},
		"was there":       {in: []index.Binary{stanza(t, r, "foo", "2", "bin/x", "bin/more")}},
		"is new":          {in: []index.Binary{stanza(t, r, "foo", "2", "bin/x", "bin/z")}, want: "OVERLAP bin/z"},
		"has moved":       {in: []index.Binary{stanza(t, r, "baz", "2"), stanza(t, r, "new", "1", "bin/z")}},
		"in one upload":   {in: []index.Binary{stanza(t, r, "new", "1", "bin/n"), stanza(t, r, "newer", "1", "bin/n")}, want: "OVERLAP bin/n"},
		"shared":          {in: []index.Binary{stanza(t, r, "new", "1", "bin/z")}, settings: `{"shared":["bin/*"]}`},
		"not asked":       {in: []index.Binary{stanza(t, r, "new", "1", "bin/z")}, settings: `{"overlap":false}`},
		"the same":        {in: []index.Binary{baz}},
		"nothing":         {},
		"nothing learned": {in: []index.Binary{stanza(t, r, "new", "1", "bin/z")}, settings: `{"learn":0}`, want: "LISTS"},
	} {
		fresh := *r
		fresh.FS, fresh.Path = copied(t, r), ""
		v := verifier(t, tt.settings, &fresh)
		for _, b := range tt.in {
			learn(t, v, b)
		}
		findings, err := v.VerifyPlan(t.Context(), view, adding(tt.in...))
		if got := said(t, findings, err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// copied is the repository's folder without lists.
func copied(t *testing.T, r *repo.Repo) vfs.FS {
	t.Helper()
	at := t.TempDir()
	check(t, os.CopyFS(at, os.DirFS(r.Path)))
	check(t, os.RemoveAll(filepath.Join(at, repo.FilesDir)))
	return folder(t, at)
}

// learn reads a package as Verify does.
func learn(t *testing.T, v *Verifier, b index.Binary) {
	t.Helper()
	paths, err := (&learner{v, learnBytes}).learn(t.Context(), b)
	check(t, err)
	v.keep(b.SHA256, paths)
}

// Packages that were there before are learned, some with each change; what is learned
// is not read again, and a list that is damaged counts as missing.
func TestLearn(t *testing.T) {
	t.Parallel()
	r := repository(t, "amd64-debian")
	bar, baz, in := stanza(t, r, "bar", "1", "bin/x"), stanza(t, r, "baz", "1", "bin/z"), stanza(t, r, "new", "1", "bin/z")
	view := published(t, r, bar, baz)
	ask := func(settings string, say string) {
		t.Helper()
		v := verifier(t, settings, r)
		learn(t, v, in)
		findings, err := v.VerifyPlan(t.Context(), view, adding(in))
		if got := said(t, findings, err); got != say {
			t.Errorf("%s, want %s", got, say)
		}
		if strings.Contains(say, "LISTS") && !strings.HasPrefix(findings[len(findings)-1].Message, "1 published package ") {
			t.Error(findings)
		}
	}
	ask(`{"learn":1}`, "LISTS")
	ask(`{"learn":1}`, "OVERLAP bin/z")
	ask(`{"learn":0}`, "OVERLAP bin/z")
	list := filepath.Join(r.Path, listName(baz.SHA256))
	text, err := os.ReadFile(list)
	check(t, err)
	if !strings.Contains(string(text), "\nbin/z\n") {
		t.Errorf("%q", text)
	}
	check(t, os.WriteFile(list, []byte(strings.Replace(string(text), "bin/z", "bin/y", 1)), 0o600))
	ask(`{"learn":0}`, "LISTS")
	// A package whose bytes are not those of the index teaches nothing.
	check(t, os.Remove(list))
	data, err := os.ReadFile(filepath.Join(r.Path, baz.Filename))
	check(t, err)
	data[len(data)-1]++
	check(t, os.WriteFile(filepath.Join(r.Path, baz.Filename), data, 0o644))
	ask("", "LISTS")
}

// The lists of packages that are gone go, those that are retired or on their way stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	r := repository(t, "amd64-debian")
	v := verifier(t, "", r)
	bar, in := stanza(t, r, "bar", "1", "bin/x"), stanza(t, r, "new", "1", "bin/z")
	learn(t, v, bar)
	gone, retired, young := strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("3", 64)
	for _, sum := range []string{gone, retired, young} {
		v.keep(sum, []string{"a"})
	}
	check(t, r.AppendRetired([]repo.Retired{{Name: "x", SHA256: retired}}))
	before := time.Now().Add(-48 * time.Hour)
	for _, sum := range []string{gone, retired, bar.SHA256} {
		check(t, os.Chtimes(filepath.Join(r.Path, listName(sum)), before, before))
	}
	learn(t, v, in)
	_, err := v.VerifyPlan(t.Context(), published(t, r, bar), adding(in))
	check(t, err)
	for sum, stays := range map[string]bool{gone: false, retired: true, young: true, bar.SHA256: true, in.SHA256: true} {
		if _, err := os.Stat(filepath.Join(r.Path, listName(sum))); (err == nil) != stays {
			t.Errorf("%s: %v", sum, err)
		}
	}
}

// An index that somebody else wrote cannot have other files read as lists.
func TestHostileHash(t *testing.T) {
	t.Parallel()
	r := repository(t, "amd64-debian")
	in := stanza(t, r, "new", "1", "bin/z")
	bad := stanza(t, r, "bar", "1", "bin/z")
	bad.SHA256 = "../../" + bad.Filename
	v := verifier(t, "", r)
	learn(t, v, in)
	findings, err := v.VerifyPlan(t.Context(), published(t, r, bad), adding(in))
	if got := said(t, findings, err); got != "LISTS" {
		t.Error(got)
	}
}

// Where lists cannot be written, packages are compared all the same.
func TestCannotWrite(t *testing.T) {
	t.Parallel()
	r := repository(t, "amd64-debian")
	check(t, os.WriteFile(filepath.Join(r.Path, repo.FilesDir), nil, 0o600))
	v := verifier(t, "", r)
	u := made(t, mpktest.Upload{Name: "foo", Packages: []mpktest.Package{{Files: []member{{Name: "./bin/z", Body: "x"}}}}})
	findings, err := v.Verify(t.Context(), u)
	if got := said(t, findings, err); got != "" {
		t.Error(got)
	}
	in := index.Binary{Name: "foo", Version: "1.0.0", Filename: "foo", SHA256: u.Files[1].SHA256}
	findings, err = v.VerifyPlan(t.Context(), published(t, r, stanza(t, r, "baz", "1", "bin/z")), adding(in))
	if got := said(t, findings, err); got != "OVERLAP bin/z" {
		t.Error(got)
	}
}
