package archive_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
)

type member = archivetest.Member

// list reads a whole tar stream.
func list(r io.Reader, l archive.Limits) (members []archive.Member, contents []string, err error) {
	t := archive.Tar(r, l)
	for {
		m, err := t.Next()
		if err == io.EOF {
			return members, contents, nil
		}
		if err != nil {
			return members, contents, err
		}
		body, err := io.ReadAll(t)
		if err != nil {
			return members, contents, err
		}
		members, contents = append(members, m), append(contents, string(body))
	}
}

func TestTarMembers(t *testing.T) {
	t.Parallel()
	long := "./" + strings.Repeat("long/", 100)
	members, contents, err := list(bytes.NewReader(archivetest.TarBytes(
		member{Name: "./"},
		member{Name: "./a", Body: "text", Mode: 0o104755},
		member{Name: "./block", Body: strings.Repeat("b", 1024)},
		member{Type: 'g', Body: archivetest.Records(map[string]string{"comment": "of git"})},
		member{Name: "./link", Type: '2', Link: "../a"},
		member{Name: "./hard", Type: '1', Link: "./a"},
		member{Name: long + "é", Body: "x"},
		member{Name: "L", Type: 'L', Body: long + "\x00"},
		member{Name: "K", Type: 'K', Body: long + "target\x00"},
		member{Name: "./short", Type: '2', Link: "short"},
		member{Name: "/dev/null", Type: '3'},
		member{Name: "./pipe", Type: '6'},
		member{Name: "./contiguous", Type: '7', Body: "content"},
		member{Name: "../x\n\xff", Body: "names are as they are"},
	)), archive.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	want := []archive.Member{
		{Name: "./", Type: archive.FolderMember, Mode: 0o755},
		{Name: "./a", Type: archive.FileMember, Mode: 0o4755, Size: 4},
		{Name: "./block", Type: archive.FileMember, Mode: 0o644, Size: 1024},
		{Name: "./link", Type: archive.SymlinkMember, Mode: 0o644, Link: "../a"},
		{Name: "./hard", Type: archive.HardlinkMember, Mode: 0o644, Link: "./a"},
		{Name: long + "é", Type: archive.FileMember, Mode: 0o644, Size: 1},
		{Name: long, Type: archive.SymlinkMember, Mode: 0o644, Link: long + "target"},
		{Name: "/dev/null", Type: archive.OtherMember, Mode: 0o644},
		{Name: "./pipe", Type: archive.OtherMember, Mode: 0o644},
		{Name: "./contiguous", Type: archive.OtherMember, Mode: 0o644, Size: 7},
		{Name: "../x\n\xff", Type: archive.FileMember, Mode: 0o644, Size: 21},
	}
	if len(members) != len(want) {
		t.Fatalf("%d members, want %d", len(members), len(want))
	}
	for i, m := range members {
		if m != want[i] {
			t.Errorf("got  %+v\nwant %+v", m, want[i])
		}
	}
	if contents[1] != "text" || contents[9] != "content" || contents[3] != "" {
		t.Errorf("contents %q", contents)
	}
}

func TestTarNextSkips(t *testing.T) {
	t.Parallel()
	data := archivetest.TarBytes(member{Name: "a", Body: strings.Repeat("a", 5000)}, member{Name: "b", Body: "b"})
	r := archive.Tar(bytes.NewReader(data), archive.DefaultLimits())
	for _, want := range []string{"a", "b"} {
		m, err := r.Next()
		if err != nil || m.Name != want {
			t.Fatalf("%+v, %v", m, err)
		}
		_, _ = io.ReadFull(r, make([]byte, 7))
	}
	for range 2 {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF || r.Size() != int64(len(data)) {
		t.Errorf("read at the end: %v, size %d of %d", err, r.Size(), len(data))
	}
}

func TestBadTar(t *testing.T) {
	t.Parallel()
	records := archivetest.Records
	one := archivetest.Open(member{Name: "./a", Body: "text"})
	end := make([]byte, 1024)
	sum := bytes.Clone(one)
	sum[0] = 'x'
	path := map[string]string{"path": "./other"}
	for name, data := range map[string][]byte{
		"empty":                     {},
		"text":                      bytes.Repeat([]byte("text "), 1000),
		"half a block":              one[:200],
		"cut in the content":        one[:514],
		"cut in the padding":        one[:600],
		"no end marker":             one,
		"half an end marker":        append(bytes.Clone(one), end[:512]...),
		"a cut end marker":          append(bytes.Clone(one), end[:700]...),
		"data after one zero block": append(append(append(bytes.Clone(one), end[:512]...), one...), end...),
		"data after the end":        append(append(bytes.Clone(one), end...), 'x'),
		"members after the end":     append(append(bytes.Clone(one), end...), archivetest.TarBytes(member{Name: "b"})...),
		"data far after the end":    append(append(bytes.Clone(one), make([]byte, 1<<20)...), 1),
		"wrong checksum":            append(sum, end...),
		"negative size":             archivetest.TarBytes(member{Name: "a", Size: "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0"}),
		"negative PAX size":         archivetest.TarBytes(member{Name: "a", PAX: map[string]string{"size": "-512"}}),
		"no size":                   archivetest.TarBytes(member{Name: "a", Size: "nonsense"}),
		"huge size":                 archivetest.TarBytes(member{Name: "a", Size: "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff"}),
		"extended without a size":   archivetest.TarBytes(member{Type: 'x', Size: "x"}),
		"extended of negative size": archivetest.TarBytes(member{Type: 'x', Size: "-1000"}),
		"extended, base 256":        archivetest.TarBytes(member{Type: 'x', Size: "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}),
		"folder with content":       archivetest.TarBytes(member{Name: "a/", Body: "text"}),
		"link with content":         archivetest.TarBytes(member{Name: "a", Type: '2', Body: "text"}),
		"hard link with content":    archivetest.TarBytes(member{Name: "a", Type: '1', Body: "text"}),
		"pipe with PAX size":        archivetest.TarBytes(member{Name: "a", Type: '6', PAX: map[string]string{"size": "1"}}),
		"old folder with content":   archivetest.TarBytes(member{Raw: oldFolder()}),
		"sparse, GNU":               archivetest.TarBytes(member{Name: "a", Type: 'S', Body: "text"}),
		"sparse, PAX 1.0":           archivetest.TarBytes(member{Name: "a", Body: "1\n0\n4\n", PAX: map[string]string{"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "100"}}),
		"sparse, PAX 0.1":           archivetest.TarBytes(member{Name: "a", Body: "text", PAX: map[string]string{"GNU.sparse.map": "0,4", "GNU.sparse.numblocks": "1", "GNU.sparse.size": "100"}}),
		"sparse, PAX name only":     archivetest.TarBytes(member{Name: "a", PAX: map[string]string{"GNU.sparse.name": "../evil"}}),
		"another size for others":   archivetest.TarBytes(member{Name: "a", PAX: map[string]string{"SCHILY.realsize": "100"}}),
		"empty PAX path":            archivetest.TarBytes(member{Name: "a", PAX: map[string]string{"path": ""}}),
		"bad PAX record":            archivetest.TarBytes(member{Type: 'x', Body: "99 path=a\n"}, member{Name: "a"}),
		"two PAX headers":           archivetest.TarBytes(member{Type: 'x', Body: records(path)}, member{Type: 'x', Body: records(map[string]string{"mtime": "1"})}, member{Name: "a"}),
		"PAX and long name":         archivetest.TarBytes(member{Type: 'L', Body: "./b\x00"}, member{Name: "a", PAX: path}),
		"long name and PAX":         archivetest.TarBytes(member{Type: 'x', Body: records(path)}, member{Type: 'L', Body: "./b\x00"}, member{Name: "a"}),
		"two long names":            archivetest.TarBytes(member{Type: 'L', Body: "./b\x00"}, member{Type: 'K', Body: "./b\x00"}, member{Type: 'L', Body: "./c\x00"}, member{Name: "a"}),
		"global header in a run":    archivetest.TarBytes(member{Type: 'x', Body: records(path)}, member{Type: 'g'}, member{Name: "a"}),
		"path for all":              archivetest.TarBytes(member{Type: 'g', Body: records(path)}, member{Name: "a"}),
		"size for all":              archivetest.TarBytes(member{Type: 'g', Body: records(map[string]string{"size": "0"})}, member{Name: "a"}),
		"extended header at end":    archivetest.TarBytes(member{Type: 'x', Body: records(path)}),
		"extended header only":      archivetest.Open(member{Type: 'x', Body: records(path)}),
	} {
		_, _, err := list(bytes.NewReader(data), archive.DefaultLimits())
		if !errors.Is(err, archive.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// oldFolder is a member of the oldest format: a '/' at the end makes it a folder,
// for most readers.
func oldFolder() []byte {
	b := archivetest.Open(member{Name: "a/", Type: '0', Body: "text"})
	b[156] = 0
	return archivetest.FixSums(b)
}

func TestTarEveryCut(t *testing.T) {
	t.Parallel()
	data := archivetest.TarBytes(member{Name: "./é", Body: "text"}, member{Name: "./b", Body: strings.Repeat("b", 600)})
	whole := len(archivetest.Open(member{Name: "./é", Body: "text"}, member{Name: "./b", Body: strings.Repeat("b", 600)})) + 1024
	for n := range whole + 600 {
		_, _, err := list(bytes.NewReader(data[:n]), archive.DefaultLimits())
		if n < whole && !errors.Is(err, archive.ErrFormat) || n >= whole && err != nil {
			t.Fatalf("cut to %d bytes, the end marker ends at %d: %v", n, whole, err)
		}
	}
}

func TestTarSourceErrors(t *testing.T) {
	t.Parallel()
	data := archivetest.TarBytes(member{Name: "./é", Body: "text"})
	for _, cause := range []error{errors.New("disk on fire"), io.ErrUnexpectedEOF} {
		for n := 0; n <= len(data); n += 100 {
			_, _, err := list(failing(data, n, cause), archive.DefaultLimits())
			if _, ok := errors.AsType[*archive.SourceError](err); !ok || !errors.Is(err, cause) {
				t.Fatalf("%v after %d bytes: %v", cause, n, err)
			}
		}
	}
}

// Errors of a decoder below keep their meaning.
func TestTarOverDecoder(t *testing.T) {
	t.Parallel()
	data := archivetest.Pack(archivetest.Zstd, archivetest.TarBytes(member{Name: "a", Body: strings.Repeat("a", 100_000)}))
	small := archive.DefaultLimits()
	small.DecodedBase, small.DecodedRatio = 50_000, 1
	cause := errors.New("disk on fire")
	for _, c := range []struct {
		name string
		r    io.Reader
		l    archive.Limits
		want error
	}{
		{"good", bytes.NewReader(data), archive.DefaultLimits(), nil},
		{"cut", bytes.NewReader(data[:len(data)-5]), archive.DefaultLimits(), archive.ErrFormat},
		{"too much", bytes.NewReader(data), small, archive.ErrLimit},
		{"source", failing(data, len(data), cause), archive.DefaultLimits(), cause},
	} {
		z, err := archive.Zstd(c.r, 0, c.l)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = list(z, c.l); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if e, ok := errors.AsType[*archive.SourceError](err); ok != (c.want == cause) || ok && e.Err != cause {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

func TestTarLimits(t *testing.T) {
	t.Parallel()
	data := archivetest.TarBytes(member{Name: "./a"}, member{Name: "./b", Type: '2', Link: "a"}, member{Name: "./" + strings.Repeat("c", 200)})
	data = append(archivetest.Open(member{Type: 'g'}), data...)
	// members: 3 and the global header; names: 3 + 3 + 1 + 202; the header of the last: 512 + 512 + 512
	for _, c := range []struct {
		limit archive.Limit
		set   func(*archive.Limits, int)
		most  int
	}{
		{archive.LimitMembers, func(l *archive.Limits, n int) { l.Members = n }, 4},
		{archive.LimitNames, func(l *archive.Limits, n int) { l.NameBytes = n }, 209},
		{archive.LimitHeader, func(l *archive.Limits, n int) { l.HeaderBytes = n }, 1536},
	} {
		l := archive.DefaultLimits()
		c.set(&l, c.most)
		if _, _, err := list(bytes.NewReader(data), l); err != nil {
			t.Errorf("%s: %d: %v", c.limit, c.most, err)
		}
		c.set(&l, c.most-1)
		_, _, err := list(bytes.NewReader(data), l)
		if e, ok := errors.AsType[*archive.LimitError](err); !ok || e.Limit != c.limit || e.Max != int64(c.most-1) {
			t.Errorf("%s: %d: %v", c.limit, c.most-1, err)
		}
	}
}
