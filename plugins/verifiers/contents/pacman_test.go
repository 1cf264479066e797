package contents

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/repo"
)

// arrived is a package as the verifiers get it.
func arrived(t testing.TB, name string, data []byte) alpm.Arrived {
	t.Helper()
	c, _ := alpm.IsFileName(name)
	p, findings, err := alpm.Read(t.Context(), bytes.NewReader(data), int64(len(data)), c, archive.DefaultLimits())
	check(t, err)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	return alpm.Arrived{Package: p, Name: name, Size: int64(len(data)), Compression: c,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

func ofPacman(t testing.TB, settings string) *Verifier {
	t.Helper()
	v, err := New([]byte(settings), &repo.Repo{Arch: "any"})
	check(t, err)
	return v
}

// What makepkg has built agrees with its .MTREE.
func TestGenuinePackages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/pacman/packages/*.pkg.tar.*")
	check(t, err)
	n := 0
	for _, file := range files {
		name := strings.ReplaceAll(filepath.Base(file), "%3A", ":")
		if _, ok := alpm.IsFileName(name); !ok {
			continue
		}
		n++
		data, err := os.ReadFile(file)
		check(t, err)
		findings, err := ofPacman(t, "").VerifyPackage(t.Context(), arrived(t, name, data))
		if got := said(t, findings, err); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if n < 5 {
		t.Errorf("%d packages", n)
	}
}

// Each is a package whose list says something else than what is in it.
func TestAgainstMtree(t *testing.T) {
	t.Parallel()
	const info = "pkgname = foo\npkgbase = foo\npkgver = 1-1\npkgdesc = a package\nsize = 10\nbuilddate = 1700000000\narch = x86_64\n"
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	usual := "#mtree\n/set type=file uid=0 gid=0 mode=644\n./.PKGINFO size=" + fmt.Sprint(len(info)) + " sha256digest=" + sum(info) +
		"\n./usr mode=755 type=dir\n./usr/a\\040b size=5 sha256digest=" + sum("hello") + "\n./usr/l mode=777 type=link link=a\\040b\n"
	members := []archivetest.Member{
		{Name: ".PKGINFO", Body: info}, {Name: "usr/", Type: '5', Mode: 0o755}, {Name: "usr/a b", Body: "hello"}, {Name: "usr/l", Type: '2', Link: "a b"},
	}
	with := func(i int, m archivetest.Member) []archivetest.Member {
		list := append([]archivetest.Member{}, members...)
		if i == len(list) {
			return append(list, m)
		}
		list[i] = m
		return list
	}
	gz := func(text string) string { return string(archivetest.Pack(archivetest.Gzip, []byte(text))) }
	for name, c := range map[string]struct {
		mtree    string
		members  []archivetest.Member
		settings string
		want     string
	}{
		"as it is":          {mtree: gz(usual), members: members},
		"other bytes":       {mtree: gz(usual), members: with(2, archivetest.Member{Name: "usr/a b", Body: "hullo"}), want: "FILES usr/a b"},
		"another size":      {mtree: gz(usual), members: with(2, archivetest.Member{Name: "usr/a b", Body: "hello "}), want: "FILES usr/a b"},
		"another mode":      {mtree: gz(usual), members: with(2, archivetest.Member{Name: "usr/a b", Body: "hello", Mode: 0o755}), want: "FILES usr/a b"},
		"setuid":            {mtree: gz(usual), members: with(2, archivetest.Member{Name: "usr/a b", Body: "hello", Mode: 0o4755}), want: "SETUID usr/a b, FILES usr/a b"},
		"setuid is fine":    {mtree: gz(strings.Replace(usual, "./usr/a\\040b", "./usr/a\\040b mode=4755", 1)), members: with(2, archivetest.Member{Name: "usr/a b", Body: "hello", Mode: 0o4755}), settings: `{"setuid":["usr/*"]}`},
		"another target":    {mtree: gz(usual), members: with(3, archivetest.Member{Name: "usr/l", Type: '2', Link: "/etc"}), want: "FILES usr/l"},
		"a link is a file":  {mtree: gz(usual), members: with(3, archivetest.Member{Name: "usr/l", Body: "hello"}), want: "FILES usr/l"},
		"not listed":        {mtree: gz(usual), members: with(4, archivetest.Member{Name: "usr/more", Body: "x"}), want: "FILES usr/more"},
		"not there":         {mtree: gz(usual + "./usr/more size=1\n"), members: members, want: "FILES usr/more"},
		"listed twice":      {mtree: gz(usual + "./usr/l type=link\n"), members: members, want: "FILES .MTREE"},
		"other .PKGINFO":    {mtree: gz(strings.Replace(usual, sum(info), sum("x"), 1)), members: members, want: "FILES .PKGINFO"},
		"no list":           {mtree: "", members: members, want: "FILES .MTREE"},
		"not compressed":    {mtree: usual, members: members, want: "FILES .MTREE"},
		"no mtree":          {mtree: gz("hello\n"), members: members, want: "FILES .MTREE"},
		"a name without ./": {mtree: gz(usual + "usr/x size=1\n"), members: members, want: "FILES .MTREE"},
		"a torn escape":     {mtree: gz(usual + "./usr/x\\04 size=1\n"), members: members, want: "FILES .MTREE"},
		"a long line":       {mtree: gz(usual + "./" + strings.Repeat("x", maxLine) + "\n"), members: members, want: "FILES .MTREE"},
		"another machine":   {mtree: gz(strings.Replace(usual, sum("hello"), sum(arm), 1)), members: with(2, archivetest.Member{Name: "usr/a b", Body: arm}), want: "MACHINE usr/a b, FILES usr/a b"},
	} {
		list := c.members
		if c.mtree != "" {
			list = append([]archivetest.Member{{Name: ".MTREE", Body: c.mtree}}, list...)
		}
		data := archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(list...))
		findings, err := ofPacman(t, c.settings).VerifyPackage(t.Context(), arrived(t, "foo-1-1-x86_64.pkg.tar.gz", data))
		if got := said(t, findings, err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// arm is the beginning of a program for 64-bit ARM.
const arm = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00\x01\x00\x00\x00"
