package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
)

// genuine returns the files of all uploads of testdata with that suffix.
func genuine(tb testing.TB, suffix string) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("../../testdata/mmpack/uploads/*/*" + suffix)
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no %s in testdata: %v", suffix, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			tb.Fatal(err)
		}
	}
	return files
}

func TestGenuineFiles(t *testing.T) {
	t.Parallel()
	for suffix, c := range map[string]codec{".mpk": codecs()[0], "_src.tar.xz": codecs()[2]} {
		for path, data := range genuine(t, suffix) {
			plain, err := c.read(data)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			members, _, err := list(bytes.NewReader(plain), archive.DefaultLimits())
			if err != nil || len(members) < 4 {
				t.Errorf("%s: %d members, %v", path, len(members), err)
			}
		}
	}
}

// fuzzLimits keep one run short.
func fuzzLimits() archive.Limits {
	l := archive.DefaultLimits()
	l.DecodedBase, l.DecodedRatio, l.Window = 1<<20, 10, 1<<20
	return l
}

// known fails on errors that do not say whose fault it is.
func known(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, archive.ErrFormat) && !errors.Is(err, archive.ErrLimit) {
		t.Errorf("unclassified error: %v", err)
	}
}

// FuzzDecode feeds all three decoders, by the first byte.
func FuzzDecode(f *testing.F) {
	f.Add(byte(0), archivetest.Pack(archivetest.Zstd, sample(2000)))
	f.Add(byte(0), zstdZeros(4<<20))
	f.Add(byte(1), archivetest.Pack(archivetest.Gzip, sample(2000)))
	f.Add(byte(2), archivetest.Pack(archivetest.XZ, sample(2000)))
	f.Add(byte(2), bytes.Repeat(xzDictionary(10), 3))
	for _, data := range genuine(f, "_src.tar.xz") {
		f.Add(byte(2), data)
	}
	for _, data := range genuine(f, ".mpk") {
		f.Add(byte(0), data)
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		l := fuzzLimits()
		got, err := codecs()[which%3].readFrom(bytes.NewReader(data), int64(len(data)), l)
		known(t, err)
		if int64(len(got)) > l.Decoded(int64(len(data))) {
			t.Errorf("%d bytes decoded to %d", len(data), len(got))
		}
	})
}

// FuzzTar compares with archive/tar reading the stream itself: what is accepted
// has to be the same members with the same content.
func FuzzTar(f *testing.F) {
	for _, data := range genuine(f, ".mpk") {
		plain, err := codecs()[0].read(data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
	}
	f.Add(archivetest.TarBytes(member{Name: "./é", PAX: map[string]string{"mtime": "1.5"}}, member{Type: 'L', Body: "./long\x00"}, member{Name: "x", Type: '2', Link: "y"}))
	f.Add(archivetest.TarBytes(member{Type: 'g', Body: archivetest.Records(map[string]string{"comment": "c"})}, member{Name: "a", Body: "text"}))
	f.Add(archivetest.TarBytes(member{Name: "a", Type: 'S', Body: "text"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = archivetest.FixSums(data) // or hardly any change would get past them
		members, contents, err := list(bytes.NewReader(data), fuzzLimits())
		known(t, err)
		if err != nil {
			return
		}
		other := tar.NewReader(bytes.NewReader(data))
		for i := 0; ; i++ {
			h, err := other.Next()
			if err == nil && h.Typeflag == tar.TypeXGlobalHeader {
				i--
				continue
			}
			if err == io.EOF && i == len(members) {
				return
			}
			if err != nil {
				t.Fatalf("archive/tar: %v after %d of %d members", err, i, len(members))
			}
			body, err := io.ReadAll(other)
			if err != nil || i >= len(members) || h.Name != members[i].Name || string(body) != contents[i] {
				t.Fatalf("archive/tar: member %d is %q with %d bytes, %v", i, h.Name, len(body), err)
			}
		}
	})
}
