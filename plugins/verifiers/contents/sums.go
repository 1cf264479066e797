package contents

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// maxLine is far above the longest line of a list of checksums: a path of 4095 bytes.
const maxLine = 8 << 10

const (
	rebuild = "the package was changed after it was built, or not built by mmpack-build: build it again"
	linked  = "the path is listed more than once"
)

// sums reads the list of checksums. It is not in itself.
func (s *scan) sums(m archive.Member) error {
	in := bufio.NewReaderSize(s.tar, maxLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			s.line(m.Name, n, "a line is too long")
			return nil
		case err != nil && err != io.EOF:
			return err
		case n > s.v.limits.Members:
			s.line(m.Name, n, "the list has more lines than a package may have files")
			return nil
		}
		if problem := s.listing(bytes.TrimSuffix(line, []byte("\n"))); problem != "" {
			s.line(m.Name, n, problem)
		}
	}
}

func (s *scan) line(member string, n int, problem string) {
	s.Add(report.Finding{Code: report.CodeFiles, File: s.file, Field: member, Line: n, Message: problem, Hint: rebuild})
}

// listing takes one line: the client splits it at the last ':'.
func (s *scan) listing(line []byte) (problem string) {
	i := bytes.LastIndexByte(line, ':')
	if i < 0 || !bytes.HasPrefix(line[i:], []byte(": ")) {
		return "a line is not a path with a checksum"
	}
	path := strings.TrimPrefix(string(line[:i]), "./")
	want, ok := parseSum(string(line[i+2:]))
	if !ok {
		return "the checksum of " + report.Shown(path) + " is neither reg- nor sym- and a SHA-256"
	}
	if _, ok := s.listed[path]; ok {
		return linked
	}
	f, ok := s.members[path]
	switch {
	case !ok || f.folder:
		s.listed[path] = want
	case f.listed:
		return linked
	default:
		f.listed = true
		s.members[path] = f
		s.compare(path, want, f.sum)
	}
	return ""
}

func parseSum(text string) (s sum, ok bool) {
	kind, digits, ok := strings.Cut(text, "-")
	if !ok || kind != "reg" && kind != "sym" || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return s, false
	}
	_, err := hex.Decode(s.hash[:], []byte(digits))
	s.link = kind == "sym"
	return s, err == nil
}

// put takes a member, and compares it if its line came before it.
func (s *scan) put(path string, f found) {
	f.folder, f.listed = false, false
	if want, ok := s.listed[path]; ok {
		delete(s.listed, path)
		f.listed = true
		s.compare(path, want, f.sum)
	}
	s.members[path] = f
}

func (s *scan) compare(path string, want, got sum) {
	if want != got {
		s.add(report.CodeFiles, path, want.String(), got.String(), "the file is not the one in the package's list of checksums", rebuild)
	}
}

// conclude tells what is in one of the list and the archive only.
func (s *scan) conclude() {
	for _, path := range slices.Sorted(maps.Keys(s.listed)) {
		s.add(report.CodeFiles, path, s.listed[path].String(), "", "the file is in the package's list of checksums, but not in the package", rebuild)
	}
	for _, path := range slices.Sorted(maps.Keys(s.members)) {
		f := s.members[path]
		if f.folder || f.listed || unlisted(path) || f.link && s.mayBeFolder(path, f.target) {
			continue
		}
		s.add(report.CodeFiles, path, "", f.String(), "the file is not in the package's list of checksums",
			"the client would install it and never remove it: "+rebuild)
	}
}

// unlisted are what describes the package: nobody lists that.
func unlisted(path string) bool {
	rest, ok := strings.CutPrefix(path, "MMPACK/")
	return ok && !strings.Contains(rest, "/")
}

// mayBeFolder reports whether a link may have led to a folder where the package was
// built: for such a link there is no line.
func (s *scan) mayBeFolder(link, target string) bool {
	return s.folder(target) || config.Matches(s.v.outside, link)
}

// folder reports whether a path is that of a folder, by way of at most a few links.
func (s *scan) folder(path string) bool {
	for range 8 {
		f, ok := s.members[path]
		if path == "." || ok && f.folder {
			return true
		}
		if !ok || !f.link {
			return false
		}
		path = f.target
	}
	return false
}

// shown is a number of things.
func shown(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
