package source

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

type member = mpktest.Member

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func verifier(t testing.TB, settings string) *Verifier {
	t.Helper()
	v, err := New([]byte(settings))
	check(t, err)
	return v
}

// read is an upload in a folder, as verifiers get it.
func read(t testing.TB, at, manifest string) upload.Upload {
	t.Helper()
	dir, err := vfs.OpenDir(at)
	check(t, err)
	t.Cleanup(func() { dir.Close() })
	u, findings, err := upload.Open(t.Context(), dir, ".", manifest)
	check(t, err)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	u, err = upload.Inspect(t.Context(), u, []string{"amd64-debian"}, upload.Options{})
	check(t, err)
	return u
}

func made(t testing.TB, what mpktest.Upload) upload.Upload {
	t.Helper()
	return read(t, filepath.Dir(what.In(t, t.TempDir())), what.ManifestName())
}

// specsOf is the member with the specs.
func specsOf(text string) member { return member{Name: "./mmpack/specs", Body: text} }

// said are the codes and fields of findings.
func said(t testing.TB, v *Verifier, u upload.Upload) string {
	t.Helper()
	findings, err := v.Verify(t.Context(), u)
	check(t, err)
	var list []string
	for _, f := range findings {
		if f.Message == "" || f.Hint == "" || f.File == "" || !f.Refuses() {
			t.Errorf("incomplete: %+v", f)
		}
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(string(f.Code), "MP-")+" "+f.Field, " "))
	}
	return strings.Join(list, ", ")
}

// Whatever the real builder has written is fine.
func TestGenuine(t *testing.T) {
	t.Parallel()
	manifests, err := filepath.Glob("../../../testdata/mmpack/uploads/*/*.mmpack-manifest")
	check(t, err)
	if len(manifests) != 12 {
		t.Fatalf("%d manifests", len(manifests))
	}
	for _, m := range manifests {
		if got := said(t, verifier(t, ""), read(t, filepath.Dir(m), filepath.Base(m))); got != "" {
			t.Errorf("%s: %s", m, got)
		}
	}
}

func TestTarball(t *testing.T) {
	t.Parallel()
	good := specsOf("name: foo\nversion: 1.0.0\n")
	for name, tt := range map[string]struct {
		files []member
		want  string
	}{
		"good":            {[]member{good}, ""},
		"no specs":        {nil, "SPECS mmpack/specs"},
		"a link":          {[]member{{Name: "./mmpack/specs", Type: '2', Link: "../specs"}, {Name: "./specs", Body: good.Body}}, "SPECS mmpack/specs"},
		"elsewhere":       {[]member{{Name: "./foo/mmpack/specs", Body: good.Body}}, "SPECS mmpack/specs"},
		"huge":            {[]member{specsOf(good.Body + strings.Repeat("#", 1<<20))}, "SPECS mmpack/specs"},
		"empty":           {[]member{specsOf("")}, "SPECS mmpack/specs:name, SPECS mmpack/specs:version"},
		"other name":      {[]member{specsOf("name: bar\nversion: 1.0.0\n")}, "SPECS mmpack/specs:name"},
		"other version":   {[]member{specsOf("name: foo\nversion: 1.0\n")}, "SPECS mmpack/specs:version"},
		"links":           {[]member{good, {Name: "./l", Type: '2', Link: "/etc"}, {Name: "./h", Type: '1', Link: "./README"}}, ""},
		"absolute":        {[]member{good, {Name: "/etc/passwd"}}, "SOURCE /etc/passwd"},
		"parent":          {[]member{good, {Name: "./../x"}}, "SOURCE ../x"},
		"device":          {[]member{good, {Name: "./d", Type: '3'}}, "SOURCE d"},
		"through a link":  {[]member{good, {Name: "./l", Type: '2', Link: "/etc"}, {Name: "./l/passwd"}}, "SOURCE l/passwd"},
		"twice":           {[]member{good, specsOf("name: bar\n")}, "SOURCE mmpack/specs, SPECS mmpack/specs:name, SPECS mmpack/specs:version"},
		"hard link, none": {[]member{good, {Name: "./h", Type: '1', Link: "/etc/passwd"}}, "SOURCE h"},
	} {
		u := made(t, mpktest.Upload{SourceFiles: tt.files})
		if got := said(t, verifier(t, ""), u); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// swapped is an upload whose tarball has other bytes.
func swapped(t testing.TB, data []byte) upload.Upload {
	t.Helper()
	at := t.TempDir()
	what := mpktest.Upload{}
	what.In(t, at)
	check(t, os.WriteFile(filepath.Join(at, what.SourceName()), data, 0o644))
	u := read(t, at, what.ManifestName())
	u.Received[0].ActualSize = int64(len(data))
	return u
}

func TestNoArchive(t *testing.T) {
	t.Parallel()
	tarball := archivetest.Pack(archivetest.XZ, archivetest.TarBytes(specsOf("name: foo\nversion: 1.0.0\n")))
	if got := said(t, verifier(t, ""), swapped(t, tarball)); got != "" {
		t.Error(got)
	}
	for name, data := range map[string][]byte{
		"rubbish": []byte("rubbish"), "empty": {}, "cut": tarball[:len(tarball)-20], "gzip": archivetest.Pack(archivetest.Gzip, []byte("x")),
		"no tar": archivetest.Pack(archivetest.XZ, []byte("text")), "trailing": append(slices.Clone(tarball), "xxxx"...),
	} {
		if got := said(t, verifier(t, ""), swapped(t, data)); got != "SOURCE" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Bombs are refused in little time and memory. It is not parallel: it measures.
func TestBombs(t *testing.T) {
	const members = 30_000 // the cost of a member is the same for each, and the usual limit is three times that
	many := make([]member, members+1)
	for i := range many {
		many[i] = member{Name: fmt.Sprint("f", i)}
	}
	for name, data := range map[string][]byte{
		"zeros.tar.xz":   archivetest.Zeros(archivetest.XZ, 16<<20),
		"zeros.tar.zst":  archivetest.Zeros(archivetest.Zstd, 1<<30),
		"members.tar.gz": archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(many...)),
	} {
		u := swapped(t, data)
		at := u.FS.(*vfs.Dir).Path()
		check(t, os.Rename(filepath.Join(at, u.Received[0].Name), filepath.Join(at, name)))
		u.Received[0].Name = name
		v := verifier(t, "")
		if strings.HasSuffix(name, ".xz") {
			v.limits.DecodedBase = 1 << 20 // to write one takes long
		}
		v.limits.Members = members
		archivetest.CheckCost(t, func() {
			if got := said(t, v, u); got != "LIMIT" {
				t.Errorf("%s: %s", name, got)
			}
		})
	}
}

func TestParseSpecs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]specs{
		"name: foo\nversion: 1.10\n":                                {"foo", "1.10"},
		"---\nversion: '1.10' # as text\nname:   \"foo\"\n":         {"foo", "1.10"},
		"name: foo # bar\r\nversion: 1\r\n":                         {"foo", "1"},
		"general:\n    name: foo\n    version: 1\n":                 {"foo", "1"},
		"custom-pkgs:\n  foo:\n    name: x\nname: foo\nversion: 1":  {"foo", "1"},
		"description: |\n  name: x\n  version: 2\nname: foo\n":      {"foo", ""},
		"name: foo\nname: bar\nversion: 1\n":                        {"", "1"},
		"name: &a foo\nversion: *a\n":                               {},
		"name: |\n  foo\nversion: >\n  1\n":                         {},
		"name: \"f\\x6fo\"\nversion: 'a' b\n":                       {},
		"name:foo\nversion:1\n":                                     {},
		"{name: foo, version: 1}\n":                                 {},
		"general:\n  name: a\nother:\n  version: 1\nname: b\n":      {},
		"name: !!str foo\nversion: [1]\n":                           {},
		"names: foo\nversion : 2\n":                                 {"", "2"},
		"general:\n  sub:\n    x: y\n  name: foo\n\n  version: 1\n": {"foo", "1"},
	} {
		if got := parseSpecs([]byte(text)); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzParseSpecs(f *testing.F) {
	f.Add("name: foo\nversion: '1'\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := parseSpecs([]byte(text))
		if strings.ContainsAny(s.name+s.version, "\n") {
			t.Errorf("%q: %q", text, s)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for text, say := range map[string]string{
		`{"gitt":[]}`: `"git" may be meant`,
		`{"git":[{"source":"[","repository":"/x","tag":"v"}]}`: "is not a pattern",
		`{"git":[{"source":"*","repository":"x","tag":"v"}]}`:  "is not an absolute path",
		`{"git":[{"source":"*","repository":"/x"}]}`:           "tag",
		`{"members":0}`: "members: 0",
	} {
		if _, err := New([]byte(text)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
