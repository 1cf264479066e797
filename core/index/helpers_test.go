package index

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// step is one genuine repository, as the real tool left it.
type step struct {
	name             string
	binaryGz, binary []byte
	source           []byte
}

func steps(t testing.TB) []step {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("..", "..", "testdata", "mmpack", "expected", "*"))
	if err != nil || len(dirs) != 22 {
		t.Fatalf("testdata has %d of 22 steps: %v", len(dirs), err)
	}
	var all []step
	for _, dir := range dirs {
		all = append(all, step{
			name:     filepath.Base(dir),
			binaryGz: readTestFile(t, dir, BinaryFile),
			binary:   readTestFile(t, dir, "binary-index.txt"),
			source:   readTestFile(t, dir, SourceFile),
		})
	}
	return all
}

func readTestFile(t testing.TB, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// repository returns a folder with the two files; nil leaves one out.
func repository(t testing.TB, binaryIndex, sourceIndex []byte) vfs.FS {
	t.Helper()
	fsys := vfs.NewMem(time.Now)
	for name, content := range map[string][]byte{BinaryFile: binaryIndex, SourceFile: sourceIndex} {
		if content == nil {
			continue
		}
		if err := vfs.CreateSynced(fsys, name, 0o644, content); err != nil {
			t.Fatal(err)
		}
	}
	return fsys
}

// zip returns one gzip member for each part.
func zip(parts ...string) []byte {
	var out bytes.Buffer
	for _, part := range parts {
		z := gzip.NewWriter(&out)
		io.WriteString(z, part)
		z.Close()
	}
	return out.Bytes()
}

func unzip(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// written returns the texts that the snapshot writes.
func written(t testing.TB, s *Snapshot) (binaryText, sourceText []byte) {
	t.Helper()
	var b, src bytes.Buffer
	if _, err := s.WriteBinary(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteSource(&src); err != nil {
		t.Fatal(err)
	}
	return unzip(t, b.Bytes()), src.Bytes()
}

func mustView(t testing.TB, binaryText, sourceText string) *Snapshot {
	t.Helper()
	s, err := NewView([]byte(binaryText), []byte(sourceText))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
