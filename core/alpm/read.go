package alpm

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// infoName is the member that describes a package.
const infoName = ".PKGINFO"

// MaxInfo is the largest .PKGINFO that is read, in bytes. Genuine ones have some
// hundred; one that names a thousand dependencies has 20,000.
const MaxInfo = 256 << 10

// Read reads one package from r to its end. size is the size of the file in bytes, as
// the file system has it and not as somebody declares it: it sets the limit on the
// decoded size. Package and findings are what could be told, together; a finding's
// File is empty, its Field is a member or, for a key of .PKGINFO, "member:key". The
// error means that the package could not be checked: r failed, ctx is done, or l makes
// no sense; then there is nothing else.
func Read(ctx context.Context, r io.Reader, size int64, c Compression, l archive.Limits) (*Package, []report.Finding, error) {
	in := archive.WithContext(ctx, r)
	s := &scan{pkg: &Package{}}
	bad, err := archive.Verdict(s.members(in, size, c, l), "makepkg")
	if err != nil {
		return nil, nil, fmt.Errorf("read the package: %w", err)
	}
	if bad == nil {
		s.conclude()
	} else {
		s.pkg.Files = nil // they are not all of them
		s.Add(*bad)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, nil, fmt.Errorf("read the package: %w", err)
	}
	return s.pkg, s.All(), nil
}

// scan is one pass over a package.
type scan struct {
	report.List

	tar *archive.TarReader
	pkg *Package
	// infos counts the members that describe the package.
	infos int
}

func (s *scan) members(r io.Reader, size int64, c Compression, l archive.Limits) error {
	z, err := Decode(r, size, c, l)
	if err != nil {
		return err
	}
	defer z.Close()
	s.tar = archive.Tar(z, l)
	if err := s.tar.Each(s.member); err != nil {
		return err
	}
	s.pkg.DecodedSize = s.tar.Size()
	return nil
}

// Decode is the tar stream of a package's file, of size bytes.
func Decode(r io.Reader, size int64, c Compression, l archive.Limits) (io.ReadCloser, error) {
	switch c {
	case Zstd:
		return archive.Zstd(r, size, l)
	case XZ:
		return archive.XZ(r, size, l)
	case Gzip:
		return archive.Gzip(r, size, l)
	case Bzip2:
		return archive.Bzip2(r, size, l)
	}
	return nil, fmt.Errorf("the compression %q is not known", c)
}

// member checks one member and reads it if it describes the package. The error is
// that of reading on.
func (s *scan) member(m archive.Member) error {
	if m.Type == archive.FolderMember {
		m.Name = strings.TrimSuffix(m.Name, "/")
	}
	if problem := archive.NameProblem(m.Name, ""); problem != "" {
		s.memberFinding(m.Name, problem)
	}
	if problem := archive.TypeProblem(m); problem != "" {
		s.memberFinding(m.Name, problem)
	}
	s.pkg.Files = append(s.pkg.Files, m)
	if m.Name != infoName {
		return nil
	}
	s.infos++
	return s.readInfo(m)
}

func (s *scan) readInfo(m archive.Member) error {
	switch {
	case s.infos > 1:
		return nil // told when all are known
	case m.Type != archive.FileMember:
		s.infoFinding(0, "", "the member is not an ordinary file", archive.FileMember.String(), m.Type.String())
		return nil
	case m.Size > MaxInfo:
		s.Add(report.Finding{Code: report.CodeLimit, Field: infoName, Expected: fmt.Sprintf("at most %d bytes", MaxInfo),
			Actual: fmt.Sprintf("%d bytes", m.Size), Message: "the file is larger than any that makepkg writes", Hint: "build the package again with makepkg"})
		return nil
	case !s.first():
		s.infoFinding(0, "", "the member comes after the files of the package", "one of the first members", "")
	}
	text := make([]byte, m.Size)
	if _, err := io.ReadFull(s.tar, text); err != nil {
		return err
	}
	s.pkg.Info = s.parseInfo(string(text))
	return nil
}

// first reports whether there were only members that describe the package so far:
// their names begin with a dot.
func (s *scan) first() bool {
	for _, m := range s.pkg.Files {
		if !strings.HasPrefix(m.Name, ".") {
			return false
		}
	}
	return true
}

// conclude checks what is known only at the end of a whole archive.
func (s *scan) conclude() {
	if s.infos == 0 {
		s.infoFinding(0, "", "the package has no .PKGINFO", "", "")
	}
	for p := range archive.Tree(s.pkg.Files) {
		s.memberFinding(p.Member, p.Text)
	}
}

func (s *scan) memberFinding(name, message string) {
	s.Add(report.Finding{
		Code: report.CodeMember, Field: name, Message: message,
		Hint: "a package holds files, folders and links below the root that it is installed in",
	})
}
