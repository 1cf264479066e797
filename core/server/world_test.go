package server

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
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

// TestMain fails when a test leaves a goroutine of ours behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines waits for those that are about to end.
func leftGoroutines() string {
	buf := make([]byte, 4<<20)
	for deadline := time.Now().Add(3 * time.Second); ; runtime.Gosched() {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if (strings.Contains(g, "core/tupkg.") || strings.Contains(g, "core/server.")) && !strings.Contains(g, "server.TestMain") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

const (
	arch     = "amd64-debian"
	corpus   = "../../testdata/mmpack"
	password = "B0b+50%"
)

// users: bfinch and other may publish everything, librarian lib*, nobody nothing.
var usersFile = sync.OnceValue(func() *access.File {
	f := access.New("users")
	// bcrypt of cost 4: what is measured here is not the hash.
	hash, err := access.NewHash(access.NewSecret(password))
	for name, rights := range map[string]string{
		"bfinch@example.net": "*:*:publish,rebuild,downgrade,take-over", "other": "*", "librarian": "lib*:*:publish,take-over", "nobody": "",
	} {
		var list []access.Right
		if rights != "" {
			r, perr := access.ParseRight(rights)
			err = errors.Join(err, perr)
			list = append(list, r)
		}
		var aerr error
		f, aerr = f.Add(name, hash, list)
		err = errors.Join(err, aerr)
	}
	if err != nil {
		panic(err)
	}
	return f
})

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// world is a repository in memory and a server of it.
type world struct {
	*Server
	disk  *vfs.Mem
	users *access.Authenticator
	log   syncBuffer
	skip  time.Duration
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{disk: vfs.NewMem(time.Now)}
	if _, _, err := repo.Init(context.Background(), w.disk, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	w.users = access.NewAuthenticator(usersFile(), access.Stamp{}, access.Options{})
	w.start(t, change...)
	return w
}

// start runs a server on the world's disk, again if need be.
func (w *world) start(t testing.TB, change ...func(*Options)) {
	t.Helper()
	if w.Server != nil {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(w.options(change...))
	if err != nil {
		t.Fatal(err)
	}
	s.lastWord, s.lookFrom = 50*time.Millisecond, 0
	s.pause = time.Millisecond
	w.Server = s
}

// options are those of the world's servers.
func (w *world) options(change ...func(*Options)) Options {
	o := Options{
		Open:  func() (*repo.Repo, error) { return pipeline.Open(w.disk, "/repo") },
		Users: w.users, State: w.disk, Dir: repo.MetaDir,
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return time.Now().Add(w.skip) },
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

// dial is a connection to the server; done waits for the server's end of it.
func (w *world) dial(t testing.TB) (client net.Conn, done func()) {
	t.Helper()
	client, server := net.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.ServeConn(context.Background(), server)
	}()
	t.Cleanup(func() { _ = client.Close(); <-over })
	return client, func() {
		select {
		case <-over:
		case <-time.After(20 * time.Second):
			t.Fatal("the server hangs")
		}
	}
}

func quick() tupkg.Options {
	return tupkg.Options{DrainTime: 200 * time.Millisecond, AckTime: 200 * time.Millisecond}
}

func credentials(user string) tupkg.Credentials {
	return tupkg.Credentials{User: user, Password: password}
}

// v1 is one session of version 1.
func (w *world) v1(t testing.TB, user string, d tupkg.Dialect, files ...mpktest.File) (tupkg.Result, error) {
	t.Helper()
	client, done := w.dial(t)
	defer done()
	return tupkg.Upload(context.Background(), client, wire(files), tupkg.UploadOptions{
		Options: quick(), Credentials: credentials(user), Dialect: d, WantReason: true,
	})
}

// v2 is one upload of version 2, with the manifest declared if there is one.
func (w *world) v2(t testing.TB, user string, set tupkg.Set, files ...mpktest.File) (tupkg.Result, error) {
	t.Helper()
	client, done := w.dial(t)
	defer done()
	c, err := tupkg.Connect(context.Background(), client, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(user)})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	return c.Push(context.Background(), setOf(set, files))
}

func setOf(set tupkg.Set, files []mpktest.File) tupkg.Set {
	set.Files = wire(files)
	for i, f := range files {
		if isManifest(f.Name) {
			set.Manifest, set.ManifestFile = f.Data, i
		}
	}
	return set
}

// wire declares files as they are.
func wire(files []mpktest.File) []tupkg.File {
	var list []tupkg.File
	for _, f := range files {
		sum := md5.Sum(f.Data)
		list = append(list, tupkg.File{
			Name: f.Name, Size: int64(len(f.Data)), MD5: hex.EncodeToString(sum[:]), SHA256: sumOf(string(f.Data)), Content: bytes.NewReader(f.Data),
		})
	}
	return list
}

// genuine are the files of a genuine upload, the manifest first.
func genuine(t testing.TB, name string) []mpktest.File {
	t.Helper()
	dir := filepath.Join(corpus, name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []mpktest.File
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		f := mpktest.File{Name: e.Name(), Data: data}
		if isManifest(f.Name) {
			files = append([]mpktest.File{f}, files...)
		} else {
			files = append(files, f)
		}
	}
	return files
}

func built(name, version string) []mpktest.File {
	return mpktest.Upload{Name: name, Version: version}.Build().Files()
}

// published are the binary packages of the index, as "name version".
func (w *world) published(t testing.TB) []string {
	t.Helper()
	view, err := index.Open(w.disk)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for b, err := range view.All() {
		if err != nil {
			t.Fatal(err)
		}
		if info, err := w.disk.Lstat(b.Filename); err != nil || info.Size != b.Size {
			t.Errorf("%s is named and not there: %v", b.Filename, err)
		}
		list = append(list, b.Name+" "+b.Version)
	}
	return list
}

// files are those below a folder of the server's, by their paths there.
func (w *world) files(t testing.TB, below string) []string {
	t.Helper()
	var list []string
	var walk func(dir, shown string)
	walk = func(dir, shown string) {
		entries, err := w.disk.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Mode.IsDir() {
				walk(dir+"/"+e.Name, shown+e.Name+"/")
			} else {
				list = append(list, shown+e.Name)
			}
		}
	}
	walk(w.path(below), "")
	return list
}

func mustPass(t testing.TB, r tupkg.Result, err error) {
	t.Helper()
	if err != nil || !r.Pass() {
		t.Fatalf("%+v %s: %v", r.Files, r.Reason, err)
	}
}
