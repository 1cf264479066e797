package manifest

import (
	"regexp"
	"strconv"
	"strings"
)

// Format writes a manifest in mmpack-build's own form: block style, indented by
// two, quoted where a YAML reader would take the text for a number, a date, a
// boolean or nothing. Parse reads the same Manifest from it, apart from the
// lines. Architectures and packages keep their order (mmpack-build sorts them).
//
// The names are expected to be valid; other text is written as a quoted string,
// so that the result is YAML in any case.
func Format(m *Manifest) []byte {
	archs := make([]string, 0, len(m.Binary))
	for _, a := range m.Binary {
		packages := make([]string, 0, len(a.Packages))
		for _, p := range a.Packages {
			packages = append(packages, keyLines(p.Name, fileLines(p.File))...)
		}
		archs = append(archs, keyLines(a.Name, packages)...)
	}
	lines := []string{"name: " + scalar(m.Name)}
	lines = append(lines, keyLines("source", fileLines(m.Source))...)
	lines = append(lines, "version: "+scalar(m.Version))
	lines = append(lines, keyLines("binpkgs", archs)...)
	return []byte(strings.Join(lines, "\n") + "\n")
}

func fileLines(f File) []string {
	return []string{
		"file: " + scalar(f.Name),
		"sha256: " + scalar(f.SHA256),
		"size: " + strconv.FormatInt(f.Size, 10),
	}
}

// maxSimpleKey is the longest key that mmpack-build's YAML library writes in
// front of its ':'; a longer one gets a "? key" line of its own.
const maxSimpleKey = 122

// keyLines is a key with the lines of the mapping below it.
func keyLines(key string, below []string) []string {
	if len(key) > maxSimpleKey {
		return longKeyLines(key, below)
	}
	if len(below) == 0 {
		return []string{scalar(key) + ": {}"}
	}
	return append([]string{scalar(key) + ":"}, indent(below)...)
}

func longKeyLines(key string, below []string) []string {
	if len(below) == 0 {
		below = []string{"{}"}
	}
	return append([]string{"? " + scalar(key), ": " + below[0]}, indent(below[1:])...)
}

func indent(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = "  " + l
	}
	return out
}

// plainText is text that needs no quotes as long as it is not a notPlain.
var plainText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]*$`)

// notPlain is what YAML 1.1 reads as something else than text, as far as it can
// be written in the letters of plainText.
var notPlain = regexp.MustCompile(`^(?:` +
	`yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF` +
	`|null|Null|NULL` +
	`|0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+` +
	`|[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?` +
	`|[0-9]{4}-[0-9]{2}-[0-9]{2}` +
	`)$`)

// scalar is text as mmpack-build writes it. Go's escapes in double quotes are a
// subset of YAML's.
func scalar(s string) string {
	switch {
	case !plainText.MatchString(s):
		return strconv.Quote(s)
	case notPlain.MatchString(s):
		return "'" + s + "'"
	}
	return s
}
