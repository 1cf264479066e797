package mpk

import (
	"errors"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/stanza"
)

func (i *Info) entries() []entry {
	return []entry{
		{"name", &i.Name},
		{"version", &i.Version},
		{"source", &i.Source},
		{"srcsha256", &i.SrcSHA256},
		{"ghost", &i.Ghost},
		{"description", &i.Description},
		{"depends", &i.Depends},
		{"sysdepends", &i.SysDepends},
	}
}

// parseInfo reads the pkginfo file: one stanza. mmpack-build leaves empty fields
// out, so only the first five have to be there. Unknown keys are fine.
func (s *scan) parseInfo(data []byte) Info {
	var info Info
	text := string(data)
	if !s.checkText(s.pkginfoPath, text) {
		return info
	}
	// The client adds a line to this text when it installs from a file.
	if !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
		s.infoFinding(0, "", "the file does not end with the line break of its last line")
	}
	fields, err := stanza.Parse(data)
	if err != nil {
		line := 0
		if e, ok := errors.AsType[*stanza.SyntaxError](err); ok {
			line = e.Line
		}
		s.infoFinding(line, "", "the file is not one stanza of keys and values: "+err.Error())
		return info
	}
	entries := info.entries()
	for _, f := range fields {
		if p := target(entries, f.Key); p != nil {
			*p = f.Value
		}
	}
	s.checkInfo(&info)
	return info
}

func (s *scan) checkInfo(info *Info) {
	for i, e := range info.entries() {
		if i < 5 && *e.value == "" {
			s.infoFinding(0, e.key, "the key is missing or empty")
		}
		if e.key == "description" {
			continue
		}
		if what, _ := report.Flaw(*e.value, ""); what != "" {
			s.Add(report.Finding{Code: report.CodeText, Field: s.pkginfoPath + ":" + e.key,
				Message: "the value holds " + what + ", and has to be one line"})
		}
	}
	if info.Ghost != "" && info.Ghost != "true" && info.Ghost != "false" {
		s.infoFinding(0, "ghost", "the value is neither true nor false")
	}
	if info.SrcSHA256 != "" && !isSHA256(info.SrcSHA256) {
		s.infoFinding(0, "srcsha256", "the value is not a SHA-256 of 64 lower-case hexadecimal digits")
	}
}

func (s *scan) infoFinding(line int, key, message string) {
	field := s.pkginfoPath
	if key != "" {
		field += ":" + key
	}
	s.Add(report.Finding{
		Code:    report.CodePkginfo,
		Line:    line,
		Field:   field,
		Message: message,
		Hint:    "build the package again with mmpack-build",
	})
}
