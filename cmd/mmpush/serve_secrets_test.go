//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// secretsRun is a server and the processes that talk to it, with all that they said.
type secretsRun struct {
	*testing.T
	dir, repo, users string
	env              []string
	said             []string
}

// run starts a real mmpush; its output is looked at in the end.
func (r *secretsRun) run(want int, args ...string) string {
	r.Helper()
	cmd := exec.Command("mmpush", args...)
	cmd.Env = append(os.Environ(), r.env...)
	out, err := cmd.CombinedOutput()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		r.Fatal(err)
	}
	if code != want {
		r.Errorf("mmpush %q: exit %d, want %d\n%s", args, code, want, out)
	}
	r.said = append(r.said, fmt.Sprintf("mmpush %q:\n%s", args, out))
	return string(out)
}

// secret writes a secret down where only we can read it, and returns the command that
// prints it and watches meanwhile.
func (r *secretsRun) secret(name, text string) (command string) {
	r.Helper()
	file := filepath.Join(r.dir, "secret-"+name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		r.Fatal(err)
	}
	return fmt.Sprintf("mmpush-witness '%s' '%s'", r.dir, file)
}

// TestNoSecretAnywhere runs real servers and real clients with known secrets through
// successes and failures, and then looks for them: in all output, in the logs, in the
// repository with the server's folder, in the users file, in the memory of the client,
// and in what the children saw of themselves and of the list of processes.
func TestNoSecretAnywhere(t *testing.T) {
	t.Parallel()
	const first, second, wrong, decoy, named = "f1rst.secret.word", "s3cond/secret/word", "wr0ng!secret!word", "d3coy_secret_word", "n4medInTheField"
	r := &secretsRun{T: t, dir: t.TempDir(), repo: newRepo(t)}
	r.users = filepath.Join(r.dir, "users")
	r.env = []string{"HOME=" + r.dir, "XDG_STATE_HOME=" + r.dir, passwordVariable + "=" + decoy, tokenVariable + "=" + decoy}
	firstCommand, secondCommand, wrongCommand := r.secret("first", first), r.secret("second", second), r.secret("wrong", wrong)

	r.run(exitDone, "user", "add", "me", "--users", r.users, "--rights", "*", "--password-command", firstCommand)
	r.run(exitDone, "user", "passwd", "me", "--users", r.users, "--password-command", secondCommand)
	r.run(exitUsage, "user", "add", "me", "--users", r.users, "--password-command", firstCommand)
	r.run(exitDone, "user", "add", "limited", "--users", r.users, "--rights", "nothing-here", "--password-command", firstCommand, "--json")
	r.run(exitUsage, "user", "add", "x", "--users", r.users, "--password-command", r.secret("lines", first+"\n"+second))
	r.run(exitUsage, "user", "add", "x", "--users", r.users, "--password-command", r.secret("long", strings.Repeat(first, 500)))
	r.run(exitUsage, "user", "passwd", "x", "--users", filepath.Join(r.dir, "secret-first"), "--password-command", firstCommand)
	token := strings.TrimSpace(r.run(exitDone, "user", "token", "me", "--users", r.users, "--output=text", "--color=never"))
	token = token[strings.Index(token, "mmpt_"):][:len("mmpt_")+8+1+26]
	r.said = r.said[:len(r.said)-1] // the one place where it is to be seen

	for _, tls := range []bool{false, true} {
		var args []string
		scheme, query := "tupkg", ""
		if tls {
			args = []string{"--tls-self-signed"}
		}
		s := startServing(t, r.repo, r.users, append(args, "--on-complete", r.witness())...)
		if tls {
			scheme = "tupkgs"
			query = "?fingerprint=" + strings.TrimPrefix(strings.TrimSpace(s.stdout.String()), "fingerprint ")
		}
		to := func(user, more string) string {
			q := query
			if more != "" {
				q += map[bool]string{true: "&", false: "?"}[q != ""] + more
			}
			return scheme + "://" + user + "@" + s.addr + "/" + q
		}
		good, bad, tokenCommand := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads-bad/wrong-size"), r.secret("token", token)
		push := func(want int, manifest, target, command string, more ...string) {
			t.Helper()
			r.run(want, append([]string{"push", manifest, "--to", target, "--password-command", command, "--retry-for=0"}, more...)...)
		}
		push(exitDone, good, to("me", ""), secondCommand)
		push(exitDone, good, to("me", ""), tokenCommand, "--json")
		push(exitRejected, bad, to("me", ""), secondCommand)
		push(exitDenied, good, to("me", ""), firstCommand)
		push(exitDenied, good, to("me", ""), wrongCommand, "--json")
		push(exitDenied, good, to("stranger", ""), secondCommand)
		push(exitDenied, good, to("limited", ""), firstCommand)
		push(exitDenied, good, to("me", ""), r.secret("token2", token[:len(token)-1]+"x"))
		if !tls {
			push(exitDenied, good, to("me", "v=1"), wrongCommand)
			r.talk(s.addr, second, wrong, named, token)
		}
		r.look(s)
		r.run(exitDone, "user", "rights", "me", "--users", r.users, "--suspend")
		push(exitDenied, good, to("me", ""), secondCommand)
		push(exitDenied, good, to("me", ""), tokenCommand)
		r.run(exitDone, "user", "rights", "me", "--users", r.users, "--readmit")
		s.stop(t, syscall.SIGTERM, exitDone)
		r.said = append(r.said, s.stdout.String(), s.stderr.String())
	}
	witnesses, completions := 0, 0
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), "secret-") {
			r.said = append(r.said, path+":\n"+mustRead(t, path))
			if strings.HasPrefix(d.Name(), "witness") {
				witnesses++
			} else if strings.HasPrefix(d.Name(), "given") {
				completions++
			}
		}
		return err
	})
	if err == nil {
		err = filepath.WalkDir(r.repo, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				r.said = append(r.said, path+":\n"+mustRead(t, path))
			}
			return err
		})
	}
	if err != nil || witnesses < 20 || completions < 2 {
		t.Errorf("%d witnesses, %d completed uploads, %v", witnesses, completions, err)
	}
	for _, text := range r.said {
		if secret := secretIn(text, first, second, wrong, decoy, named, token[len("mmpt_")+9:]); secret != "" {
			t.Errorf("%s is in\n%.2000s", secret, text)
		}
	}
}

// witness is a program for the server to run: it watches, and keeps what it is given.
func (r *secretsRun) witness() string {
	r.Helper()
	program, err := exec.LookPath("mmpush-witness")
	if err != nil {
		r.Fatal(err)
	}
	name := filepath.Join(r.dir, "complete")
	text := fmt.Sprintf("#!/bin/sh\ncat >'%[1]s'/given$$\necho \"$@\" >>'%[1]s'/given$$\nexec '%[2]s' '%[1]s' /dev/null\n", r.dir, program)
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		r.Fatal(err)
	}
	return name
}

// talk has raw conversations that end in other failures.
func (r *secretsRun) talk(addr, secret, wrong, named, token string) {
	r.Helper()
	message := func(text string) string { return string([]byte{byte(len(text) >> 8), byte(len(text))}) + text }
	login := "username=me&password=" + secret
	for _, said := range []string{
		message("username=" + named + "&password=" + secret),             // the password in the name's place
		message("username=me&password=" + secret + "&password=" + wrong), // twice
		message("username=me&passwort=" + secret),
		message(login)[:20],
		message(login) + message(login), // where the files belong
		message(login+"&tupkg=2") + "X\x00\x00\x00\x04" + secret[:4],
		message(login+"&tupkg=2") + "L\x00\x00\x00\x1f" + `{"user":"me","password":"` + wrong,
		message("username=me&password=" + strings.Repeat(wrong, 200)),
		message("username=me&password=" + token[:20]),
		"POST /login HTTP/1.1\r\n\r\npassword=" + secret,
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			r.Fatal(err)
		}
		_, _ = conn.Write([]byte(said))
		_ = conn.(*net.TCPConn).CloseWrite()
		buf := make([]byte, 4096)
		for n := 0; err == nil; n, err = conn.Read(buf) {
			r.said = append(r.said, "the server: "+string(buf[:n]))
		}
		_ = conn.Close()
	}
}

// look reads what the system shows of the server.
func (r *secretsRun) look(s *serving) {
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, name))
		if err == nil {
			r.said = append(r.said, "the server's "+name+": "+string(text))
		}
	}
}
