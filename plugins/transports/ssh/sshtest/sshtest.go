package sshtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// Server is an sshd that a listener starts for each connection.
type Server struct {
	// Host and Port are where it listens, User who can log in.
	Host, User string
	Port       int
	// Words is the ssh command that trusts the server and logs in with the first key.
	Words []string
	// CutAfter, if it is not 0, cuts the next connection when it has carried so many
	// bytes less one towards the server, and then is 0 again.
	CutAfter atomic.Int64
	// Connections counts them, Received their bytes towards the server.
	Connections, Received atomic.Int64

	dir, sshd string
	listener  net.Listener
	ends      sync.WaitGroup
	mu        sync.Mutex
	open      map[net.Conn]bool
}

// Start starts a server that lives as long as the test. command, if it is not empty, is
// the options in front of the key in authorized_keys.
func Start(t testing.TB, options string) *Server {
	t.Helper()
	s := &Server{Host: "127.0.0.1", dir: t.TempDir(), sshd: programtest.Need(t, "sshd"), open: map[net.Conn]bool{}}
	programtest.Need(t, "ssh")
	me, err := user.Current()
	check(t, err)
	s.User = me.Username
	for _, key := range []string{"host", "other-host", "client", "stranger"} {
		s.makeKey(t, key)
	}
	s.Authorize(t, "client", options)
	s.listen(t)
	s.Trust(t, "host")
	s.write(t, "sshd_config", s.config())
	s.Words = s.WordsFor(t, "client")
	if os.Geteuid() == 0 {
		// As root, sshd wants the folder that Debian's start script makes for it.
		check(t, os.MkdirAll("/run/sshd", 0o755))
	}
	t.Cleanup(s.stop)
	go s.accept()
	return s
}

func (s *Server) config() string {
	return strings.Join([]string{
		"HostKey " + s.path("host"),
		"AuthorizedKeysFile " + s.path("authorized_keys"),
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin yes", "PidFile none", "UseDNS no", "Subsystem sftp internal-sftp", "PrintMotd no",
		// Commands without the account's .bashrc, which may say anything.
		"SetEnv SHLVL=2", "",
	}, "\n")
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(t testing.TB, name, text string) {
	t.Helper()
	check(t, os.WriteFile(s.path(name), []byte(text), 0o600))
}

func (s *Server) makeKey(t testing.TB, name string) {
	t.Helper()
	out, err := exec.Command(programtest.Need(t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", s.path(name)).CombinedOutput()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// KeyFile is the file of a public key: "client", "stranger", "host" or "other-host".
func (s *Server) KeyFile(name string) string { return s.path(name) + ".pub" }

// Authorize lets this key, and no other, log in, with these options.
func (s *Server) Authorize(t testing.TB, key, options string) {
	t.Helper()
	text, err := os.ReadFile(s.KeyFile(key))
	check(t, err)
	s.AuthorizeLine(t, strings.TrimSpace(options+" "+string(text)))
}

// AuthorizeLine makes this line all that is in authorized_keys.
func (s *Server) AuthorizeLine(t testing.TB, line string) {
	t.Helper()
	s.write(t, "authorized_keys", line+"\n")
}

// Trust makes the client expect this host key: "host" or "other-host".
func (s *Server) Trust(t testing.TB, key string) {
	t.Helper()
	text, err := os.ReadFile(s.KeyFile(key))
	check(t, err)
	s.write(t, "known_hosts", fmt.Sprintf("[%s]:%d %s", s.Host, s.Port, text))
}

// KnownHosts is the text of a known_hosts file that trusts what [Server.Trust] has set.
func (s *Server) KnownHosts(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(s.path("known_hosts"))
	check(t, err)
	return string(text)
}

// WordsFor is the ssh command that logs in with this key.
func (s *Server) WordsFor(t testing.TB, key string) []string {
	t.Helper()
	s.write(t, "config-"+key, strings.Join([]string{
		"IdentityFile " + s.path(key), "IdentitiesOnly yes", "IdentityAgent none", "BatchMode yes",
		"UserKnownHostsFile " + s.path("known_hosts"), "GlobalKnownHostsFile none", "StrictHostKeyChecking yes", "",
	}, "\n"))
	return []string{programtest.Need(t, "ssh"), "-F", s.path("config-" + key)}
}

// URL is scheme://user@host:port and a path.
func (s *Server) URL(scheme, path string) string {
	return fmt.Sprintf("%s://%s@%s:%d%s", scheme, s.User, s.Host, s.Port, path)
}

func (s *Server) listen(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(s.Host, "0"))
	check(t, err)
	s.listener, s.Port = l, l.Addr().(*net.TCPAddr).Port
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.Connections.Add(1)
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.ends.Go(func() { s.serve(conn) })
	}
}

// serve has sshd speak with one client.
func (s *Server) serve(conn net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	sshd := exec.Command(s.sshd, "-i", "-f", s.path("sshd_config"), "-E", s.path("log"))
	in, err := sshd.StdinPipe()
	if err != nil {
		return
	}
	sshd.Stdout = conn
	if sshd.Start() != nil {
		return
	}
	from := &counter{conn, &s.Received}
	if limit := s.CutAfter.Swap(0); limit > 0 {
		_, _ = io.CopyN(in, from, limit-1)
	} else {
		_, _ = io.Copy(in, from)
	}
	_ = conn.Close()
	_ = in.Close()
	_ = sshd.Wait()
}

// counter counts what is read.
type counter struct {
	io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// CutAll cuts all connections now.
func (s *Server) CutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

func (s *Server) stop() {
	_ = s.listener.Close()
	s.CutAll()
	s.ends.Wait()
}

// Log is what sshd has logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.path("log"))
	return string(text)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
