package archive

import (
	"cmp"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// The longest names that file systems take, in bytes.
const (
	maxName      = 4095
	maxComponent = 255
)

// Problem is a reason not to unpack an archive.
type Problem struct {
	// Member is the name of the member at fault, as the archive has it.
	Member string
	// Text says what is wrong, in the user's terms; foreign names in it are
	// printable.
	Text string
	// Repeated means that a member of that name came before.
	Repeated bool
}

// NameProblem says why a member must not have that name; "" if it may. prefix is
// what the names of the format begin with, "./" or nothing; a folder's name comes
// without the final '/'.
func NameProblem(name, prefix string) string {
	rest, ok := strings.CutPrefix(name, prefix)
	switch what, _ := report.Flaw(name, ""); {
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
		return "the name does not start with " + prefix
	case path.Clean(rest) != rest || rest == ".":
		return "the name is not a clean path"
	}
	return ""
}

// TypeProblem says why a member of this type, or with this link, must not be in a
// package; "" if it may.
func TypeProblem(m Member) string {
	switch {
	case m.Type == OtherMember:
		return "the member is neither a file nor a folder nor a link"
	case m.Type != SymlinkMember && m.Type != HardlinkMember:
	case m.Link == "":
		return "the link leads nowhere"
	default:
		if what, _ := report.Flaw(m.Link, ""); what != "" {
			return "the link's target holds " + what
		}
	}
	return ""
}

// Tree yields what makes the members, taken together, something else than a tree
// that unpacks in one way only: members of one name, members inside of what is not a
// folder or is a symbolic link, hard links to anything but an earlier file. The names
// of folders come without the final '/'.
func Tree(files []Member) iter.Seq[Problem] {
	return func(yield func(Problem) bool) {
		t := tree{files, byPath(files)}
		if t.places(yield) {
			t.links(yield)
		}
	}
}

type tree struct {
	files []Member
	// order has the places of the members, sorted so that a folder comes right
	// before what is in it.
	order []int32
}

func byPath(files []Member) []int32 {
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

// places looks for members of one name, and for members inside of what is not a
// folder; false if nobody listens any more.
func (t tree) places(yield func(Problem) bool) bool {
	var around []int32 // the members that the one at hand may be in
	for k, i := range t.order {
		name := t.files[i].Name
		if k > 0 && name == t.files[t.order[k-1]].Name {
			if !yield(Problem{name, "the package has this member more than once", true}) {
				return false
			}
			continue
		}
		for len(around) > 0 && !inside(name, t.files[around[len(around)-1]].Name) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			if text := parentProblem(t.files[around[len(around)-1]]); text != "" && !yield(Problem{Member: name, Text: text}) {
				return false
			}
		}
		around = append(around, i)
	}
	return true
}

func inside(name, folder string) bool {
	return len(name) > len(folder) && name[len(folder)] == '/' && name[:len(folder)] == folder
}

func parentProblem(parent Member) string {
	switch parent.Type {
	case FolderMember:
		return ""
	case SymlinkMember:
		return "the member would be written through the symbolic link " + report.Shown(parent.Name)
	}
	return "the member is inside of " + report.Shown(parent.Name) + ", which is not a folder"
}

// links looks for hard links to anything but an earlier file.
func (t tree) links(yield func(Problem) bool) {
	for i, m := range t.files {
		if m.Type != HardlinkMember {
			continue
		}
		k, ok := slices.BinarySearchFunc(t.order, m.Link, func(j int32, name string) int {
			return comparePaths(t.files[j].Name, name)
		})
		if ok && int(t.order[k]) <= i && t.files[t.order[k]].Type == FileMember {
			continue
		}
		text := "the hard link leads to " + report.Shown(m.Link) + ", which is not an earlier file of the package"
		if !yield(Problem{Member: m.Name, Text: text}) {
			return
		}
	}
}
