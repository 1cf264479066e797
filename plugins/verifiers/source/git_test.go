package source

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
)

// repository is a bare git repository with some files in the commit of a tag.
func repository(t testing.TB, tag string, files map[string]string) string {
	t.Helper()
	git, work, bare := programtest.Need(t, "git"), t.TempDir(), filepath.Join(t.TempDir(), "foo.git")
	for name, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o755))
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			check(t, os.Symlink(to, filepath.Join(work, name)))
			continue
		}
		check(t, os.WriteFile(filepath.Join(work, name), []byte(text), mode))
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "x"}, {"tag", tag}, {"clone", "-q", "--bare", ".", bare}} {
		c := exec.Command(git, append([]string{"-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"}, args...)...)
		c.Dir = work
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return bare
}

func TestGit(t *testing.T) {
	t.Parallel()
	const specs = "name: foo\nversion: 1.0.0\n"
	bare := repository(t, "v1.0.0", map[string]string{"mmpack/specs": specs, "README": "foo 1.0.0 \n", "run": "#!", "l": "-> README"})
	settings := fmt.Sprintf(`{"git":[{"source":"f*","repository":%q,"tag":"v{version}"}]}`, strings.Replace(bare, "foo.git", "{name}.git", 1))
	base := []member{specsOf(specs), {Name: "./mmpack/src_orig_tracing", Body: "x"}}
	run, link := member{Name: "./run", Body: "#!", Mode: 0o755}, member{Name: "./l", Type: '2', Link: "README"}
	for name, tt := range map[string]struct {
		files []member
		want  string
	}{
		"same":           {append(base, run, link), ""},
		"empty folder":   {append(base, run, link, member{Name: "./x/"}), ""},
		"missing":        {append(base, run), "TAG l"},
		"more":           {append(base, run, link, member{Name: "./evil"}), "TAG evil"},
		"other bytes":    {append(base, link, member{Name: "./run", Body: "#?", Mode: 0o755}), "TAG run"},
		"not executable": {append(base, link, member{Name: "./run", Body: "#!"}), "TAG run"},
		"other target":   {append(base, run, member{Name: "./l", Type: '2', Link: "run"}), "TAG l"},
		"file for link":  {append(base, run, member{Name: "./l", Body: "README"}), "TAG l"},
	} {
		u := made(t, mpktest.Upload{SourceFiles: slices.Clone(tt.files)})
		if got := said(t, verifier(t, settings), u); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	// Another source, another version, and one that git would take for a parent.
	for _, tt := range [][3]string{{"bar", "1.0.0", ""}, {"foo", "1.0.1", "TAG"}, {"foo", "1.0.0~0", "TAG"}} {
		u := made(t, mpktest.Upload{Name: tt[0], Version: tt[1], SourceFiles: []member{specsOf("name: " + tt[0] + "\nversion: " + tt[1] + "\n")}})
		if got := said(t, verifier(t, settings), u); got != tt[2] {
			t.Errorf("%v: %s", tt, got)
		}
	}
}

// A repository that is not there, or whose archive is too large, is no answer.
func TestGitBreaks(t *testing.T) {
	t.Parallel()
	u := made(t, mpktest.Upload{SourceFiles: []member{specsOf("name: foo\nversion: 1.0.0\n")}})
	v := verifier(t, fmt.Sprintf(`{"git":[{"source":"*","repository":%q,"tag":"v{version}"}]}`, t.TempDir()))
	if _, err := v.Verify(t.Context(), u); report.CodeOf(err) != report.CodeSettings {
		t.Error(err)
	}
	files := map[string]string{}
	for i := range 40 {
		files[fmt.Sprint(i)] = strings.Repeat("x", 20_000)
	}
	g := git{t.Context(), repository(t, "v1", files)}
	commit, err := g.commit("v1")
	check(t, err)
	limits := verifier(t, "").limits
	limits.Members = 10
	if err := g.archive(commit, &tree{limits: limits}); err == nil || !strings.Contains(err.Error(), "more than 10 members") {
		t.Error(err)
	}
	if err := g.archive(strings.Repeat("1", 40), &tree{limits: limits}); err == nil || !strings.Contains(err.Error(), "exit status") {
		t.Error(err)
	}
}
