package action_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// TestRedirectedRelease: a release server that sends on to another place is followed with TLS
// only; the sums of a release are believed for where they come from.
func TestRedirectedRelease(t *testing.T) {
	t.Parallel()
	programtest.Need(t, "curl")
	var reached atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/elsewhere/") {
			reached.Store(true)
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, "/elsewhere"+r.URL.Path, http.StatusFound)
	}))
	defer s.Close()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "action"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "action/version"), []byte("1.2.3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programtest.Need(t, "bash"), "-c", ". ./install.sh")
	cmd.Env = append(os.Environ(), "GITHUB_ACTION_PATH="+dir, "RUNNER_TEMP="+dir, "RUNNER_TOOL_CACHE=", "GITHUB_OUTPUT="+filepath.Join(dir, "output"),
		"INPUT_VERSION=", "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "MMPUSH_RELEASES="+s.URL)
	out, err := cmd.CombinedOutput()
	if err == nil || reached.Load() || !strings.Contains(string(out), "SHA256SUMS cannot be downloaded") {
		t.Errorf("%v, reached %t:\n%s", err, reached.Load(), out)
	}
}
