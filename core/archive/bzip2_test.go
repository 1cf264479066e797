package archive_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
)

// bzip2File is one that the real bzip2 wrote: 100 lines of text and 300 bytes of noise,
// or a GiB of zeros.
func bzip2File(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".bz2")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func bzip2Codec() codec { return codec{name: "bzip2", decode: archive.Bzip2} }

func TestBzip2(t *testing.T) {
	t.Parallel()
	good := bzip2File(t, "text")
	once, err := bzip2Codec().read(good)
	if err != nil || len(once) != 1800 || !bytes.HasPrefix(once, []byte("a line of text\na line")) {
		t.Fatalf("%d bytes, %v", len(once), err)
	}
	if twice, err := bzip2Codec().read(slices.Concat(good, good)); err != nil || !bytes.Equal(twice, slices.Concat(once, once)) {
		t.Errorf("two streams: %d bytes, %v", len(twice), err)
	}
}

func TestBadBzip2(t *testing.T) {
	t.Parallel()
	good := bzip2File(t, "text")
	want, err := bzip2Codec().read(good)
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := bzip2Codec().read(good[:n]); !errors.Is(err, archive.ErrFormat) {
			t.Errorf("cut to %d of %d bytes: %v", n, len(good), err)
		}
		bad := bytes.Clone(good)
		bad[n] ^= 1 << (n % 8)
		if got, err := bzip2Codec().read(bad); err == nil && !bytes.Equal(got, want) {
			t.Errorf("damage at byte %d of %d went unnoticed", n, len(good))
		}
	}
	for _, after := range []string{"x", "\x00", strings.Repeat("trailing text ", 9)} {
		if _, err := bzip2Codec().read(append(bytes.Clone(good), after...)); !errors.Is(err, archive.ErrFormat) {
			t.Errorf("%q after the end: %v", after, err)
		}
	}
}

func TestBzip2Bomb(t *testing.T) {
	data := bzip2File(t, "zeros")
	archivetest.CheckCost(t, func() {
		r, err := archive.Bzip2(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, err = io.Copy(io.Discard, r)
		if e, ok := errors.AsType[*archive.LimitError](err); !ok || e.Limit != archive.LimitDecoded {
			t.Error(err)
		}
	})
}
