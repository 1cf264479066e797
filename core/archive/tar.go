package archive

import (
	"errors"
	"io"
)

// MemberType is what a tar member unpacks to.
type MemberType uint8

// The types. OtherMember is everything else: devices, pipes, contiguous and
// vendor-specific members. The zero value is no type.
const (
	FileMember MemberType = iota + 1
	FolderMember
	SymlinkMember
	HardlinkMember
	OtherMember
)

// String is the type in the user's terms.
func (t MemberType) String() string {
	switch t {
	case FileMember:
		return "file"
	case FolderMember:
		return "folder"
	case SymlinkMember:
		return "symbolic link"
	case HardlinkMember:
		return "hard link"
	case OtherMember:
		return "special file"
	}
	return "unknown"
}

// Member is one member of a tar stream. Names are as the archive has them:
// hostile, perhaps not UTF-8, folders with a '/' at the end.
type Member struct {
	Name string
	// Link is the target of a symbolic or hard link.
	Link string
	// Size is the length of the content in bytes; 0 for links and folders.
	Size int64
	// Mode is the permission bits, 07777 at most.
	Mode uint32
	Type MemberType
}

// TarReader reads the members of one tar stream in order.
type TarReader struct {
	src    *source
	limits Limits
	// header holds the header blocks of one member, its extended headers first.
	header []byte
	// left and padding are what follows of the member at hand.
	left, padding int64
	members       int
	names         int
	// err is what every further call returns.
	err error
}

// Tar reads the tar stream r: ustar, PAX or GNU. r is read to its end, so that a
// decoder below checks its checksums. An error is [ErrFormat], [ErrLimit] or
// [SourceError], or what a decoder of this package returned.
func Tar(r io.Reader, l Limits) *TarReader {
	return &TarReader{src: &source{r: r}, limits: l, err: l.check()}
}

// Size returns how many bytes of the stream were read; after [TarReader.Next]
// returned io.EOF, the size of the stream.
func (t *TarReader) Size() int64 { return t.src.n }

// Next skips what is left of the member at hand and returns the next one. It
// returns io.EOF after the end marker and nothing but zeros up to the end of the
// stream; a stream without an end marker was cut and is an [ErrFormat].
func (t *TarReader) Next() (Member, error) {
	if t.err != nil {
		return Member{}, t.err
	}
	m, err := t.next()
	t.err = err
	return m, err
}

// Each calls visit for each member, which may read its content from t, up to the end that
// [TarReader.Next] tells, or the first error.
func (t *TarReader) Each(visit func(Member) error) error {
	for {
		m, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = visit(m)
		}
		if err != nil {
			return err
		}
	}
}

func (t *TarReader) next() (Member, error) {
	if err := t.skip(); err != nil {
		return Member{}, err
	}
	for {
		kind, err := t.collect()
		if err != nil {
			return Member{}, err
		}
		if kind == endMarker {
			return Member{}, t.finish()
		}
		if t.members++; t.members > t.limits.Members {
			return Member{}, &LimitError{LimitMembers, int64(t.limits.Members)}
		}
		m, err := parseHeader(t.header, kind)
		if err != nil || kind != globalHeader {
			return t.admit(m, err)
		}
	}
}

// admit starts the content of m.
func (t *TarReader) admit(m Member, err error) (Member, error) {
	if err != nil {
		return Member{}, err
	}
	if t.names += len(m.Name) + len(m.Link); t.names > t.limits.NameBytes {
		return Member{}, &LimitError{LimitNames, int64(t.limits.NameBytes)}
	}
	t.left, t.padding = m.Size, -m.Size&(blockSize-1)
	return m, nil
}

// skip discards the rest of the member at hand.
func (t *TarReader) skip() error {
	for _, n := range []int64{t.left, t.padding} {
		if n == 0 {
			continue
		}
		if _, err := io.CopyN(io.Discard, t.src, n); err != nil {
			return t.cut(err)
		}
	}
	t.left, t.padding = 0, 0
	return nil
}

// usualRecord is what a tar stream is padded to, in bytes, as a rule.
const usualRecord = 20 * blockSize

// finish reads the rest of the stream, of which nothing but zeros is padding.
func (t *TarReader) finish() error {
	buf := make([]byte, usualRecord)
	for {
		n, err := t.src.Read(buf)
		if !zeros(buf[:n]) {
			return formatError("the tar archive has data after its end marker")
		}
		if err != nil {
			return err
		}
	}
}

// Read reads the content of the member that Next returned last, and returns
// io.EOF at its end.
func (t *TarReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if t.left == 0 {
		return 0, io.EOF
	}
	n, err := t.src.Read(p[:min(int64(len(p)), t.left)])
	t.left -= int64(n)
	if err == io.EOF && t.left == 0 {
		err = nil
	}
	if err != nil {
		t.err = t.cut(err)
	}
	return n, t.err
}

// cut explains why the stream ended within a member.
func (t *TarReader) cut(err error) error {
	if t.src.err != nil {
		return t.src.err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatError("the tar archive is cut short")
	}
	return err
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
