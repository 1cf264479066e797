package exec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/scratch"
)

const (
	folderPrefix = "mmpush-exec-"
	filesDir     = "files"
	scratchDir   = "scratch"
	copySize     = 1 << 20
)

// folder is the private folder of one run.
type folder struct{ *scratch.Folder }

func newFolder(temp string) (folder, error) {
	f, err := scratch.Make(temp, folderPrefix, filesDir, scratchDir)
	return folder{f}, err
}

func (f folder) files() string   { return filepath.Join(f.Path, filesDir) }
func (f folder) scratch() string { return filepath.Join(f.Path, scratchDir) }

// show puts copies of the upload's files there: the program runs as the user that we
// are, and could write through a link into what will be published.
func (f folder) show(ctx context.Context, u upload.Upload) error {
	for _, r := range u.Received {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.Found {
			continue
		}
		if err := f.copy(u, r); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	if err := f.write(u.Name, bytes.NewReader(u.Text)); err != nil {
		return err
	}
	for _, s := range u.Signatures {
		if err := f.write(s.Name, bytes.NewReader(s.Text)); err != nil {
			return err
		}
	}
	return f.Dir.Chmod(filesDir, 0o500)
}

// copy copies one file, which has to be what was read before.
func (f folder) copy(u upload.Upload, r upload.Received) error {
	src, err := u.FS.Open(path.Join(u.Dir, r.Name))
	if err != nil {
		return err
	}
	defer src.Close()
	h := sha256.New()
	err = f.write(r.Name, io.TeeReader(io.LimitReader(src, r.ActualSize+1), h))
	if errors.Is(err, fs.ErrExist) {
		// Two architectures share a file.
		return nil
	}
	if err == nil && hex.EncodeToString(h.Sum(nil)) != r.ActualSHA256 {
		err = errors.New("has changed since it was read")
	}
	return err
}

func (f folder) write(name string, from io.Reader) error {
	to, err := f.Dir.Create(path.Join(filesDir, name), 0o400)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, from, make([]byte, copySize))
	return errors.Join(err, to.Close())
}
