//go:build unix

package plugins

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
)

// verifierOf is the verifier of a pin; at the end of the test nothing may be left.
func verifierOf(t testing.TB, pin Pin, o Options) *Verifier {
	t.Helper()
	v := NewVerifier(pin, o)
	t.Cleanup(func() {
		seen := v.plugin
		v.Close()
		if seen != nil {
			nothingLeft(t, seen)
		}
	})
	return v
}

// nothingLeft looks for processes and the folder of a plugin that has ended.
func nothingLeft(t testing.TB, p *Plugin) {
	t.Helper()
	if p.process != nil {
		if left := marked(t, p.process.limits.marker); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
	}
	if _, err := os.Lstat(p.folder.Path); err == nil {
		t.Errorf("%s is left", p.folder.Path)
	}
}

// marked looks into /proc for processes with the marker in their environment.
func marked(t testing.TB, marker string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[1-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, at := range all {
		if text, err := os.ReadFile(at); err == nil && strings.Contains(string(text), marker) {
			left = append(left, at)
		}
	}
	return left
}

func TestVerifierProcess(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "findings"})})
	for range 2 {
		findings, err := v.Verify(t.Context(), u)
		want := []report.Finding{
			{Code: "OLD", Severity: report.SeverityWarning, File: "foo.mpk", Line: 3, Field: "a.b", Expected: "x", Actual: "y", Message: "is old", Hint: "renew", Verifier: "somebody"},
			{Code: "BAD", Severity: report.SeverityError, Message: "is bad"},
		}
		if err != nil || !slices.Equal(findings, want) {
			t.Errorf("%+v, %v", findings, err)
		}
	}
	view, err := index.NewView([]byte("name: foo\nversion: 0.9\n\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Plan{Edit: index.Edit{AppendBinaries: []index.Binary{{Name: "foo"}, {Name: "bar"}}}}
	for range 2 {
		findings, err := v.VerifyPlan(t.Context(), view, p)
		if err != nil || len(findings) != 4 || findings[0].Actual != "true 0.9" || findings[1].Actual != "false " {
			t.Errorf("%+v, %v", findings, err)
		}
	}
	if p := v.plugin; p.Name != "actor" || p.Version != "1.2.3" || p.Kind != KindVerifier || p.Protocol != 1 {
		t.Errorf("%+v", p)
	}
}

// After a failure the next call starts the plugin anew.
func TestStartedAnew(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "exit"})})
	for range 2 {
		if _, err := v.Verify(t.Context(), u); err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%v", err)
		}
	}
	v.Close()
	if _, err := v.Verify(t.Context(), u); err == nil {
		t.Error("a closed one was asked")
	}
}

// Children of a plugin end with it, in whatever group or session they are.
func TestChildrenEndWithIt(t *testing.T) {
	t.Parallel()
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "beget"})})
	if _, err := v.Verify(t.Context(), inspected(t, mpktest.Upload{})); err != nil {
		t.Fatal(err)
	}
	if n := len(marked(t, v.plugin.process.limits.marker)); n != 3 {
		t.Errorf("%d processes run, want 3", n)
	}
}

// The end of the caller's context crosses to the plugin, which goes on to be used.
func TestCancelled(t *testing.T) {
	t.Parallel()
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "wait"})})
	if _, err := v.running(t.Context()); err != nil {
		t.Fatal(err)
	}
	scratch := filepath.Join(v.plugin.folder.Path, scratchDir)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := v.Verify(ctx, inspected(t, mpktest.Upload{}))
		ended <- err
	}()
	appears(t, filepath.Join(scratch, "began"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	appears(t, filepath.Join(scratch, "cancelled"))
	if !v.plugin.alive() {
		t.Error("it was killed")
	}
}

// appears waits for a file.
func appears(t *testing.T, name string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Lstat(name); err == nil {
			return
		}
	}
	t.Fatalf("%s does not appear", name)
}

// A start that somebody interrupts leaves nothing.
func TestCancelledStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	mark := filepath.Join(t.TempDir(), "run")
	_, err := Launch(ctx, script(t, "echo $MMPUSH_PLUGIN_RUN >"+mark+"; exec sleep 1000"), Options{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if name, err := os.ReadFile(mark); err == nil {
		if left := marked(t, strings.TrimSpace(string(name))); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// No variable of ours reaches a plugin.
func TestEnvironment(t *testing.T) {
	t.Setenv("MMPUSH_SECRET_TOKEN", "hunter2")
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "environment"})})
	findings, err := v.Verify(t.Context(), inspected(t, mpktest.Upload{}))
	if err != nil || len(findings) != 1 {
		t.Fatal(findings, err)
	}
	known := []string{"MMPUSH_PLUGIN_RUN", "HOME", "TMPDIR", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "MMPUSH_PLUGIN",
		"PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_CLIENT_CERT", "PLUGIN_UNIX_SOCKET_DIR"}
	inCert := false
	for line := range strings.Lines(findings[0].Message) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case strings.HasPrefix(line, "PLUGIN_CLIENT_CERT="):
			inCert = true
		case inCert:
			inCert = !strings.Contains(line, "END CERTIFICATE")
			continue
		}
		if ok && !slices.Contains(known, name) {
			t.Errorf("the plugin sees %s", line)
		}
	}
	if strings.Contains(findings[0].Message, "hunter2") {
		t.Error("the plugin sees a secret")
	}
}

// A host that is killed takes its plugin with it; the next plugin sweeps its folder.
func TestHostKilled(t *testing.T) {
	t.Parallel()
	pin := role(t, "actor")
	if err := os.WriteFile(pin.Path+".sum", []byte(pin.SHA256), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self)
	host.Env = append(os.Environ(), "TEST_PLUGIN_OF_HOST="+pin.Path, "TMPDIR="+t.TempDir())
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	marker := strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(marker, "MMPUSH_PLUGIN_RUN=") || len(marked(t, marker)) == 0 {
		t.Errorf("the plugin does not run: %q %v", line, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	for begin := time.Now(); len(marked(t, marker)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("left: %v", marked(t, marker))
		}
	}
}
