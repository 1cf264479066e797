package mpk_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

type (
	pkg    = mpktest.Package
	member = mpktest.Member
)

// extra is a package with these members after all others.
func extra(members ...member) pkg { return pkg{Name: "foo", Extra: members} }

// edited is a package whose member of that name is changed; a nil change drops it.
func edited(name string, change func(m *member)) pkg {
	return pkg{Name: "foo", Edit: func(all []member) []member {
		i := slices.IndexFunc(all, func(m member) bool { return m.Name == name })
		if change == nil {
			return slices.Delete(all, i, i+1)
		}
		change(&all[i])
		return all
	}}
}

// reworded is a package with one text of metadata replaced.
func reworded(old, text string) pkg {
	return edited(mpktest.MetadataName, func(m *member) { m.Body = replaced(m.Body, old, text) })
}

// repkginfo is the same for pkginfo; the list of checksums stays as it was.
func repkginfo(old, text string) pkg {
	return edited(pkginfo, func(m *member) { m.Body = replaced(m.Body, old, text) })
}

func replaced(body, old, text string) string {
	if !strings.Contains(body, old) {
		panic("the text has no " + old)
	}
	return strings.Replace(body, old, text, 1)
}

const (
	pkginfo   = "./var/lib/mmpack/metadata/foo.pkginfo"
	otherHash = "abababababababababababababababababababababababababababababababab"
	sums      = "./var/lib/mmpack/metadata/foo.sha256sums"
)

// swapped moves metadata behind the member of that name.
func swapped(name string) pkg {
	return pkg{Name: "foo", Edit: func(all []member) []member {
		i := slices.IndexFunc(all, func(m member) bool { return m.Name == mpktest.MetadataName })
		metadata := all[i]
		all = slices.Delete(slices.Clone(all), i, i+1)
		j := slices.IndexFunc(all, func(m member) bool { return m.Name == name })
		return slices.Insert(all, j+1, metadata)
	}}
}

func TestHostileMembers(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("d/", 2100)
	for name, p := range map[string]pkg{
		"absolute":                 extra(member{Name: "/etc/passwd"}),
		"absolute after two bytes": extra(member{Name: "ab/etc/passwd"}),
		"parent":                   extra(member{Name: "../evil"}),
		"parent inside":            extra(member{Name: "./a/../../evil"}),
		"parent at the end":        extra(member{Name: "./a/.."}),
		"parent folder":            extra(member{Name: "./../"}),
		"parent, PAX":              extra(member{Name: "./a", PAX: map[string]string{"path": "../evil"}}),
		"parent, long name":        extra(member{Name: "L", Type: 'L', Body: "../evil\x00"}, member{Name: "./a"}),
		"no ./":                    extra(member{Name: "bin/foo"}),
		"empty name":               extra(member{Name: ""}),
		"dot":                      extra(member{Name: "."}),
		"root as a file":           extra(member{Name: "./", Type: '0'}),
		"root as a link":           extra(member{Name: "./", Type: '2', Link: "/"}),
		"double slash":             extra(member{Name: "./a//b"}),
		"dot inside":               extra(member{Name: "./a/./b"}),
		"dot twice":                extra(member{Name: "././a"}),
		"file with slash":          extra(member{Name: "./a/", Type: '0'}),
		"folder with two slashes":  extra(member{Name: "./a//"}),
		"backslash":                extra(member{Name: `./..\evil`}),
		"newline":                  extra(member{Name: "./a\nb"}),
		"escape":                   extra(member{Name: "./\x1b[31m"}),
		"delete":                   extra(member{Name: "./\x7f"}),
		"line separator":           extra(member{Name: "./a\u2028b"}),
		"not UTF-8":                extra(member{Name: "./\xff\xfe"}),
		"component too long":       extra(member{Name: "./" + strings.Repeat("c", 256)}),
		"path too long":            extra(member{Name: "./" + deep + "x"}),
		"character device":         extra(member{Name: "./dev", Type: '3'}),
		"block device":             extra(member{Name: "./dev", Type: '4'}),
		"pipe":                     extra(member{Name: "./pipe", Type: '6'}),
		"vendor type":              extra(member{Name: "./x", Type: 'Q'}),
		"two files":                extra(member{Name: "./a"}, member{Name: "./a"}),
		"file and folder":          extra(member{Name: "./a"}, member{Name: "./a/"}),
		"two folders":              extra(member{Name: "./a/"}, member{Name: "./a/"}),
		"installed twice":          extra(member{Name: "./share/foo/README"}),
		"through a link":           extra(member{Name: "./l", Type: '2', Link: "/etc"}, member{Name: "./l/passwd"}),
		"through a later link":     extra(member{Name: "./l/passwd"}, member{Name: "./l", Type: '2', Link: "/etc"}),
		"through a link, deep":     extra(member{Name: "./l", Type: '2', Link: "/etc"}, member{Name: "./l/a/b/c"}),
		"through a file":           extra(member{Name: "./f"}, member{Name: "./f/a"}),
		"metadata through a link":  extra(member{Name: "./MMPACK/x", Type: '2', Link: "/"}, member{Name: "./MMPACK/x/y"}),
		"hard link to nothing":     extra(member{Name: "./h", Type: '1', Link: "./nothing"}),
		"hard link outside":        extra(member{Name: "./h", Type: '1', Link: "/etc/passwd"}),
		"hard link to itself":      extra(member{Name: "./h", Type: '1', Link: "./h"}),
		"hard link to a later":     extra(member{Name: "./h", Type: '1', Link: "./z"}, member{Name: "./z"}),
		"hard link to a folder":    extra(member{Name: "./d/"}, member{Name: "./h", Type: '1', Link: "./d"}),
		"hard link to a link":      extra(member{Name: "./l", Type: '2', Link: "/etc/passwd"}, member{Name: "./h", Type: '1', Link: "./l"}),
		"hard link to a hard link": extra(member{Name: "./g", Type: '1', Link: "./share/foo/README"}, member{Name: "./h", Type: '1', Link: "./g"}),
		"link to nowhere":          extra(member{Name: "./l", Type: '2'}),
		"link to a newline":        extra(member{Name: "./l", Type: '2', Link: "a\nb"}),
	} {
		expect(t, name, p.Bytes(), report.CodeMember)
	}
}

func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	metadata := mpktest.MetadataName
	for name, p := range map[string]pkg{
		"missing":                 edited(metadata, nil),
		"empty":                   edited(metadata, func(m *member) { m.Body = "" }),
		"twice":                   edited(metadata, func(m *member) { *m = member{Raw: archivetest.Open(*m, *m)} }),
		"twice, the last":         extra(member{Name: metadata, Body: "name: evil\n"}),
		"a folder":                edited(metadata, func(m *member) { *m = member{Name: metadata + "/"} }),
		"a link":                  edited(metadata, func(m *member) { *m = member{Name: metadata, Type: '2', Link: "info"} }),
		"after pkginfo":           swapped(pkginfo),
		"last":                    swapped(sums),
		"no version of format":    reworded("metadata-version: 1.0\n", ""),
		"format 2.0":              reworded("1.0\n", "2.0\n"),
		"format 10":               reworded("metadata-version: 1.0", "metadata-version: 10"),
		"format 1.":               reworded("metadata-version: 1.0", "metadata-version: 1."),
		"format 1.x":              reworded("metadata-version: 1.0", "metadata-version: 1.0x"),
		"no version":              reworded("\nversion: 1.0.0", ""),
		"no source":               reworded("source: foo\n", ""),
		"no srcsha256":            reworded("srcsha256: ", "x: "),
		"no pkginfo-path":         reworded("pkginfo-path: ", "x: "),
		"no sumsha-path":          reworded("sumsha-path: ", "x: "),
		"key twice":               reworded("source: foo\n", "source: foo\nsource: bar\n"),
		"key twice, equal":        reworded("source: foo\n", "source: foo\nsource: foo\n"),
		"empty value":             reworded("source: foo\n", "source: \n"),
		"no colon":                reworded("source: foo\n", "source: foo\nnonsense\n"),
		"no space":                reworded("source: foo\n", "source: foo\nx:y\n"),
		"empty line":              reworded("source: foo\n", "source: foo\n\n"),
		"continuation":            reworded("source: foo\n", "source: foo\n more\n"),
		"trailing space":          reworded("source: foo\n", "source: foo \n"),
		"key in upper case":       reworded("source: foo\n", "source: foo\nX: y\n"),
		"colon in a value":        reworded("source: foo\n", "source: a:b\n"),
		"short hash":              reworded("srcsha256: ", "srcsha256: a"),
		"upper-case hash":         upper(),
		"sums not a hash":         reworded("sumsha256sums: ", "sumsha256sums: x"),
		"path of pkginfo":         reworded("foo.pkginfo", "bar.pkginfo"),
		"path outside":            reworded("pkginfo-path: ./var", "pkginfo-path: ./../var"),
		"absolute path":           reworded("pkginfo-path: ./var", "pkginfo-path: /var"),
		"path of sums":            reworded("foo.sha256sums", "libc.sha256sums"),
		"sums named as pkginfo":   reworded("foo.sha256sums", "foo.pkginfo"),
		"paths by another's name": reworded("name: foo", "name: bar"),
	} {
		expect(t, name, p.Bytes(), report.CodeMetadata)
	}
}

// upper is a package whose metadata has a hash in upper case.
func upper() pkg {
	p := reworded("srcsha256: abab", "srcsha256: ABAB")
	p.SrcSHA256 = strings.Repeat("ab", 32)
	return p
}

func TestHostilePkginfo(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pkg{
		"missing":               edited(pkginfo, nil),
		"twice":                 extra(member{Name: pkginfo, Body: "name: evil\n"}),
		"a link":                edited(pkginfo, func(m *member) { *m = member{Name: pkginfo, Type: '2', Link: "x"} }),
		"empty":                 edited(pkginfo, func(m *member) { m.Body = "" }),
		"no last line break":    edited(pkginfo, func(m *member) { m.Body = strings.TrimSuffix(m.Body, "\n") }),
		"ends with empty line":  edited(pkginfo, func(m *member) { m.Body += "\n" }),
		"two stanzas":           edited(pkginfo, func(m *member) { m.Body += "\nname: bar\n" }),
		"starts with a line":    edited(pkginfo, func(m *member) { m.Body = "\n" + m.Body }),
		"starts with a space":   edited(pkginfo, func(m *member) { m.Body = " " + m.Body }),
		"no name":               repkginfo("name: foo\n", ""),
		"no version":            repkginfo("version: 1.0.0\n", ""),
		"no source":             repkginfo("source: foo\n", ""),
		"empty source":          repkginfo("source: foo\n", "source:\n"),
		"no srcsha256":          repkginfo("srcsha256", "x"),
		"no ghost":              repkginfo("ghost: false\n", ""),
		"ghost is neither":      repkginfo("ghost: false", "ghost: maybe"),
		"hash is none":          repkginfo("srcsha256: ", "srcsha256: x"),
		"key twice":             repkginfo("ghost: false\n", "ghost: false\nghost: true\n"),
		"line that is no field": repkginfo("ghost: false\n", "ghost: false\nnonsense\n"),
	} {
		expect(t, name, p.Bytes(), report.CodePkginfo)
	}
}

func TestHostileText(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pkg{
		"carriage return":         {Name: "foo", Description: "a\rb"},
		"CRLF":                    {Name: "foo", Description: "a\r\nb"},
		"NUL":                     {Name: "foo", Description: "a\x00b"},
		"escape":                  {Name: "foo", Description: "\x1b]0;title\x07"},
		"delete":                  {Name: "foo", Description: "a\x7f"},
		"vertical tab":            {Name: "foo", Description: "a\vname: evil"},
		"next line":               {Name: "foo", Description: "a\u0085name: evil"},
		"line separator":          {Name: "foo", Description: "a\u2028name: evil"},
		"paragraph separator":     {Name: "foo", Description: "a\u2029name: evil"},
		"not UTF-8":               {Name: "foo", Description: "a\xff"},
		"surrogate":               {Name: "foo", Description: "\xed\xa0\x80"},
		"tab in depends":          {Name: "foo", Depends: "a\tb"},
		"newline in depends":      repkginfo("ghost: false\n", "ghost: false\ndepends: a\n .\n name: evil\n"),
		"newline in sysdepends":   repkginfo("ghost: false\n", "ghost: false\nsysdepends: a\n .\n b\n"),
		"newline in version":      repkginfo("version: 1.0.0\n", "version: 1.0.0\n .\n x\n"),
		"tab in metadata":         reworded("source: foo", "source: f\too"),
		"return in metadata":      reworded("source: foo\n", "source: foo\r\n"),
		"separator in metadata":   reworded("source: foo", "source: f\u2028oo"),
		"not UTF-8 in metadata":   reworded("source: foo", "source: f\xffoo"),
		"control in unknown key":  repkginfo("ghost: false\n", "ghost: false\nx: \x01\n"),
		"control in metadata key": reworded("source: foo\n", "source: foo\nx: \x01\n"),
	} {
		expect(t, name, p.Bytes(), report.CodeText)
	}
}

func TestHostileSums(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]pkg{
		"missing":            edited(sums, nil),
		"changed":            edited(sums, func(m *member) { m.Body += "bin/x: reg-" + otherHash + "\n" }),
		"empty":              edited(sums, func(m *member) { m.Body = "" }),
		"twice":              extra(member{Name: sums, Body: "x"}),
		"a link":             edited(sums, func(m *member) { *m = member{Name: sums, Type: '2', Link: "x"} }),
		"declared otherwise": reworded("sumsha256sums: ", "sumsha256sums: "+otherHash+"\nx: "),
	} {
		expect(t, name, p.Bytes(), report.CodeSumSHA)
	}
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	good := pkg{Name: "foo"}.Bytes()
	tar := archivetest.TarBytes(pkg{Name: "foo"}.Members()...)
	zstd := func(b []byte) []byte { return archivetest.Pack(archivetest.Zstd, b) }
	for name, data := range map[string][]byte{
		"empty":            {},
		"text":             []byte("this is no package"),
		"cut":              good[:len(good)-1],
		"half":             good[:len(good)/2],
		"trailing byte":    append(bytes.Clone(good), 0),
		"two packages":     append(bytes.Clone(good), good...),
		"not compressed":   tar,
		"gzip":             archivetest.Pack(archivetest.Gzip, tar),
		"xz":               archivetest.Pack(archivetest.XZ, tar),
		"no tar":           zstd([]byte("text")),
		"empty tar":        zstd(nil),
		"tar without end":  zstd(archivetest.Open(pkg{Name: "foo"}.Members()...)),
		"data after end":   zstd(append(bytes.Clone(tar), 'x')),
		"tar cut at frame": append(zstd(tar[:2048]), zstd(nil)...),
		"sparse member":    extra(member{Name: "./s", Type: 'S'}).Bytes(),
		"two PAX headers":  extra(member{Type: 'x', Body: archivetest.Records(map[string]string{"path": "../x"})}, member{Name: "./a", PAX: map[string]string{"mtime": "1"}}).Bytes(),
	} {
		expect(t, name, data, report.CodePackage)
	}
}

// expect fails unless the package has findings, and all of them of that code.
func expect(t *testing.T, name string, data []byte, code report.Code) {
	t.Helper()
	_, findings := read(t, data)
	if len(findings) == 0 {
		t.Errorf("%s: no finding", name)
	}
	for _, f := range findings {
		if f.Code != code || f.Severity != report.SeverityError || f.Message == "" {
			t.Errorf("%s: %+v", name, f)
		}
		for _, text := range []string{f.Message, f.Field, f.Expected, f.Actual} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
				t.Errorf("%s: the finding has %q", name, text)
			}
		}
	}
}
