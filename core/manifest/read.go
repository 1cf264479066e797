package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// maxFileSize is the largest size that a manifest may declare, in bytes: the
// greatest whole number that every reader of JSON and YAML holds exactly.
const maxFileSize = 1 << 53

// reader makes a Manifest of a tree, and goes on after a problem so that all of
// them are found.
type reader struct {
	found *findings
}

// section is a mapping of which the keys are known.
type section struct {
	path    string
	line    int
	entries map[string]entry
}

func (r *reader) manifest(root node) *Manifest {
	s, _ := r.section(root, "", 1, "name", "version", "source", "binpkgs")
	m := &Manifest{
		Name:    r.value(s, "name", report.CodeName, ValidName),
		Version: r.value(s, "version", report.CodeVersion, ValidVersion),
	}
	if e, ok := r.required(s, "source"); ok {
		m.Source = r.file(e, "source")
	}
	if e, ok := r.required(s, "binpkgs"); ok {
		m.Binary = r.architectures(e)
	}
	return m
}

func (r *reader) architectures(binpkgs entry) []Architecture {
	if !r.isMapping(binpkgs, "binpkgs", "a mapping from architectures to packages") {
		return nil
	}
	list := make([]Architecture, 0, len(binpkgs.value.entries))
	for _, e := range binpkgs.value.entries {
		path := join("binpkgs", e.key)
		r.check(e, path, e.key, report.CodeName, ValidArch)
		a := Architecture{Name: e.key, Line: e.line}
		if r.isMapping(e, path, "a mapping from package names to files") {
			a.Packages = r.packages(e, path)
		}
		list = append(list, a)
	}
	return list
}

func (r *reader) packages(arch entry, path string) []Package {
	list := make([]Package, 0, len(arch.value.entries))
	for _, e := range arch.value.entries {
		path := join(path, e.key)
		r.check(e, path, e.key, report.CodeName, ValidName)
		list = append(list, Package{Name: e.key, File: r.file(e, path), Line: e.line})
	}
	return list
}

func (r *reader) file(e entry, path string) File {
	s, ok := r.section(e.value, path, e.line, "file", "sha256", "size")
	if !ok {
		return File{}
	}
	f := File{
		Name:   r.value(s, "file", report.CodeName, ValidFileName),
		SHA256: strings.ToLower(r.value(s, "sha256", report.CodeField, validSHA256)),
		Line:   s.entries["file"].line,
	}
	// An invalid size has its finding, and the manifest is refused then.
	f.Size, _ = parseSize(r.value(s, "size", report.CodeField, validSize))
	return f
}

// section takes the known keys out of a mapping and warns of the others: a newer
// mmpack may write more than this program knows.
func (r *reader) section(n node, path string, line int, known ...string) (section, bool) {
	s := section{path: path, line: line, entries: make(map[string]entry, len(known))}
	if !r.isMapping(entry{line: line, value: n}, path, "a mapping with "+strings.Join(known, ", ")) {
		return s, false
	}
	for _, e := range n.entries {
		s.entries[e.key] = e
	}
	for _, e := range n.entries {
		if !slices.Contains(known, e.key) {
			r.unknown(s, e, known)
		}
	}
	return s, true
}

func (r *reader) unknown(s section, e entry, known []string) {
	f := report.Finding{
		Code: report.CodeField, Severity: report.SeverityWarning, Line: e.line, Field: join(s.path, e.key),
		Message: "the key is not known and is ignored",
		Hint:    "known here are " + strings.Join(known, ", "),
	}
	for _, k := range known {
		if _, there := s.entries[k]; !there && similar(k, e.key) {
			f.Hint = fmt.Sprintf("is %q meant?", k)
		}
	}
	r.found.add(f)
}

func (r *reader) required(s section, key string) (entry, bool) {
	e, ok := s.entries[key]
	if !ok {
		r.found.add(report.Finding{
			Code: report.CodeField, Line: s.line, Field: join(s.path, key), Expected: expected(key),
			Message: fmt.Sprintf("the field %q is missing", key),
			Hint:    "build the package again; mmpack-build writes every field",
		})
	}
	return e, ok
}

// value is the text of a required field; empty if it is missing or not a text,
// which is told.
func (r *reader) value(s section, key string, code report.Code, valid func(string) error) string {
	e, ok := r.required(s, key)
	if !ok {
		return ""
	}
	path := join(s.path, key)
	if e.value.kind != kindText {
		r.found.add(report.Finding{
			Code: report.CodeField, Line: e.line, Field: path, Expected: expected(key), Actual: e.value.describe(),
			Message: "the field is not a single value",
		})
		return ""
	}
	r.check(e, path, e.value.text, code, valid)
	return e.value.text
}

// check tells what is wrong with one name or value.
func (r *reader) check(e entry, path, value string, code report.Code, valid func(string) error) {
	err := valid(value)
	if err == nil {
		return
	}
	f := report.Finding{
		Code: code, Line: e.line, Field: path, Expected: expected(e.key), Actual: value, Message: err.Error(),
	}
	if code == report.CodeName || code == report.CodeVersion {
		f.Expected = "letters, digits and . _ + ~ -, a letter or digit first"
		f.Hint = "change it where the package is built, and build again"
	}
	r.found.add(f)
}

func (r *reader) isMapping(e entry, path, want string) bool {
	if e.value.kind == kindMapping {
		return true
	}
	r.found.add(report.Finding{
		Code: report.CodeField, Line: e.line, Field: path, Expected: want, Actual: e.value.describe(),
		Message: "the field is not a mapping",
	})
	return false
}

// expected says what stands in a field.
func expected(key string) string {
	switch key {
	case "name":
		return "the source package's name"
	case "version":
		return "the version"
	case "source":
		return "a mapping with file, sha256, size"
	case "binpkgs":
		return "a mapping from architectures to packages"
	case "file":
		return "the name of a file beside the manifest"
	case "sha256":
		return "64 hexadecimal digits"
	}
	return "the number of bytes, in decimal digits"
}

func validSHA256(s string) error {
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F') {
			return errors.New("the SHA-256 has something else than hexadecimal digits in it")
		}
	}
	if len(s) != 64 {
		return fmt.Errorf("the SHA-256 has %d digits instead of 64", len(s))
	}
	return nil
}

func validSize(s string) error {
	_, err := parseSize(s)
	return err
}

// parseSize reads plain decimal digits. A leading zero is refused, since half of
// the YAML readers take such a number as octal.
func parseSize(s string) (int64, error) {
	if s == "" {
		return 0, errors.New("the size is empty")
	}
	if strings.Trim(s, "0123456789") != "" {
		return 0, errors.New("the size is not a number in decimal digits")
	}
	if s == "0" {
		return 0, errors.New("the size is 0, and no package is empty")
	}
	if s[0] == '0' {
		return 0, errors.New("the size starts with a zero")
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxFileSize {
		return 0, errors.New("the size is larger than any file")
	}
	return n, nil
}
