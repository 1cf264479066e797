package contents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

type member = mpktest.Member

const sumsName = "./var/lib/mmpack/metadata/foo.sha256sums"

// Whatever the real builder has written is fine.
func TestGenuine(t *testing.T) {
	t.Parallel()
	manifests, err := filepath.Glob("../../../testdata/mmpack/uploads/*/*.mmpack-manifest")
	check(t, err)
	if len(manifests) != 12 {
		t.Fatalf("%d manifests", len(manifests))
	}
	for _, m := range manifests {
		u := read(t, filepath.Dir(m), filepath.Base(m), "amd64-debian")
		findings, err := verifier(t, "", repository(t, "amd64-debian")).Verify(t.Context(), u)
		if got := said(t, findings, err); got != "" {
			t.Errorf("%s: %s", m, got)
		}
	}
}

// program is the begin of an ELF file.
func program(machine byte, class, data byte) string {
	b := make([]byte, 64)
	copy(b, "\x7fELF")
	b[4], b[5] = class, data
	b[18] = machine
	if data == 2 {
		b[18], b[19] = 0, machine
	}
	return string(b)
}

func TestPackage(t *testing.T) {
	t.Parallel()
	with := func(files ...member) mpktest.Package { return mpktest.Package{Name: "foo", Files: files} }
	changed := func(name string, change func(*member)) mpktest.Package {
		return mpktest.Package{Name: "foo", Edit: func(all []member) []member {
			for i := range all {
				if all[i].Name == name {
					change(&all[i])
				}
			}
			return all
		}}
	}
	readme := func(line string) mpktest.Package { return mpktest.Package{Name: "foo", Sums: line} }
	hash := strings.Repeat("ab", 32)
	rest := "FILES share/foo/README, FILES var/lib/mmpack/metadata/foo.pkginfo"
	for name, tt := range map[string]struct {
		p        mpktest.Package
		settings string
		want     string
	}{
		"whole":            {p: with(member{Name: "./bin/foo", Body: program(62, 2, 1), Mode: 0o755})},
		"other bytes":      {p: changed("./share/foo/README", func(m *member) { m.Body = "evil" }), want: "FILES share/foo/README"},
		"link for a file":  {p: changed("./share/foo/README", func(m *member) { *m = member{Name: m.Name, Type: '2', Link: "x"} }), want: "FILES share/foo/README"},
		"not listed":       {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./z"}}}, want: "FILES z"},
		"link, not listed": {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./z", Type: '2', Link: "share/foo/README"}}}, want: "FILES z"},
		"link to a folder": {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./z", Type: '2', Link: "share/foo"}, {Name: "./zz", Type: '2', Link: "z"}}}},
		"link in a ring":   {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./z", Type: '2', Link: "zz"}, {Name: "./zz", Type: '2', Link: "z"}}}, want: "FILES z, FILES zz"},
		"in MMPACK":        {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./MMPACK/more"}, {Name: "./MMPACK/sub/more"}}}, want: "FILES MMPACK/sub/more"},
		"link":             {p: with(member{Name: "./lib/a", Type: '2', Link: "b"})},
		"other link": {p: mpktest.Package{Name: "foo", Files: []member{{Name: "./lib/a", Type: '2', Link: "b"}}, Edit: func(all []member) []member {
			for i := range all {
				if all[i].Name == "./lib/a" {
					all[i].Link = "c"
				}
			}
			return all
		}}, want: "FILES lib/a"},
		"hard link":         {p: mpktest.Package{Name: "foo", Extra: []member{{Name: "./z", Type: '1', Link: "./share/foo/README"}}}, want: "FILES z"},
		"listed, not there": {p: readme("share/foo/none: reg-" + hash + "\n"), want: "FILES share/foo/none, " + rest},
		"folder listed":     {p: readme("share/foo: reg-" + hash + "\n"), want: "FILES share/foo, " + rest},
		"twice":             {p: readme("a: reg-" + hash + "\na: reg-" + hash + "\n"), want: "FILES " + sumsName + ", FILES a, " + rest},
		"no colon":          {p: readme("share/foo/README\n"), want: "FILES " + sumsName + ", " + rest},
		"kind":              {p: readme("a: dir-" + hash + "\n"), want: "FILES " + sumsName + ", " + rest},
		"upper case":        {p: readme("a: reg-" + strings.ToUpper(hash) + "\n"), want: "FILES " + sumsName + ", " + rest},
		"long line":         {p: readme(strings.Repeat("a", 9000)), want: "FILES " + sumsName + ", " + rest},
		"setuid":            {p: with(member{Name: "./bin/a", Mode: 0o4755}), want: "SETUID bin/a"},
		"setgid":            {p: with(member{Name: "./bin/a", Mode: 0o2755}), want: "SETUID bin/a"},
		"setuid, allowed":   {p: with(member{Name: "./bin/a", Mode: 0o4755}), settings: `{"setuid":["bin/*"]}`},
		"absolute link":     {p: with(member{Name: "./a", Type: '2', Link: "/etc/passwd"}), want: "ESCAPE a"},
		"escaping link":     {p: with(member{Name: "./d/a", Type: '2', Link: "../../etc"}), want: "ESCAPE d/a"},
		"link to the root":  {p: with(member{Name: "./d/a", Type: '2', Link: "../x/../y"})},
		"link, allowed":     {p: with(member{Name: "./a", Type: '2', Link: "/etc/passwd"}), settings: `{"outside-links":["a"]}`},
		"arm64":             {p: with(member{Name: "./bin/a", Body: program(183, 2, 1)}), want: "MACHINE bin/a"},
		"i386":              {p: with(member{Name: "./bin/a", Body: program(3, 1, 1)}), want: "MACHINE bin/a"},
		"x32":               {p: with(member{Name: "./bin/a", Body: program(62, 1, 1)}), want: "MACHINE bin/a"},
		"big-endian":        {p: with(member{Name: "./bin/a", Body: program(62, 2, 2)}), want: "MACHINE bin/a"},
		"firmware":          {p: with(member{Name: "./bin/a", Body: program(183, 2, 1)}), settings: `{"machines":["bin/a"]}`},
		"too short":         {p: with(member{Name: "./bin/a", Body: "\x7fELF"})},
	} {
		u := made(t, mpktest.Upload{Name: "foo", Packages: []mpktest.Package{tt.p}})
		findings, err := verifier(t, tt.settings, repository(t, "amd64-debian")).Verify(t.Context(), u)
		if got := said(t, findings, err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	for arch, want := range map[string]bool{
		"arm64-debian": true, "aarch64-debian": true, "amd64-windows": false, "i686-debian": false, "s390x-debian": false, "mystery-debian": true, "all": true,
	} {
		u := made(t, mpktest.Upload{Arch: arch, Packages: []mpktest.Package{{Files: []member{{Name: "./a", Body: program(183, 2, 1)}}}}})
		findings, err := verifier(t, "", repository(t, arch)).Verify(t.Context(), u)
		if got := said(t, findings, err); (got == "") != want {
			t.Errorf("%s: %s", arch, got)
		}
	}
}

// The packages of other architectures are not this repository's.
func TestOtherArchitecture(t *testing.T) {
	t.Parallel()
	u := made(t, mpktest.Upload{Packages: []mpktest.Package{{}, {Name: "foo", Arch: "x-y", Extra: []member{{Name: "./z"}}}}})
	findings, err := verifier(t, "", repository(t, "amd64-debian")).Verify(t.Context(), u)
	if got := said(t, findings, err); got != "" {
		t.Error(got)
	}
}

// A package that is swapped after it was read, for a bomb or for rubbish, is refused.
func TestSwapped(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{archivetest.Zeros(archivetest.Zstd, 300<<20), []byte("rubbish"), {}} {
		at := t.TempDir()
		what := mpktest.Upload{}
		what.In(t, at)
		u := read(t, at, what.ManifestName())
		check(t, os.WriteFile(filepath.Join(at, mpktest.Package{}.FileName()), data, 0o644))
		findings, err := verifier(t, "", repository(t, "amd64-debian")).Verify(t.Context(), u)
		check(t, err)
		if len(findings) != 1 || !findings[0].Refuses() {
			t.Error(findings)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for text, say := range map[string]string{
		`{"set-uid":[]}`:     `"setuid" may be meant`,
		`{"shared":["[a"]}`:  `shared: "[a" is not a pattern`,
		`{"machines":[""]}`:  "machines",
		`{"learn":-1}`:       "learn: -1",
		`{"overlap":"sure"}`: "true or false",
	} {
		if _, err := New([]byte(text), nil); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
