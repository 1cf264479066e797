package action_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"
)

// within is set in the process that is in a place of its own.
const within = "MMPUSH_TEST_PLACE"

// TestMain runs the tests in a place of their own where the system lets us: a network in
// which nothing is but this machine, so that nothing can come from elsewhere, and no
// terminals: where act can have one, it loses the last lines of a step that fails.
func TestMain(m *testing.M) {
	if os.Getenv(within) != "" {
		if err := errors.Join(raiseLoopback(), hideTerminals()); err != nil {
			fmt.Fprintln(os.Stderr, "the place of the tests:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), within+"=own")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{capNetAdmin, capSysAdmin}
	}
	err := cmd.Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests are in no place of their own:", err)
		os.Exit(m.Run())
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	os.Exit(0)
}

// See capabilities(7).
const (
	capNetAdmin = 12
	capSysAdmin = 21
)

// hideTerminals makes it impossible to open a new terminal here.
func hideTerminals() error {
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Mount("/dev/null", "/dev/ptmx", "", syscall.MS_BIND, "")
}

// raiseLoopback makes 127.0.0.1 work in a new network; see netdevice(7).
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var request struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}
