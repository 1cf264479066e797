package gitpush

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// killWait is how long the pipes of a killed program may stay open.
const killWait = 2 * time.Second

// CleanEnv keeps of an environment what any program needs: nothing of git's, and no
// variable that a pusher might choose.
func CleanEnv(environ []string) []string {
	var kept []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_CONFIG_HOME", "SYSTEMROOT":
			kept = append(kept, v)
		default:
			if strings.HasPrefix(name, "LC_") {
				kept = append(kept, v)
			}
		}
	}
	return kept
}

// git is how the program git is called for one bare repository.
type git struct {
	dir string
	env []string
}

// newGit takes over where the objects are; GIT_QUARANTINE_PATH only says that git
// must not change refs, which is kept as well.
func newGit(dir string, environ []string) git {
	env := append(CleanEnv(environ), "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES":
			env = append(env, v)
		}
	}
	return git{dir: dir, env: env}
}

// command is one call of git. It ends with ctx.
func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--git-dir=" + g.dir}, args...)...)
	cmd.Env, cmd.WaitDelay = g.env, killWait
	return cmd
}
