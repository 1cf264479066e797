package verify

import (
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

// hostile is an upload that somebody made to do harm, and the rule that refuses
// it.
type hostile struct {
	name   string
	upload mpktest.Upload
	code   report.Code
}

// manifestEdit replaces a text in an honest manifest of foo 1.0.0.
func manifestEdit(name, old, replacement string, code report.Code) hostile {
	u := mpktest.Upload{EditManifest: func(text string) string {
		if !strings.Contains(text, old) {
			panic("nothing to replace for " + name)
		}
		return strings.ReplaceAll(text, old, replacement)
	}}
	return hostile{name, u, code}
}

func hostileNames() []hostile {
	const mpk, tarball = "foo_1.0.0_amd64-debian.mpk", "foo_1.0.0_src.tar.xz"
	var list []hostile
	for _, name := range []string{
		"../evil.mpk", "..", ".", "/etc/passwd", "./foo.mpk", "a/../../evil.mpk", `..\evil.mpk`, "pool/foo.mpk", `a\b`, "%2e%2e%2fevil",
		"~/x", "C:x", "file:///etc/passwd", ".hidden", "-rf", "'x '", "' x'", "x\u2024", "\uff0e\uff0e\uff0fevil", `"a\0b"`, `"a\nb"`, `"a\eb"`,
		"$(id)", "'`id`'", "a;b", "''", strings.Repeat("a", 256),
		"lock", "LOCK", "metadata", "source-index", "Source-Index", "binary-index", "binary-index.gz", "pool", "working_dir", "mmpack-repo.log", ".mmpush",
	} {
		list = append(list, manifestEdit("file "+name, mpk, name, report.CodeName))
	}
	for _, name := range []string{"../evil.tar.xz", "/etc/passwd", "source-index", "a b"} {
		list = append(list, manifestEdit("source "+name, tarball, name, report.CodeName))
	}
	for _, name := range []string{"../foo", `"foo\nname: evil"`, `"foo: evil"`, "foo/bar", ".foo", "'foo '", "föö"} {
		list = append(list,
			manifestEdit("package "+name, "    foo:", "    "+name+":", report.CodeName),
			manifestEdit("source package "+name, "name: foo", "name: "+name, report.CodeName),
			manifestEdit("architecture "+name, "  amd64-debian:", "  "+name+":", report.CodeName))
	}
	for _, version := range []string{"1:0", "any", "", "1 0", `1"+"0`, "../1", "-1", "~1", "1/0", strings.Repeat("1", 256)} {
		list = append(list, manifestEdit("version "+version, "'1.0.0'", "'"+version+"'", report.CodeVersion))
	}
	return append(list,
		manifestEdit("version with a line break", "'1.0.0'", `"1.0.0\nname: evil"`, report.CodeVersion),
		manifestEdit("one file twice", tarball, mpk, report.CodeDuplicate),
		manifestEdit("a key twice", "name: foo", "name: foo\nname: bar", report.CodeDuplicate),
		manifestEdit("an alias", "name: foo", "name: &a foo\nother: *a", report.CodeYAML),
		manifestEdit("a tag", "name: foo", "name: !!python/object:os.system foo", report.CodeYAML),
		manifestEdit("a second document", "name: foo", "name: foo\n---\nname: bar", report.CodeYAML),
		manifestEdit("an escape", "name: foo", "name: foo\x1b[2J", report.CodeYAML),
		manifestEdit("deep nesting", "name: foo", "name: "+strings.Repeat("[", 1000), report.CodeYAML),
		manifestEdit("negative size", "size: ", "size: -", report.CodeField),
		manifestEdit("octal size", "size: ", "size: 0", report.CodeField),
		manifestEdit("endless size", "size: ", "size: 99999999999999999999", report.CodeField),
		manifestEdit("size beyond the file", "size: ", "size: 1", report.CodeSize),
		manifestEdit("short hash", "sha256: ", "sha256: 0", report.CodeField),
		manifestEdit("a list of names", "name: foo", "name: [foo, bar]", report.CodeField),
	)
}

// pkginfo is an honest pkginfo of foo 1.0.0 with a text replaced; the source's
// hash stands where SRC is.
func pkginfo(name, old, replacement string, code report.Code) hostile {
	source := sum(mpktest.SourceTarball("foo", "1.0.0", ""))
	text := "name: foo\nversion: 1.0.0\nsource: foo\nsrcsha256: " + source + "\nghost: false\ndescription: Text\ndepends: libc6\n"
	if !strings.Contains(text, old) {
		panic("nothing to replace for " + name)
	}
	text = strings.Replace(text, old, replacement, 1)
	return hostile{"pkginfo: " + name, mpktest.Upload{Packages: []mpktest.Package{{Pkginfo: text}}}, code}
}

func hostilePkginfos() []hostile {
	list := []hostile{
		pkginfo("a second stanza", "depends: libc6\n", "depends: libc6\n\nname: evil\nversion: 1\n", report.CodePkginfo),
		pkginfo("a leading blank line", "name: foo", "\nname: foo", report.CodePkginfo),
		pkginfo("no key", "description: Text", "Text", report.CodePkginfo),
		pkginfo("a key twice", "depends: libc6", "depends: libc6\nname: evil", report.CodePkginfo),
		pkginfo("a continuation first", "name: foo", " name: foo", report.CodePkginfo),
		pkginfo("no name", "name: foo\n", "", report.CodePkginfo),
		pkginfo("no version", "version: 1.0.0\n", "", report.CodePkginfo),
		pkginfo("no ghost", "ghost: false\n", "", report.CodePkginfo),
		pkginfo("maybe a ghost", "ghost: false", "ghost: maybe", report.CodePkginfo),
		pkginfo("another name", "name: foo", "name: bar", report.CodeMismatch),
		pkginfo("another version", "version: 1.0.0", "version: 1.0.1", report.CodeMismatch),
		pkginfo("the version any", "version: 1.0.0", "version: any", report.CodeMismatch),
		pkginfo("a version with a colon", "version: 1.0.0", "version: 1:0", report.CodeMismatch),
		pkginfo("another source", "source: foo", "source: bar", report.CodeMismatch),
		pkginfo("another source tarball", "srcsha256: ", "srcsha256: "+strings.Repeat("0", 64)+"\nx: ", report.CodeMismatch),
		pkginfo("a hash that is none", "srcsha256: ", "srcsha256: ../x\nx: ", report.CodePkginfo),
		pkginfo("CRLF", "version: 1.0.0\n", "version: 1.0.0\r\n", report.CodeText),
		pkginfo("an empty file but for a line break", "name: foo", "\n\n\n", report.CodePkginfo),
	}
	// A newline in a value is a line of the index that the value must not have.
	for key, value := range map[string]string{"name": "foo", "version": "1.0.0", "source": "foo", "ghost": "false", "depends": "libc6"} {
		injected := key + ": " + value + "\n .\n filename: ../evil.mpk"
		list = append(list, pkginfo("a line break in "+key, key+": "+value, injected, report.CodeText))
	}
	for _, c := range []string{"\x00", "\x07", "\x0b", "\x0c", "\r", "\x1b[2J", "\x1c", "\x1d", "\x1e", "\x7f", "\u0085", "\u009b", "\u2028", "\u2029", "\xff", "\xc0\x80", "\xed\xa0\x80"} {
		list = append(list,
			pkginfo(fmt.Sprintf("%q in the description", c), "Text", "Te"+c+"xt", report.CodeText),
			pkginfo(fmt.Sprintf("%q in depends", c), "libc6", "lib"+c+"c6", report.CodeText))
	}
	return append(list, pkginfo("a tab in depends", "libc6", "lib\tc6", report.CodeText))
}

// metadata is an honest MMPACK/metadata of foo 1.0.0 with a text replaced.
func metadata(name, old, replacement string, code report.Code) hostile {
	edit := func(members []mpktest.Member) []mpktest.Member {
		for i, m := range members {
			if m.Name == mpktest.MetadataName {
				if !strings.Contains(m.Body, old) {
					panic("nothing to replace for " + name)
				}
				members[i].Body = strings.Replace(m.Body, old, replacement, 1)
			}
		}
		return members
	}
	return hostile{"metadata: " + name, mpktest.Upload{Packages: []mpktest.Package{{Edit: edit}}}, code}
}

func hostileMetadata() []hostile {
	return []hostile{
		metadata("another name", "\nname: foo", "\nname: bar", report.CodeMismatch),
		metadata("another version", "\nversion: 1.0.0", "\nversion: 1.0.1", report.CodeMismatch),
		metadata("another source", "\nsource: foo", "\nsource: bar", report.CodeMismatch),
		metadata("another source tarball", "srcsha256: ", "srcsha256: "+strings.Repeat("0", 64)+"\nx: ", report.CodeSrcSHA),
		metadata("another list of checksums", "sumsha256sums: ", "sumsha256sums: "+strings.Repeat("0", 64)+"\nx: ", report.CodeSumSHA),
		metadata("a hash that is none", "sumsha256sums: ", "sumsha256sums: none\nx: ", report.CodeMetadata),
		metadata("a version with a colon", "\nversion: 1.0.0", "\nversion: 1:0", report.CodeMetadata),
		metadata("a second name", "\nversion", "\nname: bar\nversion", report.CodeMetadata),
		metadata("no name", "\nname: foo", "", report.CodeMetadata),
		metadata("a pkginfo elsewhere", "pkginfo-path: ./var", "pkginfo-path: ./../var", report.CodeMetadata),
		metadata("another package's pkginfo", "metadata/foo.pkginfo", "metadata/bar.pkginfo", report.CodeMetadata),
		metadata("another package's checksums", "metadata/foo.sha256sums", "metadata/bar.sha256sums", report.CodeMetadata),
		metadata("an unknown format", "metadata-version: 1.0", "metadata-version: 2.0", report.CodeMetadata),
		metadata("a carriage return", "\nversion: 1.0.0", "\nversion: 1.0.0\r", report.CodeText),
		metadata("a NUL", "\nversion: 1.0.0", "\nversion: 1.0.0\x00", report.CodeText),
		metadata("no text at all", "metadata-version: 1.0", "\xff\xfe", report.CodeText),
	}
}

// members is a package with these members at its end.
func members(name string, code report.Code, extra ...mpktest.Member) hostile {
	return hostile{"member: " + name, mpktest.Upload{Packages: []mpktest.Package{{Extra: extra}}}, code}
}

// without is a package with some of its members left out.
func without(name string, code report.Code, suffix string) hostile {
	edit := func(all []mpktest.Member) (left []mpktest.Member) {
		for _, m := range all {
			if !strings.HasSuffix(m.Name, suffix) {
				left = append(left, m)
			}
		}
		return left
	}
	return hostile{"member: no " + name, mpktest.Upload{Packages: []mpktest.Package{{Edit: edit}}}, code}
}

func hostileMembers() []hostile {
	var list []hostile
	for _, name := range []string{"/etc/cron.d/x", "../x", "./../x", "./a/../../x", "./a/./b", "./a//b", "x", `./a\..\x`, "./a\nb", "./a\x1b[2J",
		"./\xff", "./" + strings.Repeat("a", 256)} {
		list = append(list, members(fmt.Sprintf("%.20q", name), report.CodeMember, mpktest.Member{Name: name, Body: "x"}))
	}
	return append(list,
		members("a device", report.CodeMember, mpktest.Member{Name: "./dev", Type: '3'}),
		members("a pipe", report.CodeMember, mpktest.Member{Name: "./pipe", Type: '6'}),
		members("a file twice", report.CodeMember, mpktest.Member{Name: "./x", Body: "1"}, mpktest.Member{Name: "./x", Body: "2"}),
		members("through a link", report.CodeMember, mpktest.Member{Name: "./x", Type: '2', Link: "/etc"}, mpktest.Member{Name: "./x/passwd", Body: "x"}),
		members("a hard link out", report.CodeMember, mpktest.Member{Name: "./x", Type: '1', Link: "/etc/passwd"}),
		members("a second metadata", report.CodeMetadata, mpktest.Member{Name: mpktest.MetadataName, Body: "name: bar\n"}),
		members("a second pkginfo", report.CodePkginfo, mpktest.Member{Name: "./var/lib/mmpack/metadata/foo.pkginfo", Body: "name: bar\n"}),
		without("metadata", report.CodeMetadata, "MMPACK/metadata"),
		without("pkginfo", report.CodePkginfo, ".pkginfo"),
		without("checksums", report.CodeSumSHA, ".sha256sums"))
}
