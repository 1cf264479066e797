package mpk

import (
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// metadataFolder is where a package's own description is installed. The client
// looks for <name>.pkginfo and <name>.sha256sums there, and deletes what the
// latter lists when the package is removed: a package that named another one's
// would take that over.
const metadataFolder = "./var/lib/mmpack/metadata/"

// entry is a key of MMPACK/metadata or of pkginfo and where its value goes.
type entry struct {
	key   string
	value *string
}

func (m *Metadata) entries() []entry {
	return []entry{
		{"metadata-version", &m.MetadataVersion},
		{"name", &m.Name},
		{"version", &m.Version},
		{"source", &m.Source},
		{"srcsha256", &m.SrcSHA256},
		{"sumsha256sums", &m.SumSHA256Sums},
		{"pkginfo-path", &m.PkginfoPath},
		{"sumsha-path", &m.SumshaPath},
	}
}

// target returns where the value of key goes, nil for an unknown key.
func target(entries []entry, key string) *string {
	for _, e := range entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// parseMetadata reads lines of "key: value". Unknown keys are fine: a later 1.x
// may add some.
func (s *scan) parseMetadata(data []byte) Metadata {
	var m Metadata
	text := string(data)
	if !s.checkText(MetadataName, text) {
		return m
	}
	entries := m.entries()
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok || !isKey(key) || value == "" || strings.TrimSpace(value) != value {
			s.Add(report.Finding{Code: report.CodeMetadata, Line: i + 1, Field: MetadataName,
				Expected: "key: value", Actual: line, Message: "a line is not a key with its value"})
			continue
		}
		s.checkValue(i+1, key, value)
		switch p := target(entries, key); {
		case p == nil:
		case *p != "":
			s.metadataFinding(i+1, key, "the key is there a second time", "", "")
		default:
			*p = value
		}
	}
	s.checkMetadata(m)
	return m
}

// isKey reports whether s is a key as mmpack-build writes them.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// checkValue refuses what the client reads differently: it splits a line at its
// last ':'.
func (s *scan) checkValue(line int, key, value string) {
	if what, _ := report.Flaw(value, ""); what != "" {
		s.Add(report.Finding{Code: report.CodeText, Line: line, Field: MetadataName + ":" + key,
			Message: "the value holds " + what})
	}
	if strings.Contains(value, ":") {
		s.metadataFinding(line, key, "the client cannot read a value with a ':'", "", "")
	}
}

func (s *scan) checkMetadata(m Metadata) {
	for _, e := range m.entries() {
		if *e.value == "" {
			s.metadataFinding(0, e.key, "the key is missing", "", "")
		}
	}
	minor, ok := strings.CutPrefix(m.MetadataVersion, "1.")
	if m.MetadataVersion != "" && (!ok || minor == "" || strings.Trim(minor, "0123456789") != "") {
		s.metadataFinding(0, "metadata-version", "this version of the format is not known", "1.x", m.MetadataVersion)
	}
	for _, e := range []entry{{"srcsha256", &m.SrcSHA256}, {"sumsha256sums", &m.SumSHA256Sums}} {
		if *e.value != "" && !isSHA256(*e.value) {
			s.metadataFinding(0, e.key, "the value is not a SHA-256", "64 lower-case hexadecimal digits", *e.value)
		}
	}
}

// pathOf returns the path that metadata gives for one of its two files; "" if
// that is not the path where the client looks for it.
func (s *scan) pathOf(m Metadata, key string) string {
	path, suffix := m.PkginfoPath, ".pkginfo"
	if key == "sumsha-path" {
		path, suffix = m.SumshaPath, ".sha256sums"
	}
	expected := metadataFolder + m.Name + suffix
	if path == "" || m.Name == "" {
		return "" // already told
	}
	if path != expected || archive.NameProblem(path, prefix) != "" {
		s.metadataFinding(0, key, "the path is not the one where the client looks for the file", expected, path)
		return ""
	}
	return path
}

func (s *scan) metadataFinding(line int, key, message, expected, actual string) {
	s.Add(report.Finding{
		Code:     report.CodeMetadata,
		Line:     line,
		Field:    MetadataName + ":" + key,
		Expected: expected,
		Actual:   actual,
		Message:  message,
		Hint:     "build the package again with mmpack-build",
	})
}
