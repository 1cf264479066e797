package server

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// newDisk is an empty repository for an architecture, with other lines in its settings.
func newDisk(t testing.TB, arch string, settings ...string) *vfs.Mem {
	t.Helper()
	disk := vfs.NewMem(time.Now)
	if _, _, err := repo.Init(context.Background(), disk, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	text, err := vfs.ReadFile(disk, repo.SettingsFile, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, setting := range settings {
		key, _, _ := strings.Cut(setting, ":")
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, key+":") })
		if i < 0 {
			t.Fatalf("there is no setting %s", key)
		}
		lines[i] = setting
	}
	if err := vfs.ReplaceFile(disk, repo.SettingsFile, repo.SettingsFile+".new", 0o600, []byte(strings.Join(lines, "\n"))); err != nil {
		t.Fatal(err)
	}
	disk.SyncAll()
	return disk
}

// worldOn runs a server on a disk. Worlds that share users share what is remembered of
// their logins: a password costs one hash for all of them.
func worldOn(t testing.TB, disk *vfs.Mem, users *access.Authenticator, change ...func(*Options)) *world {
	t.Helper()
	w := &world{disk: disk, users: users}
	w.start(t, change...)
	return w
}

// sharedUsers are the users of newWorld, once for all tests that fail no logins.
var sharedUsers = sync.OnceValue(func() *access.Authenticator {
	return access.NewAuthenticator(usersFile(), access.Stamp{}, access.Options{})
})

// publish puts an upload into a repository, as its operator.
func publish(t testing.TB, disk *vfs.Mem, u mpktest.Upload) {
	t.Helper()
	w := worldOn(t, disk, sharedUsers())
	r, err := w.v2(t, bfinch, tupkg.Set{Wishes: tupkg.Wishes{Rebuild: true, Downgrade: true, TakeOver: true}}, u.Build().Files()...)
	mustPass(t, r, err)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// shelves are the published files as the index has them, "name version hash", each
// read and hashed. An error is a repository that no reader should ever see.
func shelves(disk vfs.FS) ([]string, error) {
	view, err := index.Open(disk)
	if err != nil {
		return nil, err
	}
	var list []string
	for b, err := range view.All() {
		if err != nil {
			return nil, err
		}
		text, err := vfs.ReadFile(disk, b.Filename, 64<<20)
		if err != nil {
			return nil, err
		}
		if got := sumOf(string(text)); got != b.SHA256 {
			return nil, fmt.Errorf("%s is named with the hash %s and has %s", b.Filename, b.SHA256, got)
		}
		list = append(list, b.Name+" "+b.Version+" "+b.SHA256[:8])
	}
	return list, nil
}

func mustShelves(t testing.TB, disk vfs.FS) []string {
	t.Helper()
	list, err := shelves(disk)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// stored are the whole files of a user's area, by name, with the hash of their bytes;
// a file that lies under another hash than its own is an error.
func (w *world) stored(t testing.TB, user string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, at := range w.files(t, "area") {
		parts := strings.Split(at, "/")
		if parts[0] != user {
			continue
		}
		text, err := vfs.ReadFile(w.disk, w.path("area", at), 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got := sumOf(string(text)); got != parts[1] {
			t.Errorf("%s has the hash %s", at, got)
		}
		all[parts[2]] = append(all[parts[2]], parts[1])
	}
	return all
}

// listen runs the server on a TCP port of this machine until stop is called.
func (w *world) listen(t testing.TB) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, l) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-served:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(30 * time.Second):
				t.Error("the server does not stop")
			}
		})
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// frame is a message of version 1 on the wire.
func frame(messages ...string) []byte {
	var all []byte
	for _, m := range messages {
		all = append(append(all, byte(len(m)>>8), byte(len(m))), m...)
	}
	return all
}

// frames takes an answer of version 1 apart; what is no frame is the last one.
func frames(answer []byte) []string {
	var list []string
	for len(answer) >= 2 {
		n := int(answer[0])<<8 | int(answer[1])
		if len(answer) < 2+n {
			break
		}
		list, answer = append(list, string(answer[2:2+n])), answer[2+n:]
	}
	if len(answer) > 0 {
		list = append(list, fmt.Sprintf("%d bytes that are no message", len(answer)))
	}
	return list
}

// conversation writes all that a client says, whether it is read or not, and returns the
// messages that come until the server closes. With messages > 0 the client hangs up once
// it has so many and has written all.
func (w *world) conversation(t testing.TB, said []byte, messages int) []string {
	t.Helper()
	client, done := w.dial(t)
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = client.Write(said)
	}()
	_ = client.SetReadDeadline(time.Now().Add(20 * time.Second))
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := client.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil && err != io.EOF {
			t.Errorf("the server neither answers nor closes: %v; it said %q", err, got)
		}
		if err != nil {
			break
		}
		if messages > 0 && len(frames(got)) >= messages {
			select {
			case <-written:
			case <-time.After(10 * time.Second):
				t.Errorf("the server does not read on; it said %q", got)
			}
			break
		}
	}
	_ = client.Close()
	done()
	return frames(got)
}

// as is the world for clients of whom all have this password.
func (w *world) as(password string) speaker { return speaker{w, password} }

// speaker is a client with a password of its own.
type speaker struct {
	*world
	password string
}

// v2 is one upload of version 2.
func (s speaker) v2(t testing.TB, user string, set tupkg.Set, files ...mpktest.File) (tupkg.Result, error) {
	t.Helper()
	client, done := s.dial(t)
	defer done()
	c, err := tupkg.Connect(context.Background(), client, tupkg.ConnectOptions{
		Options: quick(), Credentials: tupkg.Credentials{User: user, Password: tupkg.Password(s.password)},
	})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	return c.Push(context.Background(), setOf(set, files))
}

func md5Of(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func dialTCP(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, 10*time.Second) }

// opener opens the repository on a disk.
func opener(fsys vfs.FS) func() (*repo.Repo, error) {
	return func() (*repo.Repo, error) { return pipeline.Open(fsys, "/repo") }
}
