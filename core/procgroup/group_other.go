//go:build !unix

package procgroup

import "os/exec"

// Make does nothing: the program alone is ended.
func Make(*exec.Cmd) {}

// End does nothing.
func End(*exec.Cmd) {}
