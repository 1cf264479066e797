package syncdb

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Hostile packages are refused with a finding, and nothing is left of them.
func TestHostile(t *testing.T) {
	t.Parallel()
	bomb := archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO", Body: infoOf("foo", "1-1")},
		archivetest.Member{Name: "zeros", Content: strings.NewReader(strings.Repeat("\x00", 64<<20)), ContentSize: 64 << 20}))
	for name, c := range map[string]struct {
		data []byte
		code report.Code
	}{
		"member leads out":   {made(infoOf("foo", "1-1"), archivetest.Member{Name: "../../etc/passwd", Body: "x"}), report.CodeMember},
		"absolute member":    {made(infoOf("foo", "1-1"), archivetest.Member{Name: "/etc/passwd", Body: "x"}), report.CodeMember},
		"through a link":     {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a", Type: '2', Link: "/etc"}, archivetest.Member{Name: "a/passwd", Body: "x"}), report.CodeMember},
		"a device":           {made(infoOf("foo", "1-1"), archivetest.Member{Name: "sda", Type: '4'}), report.CodeMember},
		"name leads out":     {made(infoOf("../foo", "1-1")), report.CodePkginfo},
		"version leads out":  {made(infoOf("foo", "1/../../x-1")), report.CodePkginfo},
		"arch leads out":     {made(strings.Replace(infoOf("foo", "1-1"), "arch = any", "arch = ../any", 1)), report.CodePkginfo},
		"shell in a key":     {made(infoOf("foo", "1-1", "$(touch /tmp/x) = 1\n")), report.CodePkginfo},
		"shell in the name":  {made(infoOf("$(id)", "1-1")), report.CodePkginfo},
		"a second pkgname":   {made(infoOf("foo", "1-1", "pkgname = bar\n")), report.CodePkginfo},
		"two .PKGINFO":       {made(infoOf("foo", "1-1"), archivetest.Member{Name: ".PKGINFO", Body: infoOf("bar", "1-1")}), report.CodeMember},
		"no .PKGINFO":        {archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(archivetest.Member{Name: "a", Body: "x"})), report.CodePkginfo},
		"a link as .PKGINFO": {archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO", Type: '2', Link: "/etc/passwd"})), report.CodePkginfo},
		"another name":       {made(infoOf("bar", "1-1")), report.CodeMismatch},
		"another version":    {made(infoOf("foo", "2-1")), report.CodeMismatch},
		"a field in a value": {made(infoOf("foo", "1-1", "url = a\x00%FILENAME%\n")), report.CodeText},
		"a line in a value":  {made(infoOf("foo", "1-1", "url = a\r%NAME%\n")), report.CodeText},
		"size lies":          {made(strings.Replace(infoOf("foo", "1-1"), "size = 10", "size = -10", 1)), report.CodePkginfo},
		"not gzip":           {[]byte("\x28\xb5\x2f\xfd"), report.CodePackage},
		"cut":                {made(infoOf("foo", "1-1"))[:60], report.CodePackage},
		"a bomb":             {bomb, report.CodeLimit},
		"a tail":             {append(made(infoOf("foo", "1-1")), "tail"...), report.CodePackage},
		"huge .PKGINFO":      {made(infoOf("foo", "1-1", strings.Repeat("license = x\n", 30000))), report.CodeLimit},
		"empty":              {nil, report.CodePackage},

		"a hard link out":        {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a", Type: '1', Link: "../../etc/shadow"}), report.CodeMember},
		"a pipe":                 {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a", Type: '6'}), report.CodeMember},
		"a member twice":         {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a", Body: "x"}, archivetest.Member{Name: "a", Body: "y"}), report.CodeMember},
		"a line in a member":     {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a\n%FILES%", Body: "x"}), report.CodeMember},
		"dots in a member":       {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a/./../b", Body: "x"}), report.CodeMember},
		"a file as a folder":     {made(infoOf("foo", "1-1"), archivetest.Member{Name: "a", Body: "x"}, archivetest.Member{Name: "a/b", Body: "y"}), report.CodeMember},
		"shell in the version":   {made(infoOf("foo", "1;id-1")), report.CodePkginfo},
		"an option as a name":    {made(infoOf("-rf", "1-1")), report.CodePkginfo},
		"a hidden name":          {made(infoOf(".mmpush", "1-1")), report.CodePkginfo},
		"a slash in pkgbase":     {made(strings.Replace(infoOf("foo", "1-1"), "pkgbase = foo", "pkgbase = ../foo", 1)), report.CodePkginfo},
		"a name without end":     {made(infoOf(strings.Repeat("a", 300), "1-1")), report.CodePkginfo},
		"a second pkgver":        {made(infoOf("foo", "1-1", "pkgver = 2-1\n")), report.CodePkginfo},
		"a second size":          {made(infoOf("foo", "1-1", "size = 1\n")), report.CodePkginfo},
		"size is no number":      {made(strings.Replace(infoOf("foo", "1-1"), "size = 10", "size = 10$(id)", 1)), report.CodePkginfo},
		"a date that is a shell": {made(strings.Replace(infoOf("foo", "1-1"), "builddate = ", "builddate = `id`", 1)), report.CodePkginfo},
		"another architecture":   {made(strings.Replace(infoOf("foo", "1-1"), "arch = any", "arch = x86_64", 1)), report.CodeMismatch},
		"late .PKGINFO":          {archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(archivetest.Member{Name: "a", Body: "x"}, archivetest.Member{Name: ".PKGINFO", Body: infoOf("foo", "1-1")})), report.CodePkginfo},
		"a folder as .PKGINFO":   {archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO/", Type: '5'})), report.CodePkginfo},
		"not compressed":         {archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO", Body: infoOf("foo", "1-1")}), report.CodePackage},
		"another compression":    {archivetest.Pack(archivetest.Zstd, archivetest.TarBytes(archivetest.Member{Name: ".PKGINFO", Body: infoOf("foo", "1-1")})), report.CodePackage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, add(alpha10))
			w.put("foo-1-1-any.pkg.tar.gz", c.data)
			before, err := tree(w.Mem, ".")
			must(err)
			limits := archive.DefaultLimits()
			if c.code == report.CodeLimit {
				limits.DecodedBase, limits.DecodedRatio = 1<<20, 20
			}
			out, err := w.run(w.Mem, Request{Add: w.sources("foo-1-1-any.pkg.tar.gz"), Options: Options{Limits: limits}})
			if err != nil || out.Result != report.Rejected {
				t.Fatalf("%v %v", out, err)
			}
			if !slices.ContainsFunc(out.Findings, func(f report.Finding) bool {
				return f.Code == c.code && f.File == "foo-1-1-any.pkg.tar.gz" && f.Hint != ""
			}) {
				t.Errorf("%v", out.Findings)
			}
			after, err := tree(w.Mem, ".")
			must(err)
			if !slices.Equal(before, after) {
				t.Errorf("it has left something:\n%q\n%q", before, after)
			}
		})
	}
}

// A link, a folder, and nothing are no packages.
func TestNoFile(t *testing.T) {
	t.Parallel()
	w := newWorld()
	must(w.bring.Symlink("/etc/passwd", "foo-1-1-any.pkg.tar.gz"))
	must(w.bring.Mkdir("bar-1-1-any.pkg.tar.gz", 0o755))
	for _, name := range []string{"foo-1-1-any.pkg.tar.gz", "bar-1-1-any.pkg.tar.gz", "none-1-1-any.pkg.tar.gz"} {
		if _, err := w.run(w.Mem, Request{Add: w.sources(name)}); report.KindOf(err) != report.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	out, err := w.run(w.Mem, Request{Add: w.sources("foo.rpm")})
	if err != nil || out.Result != report.Rejected || out.Findings[0].Code != report.CodeName {
		t.Errorf("%v %v", out, err)
	}
}

// tree are the files below a folder; of .mmpush, the names.
func tree(fsys vfs.FS, dir string) ([]string, error) {
	list, err := fsys.ReadDir(dir)
	var names []string
	for _, i := range list {
		name := path.Join(dir, i.Name)
		if names = append(names, name); i.Mode.IsDir() {
			below, err := tree(fsys, name)
			if err != nil {
				return nil, err
			}
			names = append(names, below...)
		} else if !strings.HasPrefix(name, ".mmpush") {
			names = append(names, fmt.Sprint(i.Size, i.ModTime.UnixNano()))
		}
	}
	return names, err
}
