package source

import (
	"crypto/sha256"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
)

const (
	// specsName is where mmpack-build looks for the specs, tracingName what it adds.
	specsName   = "mmpack/specs"
	tracingName = "mmpack/src_orig_tracing"
	// maxSpecs is far above what people write.
	maxSpecs = 1 << 20
)

// node is one file or link of a tree.
type node struct {
	kind       archive.MemberType
	executable bool
	// hash is of the bytes, or of a link's target.
	hash [sha256.Size]byte
}

// tree is what an archive unpacks to, without its folders.
type tree struct {
	limits archive.Limits
	// loose: names may begin with "./".
	loose bool
	// nodes are only filled if keep is set: they take memory.
	keep  bool
	nodes map[string]node
	// specs are the bytes of the specs; nil if there are none, or too many.
	specs    []byte
	problems []archive.Problem
}

// read reads a tar stream to its end.
func (t *tree) read(r io.Reader) error {
	tar := archive.Tar(r, t.limits)
	t.nodes = map[string]node{}
	var members []archive.Member
	err := tar.Each(func(m archive.Member) error {
		m, err := t.member(tar, m)
		if m.Name != "." {
			members = append(members, m)
		}
		return err
	})
	if err != nil {
		return err
	}
	for p := range archive.Tree(members) {
		t.problems = append(t.problems, p)
	}
	return nil
}

// member takes one member, and returns it under the name that the tree has for it.
func (t *tree) member(r io.Reader, m archive.Member) (archive.Member, error) {
	if m.Type == archive.FolderMember {
		m.Name = strings.TrimSuffix(m.Name, "/")
	}
	if t.loose {
		m.Name, m.Link = strings.TrimPrefix(m.Name, "./"), linkOf(m)
	}
	problem := archive.TypeProblem(m)
	if problem == "" && m.Name != "." {
		problem = archive.NameProblem(m.Name, "")
	}
	if problem != "" {
		t.problems = append(t.problems, archive.Problem{Member: m.Name, Text: problem})
		return m, nil
	}
	n := node{kind: m.Type, executable: m.Mode&0o100 != 0}
	switch m.Type {
	case archive.FileMember:
		return m, t.content(r, m, n)
	case archive.SymlinkMember:
		n.executable, n.hash = false, sha256.Sum256([]byte(m.Link))
		t.put(m.Name, n)
	case archive.HardlinkMember:
		t.put(m.Name, t.nodes[m.Link])
	}
	return m, nil
}

// linkOf is a link's target: a hard link names a member.
func linkOf(m archive.Member) string {
	if m.Type == archive.HardlinkMember {
		return strings.TrimPrefix(m.Link, "./")
	}
	return m.Link
}

func (t *tree) content(r io.Reader, m archive.Member, n node) error {
	hash := sha256.New()
	if m.Name == specsName && m.Size <= maxSpecs {
		t.specs = make([]byte, m.Size)
		if _, err := io.ReadFull(r, t.specs); err != nil {
			return err
		}
		hash.Write(t.specs)
	} else if _, err := io.Copy(hash, r); err != nil {
		return err
	}
	n.hash = [sha256.Size]byte(hash.Sum(nil))
	t.put(m.Name, n)
	return nil
}

func (t *tree) put(name string, n node) {
	if t.keep {
		t.nodes[name] = n
	}
}
