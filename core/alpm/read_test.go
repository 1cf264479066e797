package alpm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/report"
)

const genuineDir = "../../testdata/pacman/packages"

// genuine are the packages that makepkg built, by the names that they really have.
func genuine(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(genuineDir + "/*.pkg.tar.*[^g]")
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.ReplaceAll(filepath.Base(file), "%3A", ":")] = data
	}
	if len(all) != 6 {
		tb.Fatalf("%d genuine packages, want 6", len(all))
	}
	return all
}

func read(tb testing.TB, data []byte, c alpm.Compression) (*alpm.Package, []report.Finding) {
	tb.Helper()
	in := bytes.NewReader(data)
	p, findings, err := alpm.Read(context.Background(), in, int64(len(data)), c, archive.DefaultLimits())
	if err != nil || in.Len() != 0 {
		tb.Fatalf("%d bytes left, %v", in.Len(), err)
	}
	return p, findings
}

// Each genuine package reads without a finding, has the name that its .PKGINFO says,
// and the .PKGINFO beside it says the same.
func TestGenuine(t *testing.T) {
	t.Parallel()
	for name, data := range genuine(t) {
		c, ok := alpm.IsFileName(name)
		if !ok {
			t.Fatalf("%s is no package's name", name)
		}
		p, findings := read(t, data, c)
		if len(findings) > 0 {
			t.Errorf("%s: %v", name, findings)
		}
		if got := p.Info.FileName(c); got != name {
			t.Errorf("%s says of itself that it is %s", name, got)
		}
		text, err := os.ReadFile("../../testdata/pacman/pkginfo/" + strings.ReplaceAll(name, ":", "%3A") + ".PKGINFO")
		if err != nil {
			t.Fatal(err)
		}
		want, _ := read(t, pack(alpm.Zstd, file(".PKGINFO", string(text))), alpm.Zstd)
		if got := p.Info; !equal(got, want.Info) {
			t.Errorf("%s: %+v, want %+v", name, got, want.Info)
		}
	}
}

func equal(a, b alpm.Info) bool {
	lists := func(i alpm.Info) string {
		return strings.Join(slices.Concat(i.Licenses, i.Replaces, i.Groups, i.Conflicts, i.Provides, i.Depends, i.OptDepends, i.MakeDepends, i.CheckDepends), "\n")
	}
	return a.FileName("x") == b.FileName("x") && a.Description == b.Description && a.URL == b.URL && a.Packager == b.Packager &&
		a.Size == b.Size && a.BuildDate == b.BuildDate && lists(a) == lists(b)
}

func TestInfo(t *testing.T) {
	t.Parallel()
	p, _ := read(t, genuine(t)["alpha-1.0-1-any.pkg.tar.zst"], alpm.Zstd)
	i := p.Info
	if i.Name != "alpha" || i.Base != "alpha" || i.Version != "1.0-1" || i.Description != "First sample" || i.Size != "10" ||
		i.Packager != "Test Packer <t@example.test>" || i.BuildDate != "1700000000" || i.Arch != "any" ||
		!slices.Equal(i.Depends, []string{"beta>=1.0", "gamma"}) || !slices.Equal(i.Provides, []string{"alpha-api=1"}) ||
		!slices.Equal(i.OptDepends, []string{"delta: for extra"}) || !slices.Equal(i.CheckDepends, []string{"coreutils"}) ||
		!slices.Equal(i.Groups, []string{"sample"}) || !slices.Equal(i.Conflicts, []string{"alpha-old"}) {
		t.Errorf("%+v", i)
	}
}

type member = archivetest.Member

func file(name, body string) member { return member{Name: name, Body: body} }

// pack makes the file of a package. There is no writer for bzip2.
func pack(c alpm.Compression, members ...member) []byte {
	open := map[alpm.Compression]func(io.Writer) io.WriteCloser{
		alpm.Zstd: archivetest.Zstd, alpm.Gzip: archivetest.Gzip, alpm.XZ: archivetest.XZ,
	}[c]
	return archivetest.Pack(open, archivetest.TarBytes(members...))
}

const goodInfo = "pkgname = foo\npkgbase = foo\npkgver = 1.0-1\npkgdesc = A thing\nsize = 3\nbuilddate = 1\narch = any\n"

func TestCompressions(t *testing.T) {
	t.Parallel()
	for _, c := range []alpm.Compression{alpm.Zstd, alpm.Gzip, alpm.XZ} {
		p, findings := read(t, pack(c, file(".PKGINFO", goodInfo), file("usr", "")), c)
		if len(findings) > 0 || p.Info.Name != "foo" || len(p.Files) != 2 || p.DecodedSize == 0 {
			t.Errorf("%s: %+v %v", c, p, findings)
		}
	}
	if _, findings := read(t, pack(alpm.Gzip, file(".PKGINFO", goodInfo)), alpm.XZ); codes(findings) != "MP-PACKAGE" {
		t.Errorf("another compression than the name says: %v", findings)
	}
}

func codes(findings []report.Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, string(f.Code))
	}
	return strings.Join(all, " ")
}

// Each hostile package is refused with a code and the field at fault.
func TestHostile(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) member {
		return file(".PKGINFO", strings.Replace(goodInfo, old, replacement, 1))
	}
	good := file(".PKGINFO", goodInfo)
	for _, tt := range []struct {
		name    string
		members []member
		code    report.Code
		field   string
	}{
		{"no .PKGINFO", []member{file("usr", "")}, report.CodePkginfo, ".PKGINFO"},
		{"two", []member{good, good}, report.CodeMember, ".PKGINFO"},
		{"late", []member{file("usr", ""), good}, report.CodePkginfo, ".PKGINFO"},
		{"a link", []member{{Name: ".PKGINFO", Type: '2', Link: "/etc/passwd"}}, report.CodePkginfo, ".PKGINFO"},
		{"huge", []member{file(".PKGINFO", strings.Repeat("x", alpm.MaxInfo+1))}, report.CodeLimit, ".PKGINFO"},
		{"name leads out", []member{with("foo", "../foo")}, report.CodePkginfo, ".PKGINFO:pkgname"},
		{"name with a shell's text", []member{with("= foo", "= $(id)")}, report.CodePkginfo, ".PKGINFO:pkgname"},
		{"name with a dash first", []member{with("= foo", "= -foo")}, report.CodePkginfo, ".PKGINFO:pkgname"},
		{"base leads out", []member{with("pkgbase = foo", "pkgbase = a/b")}, report.CodePkginfo, ".PKGINFO:pkgbase"},
		{"version leads out", []member{with("1.0-1", "1/../../x-1")}, report.CodePkginfo, ".PKGINFO:pkgver"},
		{"version with no release", []member{with("1.0-1", "1.0")}, report.CodePkginfo, ".PKGINFO:pkgver"},
		{"no version", []member{with("pkgver = 1.0-1\n", "")}, report.CodePkginfo, ".PKGINFO:pkgver"},
		{"arch", []member{with("arch = any", "arch = a/b")}, report.CodePkginfo, ".PKGINFO:arch"},
		{"size", []member{with("size = 3", "size = -3")}, report.CodePkginfo, ".PKGINFO:size"},
		{"size too large", []member{with("size = 3", "size = 99999999999999999999")}, report.CodePkginfo, ".PKGINFO:size"},
		{"a key twice", []member{with("arch = any", "arch = any\narch = x86_64")}, report.CodePkginfo, ".PKGINFO:arch"},
		{"no key", []member{with("arch = any", "arch = any\nnonsense")}, report.CodePkginfo, ".PKGINFO"},
		{"a key that a shell would run", []member{with("arch = any", "arch = any\nx[$(id)] = 1")}, report.CodePkginfo, ".PKGINFO"},
		{"carriage return", []member{with("A thing", "A thing\r")}, report.CodeText, ".PKGINFO"},
		{"not UTF-8", []member{with("A thing", "A \xff thing")}, report.CodeText, ".PKGINFO"},
		{"NUL", []member{with("A thing", "A \x00 thing")}, report.CodeText, ".PKGINFO"},
		{"absolute member", []member{good, file("/etc/passwd", "")}, report.CodeMember, "/etc/passwd"},
		{"member leads out", []member{good, file("usr/../../x", "")}, report.CodeMember, "usr/../../x"},
		{"member with ./", []member{good, file("./usr", "")}, report.CodeMember, "./usr"},
		{"member with a line break", []member{good, file("a\n%NAME%\nb", "")}, report.CodeMember, `"a\n%NAME%\nb"`},
		{"same member twice", []member{good, file("a", "1"), file("a", "2")}, report.CodeMember, "a"},
		{"through a link", []member{good, {Name: "l", Type: '2', Link: "/"}, file("l/x", "")}, report.CodeMember, "l/x"},
		{"hard link out", []member{good, {Name: "h", Type: '1', Link: "/etc/passwd"}}, report.CodeMember, "h"},
		{"device", []member{good, {Name: "d", Type: '3'}}, report.CodeMember, "d"},
	} {
		_, findings := read(t, pack(alpm.Zstd, tt.members...), alpm.Zstd)
		if !slices.ContainsFunc(findings, func(f report.Finding) bool { return f.Code == tt.code && f.Field == tt.field && f.Message != "" }) {
			t.Errorf("%s: %+v, want %s about %s", tt.name, findings, tt.code, tt.field)
		}
	}
}

func TestBomb(t *testing.T) {
	data := archivetest.Zeros(archivetest.Zstd, 1<<30)
	archivetest.CheckCost(t, func() {
		if _, findings := read(t, data, alpm.Zstd); codes(findings) != "MP-PACKAGE" && codes(findings) != "MP-LIMIT" {
			t.Errorf("%v", findings)
		}
	})
}

func TestSourceError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	data := genuine(t)["alpha-1.0-1-any.pkg.tar.zst"]
	r := io.MultiReader(bytes.NewReader(data[:500]), iotestErr{broken})
	if _, _, err := alpm.Read(context.Background(), r, int64(len(data)), alpm.Zstd, archive.DefaultLimits()); !errors.Is(err, broken) {
		t.Error(err)
	}
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

func FuzzRead(f *testing.F) {
	for _, data := range genuine(f) {
		f.Add(true, data)
	}
	f.Add(false, archivetest.TarBytes(file(".PKGINFO", goodInfo), file("usr", "")))
	f.Fuzz(func(t *testing.T, whole bool, data []byte) {
		if !whole {
			data = archivetest.Pack(archivetest.Zstd, archivetest.FixSums(data))
		}
		l := archive.DefaultLimits()
		l.DecodedBase, l.DecodedRatio, l.Members = 1<<20, 20, 1000
		p, findings, err := alpm.Read(context.Background(), bytes.NewReader(data), int64(len(data)), alpm.Zstd, l)
		if err != nil {
			t.Fatal(err)
		}
		if len(findings) > 0 {
			return
		}
		checkPublishable(t, p)
	})
}

// FuzzInfo reads any text as a .PKGINFO.
func FuzzInfo(f *testing.F) {
	f.Add(goodInfo)
	f.Add("# comment\n" + goodInfo + "xdata = pkgtype=pkg\nlicense = a   b\n")
	f.Fuzz(func(t *testing.T, text string) {
		if p, findings := read(t, pack(alpm.Zstd, file(".PKGINFO", text)), alpm.Zstd); len(findings) == 0 {
			checkPublishable(t, p)
		}
	})
}

// checkPublishable fails on what no package without findings may hold.
func checkPublishable(t *testing.T, p *alpm.Package) {
	t.Helper()
	i := p.Info
	if !alpm.ValidName(i.Name) || !alpm.ValidVersion(i.Version) || strings.ContainsAny(i.FileName(alpm.Zstd), "/ \n\x00") {
		t.Errorf("%+v", i)
	}
	all := slices.Concat([]string{i.Base, i.Description, i.URL, i.Packager, i.Arch}, i.Licenses, i.Depends, i.Provides)
	for _, v := range all {
		if what, _ := report.Flaw(v, ""); what != "" || strings.Join(strings.Fields(v), " ") != v {
			t.Errorf("a value is %q", v)
		}
	}
	for _, m := range p.Files {
		if strings.HasPrefix(m.Name, "/") || strings.Contains("/"+m.Name+"/", "/../") {
			t.Errorf("a member is %q", m.Name)
		}
	}
}
