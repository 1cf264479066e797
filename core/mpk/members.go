package mpk

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// The longest names that file systems take, in bytes.
const (
	maxName      = 4095
	maxComponent = 255
)

// checkMember returns m with its name in the form "./a/b", the package's root
// as ".".
func (s *scan) checkMember(m archive.Member) archive.Member {
	if m.Type == archive.FolderMember {
		m.Name = strings.TrimSuffix(m.Name, "/")
	}
	root := m.Name == "." && m.Type == archive.FolderMember
	if problem := nameProblem(m.Name); problem != "" && !root {
		s.memberFinding(m.Name, problem)
	}
	link := m.Type == archive.SymlinkMember || m.Type == archive.HardlinkMember
	switch {
	case m.Type == archive.OtherMember:
		s.memberFinding(m.Name, "the member is neither a file nor a folder nor a link")
	case link && m.Link == "":
		s.memberFinding(m.Name, "the link leads nowhere")
	case link && flaw(m.Link) != "":
		s.memberFinding(m.Name, "the link's target holds "+flaw(m.Link))
	}
	return m
}

// nameProblem says why a member must not have that name; "" if it may. The
// client drops the first two bytes of each name unseen, so they have to be "./".
func nameProblem(name string) string {
	rest, ok := strings.CutPrefix(name, "./")
	switch what := flaw(name); {
	case what != "":
		return "the name holds " + what
	case strings.HasPrefix(name, "/"):
		return "the name is an absolute path"
	case strings.Contains(name, `\`):
		return `the name holds a \, which separates folders on Windows`
	case len(name) > maxName:
		return "the name is too long for a file system"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "the name leads outside of the package by .."
		case len(part) > maxComponent:
			return "the name is too long for a file system"
		}
	}
	switch {
	case !ok:
		return "the name does not start with ./"
	case path.Clean(rest) != rest || rest == ".":
		return "the name is not a clean path"
	}
	return ""
}

// conclude checks what is known only at the end of a whole archive.
func (s *scan) conclude() {
	if s.metadata == 0 {
		s.add(report.Finding{Code: report.CodeMetadata, Field: MetadataName,
			Message: "the package has no MMPACK/metadata", Hint: "build the package again with mmpack-build"})
	}
	s.checkNamed(s.pkginfoPath, s.pkginfo, report.CodePkginfo)
	s.checkNamed(s.sumshaPath, s.sumsha, report.CodeSumSHA)
	order := byPath(s.pkg.Files)
	s.checkTree(order)
	s.checkLinks(order)
}

// checkNamed checks that the file that metadata names was seen after it.
func (s *scan) checkNamed(name string, count int, code report.Code) {
	if name == "" || count > 0 {
		return
	}
	if slices.ContainsFunc(s.pkg.Files, func(m archive.Member) bool { return m.Name == name }) {
		s.add(report.Finding{Code: report.CodeMetadata, Field: MetadataName,
			Message: "the member comes after a file that it names, " + name,
			Hint:    "build the package again with mmpack-build, which sorts the members"})
		return
	}
	s.add(report.Finding{Code: code, Field: name, Message: "the package does not have the file that MMPACK/metadata names",
		Hint: "build the package again with mmpack-build"})
}

// byPath returns the places of the members, sorted so that a folder comes right
// before what is in it.
func byPath(files []archive.Member) []int32 {
	order := make([]int32, len(files))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(comparePaths(files[a].Name, files[b].Name), cmp.Compare(a, b))
	})
	return order
}

// comparePaths compares bytes, with '/' before every other.
func comparePaths(a, b string) int {
	n, i := min(len(a), len(b)), 0
	for i+8 <= n && a[i:i+8] == b[i:i+8] {
		i += 8 // most names start alike
	}
	for ; i < n; i++ {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return cmp.Compare(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b))
}

// checkTree looks for members of one name, and for members inside of what is not
// a folder.
func (s *scan) checkTree(order []int32) {
	files := s.pkg.Files
	var around []int32 // the members that the one at hand may be in
	for k, i := range order {
		name := files[i].Name
		if k > 0 && name == files[order[k-1]].Name {
			s.duplicate(name)
			continue
		}
		for len(around) > 0 && !inside(name, files[around[len(around)-1]].Name) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			s.checkParent(name, files[around[len(around)-1]])
		}
		around = append(around, i)
	}
}

func inside(name, folder string) bool {
	return len(name) > len(folder) && name[len(folder)] == '/' && name[:len(folder)] == folder
}

func (s *scan) duplicate(name string) {
	if name == MetadataName || name == s.pkginfoPath || name == s.sumshaPath {
		return // told with a code of its own
	}
	s.memberFinding(name, "the package has this member more than once")
}

func (s *scan) checkParent(name string, parent archive.Member) {
	switch parent.Type {
	case archive.FolderMember:
	case archive.SymlinkMember:
		s.memberFinding(name, "the member would be written through the symbolic link "+printable(parent.Name))
	default:
		s.memberFinding(name, "the member is inside of "+printable(parent.Name)+", which is not a folder")
	}
}

// checkLinks looks for hard links to anything but an earlier file.
func (s *scan) checkLinks(order []int32) {
	files := s.pkg.Files
	for i, m := range files {
		if m.Type != archive.HardlinkMember {
			continue
		}
		k, ok := slices.BinarySearchFunc(order, m.Link, func(j int32, name string) int {
			return comparePaths(files[j].Name, name)
		})
		if !ok || int(order[k]) > i || files[order[k]].Type != archive.FileMember {
			s.memberFinding(m.Name, "the hard link leads to "+printable(m.Link)+", which is not an earlier file of the package")
		}
	}
}

func (s *scan) memberFinding(name, message string) {
	s.add(report.Finding{
		Code:    report.CodeMember,
		Field:   name,
		Message: message,
		Hint:    "a package holds files, folders and links below the prefix that it is installed in",
	})
}
