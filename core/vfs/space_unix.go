//go:build linux || darwin

package vfs

import "golang.org/x/sys/unix"

// Space implements [Measurer].
func (d *Dir) Space() (Space, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return Space{}, err
	}
	defer f.Close()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return Space{}, err
	}
	block := int64(s.Bsize)
	return Space{Total: int64(s.Blocks) * block, Free: int64(s.Bavail) * block}, nil
}
