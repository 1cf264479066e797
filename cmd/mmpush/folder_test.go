//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// folder is what stands in a repository's folder besides the indexes and our own.
type folder struct {
	// files is the SHA-256 of each, by path; retired those that are on record.
	files, retired map[string]string
}

func readFolder(t *testing.T, at string) folder {
	t.Helper()
	f := folder{map[string]string{}, map[string]string{}}
	err := filepath.WalkDir(at, func(name string, entry fs.DirEntry, err error) error {
		below, relErr := filepath.Rel(at, name)
		switch {
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case entry.IsDir() && below == repo.MetaDir:
			return fs.SkipDir
		case entry.IsDir(), below == index.BinaryFile, below == index.SourceFile, below == repo.LockFile, below == repo.MetadataFile:
			return nil
		}
		text, err := os.ReadFile(name)
		sum := sha256.Sum256(text)
		f.files[below] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	disk, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	records, err := (&repo.Repo{FS: disk, Path: at}).RetiredFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		f.retired[r.Name] = r.SHA256
	}
	return f
}

// named are the files that the indexes name: the SHA-256 of each, by path.
func (p published) named() map[string]string {
	files := map[string]string{}
	for _, s := range p.stanzas() {
		files[value(s.text, "filename")] = value(s.text, "sha256")
	}
	return files
}

// check wants each file that is named there with its bytes, each that no longer is
// retired and there with its bytes, and no other file that was not there before.
func (f folder) check(t *testing.T, before folder, was, is published) {
	t.Helper()
	now := is.named()
	for name, sum := range now {
		if f.files[name] != sum {
			t.Errorf("%s is named and has the hash %q, want %s", name, f.files[name], sum)
		}
	}
	for name, sum := range was.named() {
		if _, ok := now[name]; !ok && (f.files[name] != sum || f.retired[name] != sum) {
			t.Errorf("%s is no longer named, has the hash %q, and is retired as %q", name, f.files[name], f.retired[name])
		}
	}
	for name, sum := range f.files {
		_, isNamed := now[name]
		_, isRetired := f.retired[name]
		if !isNamed && !isRetired && before.files[name] != sum {
			t.Errorf("%s is neither named nor retired, and was not there before", name)
		}
	}
	for name, sum := range before.files {
		if f.files[name] != sum {
			t.Errorf("%s was there, and is gone or changed", name)
		}
	}
}
