package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// TestMemoryOfALargePackage publishes a package of 500 MB: memory does not grow with
// it.
func TestMemoryOfALargePackage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manifest := mpktest.Upload{Packages: []mpktest.Package{{Payload: 500_000_000}}}.In(t, dir)
	peak := filepath.Join(dir, "peak")
	cmd := exec.Command("mmpush-measured", "push", manifest, "--to", filepath.Join(dir, "repo"), "--init", "--arch", "amd64-debian")
	cmd.Env = append(os.Environ(), peakFile+"="+peak)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(peak)
	if err != nil {
		t.Fatal(err)
	}
	var kb int
	if _, err := fmt.Sscanf(string(text), "%d kB", &kb); err != nil {
		t.Fatal(err)
	}
	if t.Logf("peak memory: %d kB", kb); kb > 64_000 {
		t.Errorf("peak memory %d kB, want less than 64,000", kb)
	}
}
