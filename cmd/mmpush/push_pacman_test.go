//go:build unix

package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// TestPushPacman: what a pusher of pacman packages may rely on is the same by each
// transport: all or nothing, byte for byte, again without harm, and a verdict that says
// why not.
func TestPushPacman(t *testing.T) {
	t.Parallel()
	for name, lay := range map[string]func(t *testing.T, repo string) (push shell, target []string){
		"dir": func(_ *testing.T, repo string) (shell, []string) { return shell{}, []string{"--to", repo} },
		"tupkg": func(t *testing.T, repo string) (shell, []string) {
			users := filepath.Join(t.TempDir(), "users")
			writeUsers(t, users, "first")
			if err := os.WriteFile(users, []byte(strings.Replace(mustRead(t, users), "rights=*", "rights=*:*:publish,downgrade", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := startServing(t, repo, users)
			vars := map[string]string{"MMPUSH_PASSWORD": servePassword, "XDG_STATE_HOME": t.TempDir(), "HOME": t.TempDir()}
			return shell{vars: vars}, []string{"--to", "tupkg://first@" + s.addr}
		},
		"ssh": func(t *testing.T, repo string) (shell, []string) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			r := &remote{Server: sshtest.Start(t, ""), repo: repo, program: playAs(t, self)}
			return r.shell(), []string{"--to", r.URL("ssh", (&url.URL{Path: repo}).EscapedPath())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			repo := filepath.Join(t.TempDir(), "repo")
			mustRun(t, "init", repo, "--kind", "pacman", "--name", "demo")
			sh, target := lay(t, repo)
			push := func(code int, result report.Result, args ...string) outcome {
				t.Helper()
				got := sh.run(append(append([]string{"push", "--json"}, args...), target...)...)
				if got.code != code || !strings.Contains(got.stdout, `"result": "`+string(result)+`"`) {
					t.Errorf("push %q exits %d, want %d and %s\n%s%s", args, got.code, code, result, got.stdout, got.stderr)
				}
				return got
			}
			at := func(name string) string { return filepath.Join(pacmanPackages, name) }
			older, newer, gamma := at("alpha-1.0-1-any.pkg.tar.zst"), at("alpha-1.1-1-any.pkg.tar.zst"), at("gamma-0.9rc1-3-x86_64.pkg.tar.zst")

			push(exitDone, report.Published, newer, gamma)
			for _, file := range []string{newer, gamma, gamma + ".sig"} {
				if got := mustRead(t, filepath.Join(repo, filepath.Base(file))); got != mustRead(t, file) {
					t.Errorf("%s has other bytes", file)
				}
			}
			push(exitDone, report.Unchanged, newer, gamma)

			// Refused whole, and told why; nothing of it is kept or served later.
			if got := push(exitRejected, report.Rejected, older, at("zlibish-1.2.3-1-any.pkg.tar.gz")); !strings.Contains(got.stdout, "MP-DOWNGRADE") {
				t.Error(got.stdout)
			}
			if list := wholePacman(t, repo); strings.Contains(list, "zlibish") || !strings.Contains(list, "alpha-1.1-1") {
				t.Errorf("published is\n%s", list)
			}
			push(exitDone, report.Published, older, "--allow-downgrade")
			bad := filepath.Join(t.TempDir(), "bad-1-1-any.pkg.tar.gz")
			if err := os.WriteFile(bad, []byte("no package"), 0o644); err != nil {
				t.Fatal(err)
			}
			push(exitRejected, report.Rejected, bad)
			push(exitDone, report.Planned, newer, "--dry-run")
			if list := wholePacman(t, repo); list != "alpha-1.0-1-any.pkg.tar.zst\ngamma-0.9rc1-3-x86_64.pkg.tar.zst\n" {
				t.Errorf("published is\n%s", list)
			}
			waiting, _ := filepath.Glob(filepath.Join(repo, ".mmpush/incoming/*/*"))
			if len(waiting) > 0 {
				t.Errorf("there waits %q", waiting)
			}
			// Manifests are for others, and say so.
			if got := sh.run(append([]string{"push", manifestOf(t, "uploads/03-greet-0.9.0")}, target...)...); got.code == exitDone {
				t.Errorf("a manifest is published in a pacman repository\n%s", got.stdout)
			}
			mustRun(t, "fsck", "-R", repo, "--deep")
		})
	}
}
