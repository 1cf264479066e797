package mpk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

func TestGoodPackages(t *testing.T) {
	t.Parallel()
	long := "./share/" + strings.Repeat("long/", 60) + "name"
	for name, p := range map[string]pkg{
		"smallest":         {},
		"ghost":            {Ghost: true},
		"tab":              {Description: "a\tb"},
		"blank lines":      {Description: "a\n\n\n b \n"},
		"any language":     {Description: "Données — 東京 \u200d🙂"},
		"colon":            {Description: "note: this: that"},
		"depends":          {Depends: "a (>= 1), b", SysDepends: "libc6 (>= 2.34)"},
		"later minor":      {Name: "foo", Edit: reworded("1.0\n", "1.17\nnew-key: value\n").Edit},
		"unknown key":      {Name: "foo", Edit: repkginfo("ghost: false\n", "ghost: false\nlicenses: GPL\n").Edit},
		"links":            {Name: "foo", Files: []member{{Name: "./a"}, {Name: "./b", Type: '2', Link: "../../etc"}, {Name: "./c", Type: '1', Link: "./a"}}},
		"long name":        {Files: []member{{Name: long}, {Name: "./ünï"}}},
		"names that sort":  {Files: []member{{Name: "./a/b"}, {Name: "./a-b"}, {Name: "./a.b/c"}, {Name: "./ab"}}},
		"no folders":       {Name: "foo", Edit: func(all []member) []member { return withoutFolders(all) }},
		"colon in a name":  {Files: []member{{Name: "./man/Foo::Bar.3pm"}}},
		"not installed":    {Extra: []member{{Name: "./MMPACK/more"}}},
		"padding at end":   {Name: "foo", Extra: []member{{Raw: make([]byte, 5120)}}},
		"set-user-id":      {Files: []member{{Name: "./bin/su", Mode: 0o4755}}},
		"large and random": {Payload: 5 << 20},
	} {
		got, findings := read(t, p.Bytes())
		for _, f := range findings {
			t.Errorf("%s: %s", name, f)
		}
		if got.Info.Description != p.Description || got.Info.Depends != p.Depends || got.Info.SysDepends != p.SysDepends {
			t.Errorf("%s: info %+v", name, got.Info)
		}
		if got.Info.Name != "foo" || got.Metadata.Name != "foo" || got.Info.Ghost != fmt.Sprint(p.Ghost) {
			t.Errorf("%s: %+v", name, got)
		}
		if got.SumshaSHA256 != got.Metadata.SumSHA256Sums || got.Metadata.SrcSHA256 != got.Info.SrcSHA256 {
			t.Errorf("%s: hashes %+v", name, got)
		}
		if len(got.Files) < 5 {
			t.Errorf("%s: %d members", name, len(got.Files))
		}
	}
}

func withoutFolders(all []member) (files []member) {
	for _, m := range all {
		if !strings.HasSuffix(m.Name, "/") {
			files = append(files, m)
		}
	}
	return files
}

// All bytes are read, whatever is wrong: the caller hashes them on the way.
func TestReadsToTheEnd(t *testing.T) {
	t.Parallel()
	junk := bytes.Repeat([]byte("junk"), 100_000)
	good := pkg{Payload: 1 << 20}.Bytes()
	for name, data := range map[string][]byte{
		"good":     good,
		"empty":    {},
		"junk":     junk,
		"trailing": append(bytes.Clone(good), junk...),
		"damaged":  append(bytes.Clone(good[:len(good)/2]), junk...),
		"bomb":     append(archivetest.Zeros(archivetest.Zstd, 1<<28), junk...),
		"finding":  append(extra(member{Name: "/x"}).Bytes(), junk...),
	} {
		n := &counter{r: bytes.NewReader(data)}
		_, _, err := mpk.Read(context.Background(), n, 100, archive.DefaultLimits())
		if err != nil || n.n != len(data) {
			t.Errorf("%s: read %d of %d bytes, %v", name, n.n, len(data), err)
		}
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestMachineErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	data := pkg{Payload: 1 << 20}.Bytes()
	bad := append(extra(member{Name: "/x"}).Bytes(), data...)
	for name, r := range map[string]io.Reader{
		"at once":         &failing{nil, cause},
		"in the middle":   &failing{data[:len(data)/2], cause},
		"after the end":   &failing{data, cause},
		"after a finding": &failing{bad, cause},
		"unexpected EOF":  &failing{data[:1000], io.ErrUnexpectedEOF},
		"EOF in disguise": &failing{data, io.ErrUnexpectedEOF},
	} {
		p, findings, err := mpk.Read(context.Background(), r, int64(len(data)), archive.DefaultLimits())
		if err == nil || p != nil || findings != nil {
			t.Errorf("%s: %v, %v", name, findings, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := mpk.Read(ctx, bytes.NewReader(data), 1, archive.DefaultLimits()); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, _, err := mpk.Read(context.Background(), bytes.NewReader(data), 1, archive.Limits{}); err == nil {
		t.Error("senseless limits: no error")
	}
}

type failing struct {
	data []byte
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.data) == 0 {
		return 0, f.err
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

func TestLimits(t *testing.T) {
	t.Parallel()
	tight := archive.DefaultLimits()
	tight.Members = 5
	for name, c := range map[string]struct {
		data   []byte
		limits archive.Limits
	}{
		"bomb":     {archivetest.Zeros(archivetest.Zstd, 300<<20), archive.DefaultLimits()},
		"window":   {append([]byte("\x28\xb5\x2f\xfd\x00\xa0"), make([]byte, 100)...), archive.DefaultLimits()},
		"members":  {pkg{}.Bytes(), tight},
		"metadata": {pkg{Metadata: strings.Repeat("x", mpk.MaxMetadata+1)}.Bytes(), archive.DefaultLimits()},
		"pkginfo":  {pkg{Pkginfo: strings.Repeat("x", mpk.MaxPkginfo+1)}.Bytes(), archive.DefaultLimits()},
	} {
		p, findings, err := mpk.Read(context.Background(), bytes.NewReader(c.data), int64(len(c.data)), c.limits)
		if err != nil || len(findings) != 1 || findings[0].Code != report.CodeLimit {
			t.Errorf("%s: %v, %v", name, findings, err)
		}
		if p == nil {
			t.Errorf("%s: no package", name)
		}
	}
}

func TestManyFindings(t *testing.T) {
	t.Parallel()
	var members []member
	for i := range 250 {
		members = append(members, member{Name: fmt.Sprintf("/evil%d", i)})
	}
	_, findings := read(t, extra(members...).Bytes())
	if len(findings) != 101 || !strings.Contains(findings[100].Message, "150 more") || findings[100].Code != report.CodeMember {
		t.Errorf("%d findings, the last is %v", len(findings), findings[len(findings)-1])
	}
}

func TestFindingNamesTheLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p    pkg
		line int
	}{
		{reworded("source: foo\n", "source: foo\nnonsense\n"), 5},
		{reworded("source: foo\n", "source: f\roo\n"), 4},
		{repkginfo("ghost: false\n", "ghost: false\nnonsense\n"), 6},
		{repkginfo("ghost: false", "ghost: fal\x00se"), 5},
	} {
		if _, findings := read(t, c.p.Bytes()); len(findings) != 1 || findings[0].Line != c.line {
			t.Errorf("want line %d: %+v", c.line, findings)
		}
	}
}

// Not parallel: it measures time and memory.
func TestBombs(t *testing.T) {
	many := &bytes.Buffer{}
	z := archivetest.Zstd(many)
	blocks := bytes.Repeat(archivetest.Open(member{Name: "./share/foo/some/name"}), 1000)
	for range 1000 {
		if _, err := z.Write(blocks); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, bomb := range map[string][]byte{
		"1 GiB of zeros":    archivetest.Zeros(archivetest.Zstd, 1<<30),
		"1,000,000 members": many.Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			archivetest.CheckCost(t, func() {
				if _, findings := read(t, bomb); len(findings) != 1 || findings[0].Code != report.CodeLimit && name != "1 GiB of zeros" {
					t.Error(findings)
				}
			})
		})
	}
}

// The memory that one pass takes does not depend on the package's size. Not
// parallel: it counts what the process allocates.
func TestMemoryDoesNotGrow(t *testing.T) {
	small, large := allocated(t, 1<<20), allocated(t, 64<<20)
	if large > 32<<20 || large > small+1<<20 {
		t.Errorf("1 MB allocate %d KB, 64 MB allocate %d KB", small>>10, large>>10)
	}
}

// allocated is everything that reading a package of that size allocates, freed
// or not: no less than its peak.
func allocated(t *testing.T, size int64) uint64 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foo.mpk")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mpktest.Package{Payload: size}.Write(out), out.Close()); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, findings, err := mpk.Read(context.Background(), in, size, archive.DefaultLimits())
	runtime.ReadMemStats(&after)
	if err != nil || len(findings) > 0 || p.DecodedSize < size {
		t.Fatalf("%v, %v", findings, err)
	}
	return after.TotalAlloc - before.TotalAlloc
}
