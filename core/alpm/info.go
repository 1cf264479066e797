package alpm

import (
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// one returns where a key that a package has once goes; nil for other keys.
func (i *Info) one(key string) *string {
	switch key {
	case "pkgname":
		return &i.Name
	case "pkgbase":
		return &i.Base
	case "pkgver":
		return &i.Version
	case "pkgdesc":
		return &i.Description
	case "url":
		return &i.URL
	case "builddate":
		return &i.BuildDate
	case "packager":
		return &i.Packager
	case "size":
		return &i.Size
	case "arch":
		return &i.Arch
	}
	return nil
}

// many returns where a key that a package may have several times goes; nil for other
// keys.
func (i *Info) many(key string) *[]string {
	switch key {
	case "license":
		return &i.Licenses
	case "replaces":
		return &i.Replaces
	case "group":
		return &i.Groups
	case "conflict":
		return &i.Conflicts
	case "provides":
		return &i.Provides
	case "depend":
		return &i.Depends
	case "optdepend":
		return &i.OptDepends
	case "makedepend":
		return &i.MakeDepends
	case "checkdepend":
		return &i.CheckDepends
	}
	return nil
}

// parseInfo reads lines of "key = value". Other keys are fine (backup, xdata), and
// mean nothing here.
func (s *scan) parseInfo(text string) Info {
	var info Info
	if what, at := report.Flaw(text, "\n\t"); what != "" {
		s.Add(report.Finding{Code: report.CodeText, Line: 1 + strings.Count(text[:at], "\n"), Field: infoName,
			Message: "the file holds " + what + ", which no database can carry", Hint: "remove it from the PKGBUILD and build again"})
		return info
	}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.Join(strings.Fields(value), " ")
		if !ok || !isKey(key) {
			s.infoFinding(n+1, "", "a line is not a key with its value", "key = value", line)
			continue
		}
		s.value(&info, n+1, key, value)
	}
	s.checkInfo(info)
	return info
}

func (s *scan) value(info *Info, line int, key, value string) {
	if list := info.many(key); list != nil {
		if value != "" {
			*list = append(*list, value)
		}
		return
	}
	switch p := info.one(key); {
	case p == nil:
	case *p != "":
		s.infoFinding(line, key, "the key is there a second time", *p, value)
	default:
		*p = value
	}
}

// isKey reports whether s is a key as makepkg writes them.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func (s *scan) checkInfo(info Info) {
	for _, v := range []struct {
		key, value, want string
		ok               func(string) bool
	}{
		{"pkgname", info.Name, "letters, digits and @._+-, not beginning with . or -", ValidName},
		{"pkgver", info.Version, "[epoch:]version-release", ValidVersion},
		{"arch", info.Arch, "an architecture, or any", ValidArch},
		{"size", info.Size, "a number of bytes", isNumber},
		{"builddate", info.BuildDate, "seconds since 1970", isNumber},
	} {
		switch {
		case v.value == "":
			s.infoFinding(0, v.key, "the key is missing or empty", v.want, "")
		case !v.ok(v.value):
			s.infoFinding(0, v.key, "the value is not one that makepkg writes", v.want, v.value)
		}
	}
	if info.Base != "" && !ValidName(info.Base) {
		s.infoFinding(0, "pkgbase", "the value is not one that makepkg writes", "a package's name", info.Base)
	}
}

// isNumber reports whether s is a number of 63 bits in digits.
func isNumber(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= 0 && strings.Trim(s, "0123456789") == ""
}

func (s *scan) infoFinding(line int, key, message, expected, actual string) {
	field := infoName
	if key != "" {
		field += ":" + key
	}
	s.Add(report.Finding{Code: report.CodePkginfo, Line: line, Field: field, Expected: expected, Actual: actual,
		Message: message, Hint: "build the package again with makepkg"})
}
