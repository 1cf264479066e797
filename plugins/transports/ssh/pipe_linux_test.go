package ssh

import (
	"os"
	"syscall"
	"testing"
)

// A widened pipe takes more than it did; what is no pipe stays what it is.
func TestWiden(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	size := func() int {
		const getPipeSize = setPipeSize + 1
		n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, w.Fd(), getPipeSize, 0)
		if errno != 0 {
			t.Fatal(errno)
		}
		return int(n)
	}
	before := size()
	Widen(r)
	if after := size(); after <= before {
		t.Errorf("the pipe took %d bytes, and takes %d", before, after)
	}
	Widen(os.NewFile(^uintptr(0), "none"))
	file, err := os.Open("pipe_linux.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	Widen(file)
}
