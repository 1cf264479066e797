package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"
)

// ReadFile returns the content of a file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than the limit of %d bytes", name, limit)
	}
	return data, nil
}

// CreateSynced makes a new file with that content and makes the content, not the
// name, durable. A file that could not be written whole is removed again.
func CreateSynced(fsys FS, name string, mode fs.FileMode, content []byte) error {
	f, err := fsys.Create(name, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		err = errors.Join(err, fsys.Remove(name))
	}
	return err
}

// ReplaceFile puts content in place of the file, atomically and durably: temp is
// a free name in the same folder. A file of that name left by a killed run is
// replaced.
func ReplaceFile(fsys FS, name, temp string, mode fs.FileMode, content []byte) error {
	if err := CreateAnew(fsys, temp, mode, content); err != nil {
		return err
	}
	return PutInPlace(fsys, temp, name)
}

// CreateAnew is [CreateSynced] for a name at which a killed run may have left a file: that
// is replaced.
func CreateAnew(fsys FS, name string, mode fs.FileMode, content []byte) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return CreateSynced(fsys, name, mode, content)
}

// PutInPlace renames a durable file to its name, over whatever file has it, and makes that
// durable. A file that could not be renamed is removed.
func PutInPlace(fsys FS, temp, name string) error {
	if err := fsys.Rename(temp, name); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return fsys.SyncDir(path.Dir(name))
}

// CannotExist reports whether an error says that nothing can be at a name: a part of
// it is a file, or it is too long. It is nil-safe.
func CannotExist(err error) bool {
	return errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.ELOOP)
}

// RemoveAll deletes a file, or a folder with everything in it; it does not follow
// links. A name that is not there is no error.
func RemoveAll(fsys FS, name string) error {
	info, err := fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode.IsDir() {
		entries, err := fsys.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := RemoveAll(fsys, path.Join(name, e.Name)); err != nil {
				return err
			}
		}
	}
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
