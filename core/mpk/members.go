package mpk

import (
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// prefix begins each member's name: the client drops the first two bytes of each
// name unseen, so they have to be these.
const prefix = "./"

// checkMember returns m with its name in the form "./a/b", the package's root
// as ".".
func (s *scan) checkMember(m archive.Member) archive.Member {
	if m.Type == archive.FolderMember {
		m.Name = strings.TrimSuffix(m.Name, "/")
	}
	root := m.Name == "." && m.Type == archive.FolderMember
	if problem := archive.NameProblem(m.Name, prefix); problem != "" && !root {
		s.memberFinding(m.Name, problem)
	}
	if problem := archive.TypeProblem(m); problem != "" {
		s.memberFinding(m.Name, problem)
	}
	return m
}

// conclude checks what is known only at the end of a whole archive.
func (s *scan) conclude() {
	if s.metadata == 0 {
		s.Add(report.Finding{Code: report.CodeMetadata, Field: MetadataName,
			Message: "the package has no MMPACK/metadata", Hint: "build the package again with mmpack-build"})
	}
	s.checkNamed(s.pkginfoPath, s.pkginfo, report.CodePkginfo)
	s.checkNamed(s.sumshaPath, s.sumsha, report.CodeSumSHA)
	for p := range archive.Tree(s.pkg.Files) {
		if p.Repeated && s.counted(p.Member) {
			continue // told with a code of its own
		}
		s.memberFinding(p.Member, p.Text)
	}
}

// checkNamed checks that the file that metadata names was seen after it.
func (s *scan) checkNamed(name string, count int, code report.Code) {
	if name == "" || count > 0 {
		return
	}
	if slices.ContainsFunc(s.pkg.Files, func(m archive.Member) bool { return m.Name == name }) {
		s.Add(report.Finding{Code: report.CodeMetadata, Field: MetadataName,
			Message: "the member comes after a file that it names, " + name,
			Hint:    "build the package again with mmpack-build, which sorts the members"})
		return
	}
	s.Add(report.Finding{Code: code, Field: name, Message: "the package does not have the file that MMPACK/metadata names",
		Hint: "build the package again with mmpack-build"})
}

// counted reports whether it is one of the files that describe the package.
func (s *scan) counted(name string) bool {
	return name == MetadataName || name == s.pkginfoPath || name == s.sumshaPath
}

func (s *scan) memberFinding(name, message string) {
	s.Add(report.Finding{
		Code:    report.CodeMember,
		Field:   name,
		Message: message,
		Hint:    "a package holds files, folders and links below the prefix that it is installed in",
	})
}
