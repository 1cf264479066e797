//go:build unix

package plugins

import (
	"errors"
	"path/filepath"
	"syscall"
)

// checkAddress takes only a socket in the folder that the plugin was given for it.
func (p *process) checkAddress(network, address string) error {
	if network != "unix" || filepath.Dir(filepath.Clean(address)) != filepath.Clean(p.sockets) {
		return errors.New("it must be a unix socket in PLUGIN_UNIX_SOCKET_DIR")
	}
	return nil
}

// killGroup kills the process group. The caller knows that the program has not been
// reaped, so that its number is nobody else's.
func (p *process) killGroup() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
