package gitpush

import "os/exec"

// ownGroup does nothing: repositories do not live on Windows.
func ownGroup(*exec.Cmd) {}

func killGroup(*exec.Cmd) {}
