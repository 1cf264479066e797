package plugins

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/scratch"
)

const (
	// scratchDir is a plugin's home.
	scratchDir = "scratch"
	// folderPrefix begins the names of their folders, in the system's temporary one.
	folderPrefix = "mmpush-plugin-"
)

// maxProgram is far above what a plugin has, in bytes.
const maxProgram = 1 << 30

// maxFolderPath leaves room for a socket's name below it: the system allows a bit
// more than 100 bytes for all of it.
const maxFolderPath = 64

// runFolder is the private folder of one running plugin: the copy of the program that
// runs, the copies of uploads that it sees, its sockets, and a scratch folder that is
// its home. It goes when the plugin does.
type runFolder struct {
	*scratch.Folder
	views atomic.Uint64
	// short is a folder for the sockets, if the name of this one is too long.
	short *scratch.Folder
}

func newRunFolder() (*runFolder, error) {
	f, err := scratch.Make(os.TempDir(), folderPrefix, scratchDir)
	if err != nil {
		return nil, err
	}
	r := &runFolder{Folder: f}
	if len(r.Path) <= maxFolderPath || runtime.GOOS == "windows" {
		return r, nil
	}
	if r.short, err = scratch.Make("/tmp", folderPrefix); err != nil {
		r.remove()
		return nil, err
	}
	return r, nil
}

// sockets is the folder to make sockets in.
func (r *runFolder) sockets() string {
	if r.short != nil {
		return r.short.Path
	}
	return r.Path
}

func (r *runFolder) remove() {
	r.Remove()
	if r.short != nil {
		r.short.Remove()
	}
}

// program copies the program and returns the copy's path and its hash: that of the
// bytes that were written, which are the bytes that will run.
func (r *runFolder) program(from string) (at, sum string, err error) {
	name := "plugin" + filepath.Ext(from)
	if strings.ContainsAny(name, "\x00/\\ ") {
		name = "plugin"
	}
	src, err := os.Open(from)
	if err != nil {
		return "", "", err
	}
	defer src.Close()
	if info, err := src.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", "", errors.Join(err, errors.New("is not an ordinary file"))
	}
	at = filepath.Join(r.Path, name)
	// While the copy is open for writing, no other program may be started: it would
	// inherit the descriptor for a moment, and the system would refuse to run the copy.
	defer holdForks()()
	sum, err = r.copy(src, name, 0o500, maxProgram)
	return at, sum, err
}

// copySize is how much is copied at once, in bytes.
const copySize = 1 << 20

// copy writes a new file and returns the hash of what was written.
func (r *runFolder) copy(src io.Reader, name string, mode fs.FileMode, limit int64) (sum string, err error) {
	f, err := r.Dir.Create(name, mode)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	// The file has a way of its own to read from another; here it must not.
	both := struct{ io.Writer }{io.MultiWriter(f, h)}
	n, err := io.CopyBuffer(both, io.LimitReader(src, limit+1), make([]byte, min(copySize, limit+1)))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && n > limit {
		err = fmt.Errorf("has more than %d bytes", limit)
	}
	return hex.EncodeToString(h.Sum(nil)), err
}

// view copies the files of an upload into a folder of one call's own, which nobody
// may write to, and returns its path. Copies and not links: a plugin runs as the user
// that we are, and could write through a link into what will be published. What was
// read before has to be the same still.
func (r *runFolder) view(ctx context.Context, u upload.Upload) (at string, done func(), err error) {
	name := "upload-" + strconv.FormatUint(r.views.Add(1), 10)
	if err := r.Dir.Mkdir(name, 0o700); err != nil {
		return "", nil, err
	}
	at = filepath.Join(r.Path, name)
	done = func() { scratch.RemoveAll(at) }
	for file, want := range viewed(u) {
		if err = ctx.Err(); err == nil {
			err = r.show(u, file, path.Join(name, file), want)
		}
		if err != nil {
			done()
			return "", nil, err
		}
	}
	for file, text := range besides(u) {
		if _, err = r.copy(bytes.NewReader(text), path.Join(name, file), 0o400, int64(len(text))); err != nil {
			done()
			return "", nil, err
		}
	}
	if err = r.Dir.Chmod(name, 0o500); err != nil {
		done()
	}
	return at, done, err
}

// viewed are the files that a plugin sees, with the hash that each must have: of an
// upload that was read, those that were; else all that are declared, of any hash.
func viewed(u upload.Upload) map[string]string {
	files := map[string]string{}
	if len(u.Received) == 0 {
		if u.Text == nil {
			files[u.Name] = ""
		}
		for _, f := range u.Files {
			files[f.Name] = ""
		}
	}
	for _, f := range u.Received {
		if f.Found {
			files[f.Name] = f.ActualSHA256
		}
	}
	return files
}

// besides are the manifest and its signatures, as they were read.
func besides(u upload.Upload) map[string][]byte {
	files := map[string][]byte{}
	if u.Text != nil {
		files[u.Name] = u.Text
	}
	for _, s := range u.Signatures {
		files[s.Name] = s.Text
	}
	return files
}

// show copies one file. One that is declared and not there is the uploader's mistake:
// who publishes finds that out.
func (r *runFolder) show(u upload.Upload, file, to, want string) error {
	src, err := u.FS.Open(path.Join(u.Dir, file))
	if err != nil && want == "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil || !info.IsRegular() {
		return err
	}
	sum, err := r.copy(src, to, 0o400, info.Size)
	if err == nil && want != "" && sum != want {
		err = fmt.Errorf("%s has changed since it was read", file)
	}
	return err
}
