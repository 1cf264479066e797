package mpk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// The largest texts that are read, in bytes. Genuine ones have some hundred.
const (
	MaxMetadata = 64 << 10
	MaxPkginfo  = 256 << 10
)

// MetadataName is the member that describes a package.
const MetadataName = "./MMPACK/metadata"

// Read reads one .mpk from r to its end. size is the size of the file in bytes, as
// the file system has it and not as somebody declares it: it sets the limit on the
// decoded size. Package and findings are what could be told, together; a finding's File is
// empty, its Field is a member or, for a field of metadata or pkginfo, "member:key". The
// error means that the package could not be checked: r failed, ctx is done, or l makes no
// sense; then there is nothing else.
func Read(ctx context.Context, r io.Reader, size int64, l archive.Limits) (*Package, []report.Finding, error) {
	in := archive.WithContext(ctx, r)
	s := &scan{pkg: &Package{}}
	bad, err := archive.Verdict(s.members(in, size, l), "mmpack-build")
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
	// metadata, pkginfo and sumsha count the members of that name.
	metadata, pkginfo, sumsha int
	// pkginfoPath and sumshaPath are what metadata names, if it may; else empty.
	pkginfoPath, sumshaPath string
}

func (s *scan) members(r io.Reader, size int64, l archive.Limits) error {
	z, err := archive.Zstd(r, size, l)
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

// member checks one member and reads it if it is one that matters. The error is
// that of reading on.
func (s *scan) member(m archive.Member) error {
	m = s.checkMember(m)
	s.pkg.Files = append(s.pkg.Files, m)
	switch m.Name {
	case MetadataName:
		return s.readMetadata(m)
	case s.pkginfoPath:
		return s.readPkginfo(m)
	case s.sumshaPath:
		return s.readSumsha(m)
	}
	return nil
}

func (s *scan) readMetadata(m archive.Member) error {
	s.metadata++
	text, err := s.load(m, s.metadata, report.CodeMetadata, MaxMetadata)
	if text == nil || err != nil {
		return err
	}
	s.pkg.Metadata = s.parseMetadata(text)
	s.pkginfoPath = s.pathOf(s.pkg.Metadata, "pkginfo-path")
	s.sumshaPath = s.pathOf(s.pkg.Metadata, "sumsha-path")
	return nil
}

func (s *scan) readPkginfo(m archive.Member) error {
	s.pkginfo++
	text, err := s.load(m, s.pkginfo, report.CodePkginfo, MaxPkginfo)
	if text == nil || err != nil {
		return err
	}
	s.pkg.Info = s.parseInfo(text)
	return nil
}

func (s *scan) readSumsha(m archive.Member) error {
	s.sumsha++
	if !s.single(m, s.sumsha, report.CodeSumSHA) {
		return nil
	}
	hash := sha256.New()
	buffer := make([]byte, min(max(m.Size, 1), 32<<10))
	if _, err := io.CopyBuffer(hash, s.tar, buffer); err != nil {
		return err
	}
	s.pkg.SumshaSHA256 = hex.EncodeToString(hash.Sum(nil))
	declared := s.pkg.Metadata.SumSHA256Sums
	if isSHA256(declared) && declared != s.pkg.SumshaSHA256 {
		s.Add(report.Finding{
			Code:     report.CodeSumSHA,
			Field:    m.Name,
			Expected: declared,
			Actual:   s.pkg.SumshaSHA256,
			Message:  "the list of checksums is not the one that MMPACK/metadata declares",
			Hint:     "the package was changed after it was built: build it again",
		})
	}
	return nil
}

// single reports whether m is a file, and the first of its name.
func (s *scan) single(m archive.Member, count int, code report.Code) bool {
	switch {
	case count > 1:
		s.Add(report.Finding{Code: code, Field: m.Name, Message: "the package has this member more than once"})
	case m.Type != archive.FileMember:
		s.Add(report.Finding{Code: code, Field: m.Name, Expected: archive.FileMember.String(), Actual: m.Type.String(),
			Message: "the member is not an ordinary file"})
	default:
		return true
	}
	return false
}

// load reads a small file; text is nil if there is a finding instead.
func (s *scan) load(m archive.Member, count int, code report.Code, limit int64) (text []byte, err error) {
	if !s.single(m, count, code) {
		return nil, nil
	}
	if m.Size > limit {
		s.Add(report.Finding{
			Code:     report.CodeLimit,
			Field:    m.Name,
			Expected: fmt.Sprintf("at most %d bytes", limit),
			Actual:   fmt.Sprintf("%d bytes", m.Size),
			Message:  "the file is larger than any that mmpack-build writes",
		})
		return nil, nil
	}
	text = make([]byte, m.Size)
	_, err = io.ReadFull(s.tar, text)
	return text, err
}
