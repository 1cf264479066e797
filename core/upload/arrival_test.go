package upload

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/vfs"
)

// looked shows a package to a look, in pieces.
func looked(t *testing.T, l *Looks, body []byte, size int64, piece int) *SeenPackage {
	t.Helper()
	look := l.Start(t.Context(), size)
	for p := range slices.Chunk(body, piece) {
		mine := bytes.Clone(p)
		if err := look.Beside(mine, func() error { return nil }); err != nil {
			t.Fatal(err)
		}
		// The bytes are the caller's again.
		clear(mine)
	}
	seen := look.End()
	if look.End() != nil {
		t.Error("ended twice, it says something twice")
	}
	return seen
}

// A look sees what a reading sees, and speaks of whole and good packages only.
func TestLook(t *testing.T) {
	t.Parallel()
	body := mpktest.Package{Name: "big", Payload: 300_000}.Bytes()
	want, _, err := mpk.Read(t.Context(), bytes.NewReader(body), int64(len(body)), archive.DefaultLimits())
	check(t, err)
	for _, piece := range []int{1000, 65_536, len(body)} {
		seen := looked(t, NewLooks(Options{}), body, int64(len(body)), piece)
		if seen == nil || !reflect.DeepEqual(seen.pkg, want) {
			t.Fatalf("in pieces of %d: %+v", piece, seen)
		}
	}
	damaged := bytes.Clone(body)
	damaged[len(body)/2]++
	for name, bad := range map[string][]byte{
		"damaged": damaged, "cut short": body[:len(body)-1], "nothing": nil, "more behind": append(bytes.Clone(body), 1),
		"with a finding": mpktest.Package{Extra: []mpktest.Member{{Name: "../x"}}}.Bytes(),
	} {
		if seen := looked(t, NewLooks(Options{}), bad, int64(len(bad)), 5000); seen != nil {
			t.Errorf("%s: %+v", name, seen)
		}
	}
}

// What is done beside a look fails as it would without, and a look that is none is no
// trouble.
func TestBesideLook(t *testing.T) {
	t.Parallel()
	for _, look := range []*Look{nil, NewLooks(Options{}).Start(t.Context(), 3)} {
		if err := look.Beside([]byte("abc"), func() error { return errShort }); !errors.Is(err, errShort) {
			t.Errorf("error %v", err)
		}
		if look.End() != nil {
			t.Error("three bytes are a package")
		}
	}
}

var errShort = errors.New("short")

// What the packages of an upload may cost together bounds the looks, too.
func TestLooksShareTheirLimits(t *testing.T) {
	t.Parallel()
	body := mpktest.Package{}.Bytes()
	one, _, err := mpk.Read(t.Context(), bytes.NewReader(body), int64(len(body)), archive.DefaultLimits())
	check(t, err)
	limits := archive.DefaultLimits()
	limits.Members = len(one.Files)*2 + 1
	l := NewLooks(Options{Limits: limits})
	for i := range 3 {
		if seen := looked(t, l, body, int64(len(body)), 4096); (seen != nil) != (i < 2) {
			t.Errorf("package %d: %v", i, seen)
		}
	}
}

// giving gives every file, with what was seen of it.
type giving struct {
	*vfs.Mem
	seen map[string]*Seen
}

func (g giving) Give(name string, to vfs.FS, as string) (*Seen, bool) {
	return g.seen[filepath.Base(name)], to.(vfs.Linker).Link(name, as) == nil
}

// What was seen of a file is told as a reading would tell it, and then nothing is read;
// if it does not fit what is there, or the limits, the file is read.
func TestGivenSeen(t *testing.T) {
	t.Parallel()
	narrow := archive.DefaultLimits()
	narrow.Members = 3
	for name, c := range map[string]struct {
		change func(*Seen)
		limits archive.Limits
		reads  bool
	}{
		"as it is":      {change: func(*Seen) {}},
		"another size":  {change: func(s *Seen) { s.Size++ }, reads: true},
		"no package":    {change: func(s *Seen) { s.Package = nil }, reads: true},
		"other limits":  {change: func(*Seen) {}, limits: narrow, reads: true},
		"beyond limits": {change: func(s *Seen) { s.Package = &SeenPackage{s.Package.pkg, narrow} }, limits: narrow, reads: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := colon(t)
			opt := Options{Limits: c.limits}
			u := open(t, m, ".", colonYAML)
			body := read(t, m, colonMPK)
			seen := &Seen{int64(len(body)), sum(body), looked(t, NewLooks(Options{}), body, int64(len(body)), 1000)}
			c.change(seen)
			source := read(t, m, colonSource)
			u.FS = giving{m, map[string]*Seen{colonMPK: seen, colonSource: {int64(len(source)), sum(source), nil}}}
			reads := map[string]int{}
			to := vfs.Observe(m, func(op vfs.Op) error {
				if op.Kind == "read" {
					reads[op.Name]++
				}
				return nil
			})
			got, err := Stage(t.Context(), u, to, stageFolder, arch, opt)
			check(t, err)
			u.FS = m
			want, err := Inspect(t.Context(), u, []string{arch}, opt)
			check(t, err)
			if !reflect.DeepEqual(got.Received, want.Received) {
				t.Errorf("%+v\nwant %+v", got.Received, want.Received)
			}
			if (reads[stagedMPK] > 0) != c.reads || reads[stagedSource] > 0 {
				t.Errorf("reads %v", reads)
			}
		})
	}
}
