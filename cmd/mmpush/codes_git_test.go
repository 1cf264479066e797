package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// gitCodes are about what a git push brings.
func gitCodes() map[report.Code]codeCase {
	const mpk = "foo_1.0.0_amd64-debian.mpk"
	return map[report.Code]codeCase{
		report.CodeGit: func(w *codeWorld) []coded {
			return w.gitPush("pre-receive", nil, func(tree string) {
				w.must(os.Rename(filepath.Join(tree, mpk), filepath.Join(tree, "other")))
				w.must(os.Symlink("other", filepath.Join(tree, mpk)))
			})
		},
		report.CodeLFS: func(w *codeWorld) []coded {
			return w.gitPush("pre-receive", nil, func(tree string) {
				w.write(filepath.Join(tree, mpk), "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 3\n")
			})
		},
		report.CodeBuild: func(w *codeWorld) []coded {
			return w.gitPush("post-receive", []string{"mmpush.repo.build", programtest.Need(w.t, "false")}, nil)
		},
		report.CodePusher: func(w *codeWorld) []coded {
			return w.gitPush("pre-receive", []string{"mmpush.identity", "env:NOBODY_SETS_THIS"}, nil)
		},
	}
}

// git runs git in the world's folder, with nothing of the user's configuration.
func (w *codeWorld) git(args ...string) string {
	w.t.Helper()
	return w.program("", programtest.Need(w.t, "git"), args...)
}

// program runs a program in the world's folder, and returns what it prints, whatever it
// thinks of it as long as it prints something.
func (w *codeWorld) program(stdin, name string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = w.dir, strings.NewReader(stdin)
	cmd.Env = append(gitpush.CleanEnv(os.Environ()), "HOME="+w.dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@x", "GIT_AUTHOR_DATE=@1 +0000", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@x", "GIT_COMMITTER_DATE=@1 +0000")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && len(out) == 0 {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, &stderr)
	}
	return string(out)
}

// gitPush runs a hook as git runs it, after a push of one commit with an upload that
// change has been at; config is a key and a value for the bare repository.
func (w *codeWorld) gitPush(hook string, config []string, change func(tree string)) []coded {
	w.t.Helper()
	bare, tree := filepath.Join(w.dir, "dist.git"), w.t.TempDir()
	w.git("init", "-q", "--bare", bare)
	git := func(args ...string) string {
		return w.git(append([]string{"--git-dir", bare, "--work-tree", tree}, args...)...)
	}
	w.do("hook", "install", "--git-dir", bare, "-R", w.at, "--refs", "refs/heads/dist")
	if config != nil {
		git(append([]string{"config"}, config...)...)
	}
	mpktest.Upload{}.In(w.t, tree)
	if change != nil {
		change(tree)
	}
	git("add", "-A")
	git("commit", "-q", "-m", "build")
	id := strings.TrimSpace(git("rev-parse", "HEAD"))
	return w.read(w.program(strings.Repeat("0", 40)+" "+id+" refs/heads/dist\n", programtest.Need(w.t, "mmpush"), "hook", hook, "--git-dir", bare, "--json"))
}
