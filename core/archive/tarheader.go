package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	blockSize = 512
	// Offsets in a header block.
	offSize, endSize = 124, 136
	offType          = 156
)

// headerKind is what a run of header blocks stands for.
type headerKind int

const (
	plainHeader headerKind = iota
	globalHeader
	endMarker
)

// collect reads the header blocks up to and including the next member's own, or
// a global header, or the end marker, into t.header. The stream is walked here
// and not by archive/tar, so that the size of the headers is limited before they
// are read, and so that runs that readers take differently are seen.
func (t *TarReader) collect() (headerKind, error) {
	t.header = t.header[:0]
	before := ""
	for {
		block, err := t.grow(blockSize)
		if err != nil {
			return 0, err
		}
		if zeros(block) {
			return endMarker, t.end(before)
		}
		kind := string(block[offType])
		if !strings.Contains("xgLK", kind) {
			return plainHeader, nil
		}
		if err := meta(before, kind); err != nil {
			return 0, err
		}
		if err := t.extended(block); err != nil {
			return 0, err
		}
		if kind == "g" {
			return globalHeader, nil
		}
		before += kind
	}
}

// meta refuses runs of extended headers that readers take differently: some
// drop the first of two PAX headers, some merge them.
func meta(before, kind string) error {
	mixed := before == "x" || kind == "x" || kind == "g"
	if before != "" && (mixed || strings.Contains(before, kind)) {
		return formatError("a tar member has extended headers that contradict each other")
	}
	return nil
}

// extended reads the content of the extended header whose own block is block.
func (t *TarReader) extended(block []byte) error {
	field := strings.Trim(string(block[offSize:endSize]), " \x00")
	size, err := strconv.ParseInt(field, 8, 64) // at most 12 digits, 36 bits
	if err != nil || size < 0 {
		return formatError("a tar header has no valid size")
	}
	_, err = t.grow(size + -size&(blockSize-1))
	return err
}

// grow reads the next n bytes into t.header.
func (t *TarReader) grow(n int64) ([]byte, error) {
	start := len(t.header)
	if int64(start)+n > int64(t.limits.HeaderBytes) {
		return nil, &LimitError{LimitHeader, int64(t.limits.HeaderBytes)}
	}
	t.header = append(t.header, make([]byte, n)...)
	read, err := io.ReadFull(t.src, t.header[start:])
	if err == io.EOF && read == 0 && start == 0 && t.src.err == nil {
		return nil, formatError("the tar archive has no end marker: it is cut short")
	}
	if err != nil {
		return nil, t.cut(err)
	}
	return t.header[start:], nil
}

// end reads the second block of the end marker.
func (t *TarReader) end(before string) error {
	if before != "" {
		return formatError("the tar archive ends after an extended header")
	}
	block, err := t.grow(blockSize)
	if err != nil {
		return err
	}
	if !zeros(block) {
		return formatError("the tar archive has data after its end marker")
	}
	return nil
}

// parseHeader gives one run of header blocks to archive/tar, which is thereby
// never near the content.
func parseHeader(header []byte, kind headerKind) (Member, error) {
	if header[len(header)-blockSize+offType] == tar.TypeGNUSparse && kind == plainHeader {
		return Member{}, errSparse()
	}
	rest := bytes.NewReader(header)
	h, err := tar.NewReader(rest).Next()
	if errors.Is(err, tar.ErrInsecurePath) {
		err = nil // GODEBUG asks for it; names are the caller's to judge
	}
	switch {
	case err != nil && bytes.Contains(header, []byte("GNU.sparse")):
		return Member{}, errSparse()
	case err != nil:
		return Member{}, formatError("bad tar header: %w", err)
	case kind == globalHeader: // its padding is not read before the next header
		return Member{}, checkGlobal(h.PAXRecords)
	case rest.Len() != 0:
		return Member{}, formatError("bad tar header: it ends before its last block")
	}
	if err := checkRecords(h.PAXRecords); err != nil {
		return Member{}, err
	}
	return member(h)
}

func errSparse() error {
	return formatError("the tar archive has a sparse file, which readers unpack differently")
}

// checkGlobal allows a global header that says nothing about the members: git
// archive writes one with a comment. archive/tar ignores the others, which other
// readers apply to every member.
func checkGlobal(records map[string]string) error {
	for key := range records {
		if key != "comment" {
			return formatError("the tar archive sets %q for all its members", key)
		}
	}
	return nil
}

// checkRecords refuses PAX records that archive/tar and other readers take
// differently.
func checkRecords(records map[string]string) error {
	for key, value := range records {
		switch {
		case strings.HasPrefix(key, "GNU.sparse.") || key == "SCHILY.realsize":
			return errSparse()
		case value == "" && (key == "path" || key == "linkpath" || key == "size"):
			return formatError("a tar member has an empty PAX %s", key)
		}
	}
	return nil
}

func member(h *tar.Header) (Member, error) {
	m := Member{Name: h.Name, Size: h.Size, Mode: uint32(h.Mode & 0o7777), Type: OtherMember}
	switch h.Typeflag {
	case tar.TypeReg:
		m.Type = FileMember
	case tar.TypeDir:
		m.Type = FolderMember
	case tar.TypeSymlink:
		m.Type, m.Link = SymlinkMember, h.Linkname
	case tar.TypeLink:
		m.Type, m.Link = HardlinkMember, h.Linkname
	}
	// archive/tar reads no content for these, other readers may.
	if h.Size != 0 && strings.ContainsRune("123456", rune(h.Typeflag)) {
		return Member{}, formatError("a tar member of type %s has a size", m.Type)
	}
	return m, nil
}
