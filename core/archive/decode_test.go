package archive_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
)

type codec struct {
	name   string
	decode func(io.Reader, int64, archive.Limits) (io.ReadCloser, error)
	encode func(io.Writer) io.WriteCloser
}

func codecs() []codec {
	return []codec{
		{"zstd", archive.Zstd, archivetest.Zstd},
		{"gzip", archive.Gzip, archivetest.Gzip},
		{"xz", archive.XZ, archivetest.XZ},
	}
}

// each runs a test for each codec.
func each(t *testing.T, test func(t *testing.T, c codec)) {
	t.Parallel()
	for _, c := range codecs() {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); test(t, c) })
	}
}

// decode reads all of it, with default limits.
func (c codec) read(data []byte) ([]byte, error) {
	return c.readFrom(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
}

func (c codec) readFrom(r io.Reader, size int64, l archive.Limits) ([]byte, error) {
	d, err := c.decode(r, size, l)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return io.ReadAll(d)
}

// sample is text that compresses, with noise that does not.
func sample(n int) []byte {
	rng := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, n/4)
	_, _ = rng.Read(noise)
	text := bytes.Repeat([]byte("a line of text\n"), n/15+1)
	return append(noise, text...)[:n]
}

func TestRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, n := range []int{0, 1, 1000, 3 << 20} {
			want := sample(n)
			got, err := c.read(archivetest.Pack(c.encode, want))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes: got %d, %v", n, len(got), err)
			}
		}
	})
}

func TestConcatenation(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		one := archivetest.Pack(c.encode, []byte("one "))
		empty := archivetest.Pack(c.encode, nil)
		two := archivetest.Pack(c.encode, []byte("two"))
		got, err := c.read(slices.Concat(one, empty, two))
		if err != nil || string(got) != "one two" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestXZPaddingBetweenStreams(t *testing.T) {
	t.Parallel()
	c := codecs()[2]
	one, two := archivetest.Pack(c.encode, []byte("one ")), archivetest.Pack(c.encode, []byte("two"))
	for padding, ok := range map[int]bool{4: true, 12: true, 1: false, 3: false, 6: false} {
		got, err := c.read(slices.Concat(one, make([]byte, padding), two))
		if ok && (err != nil || string(got) != "one two") || !ok && !errors.Is(err, archive.ErrFormat) {
			t.Errorf("padding of %d: got %q, %v", padding, got, err)
		}
	}
}

func TestBadStreams(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		good := archivetest.Pack(c.encode, sample(500))
		for name, data := range map[string][]byte{
			"empty file":                 {},
			"other format":               []byte(strings.Repeat("not compressed at all ", 100)),
			"one byte":                   good[:1],
			"trailing byte":              append(bytes.Clone(good), 'x'),
			"trailing zero":              append(bytes.Clone(good), 0),
			"trailing text":              append(bytes.Clone(good), "trailing text that is long enough"...),
			"trailing half":              append(bytes.Clone(good), good[:len(good)/2]...),
			"zeros":                      make([]byte, 1000),
			"garbage after a good start": append(bytes.Clone(good[:len(good)/2]), bytes.Repeat([]byte{0xa5}, 1000)...),
		} {
			if _, err := c.read(data); !errors.Is(err, archive.ErrFormat) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Every cut is noticed: xz's library takes one at the end of a block for the end
// of the file.
func TestEveryCut(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		good := archivetest.Pack(c.encode, sample(3000))
		for n := range good {
			if _, err := c.read(good[:n]); !errors.Is(err, archive.ErrFormat) {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(good), err)
			}
		}
	})
}

func TestEveryDamage(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		want := sample(1000)
		good := archivetest.Pack(c.encode, want)
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			got, err := c.read(bad)
			if err == nil && !bytes.Equal(got, want) {
				t.Errorf("damage at byte %d of %d went unnoticed", i, len(good))
			}
			if err != nil && !errors.Is(err, archive.ErrFormat) && !errors.Is(err, archive.ErrLimit) {
				t.Errorf("damage at byte %d: %v", i, err)
			}
		}
	})
}

// failing gives n bytes of data and then an error.
func failing(data []byte, n int, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(data[:n]), errReader{err})
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestSourceErrors(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		good := archivetest.Pack(c.encode, sample(800))
		// codecs take the second for the end of the data
		for _, cause := range []error{errors.New("disk on fire"), io.ErrUnexpectedEOF} {
			for n := range len(good) + 1 {
				_, err := c.readFrom(failing(good, n, cause), 1000, archive.DefaultLimits())
				if _, ok := errors.AsType[*archive.SourceError](err); !ok || !errors.Is(err, cause) || errors.Is(err, archive.ErrFormat) {
					t.Fatalf("%v after %d of %d bytes: %v", cause, n, len(good), err)
				}
			}
		}
	})
}

func TestDecodedLimitIsExact(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		data := archivetest.Pack(c.encode, make([]byte, 100_000))
		l := archive.DefaultLimits()
		l.DecodedRatio = 1
		for base, ok := range map[int64]bool{100_000: true, 99_999: false, 10: false} {
			l.DecodedBase = base
			got, err := c.readFrom(bytes.NewReader(data), 0, l)
			if ok && (err != nil || len(got) != 100_000) {
				t.Errorf("base %d: %d bytes, %v", base, len(got), err)
			}
			e, isLimit := errors.AsType[*archive.LimitError](err)
			if !ok && (!isLimit || e.Limit != archive.LimitDecoded || e.Max != base || int64(len(got)) > base) {
				t.Errorf("base %d: %d bytes, %v", base, len(got), err)
			}
		}
	})
}

func TestDecodedLimit(t *testing.T) {
	t.Parallel()
	l := archive.Limits{DecodedBase: 1000, DecodedRatio: 200}
	for size, want := range map[int64]int64{0: 1000, -5: 1000, 3: 1600, 1 << 62: 1<<63 - 2} {
		if got := l.Decoded(size); got != want {
			t.Errorf("size %d: %d, want %d", size, got, want)
		}
	}
}

func TestSenselessLimits(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		for _, change := range []func(*archive.Limits){
			func(l *archive.Limits) { l.DecodedBase = 0 },
			func(l *archive.Limits) { l.DecodedRatio = -1 },
			func(l *archive.Limits) { l.Window = 1000 },
			func(l *archive.Limits) { l.Members = 0 },
			func(l *archive.Limits) { l.HeaderBytes = 0 },
			func(l *archive.Limits) { l.NameBytes = -1 },
		} {
			l := archive.DefaultLimits()
			change(&l)
			_, err := c.decode(strings.NewReader(""), 0, l)
			if err == nil || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit) {
				t.Errorf("%+v: %v", l, err)
			}
			if _, err := archive.Tar(strings.NewReader(""), l).Next(); err == nil || errors.Is(err, archive.ErrFormat) {
				t.Errorf("tar, %+v: %v", l, err)
			}
		}
	})
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, c := range codecs() {
		data := archivetest.Pack(c.encode, sample(1<<20))
		for _, n := range []int{0, 1, 2 << 20} {
			d, err := c.decode(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadFull(d, make([]byte, n))
			if err := d.Close(); err != nil {
				t.Errorf("%s: close after %d bytes: %v", c.name, n, err)
			}
			if _, err := d.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("%s: read after close: %v", c.name, err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("%s: second close: %v", c.name, err)
			}
		}
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestGzipWriter(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	w := archive.NewGzipWriter(&a)
	for _, out := range []*bytes.Buffer{&a, &b} {
		w.Reset(out)
		if _, err := w.Write(sample(100_000)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("equal input, other bytes")
	}
	if header := a.Bytes()[3:8]; !bytes.Equal(header, make([]byte, 5)) {
		t.Errorf("flags and time are % x, want zeros", header)
	}
	got, err := codecs()[1].read(a.Bytes())
	if err != nil || !bytes.Equal(got, sample(100_000)) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}
