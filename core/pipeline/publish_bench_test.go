package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// BenchmarkPublish publishes a new version of a source with three small packages in
// repositories on the disk that name so many packages.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkPublish(b, n) })
	}
}

func benchmarkPublish(b *testing.B, n int) {
	dir := b.TempDir()
	disk, err := vfs.OpenDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer disk.Close()
	if _, _, err := repo.Init(context.Background(), disk, dir, pipeline.Mmpack{}, repo.InitOptions{Arch: "amd64-debian"}); err != nil {
		b.Fatal(err)
	}
	var e index.Edit
	for i := range n {
		e.AppendBinaries = append(e.AppendBinaries, index.Binary{
			Name: fmt.Sprintf("package-%06d", i), Version: "1", Source: fmt.Sprint("source-", i/3), SrcSHA256: fmt.Sprintf("%064x", i/3),
			Ghost: "false", Description: "A package that is there to be read past", Filename: fmt.Sprintf("package-%06d.mpk", i),
			Size: int64(i + 1), SHA256: fmt.Sprintf("%064x", i), SumSHA256Sums: fmt.Sprintf("%064x", i),
		})
		if i%3 == 0 {
			e.AppendSources = append(e.AppendSources, index.Source{Name: fmt.Sprint("source-", i/3), Version: "1", Filename: fmt.Sprint("s", i), Size: 1, SHA256: fmt.Sprintf("%064x", i/3)})
		}
	}
	full, err := index.Apply(&index.Snapshot{}, e)
	if err != nil {
		b.Fatal(err)
	}
	writeIndexes(b, dir, full)
	version := 0
	next := func() (files vfs.FS, manifest string, done func()) {
		version++
		from := b.TempDir()
		u := mpktest.Upload{Name: "bench", Version: fmt.Sprintf("%d.0", version), Packages: []mpktest.Package{{Name: "bench"}, {Name: "libbench"}, {Name: "bench-doc"}}}
		manifest = u.In(b, from)
		open, err := vfs.OpenDir(from)
		if err != nil {
			b.Fatal(err)
		}
		return open, filepath.Base(manifest), func() { open.Close() }
	}
	// The first publish cuts the index up.
	files, manifest, done := next()
	benchmarkOne(b, disk, dir, files, manifest)
	done()
	for b.Loop() {
		b.StopTimer()
		files, manifest, done := next()
		b.StartTimer()
		benchmarkOne(b, disk, dir, files, manifest)
		b.StopTimer()
		done()
		b.StartTimer()
	}
}

func benchmarkOne(b *testing.B, disk vfs.FS, dir string, files vfs.FS, manifest string) {
	b.Helper()
	up, findings, err := upload.Open(context.Background(), files, ".", manifest)
	if err != nil || report.Refused(findings) {
		b.Fatal(findings, err)
	}
	r, err := pipeline.Open(disk, dir)
	if err != nil {
		b.Fatal(err)
	}
	rep, err := pipeline.Publish(context.Background(), r, pipeline.Request{Upload: up})
	if err != nil || rep.Result != report.Published {
		b.Fatal(rep, err)
	}
}

func writeIndexes(b *testing.B, dir string, s *index.Snapshot) {
	b.Helper()
	for name, write := range map[string]func(f *os.File) error{
		index.BinaryFile: func(f *os.File) error { _, err := s.WriteBinary(f); return err },
		index.SourceFile: func(f *os.File) error { _, err := s.WriteSource(f); return err },
	} {
		f, err := os.Create(filepath.Join(dir, name))
		if err == nil {
			err = write(f)
		}
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
