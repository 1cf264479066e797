package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
)

// bootedUnit runs the session in place of what else a machine starts, and turns it off.
const bootedUnit = `[Unit]
Requires=basic.target dbus.socket
After=basic.target dbus.socket
[Service]
Type=oneshot
ExecStart=/bin/bash /opt/session.sh /opt/uploads
StandardOutput=file:/opt/said
StandardError=file:/opt/said
ExecStopPost=/bin/systemctl poweroff --no-block
`

// bootedSays is what the session says if all is well.
const bootedSays = `started: active active active
first: published foo 1.0.0 as generation 1: 4 binary packages, 1 source, 9.6 KiB
stopped: active inactive
by the socket: published weather-data 2024.01 as generation 2: 2 binary packages, 1 source, 2.9 KiB
woken: active
readers: foo weather-data
dropped: msg=published
gc: success
hung: result 'watchdog'
killed, and: published chain 3.2 as generation 4: 2 binary packages, 1 source, 2.3 KiB
below 2.0: mmpush.service
below 2.0: mmpush-gc.service
below 2.0: mmpush-watch@srv-drop.service
generations: 4
failed: 0
`

// TestServiceOnABootedMachine: the units do under a real systemd, as the first process of a
// machine, what README says: this machine's own files below a layer in memory. It takes
// root, and half a minute.
func TestServiceOnABootedMachine(t *testing.T) {
	if !long() {
		t.Skip("MMPUSH_LONG is not set")
	}
	nspawn := programtest.Need(t, "systemd-nspawn")
	root := layered(t)
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("etc/systemd/system/session.service", bootedUnit)
	put("opt/session.sh", mustRead(t, "testdata/booted/session.sh"))
	if err := os.CopyFS(filepath.Join(root, "opt/uploads"), os.DirFS("../../testdata/mmpack/uploads")); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "usr/bin/mmpush"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	succeed(t, build)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var console bytes.Buffer
	boot := exec.CommandContext(ctx, nspawn, "-D", root, "--private-network", "--register=no", "--keep-unit", "--boot", "--", "--unit=session.service")
	boot.Stdout, boot.Stderr = &console, &console
	// At a SIGTERM it turns the machine off.
	boot.Cancel = func() error { return boot.Process.Signal(syscall.SIGTERM) }
	boot.WaitDelay = 20 * time.Second
	err := boot.Run()
	if said := mustRead(t, filepath.Join(root, "opt/said")); said != bootedSays || err != nil {
		t.Errorf("%v; the session says:\n%s\nand should:\n%s\nthe console:\n%s", err, said, bootedSays, console.Bytes())
	}
}

// layered is this machine's root folder, with a layer over it that takes all writes and
// goes with the test.
func layered(t *testing.T) string {
	t.Helper()
	layer := t.TempDir()
	mount := func(args ...string) {
		t.Helper()
		out, err := exec.Command("mount", args...).CombinedOutput()
		if programtest.Check(t, "overlay", err); err != nil {
			t.Fatalf("mount %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		at := args[len(args)-1]
		t.Cleanup(func() { succeed(t, exec.Command("umount", at)) })
	}
	mount("-t", "tmpfs", "none", layer)
	root := filepath.Join(layer, "root")
	for _, name := range []string{"root", "writes", "work"} {
		if err := os.Mkdir(filepath.Join(layer, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount("-t", "overlay", "overlay", "-o", "lowerdir=/,upperdir="+layer+"/writes,workdir="+layer+"/work", root)
	// A machine of its own.
	if err := os.RemoveAll(filepath.Join(root, "etc/machine-id")); err != nil {
		t.Fatal(err)
	}
	return root
}
