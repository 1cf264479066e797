package manifest

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", MaxName)
	name := map[string]string{
		"foo": "", "libfoo1": "", "9base": "", "Foo_bar.baz+x~1-2": "", "a": "", long: "", "a..b": "", "any": "", "lock": "",
		"":            "the name is empty",
		long + "a":    "the name has 256 bytes; at most 255 are allowed",
		"-foo":        `the name starts with '-'; a letter or a digit is needed there`,
		".foo":        `the name starts with '.'; a letter or a digit is needed there`,
		"~foo":        `the name starts with '~'; a letter or a digit is needed there`,
		" foo":        `the name starts with ' '; a letter or a digit is needed there`,
		"..":          "the name leads out of its folder with '..'",
		"../foo":      "the name leads out of its folder with '..'",
		"a/../b":      "the name leads out of its folder with '..'",
		`..\foo`:      "the name leads out of its folder with '..'",
		"a/b":         "the name is a path; a name without folders is needed",
		"/etc/passwd": "the name is a path; a name without folders is needed",
		`a\b`:         "the name is a path; a name without folders is needed",
		`C:\a`:        "the name is a path; a name without folders is needed",
		"foo\n":       "the name has the control character U+000A in it",
		"\x1b[2J":     "the name has the control character U+001B in it",
		"a\x00b":      "the name has the control character U+0000 in it",
		"a\u0085b":    "the name has the control character U+0085 in it",
		"foo bar":     "the name has a space in it",
		"foo:bar":     "the name has the character ':' in it",
		"foo$":        "the name has the character '$' in it",
		"café":        "the name has the character 'é' in it",
		"ａ":           "the name starts with 'ａ'; a letter or a digit is needed there",
		"a\xff":       "the name is not UTF-8 text",
	}
	checkTable(t, "ValidName", ValidName, name)
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	checkTable(t, "ValidFileName", ValidFileName, map[string]string{
		"foo_1.0.0_amd64-debian.mpk": "", "foo_1.0_src.tar.xz": "", "lock.mpk": "", "binary-index.gz.mpk": "", "metadata_1": "",
		"lock":            `the file name "lock" belongs to the repository itself`,
		"metadata":        `the file name "metadata" belongs to the repository itself`,
		"binary-index":    `the file name "binary-index" belongs to the repository itself`,
		"binary-index.gz": `the file name "binary-index.gz" belongs to the repository itself`,
		"source-index":    `the file name "source-index" belongs to the repository itself`,
		"working_dir":     `the file name "working_dir" belongs to the repository itself`,
		"mmpack-repo.log": `the file name "mmpack-repo.log" belongs to the repository itself`,
		"pool":            `the file name "pool" belongs to the repository itself`,
		"Binary-Index.GZ": `the file name "Binary-Index.GZ" belongs to the repository itself`,
		"LOCK":            `the file name "LOCK" belongs to the repository itself`,
		".mmpush":         `the file name starts with '.'; a letter or a digit is needed there`,
		"../evil.mpk":     "the file name leads out of its folder with '..'",
		"pool/foo.mpk":    "the file name is a path; a name without folders is needed",
		"":                "the file name is empty",
	})
}

func TestVersions(t *testing.T) {
	t.Parallel()
	checkTable(t, "ValidVersion", ValidVersion, map[string]string{
		"1.0": "", "2024.01": "", "1.0~rc1": "", "1.0+git": "", "1_0": "", "v1.2": "", "1.0.0-10-gabc": "", "1.": "",
		"Any": "", "anything": "", "0": "", strings.Repeat("9", MaxName): "",
		"any":     `the version is the word "any", which the client takes for every version`,
		"1:1.0":   "the version has a ':' in it, which makes the client crash on install",
		":":       "the version has a ':' in it, which makes the client crash on install",
		"":        "the version is empty",
		"1.0 ":    "the version has a space in it",
		"1/0":     "the version is a path; a name without folders is needed",
		"~1":      "the version starts with '~'; a letter or a digit is needed there",
		"1.0\n":   "the version has the control character U+000A in it",
		"(>= 1)":  "the version starts with '('; a letter or a digit is needed there",
		"1.0, 2.": "the version has the character ',' in it",
	})
}

func TestArchitectures(t *testing.T) {
	t.Parallel()
	checkTable(t, "ValidArch", ValidArch, map[string]string{
		"amd64-debian": "", "amd64-windows": "", "arm64-debian": "", "i386-opensuse-leap": "",
		"":               "the architecture is empty",
		"amd64 debian":   "the architecture has a space in it",
		`amd64-"rocky"`:  `the architecture has the character '"' in it`,
		"amd64-debian\n": "the architecture has the control character U+000A in it",
		"../amd64":       "the architecture leads out of its folder with '..'",
	})
}

// checkTable expects for each input that error text; empty is no error.
func checkTable(t *testing.T, name string, check func(string) error, table map[string]string) {
	t.Helper()
	for in, want := range table {
		got := ""
		if err := check(in); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s(%q) = %q, want %q", name, in, got, want)
		}
	}
}
