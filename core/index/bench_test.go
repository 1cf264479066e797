package index

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/vfs"
)

// bigIndex is a repository of n packages, three to a source, each stanza as large as
// the genuine ones (some 550 bytes).
func bigIndex(n int) (binaryText, sourceText []byte) {
	var b, s bytes.Buffer
	for i := range n {
		src := fmt.Sprintf("source-%06d", i/3)
		sha := fmt.Sprintf("%064x", uint64(i/3)*0x9e3779b97f4a7c15)
		b.WriteString(FormatBinary(Binary{
			Name: fmt.Sprintf("package-%06d", i), Version: "1.2.3", Source: src, SrcSHA256: sha, Ghost: "false",
			SumSHA256Sums: fmt.Sprintf("%064x", uint64(i)*0xbf58476d1ce4e5b9), Depends: fmt.Sprintf("package-%06d (= 1.2.3)", i/2),
			SysDepends: "libc6 (>= 2.34)", Description: "A package that " + strings.Repeat("is there ", 15) + "\nto be read",
			Filename: fmt.Sprintf("package-%06d_1.2.3_amd64-debian.mpk", i), Size: int64(1000 + i), SHA256: fmt.Sprintf("%064x", uint64(i)*0x94d049bb133111eb),
		}))
		if i%3 == 0 {
			s.WriteString(FormatSource(Source{Name: src, Version: "1.2.3", Filename: src + "_1.2.3_src.tar.xz", Size: int64(1 + i), SHA256: sha}))
		}
	}
	return b.Bytes(), s.Bytes()
}

func bigRepository(b *testing.B, n int) vfs.FS {
	b.Helper()
	binaryText, sourceText := bigIndex(n)
	s, err := NewView(binaryText, sourceText)
	if err != nil {
		b.Fatal(err)
	}
	var gz bytes.Buffer
	if _, err := s.WriteBinary(&gz); err != nil {
		b.Fatal(err)
	}
	return repository(b, gz.Bytes(), sourceText)
}

// BenchmarkOpen reports the memory that the open snapshot of 100,000 packages holds,
// and what the process took from the system for it.
func BenchmarkOpen(b *testing.B) {
	fsys := bigRepository(b, 100_000)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var s *Snapshot
	for b.Loop() {
		var err error
		if s, err = Open(fsys); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB-held")
	b.ReportMetric(float64(after.Sys-before.Sys)/(1<<20), "MB-from-system")
	runtime.KeepAlive(s)
}

// BenchmarkApply is one usual publish: three packages replaced, their source too.
func BenchmarkApply(b *testing.B) {
	s, err := Open(bigRepository(b, 100_000))
	if err != nil {
		b.Fatal(err)
	}
	v := View(s)
	for i := 0; b.Loop(); i++ {
		var e Edit
		for j := range 3 {
			name := fmt.Sprintf("package-%06d", (3*i+j)%100_000)
			e.DropBinaries = append(e.DropBinaries, name)
			e.AppendBinaries = append(e.AppendBinaries, Binary{Name: name, Version: "2", Source: "s", Filename: name})
		}
		if v, err = Apply(v, e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteBinary(b *testing.B) {
	binaryText, _ := bigIndex(100_000)
	s, err := NewView(binaryText, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(binaryText)))
	for b.Loop() {
		if _, err := s.WriteBinary(&bytes.Buffer{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPublish is what a publish asks of the index of 100,000 packages: open it, look
// up and replace three packages and their source, write both files.
func BenchmarkPublish(b *testing.B) {
	disk, err := vfs.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer disk.Close()
	binaryText, sourceText := bigIndex(100_000)
	first, err := NewView(binaryText, sourceText)
	if err != nil {
		b.Fatal(err)
	}
	publish(b, disk, first)
	for i := 0; b.Loop(); i++ {
		s, err := OpenCached(disk, testCache)
		if err != nil {
			b.Fatal(err)
		}
		var e Edit
		for j := range 3 {
			name := fmt.Sprintf("package-%06d", (3000*i+j)%100_000)
			if _, ok, err := s.Binary(name); !ok || err != nil {
				b.Fatal(ok, err)
			}
			e.DropBinaries = append(e.DropBinaries, name)
			e.AppendBinaries = append(e.AppendBinaries, Binary{Name: name, Version: "2", Source: "s", Filename: name})
		}
		next, err := Apply(s, e)
		if err != nil {
			b.Fatal(err)
		}
		publish(b, disk, next)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
