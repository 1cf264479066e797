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

func TestBombs(t *testing.T) {
	zstd, gzip, xz := codecs()[0], codecs()[1], codecs()[2]
	for _, bomb := range []struct {
		name  string
		codec codec
		data  []byte
		limit archive.Limit
	}{
		{"zstd, 1 GiB in 33 KB", zstd, zstdZeros(1 << 30), archive.LimitDecoded},
		{"zstd, 10 GiB", zstd, zstdZeros(10 << 30), archive.LimitDecoded},
		{"zstd, 1 GiB by a real encoder", zstd, archivetest.Zeros(archivetest.Zstd, 1<<30), archive.LimitDecoded},
		{"zstd, window of 1 GiB", zstd, []byte("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"), archive.LimitWindow},
		{"zstd, window just too large", zstd, []byte("\x28\xb5\x2f\xfd\x00\x69\x01\x00\x00"), archive.LimitWindow},
		{"zstd, one segment of 1 GiB", zstd, []byte("\x28\xb5\x2f\xfd\xa0\x00\x00\x00\x40\x03\x00\x10\x00"), archive.LimitWindow},
		{"gzip, 1 GiB", gzip, bytes.Repeat(archivetest.Zeros(archivetest.Gzip, 32<<20), 32), archive.LimitDecoded},
		{"xz, 1 GiB", xz, bytes.Repeat(archivetest.Zeros(archivetest.XZ, 8<<20), 128), archive.LimitDecoded},
		{"xz, dictionary of 1 GiB", xz, xzDictionary(36), archive.LimitWindow},
		{"xz, dictionary just too large", xz, xzDictionary(23), archive.LimitWindow},
		{"xz, many dictionaries", xz, bytes.Repeat(xzDictionary(22), 1000), archive.LimitDecoded},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			archivetest.CheckCost(t, func() {
				r, err := bomb.codec.decode(bytes.NewReader(bomb.data), int64(len(bomb.data)), archive.DefaultLimits())
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				_, err = io.Copy(io.Discard, r)
				if e, ok := errors.AsType[*archive.LimitError](err); !ok || e.Limit != bomb.limit {
					t.Errorf("%d bytes: %v", len(bomb.data), err)
				}
			})
		})
	}
}

// Each chunk costs the library some 30 KiB, however little it decodes to.
func TestXZManyChunks(t *testing.T) {
	t.Parallel()
	l := archive.DefaultLimits()
	l.DecodedBase, l.DecodedRatio = 1<<20, 1
	for n, want := range map[int]error{10: archive.ErrFormat, 40: archive.ErrLimit} {
		data := xzChunks(n)
		if _, err := codecs()[2].readFrom(bytes.NewReader(data), int64(len(data)), l); !errors.Is(err, want) {
			t.Errorf("%d chunks: %v", n, err)
		}
	}
}

func TestLargestWindows(t *testing.T) {
	t.Parallel()
	for _, good := range []struct {
		codec codec
		data  []byte
	}{
		{codecs()[0], []byte("\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00")}, // 8 MiB
		{codecs()[2], xzDictionary(22)},                               // 8 MiB
	} {
		if got, err := good.codec.read(good.data); err != nil || len(got) != 0 {
			t.Errorf("%s: %v", good.codec.name, err)
		}
	}
}

// times gives block n times.
func times(n int, block []byte) func() io.Reader {
	return func() io.Reader { return &repeat{block: block, n: n} }
}

type repeat struct {
	block []byte
	n, at int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.block[r.at:])
	if r.at += n; r.at == len(r.block) {
		r.at, r.n = 0, r.n-1
	}
	return n, nil
}

func TestTarBombs(t *testing.T) {
	open := archivetest.Open
	huge := strings.Repeat("c", 300<<10)
	member := open(archivetest.Member{Name: "./a"})
	long := open(archivetest.Member{Name: "./" + strings.Repeat("n", 4000)})
	pax := open(archivetest.Member{Type: 'x', Size: "10000000000"})
	comment := open(archivetest.Member{Name: "./a", PAX: map[string]string{"comment": huge}})
	longName := open(archivetest.Member{Type: 'L', Body: huge})
	for _, bomb := range []struct {
		name  string
		data  func() io.Reader
		limit archive.Limit
	}{
		{"1,000,000 members", times(1_000_000, member), archive.LimitMembers},
		{"1 GiB of names", times(262_144, long), archive.LimitNames},
		{"a PAX header of 1 GiB", times(1<<21, pax), archive.LimitHeader},
		{"a PAX header of 300 KiB", times(1, comment), archive.LimitHeader},
		{"a long name of 300 KiB", times(1, longName), archive.LimitHeader},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			archivetest.CheckCost(t, func() {
				r := archive.Tar(bomb.data(), archive.DefaultLimits())
				var err error
				for err == nil {
					_, err = r.Next()
				}
				if e, ok := errors.AsType[*archive.LimitError](err); !ok || e.Limit != bomb.limit {
					t.Error(err)
				}
			})
		})
	}
}
