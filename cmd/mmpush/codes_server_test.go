package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/report"
)

// serverCodes are about the way to a server, and what it says.
func serverCodes() map[report.Code]codeCase {
	return map[report.Code]codeCase{
		report.CodeUsers: func(w *codeWorld) []coded {
			return w.do("user", "list", "--users", w.write("users", "no such line\n"))
		},
		report.CodeLogin: func(w *codeWorld) []coded {
			return w.run(shell{}, "push", manifestOf(w.t, fooUpload), "--to", "tupkg://127.0.0.1:1")
		},
		report.CodeConnection: func(w *codeWorld) []coded {
			return w.run(shell{vars: map[string]string{tokenVariable: "x"}}, "push", manifestOf(w.t, fooUpload), "--to", "tupkg://me@127.0.0.1:1", "--retry-for", "0s")
		},
		report.CodeRemote: func(w *codeWorld) []coded {
			return w.run(shell{}, "push", manifestOf(w.t, fooUpload), "--to", "ssh://host/repo", "--retry-for", "0s", "--ssh-command", "/bin/sh -c 'echo hello'")
		},
		report.CodeLater: func(w *codeWorld) []coded {
			server := programtest.Need(w.t, "sftp-server")
			w.must(os.Mkdir(filepath.Join(w.dir, "drop"), 0o755))
			return w.do("push", manifestOf(w.t, fooUpload), "--to", "sftp://host"+filepath.Join(w.dir, "drop"), "--ssh-command", "/bin/sh -c 'exec "+server+"'")
		},

		report.CodeRights: func(w *codeWorld) []coded {
			return w.send("tupkg://nobody@"+w.serve(), manifestOf(w.t, fooUpload))
		},
		report.CodeServer: func(w *codeWorld) []coded {
			return w.send("tupkg://me@"+w.serve("--max-files", "1"), manifestOf(w.t, fooUpload))
		},
		report.CodeBusy: func(w *codeWorld) []coded {
			return w.send("tupkg://me@"+w.serve("--free-bytes", "1000000TiB"), manifestOf(w.t, fooUpload))
		},
		report.CodeCertificate: func(w *codeWorld) []coded {
			return w.send("tupkgs://me@"+w.serve("--tls-self-signed"), manifestOf(w.t, fooUpload))
		},
		report.CodeProtocol: func(w *codeWorld) []coded {
			return w.send("tupkgs://me@"+w.serve(), manifestOf(w.t, fooUpload))
		},
		report.CodeComplete: func(w *codeWorld) []coded {
			return w.send("tupkg://me@"+w.serve("--on-complete", programtest.Need(w.t, "false")), manifestOf(w.t, fooUpload))
		},
		report.CodePacman: func(w *codeWorld) []coded {
			at := filepath.Join(w.dir, "pacman")
			w.do("init", at, "--kind", "pacman", "--name", "demo")
			return w.send("tupkg://me@"+w.serve("--gensync", "demo="+at), filepath.Join(pacmanPackages, "alpha-1.0-1-any.pkg.tar.zst"))
		},
	}
}

// serve serves the repository, in this process, until the end of the test, and returns
// the address.
func (w *codeWorld) serve(flags ...string) string {
	w.t.Helper()
	f, err := scriptUsersFile()
	w.must(err)
	users := w.write("users", string(f.Bytes()))
	var log lockedBuffer
	e := shell{}.env(nil, nil, append([]string{"serve", "-R", w.at, "--listen", "127.0.0.1:0", "--users", users, "--drain-time", "50ms"}, flags...))
	e.Stdout, e.Stderr = &log, &log
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan int, 1)
	go func() { over <- run(ctx, e) }()
	w.t.Cleanup(func() {
		stop()
		if code := <-over; code != exitStopped && code != exitDone {
			w.t.Errorf("serve: exit %d\n%s", code, log.String())
		}
	})
	return log.listening(w.t)
}

// send pushes to a server, as one of the users of [scriptUsersFile].
func (w *codeWorld) send(target, file string) []coded {
	w.t.Helper()
	vars := map[string]string{"MMPUSH_PASSWORD": servePassword, "XDG_STATE_HOME": w.dir, "HOME": w.dir}
	return w.run(shell{vars: vars}, "push", file, "--to", target, "--retry-for", "0s")
}
