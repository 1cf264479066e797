package contents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// sum is one line of the list of checksums: what kind of member, and which bytes.
type sum struct {
	link bool
	hash [sha256.Size]byte
}

// String is the form of the list.
func (s sum) String() string {
	if s.link {
		return "sym-" + hex.EncodeToString(s.hash[:])
	}
	return "reg-" + hex.EncodeToString(s.hash[:])
}

// found is one member.
type found struct {
	sum
	folder, listed bool
	// target is what a link to a folder of the package leads to, if it is one.
	target string
}

// scan is one pass over a package.
type scan struct {
	report.List
	v    *Verifier
	file string
	arch string
	// sumsPath is the member with the list of checksums.
	sumsPath string
	tar      *archive.TarReader
	// members are by path below the prefix; listed are the lines of the list whose
	// member has not come yet.
	members map[string]found
	listed  map[string]sum
}

// read reads a package; the findings have its name in File. An error is that of the
// reading.
func (s *scan) read(ctx context.Context, r io.Reader, size int64) error {
	z, err := archive.Zstd(archive.WithContext(ctx, r), size, s.v.limits)
	if err != nil {
		return err
	}
	defer z.Close()
	s.tar = archive.Tar(z, s.v.limits)
	if err := s.tar.Each(s.member); err != nil {
		return err
	}
	s.conclude()
	return nil
}

// member looks at one member. What the format itself forbids has been refused before;
// who asks only this verifier is told of it all the same.
func (s *scan) member(m archive.Member) error {
	name := strings.TrimSuffix(m.Name, "/")
	if problem := archive.TypeProblem(m); problem != "" {
		s.add(report.CodeMember, m.Name, "", "", problem, "a package holds files, folders and links")
	}
	if problem := archive.NameProblem(name, "./"); problem != "" && name != "." {
		s.add(report.CodeMember, m.Name, "", "", problem, "a package holds files below the prefix that it is installed in")
		return nil
	}
	name = strings.TrimPrefix(name, "./")
	s.bits(m, name)
	switch m.Type {
	case archive.FolderMember:
		s.members[name] = found{folder: true}
	case archive.SymlinkMember:
		s.escape(m, name)
		f := found{sum: sum{true, sha256.Sum256([]byte(m.Link))}}
		if !path.IsAbs(m.Link) {
			f.target = path.Join(path.Dir(name), m.Link)
		}
		s.put(name, f)
	case archive.HardlinkMember:
		s.put(name, s.members[strings.TrimPrefix(m.Link, "./")])
	case archive.FileMember:
		if "./"+name == s.sumsPath {
			return s.sums(m)
		}
		return s.content(m, name)
	}
	return nil
}

// content hashes a file, and looks at its first bytes.
func (s *scan) content(m archive.Member, name string) error {
	var head [elfHeader]byte
	n, err := io.ReadFull(s.tar, head[:min(m.Size, elfHeader)])
	if err != nil {
		return err
	}
	hash := sha256.New()
	hash.Write(head[:n])
	if _, err := io.Copy(hash, s.tar); err != nil {
		return err
	}
	s.put(name, found{sum: sum{hash: [sha256.Size]byte(hash.Sum(nil))}})
	s.machine(head[:n], name)
	return nil
}

func (s *scan) machine(head []byte, name string) {
	want, known := machineOf(s.arch)
	got, is := parseELF(head)
	if !known || !is || got == want || config.Matches(s.v.machines, name) {
		return
	}
	s.add(report.CodeMachine, name, want.String(), got.String(), "the file is for another machine than "+s.arch,
		"build the package for "+s.arch+", or name the file under machines in the verifier's settings")
}

// setBits are the setuid and the setgid bit.
const setBits = 0o6000

func (s *scan) bits(m archive.Member, name string) {
	if m.Mode&setBits == 0 || config.Matches(s.v.setUID, name) {
		return
	}
	s.add(report.CodeSetUID, name, "", fmt.Sprintf("%04o", m.Mode), "the "+m.Type.String()+" has the setuid or the setgid bit",
		"take the bit away, or name the file under setuid in the verifier's settings")
}

// escape refuses a link out of the prefix: in another prefix it leads elsewhere.
func (s *scan) escape(m archive.Member, name string) {
	to := path.Join(path.Dir(name), m.Link)
	out := strings.HasPrefix(m.Link, "/") || to == ".." || strings.HasPrefix(to, "../")
	if !out || config.Matches(s.v.outside, name) {
		return
	}
	s.add(report.CodeEscape, name, "", m.Link, "the link leads out of the prefix that the package is installed in",
		"make it a relative link to a file of a package, or name it under outside-links in the verifier's settings")
}

func (s *scan) add(code report.Code, field, want, got, message, hint string) {
	s.Add(report.Finding{Code: code, File: s.file, Field: field, Expected: report.Shown(want), Actual: report.Shown(got), Message: message, Hint: hint})
}
