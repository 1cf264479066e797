package archivetest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Member is one member of a tar archive.
type Member struct {
	// Name is written as it is, folders with their '/'. More than 100 bytes, and
	// names that are not ASCII, go into a PAX header.
	Name string
	// Type is the tar type flag; 0 is '5' for a Name that ends in '/', else '0'.
	Type byte
	// Link is the target for types '1' and '2'.
	Link string
	// Mode is 0755 for folders and 0644 for others if it is 0.
	Mode int64
	// Body is the content.
	Body string
	// Content, if it is set, is the content instead of Body: ContentSize bytes
	// are read from it.
	Content     io.Reader
	ContentSize int64
	// Size, if it is not "", is what the header says instead of the content's
	// size: octal digits, or any other text of up to 12 bytes.
	Size string
	// PAX records come in a PAX header before the member, sorted by key.
	PAX map[string]string
	// Raw, if it is not nil, is written instead of everything else.
	Raw []byte
}

// blockSize is the unit of a tar archive.
const blockSize = 512

// Tar writes the members and the end marker, padded to 10 KiB as other tools
// do.
func Tar(w io.Writer, members ...Member) error {
	c := &counter{w: w}
	for _, m := range members {
		if err := m.write(c); err != nil {
			return fmt.Errorf("write %q: %w", m.Name, err)
		}
	}
	const record = 20 * blockSize
	end := c.n + 2*blockSize
	_, err := c.Write(make([]byte, 2*blockSize+(record-end%record)%record))
	return err
}

// TarBytes is [Tar] in memory.
func TarBytes(members ...Member) []byte {
	var buf bytes.Buffer
	must(Tar(&buf, members...))
	return buf.Bytes()
}

// Open is the members without an end marker.
func Open(members ...Member) []byte {
	var buf bytes.Buffer
	for _, m := range members {
		must(m.write(&buf))
	}
	return buf.Bytes()
}

func (m Member) write(w io.Writer) error {
	if m.Raw != nil {
		_, err := w.Write(m.Raw)
		return err
	}
	pax := maps.Clone(m.PAX)
	if len(m.Name) > 100 || !ascii(m.Name) {
		pax = with(pax, "path", m.Name)
	}
	if len(m.Link) > 100 || !ascii(m.Link) {
		pax = with(pax, "linkpath", m.Link)
	}
	if len(pax) > 0 {
		x := Member{Name: "PaxHeaders/x", Type: 'x', Body: Records(pax)}
		if err := x.plain(w); err != nil {
			return err
		}
	}
	return m.plain(w)
}

// plain writes the member's own header and its content.
func (m Member) plain(w io.Writer) error {
	size, content := m.ContentSize, m.Content
	if content == nil {
		size, content = int64(len(m.Body)), strings.NewReader(m.Body)
	}
	if _, err := w.Write(m.block(size)); err != nil {
		return err
	}
	if _, err := io.CopyN(w, content, size); err != nil {
		return err
	}
	_, err := w.Write(make([]byte, -size&(blockSize-1)))
	return err
}

// block is the header block: ustar, with a right checksum.
func (m Member) block(size int64) []byte {
	b := make([]byte, blockSize)
	copy(b[0:100], m.Name)
	copy(b[100:], fmt.Sprintf("%07o", m.mode()))
	copy(b[108:], "0000000")
	copy(b[116:], "0000000")
	copy(b[124:], fmt.Sprintf("%011o", size))
	if m.Size != "" {
		clear(b[124:136])
		copy(b[124:136], m.Size)
	}
	copy(b[136:], "00000000000")
	b[156] = m.kind()
	copy(b[157:257], m.Link)
	copy(b[257:], "ustar\x0000")
	setSum(b)
	return b
}

// setSum sets the checksum of a header block.
func setSum(b []byte) {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// FixSums returns data with the right checksum in whatever looks like a header
// block: for fuzzing, where hardly any change would get past them.
func FixSums(data []byte) []byte {
	data = bytes.Clone(data)
	for block := range slices.Chunk(data, blockSize) {
		if len(block) < blockSize || string(block[257:262]) != "ustar" {
			continue
		}
		setSum(block)
	}
	return data
}

func (m Member) kind() byte {
	switch {
	case m.Type != 0:
		return m.Type
	case strings.HasSuffix(m.Name, "/"):
		return '5'
	}
	return '0'
}

func (m Member) mode() int64 {
	switch {
	case m.Mode != 0:
		return m.Mode
	case m.kind() == '5':
		return 0o755
	}
	return 0o644
}

// Records is the content of a PAX header: for use as the Body of a Member of
// type 'x' or 'g'.
func Records(records map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(records)) {
		text := " " + key + "=" + records[key] + "\n"
		n := len(text) + len(strconv.Itoa(len(text)))
		n = len(text) + len(strconv.Itoa(n)) // the length counts its own digits
		b.WriteString(strconv.Itoa(n) + text)
	}
	return b.String()
}

func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0
}

// counter counts what it writes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
