package action_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// TestActionTestWorkflow has act run .github/workflows/action-test.yml as it stands: each
// job builds mmpush and the action builds it, too, which takes minutes.
func TestActionTestWorkflow(t *testing.T) {
	if os.Getenv("MMPUSH_LONG") == "" {
		t.Skip("MMPUSH_LONG is not set")
	}
	w := &world{T: t, dir: t.TempDir(), env: map[string]string{"GOPROXY": "off"}}
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		w.env[name] = strings.TrimSpace(w.must(exec.Command("go", "env", name)))
	}
	w.workspace = w.folder("workspace")
	w.copySources(w.workspace, "")
	w.commit(w.workspace, ".")
	setup, err := filepath.Abs("testdata/setup-go")
	if err != nil {
		t.Fatal(err)
	}
	programtest.Need(t, "ssh-keygen")
	got := w.run("push", "action-test.yml", map[string]string{"actions/setup-go@44694675825211faa026b3c33043df3e48a5fa00": setup}, "-P", "macos-latest=-self-hosted")
	if n := strings.Count(got.text(""), "Job succeeded"); n != 4 {
		t.Errorf("%d jobs succeeded, want 4:\n%s", n, got.text(""))
	}
}
