package main

import "os/exec"

// surviveHangup does nothing: repositories do not live on Windows.
func surviveHangup() {}

func ownSession(*exec.Cmd) {}
