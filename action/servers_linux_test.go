package action_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// releases serves the releases: 1.2.3 is one, 6.6.6 has other bytes than its sums say,
// 2.0.0 has no program for this machine.
func (w *world) releases() string {
	w.Helper()
	program := w.read(w.mmpush)
	name := func(version string) string { return "mmpush_" + version + "_" + runtime.GOOS + "_" + runtime.GOARCH }
	sums := func(version, text string) string {
		return fmt.Sprintf("%x  another_file\n%x  %s\n", sha256.Sum256(nil), sha256.Sum256([]byte(text)), name(version))
	}
	files := map[string]string{
		"/v1.2.3/SHA256SUMS": sums("1.2.3", program), "/v1.2.3/" + name("1.2.3"): program,
		"/v6.6.6/SHA256SUMS": sums("6.6.6", program), "/v6.6.6/" + name("6.6.6"): "#!/bin/sh\ntouch " + w.dir + "/pwned\n",
		"/v2.0.0/SHA256SUMS": "",
	}
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(text))
	}))
	w.Cleanup(s.Close)
	return s.URL
}

// serve runs mmpush serve for the user me.
func (w *world) serve() {
	w.Helper()
	at, users := w.repository("server"), filepath.Join(w.dir, "users")
	add := exec.Command(w.mmpush, "user", "add", "me", "--users", users, "--rights", "*")
	add.Env = append(os.Environ(), "MMPUSH_PASSWORD="+rightPassword)
	w.must(add)
	var log lockedBuffer
	cmd := exec.Command(w.mmpush, "serve", "-R", at, "--users", users, "--listen", "127.0.0.1:0")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address := regexp.MustCompile(`msg=listening address=(\S+)`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if m := address.FindStringSubmatch(log.String()); m != nil {
			w.env["SERVER"] = "tupkg://me@" + m[1]
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("no server: %s", log.String())
		}
	}
}

// sshd runs a server that lets one key in, and poisons the path.
func (w *world) sshd() {
	w.Helper()
	s := sshtest.Start(w, "")
	w.env["SSH"], w.env["MMPUSH_REMOTE"] = s.URL("ssh", w.repository("ssh")), w.mmpush
	for variable, key := range map[string]string{"SSH_KEY": "client", "STRANGER": "stranger"} {
		text := w.read(strings.TrimSuffix(s.KeyFile(key), ".pub"))
		w.env[variable] = text
		// The last line is one that all keys have in common.
		w.secrets = append(w.secrets, strings.Split(text, "\n")[2])
	}
	for variable, key := range map[string]string{"OTHER_HOSTS": "other-host", "HOSTS": "host"} {
		s.Trust(w, key)
		w.env[variable] = s.KnownHosts(w)
	}
	w.env["POISON"] = w.folder("poison")
	for _, name := range []string{
		"mmpush", "ssh", "curl", "sha256sum", "shasum", "rm", "cp", "mv", "mkdir", "chmod", "mktemp", "cat", "od", "tr", "awk", "cut", "uname", "git", "go", "env", "sh",
	} {
		file := filepath.Join(w.env["POISON"], name)
		w.write(file, "#!/bin/bash\nprintf '%s\\n' \"$0 $*\" >> "+w.reports+"/poisoned\nexit 99\n")
		if err := os.Chmod(file, 0o755); err != nil {
			w.Fatal(err)
		}
	}
}

// serveFolder shows a repository as a web server does.
func (w *world) serveFolder(at string) string {
	s := httptest.NewServer(http.FileServer(http.Dir(at)))
	w.Cleanup(s.Close)
	return s.URL
}

// silent is the address of a server that takes connections and says nothing; reached is
// closed at the first.
func (w *world) silent() (address string, reached chan struct{}) {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = l.Close() })
	reached = make(chan struct{})
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.Cleanup(func() { _ = conn.Close() })
			if first {
				close(reached)
			}
		}
	}()
	return l.Addr().String(), reached
}
