package syncdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// world is a pacman repository in memory, its time, and a folder of packages.
type world struct {
	*vfs.Mem
	ticks  *atomic.Int64
	ids    atomic.Int64
	bring  *vfs.Mem
	format Format
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func newWorld() *world {
	w := &world{ticks: new(atomic.Int64), format: Format{"demo"}}
	w.Mem, w.bring = vfs.NewMem(w.now), genuineFiles(w.now)
	_, created, err := repo.Init(context.Background(), w.Mem, "/repo", w.format, repo.InitOptions{Arch: AnyArch})
	must(err)
	if !created {
		panic("not created")
	}
	w.SyncAll()
	return w
}

// now goes on by a microsecond each time somebody looks.
func (w *world) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(w.ticks.Add(1)) * time.Microsecond)
}

func (w *world) skip(d time.Duration) { w.ticks.Add(int64(d / time.Microsecond)) }

func (w *world) with(m *vfs.Mem) *world {
	out := &world{Mem: m, ticks: w.ticks, bring: w.bring, format: w.format}
	out.ids.Store(w.ids.Load() + 1000)
	return out
}

// genuineFiles are the packages that makepkg has built.
func genuineFiles(now func() time.Time) *vfs.Mem {
	m := vfs.NewMem(now)
	list, err := os.ReadDir(testdata + "packages")
	must(err)
	for _, f := range list {
		text, err := os.ReadFile(testdata + "packages/" + f.Name())
		must(err)
		must(vfs.CreateSynced(m, strings.ReplaceAll(f.Name(), "%3A", ":"), 0o644, text))
	}
	return m
}

const (
	alpha10 = "alpha-1.0-1-any.pkg.tar.zst"
	alpha11 = "alpha-1.1-1-any.pkg.tar.zst"
	beta    = "beta-2:1.0-1-any.pkg.tar.zst"
	gamma   = "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	delta   = "delta-git-r12.gabc-1-any.pkg.tar.zst"
	zlibish = "zlibish-1.2.3-1-any.pkg.tar.gz"
)

func (w *world) open(fsys vfs.FS) (*repo.Repo, error) {
	r, err := Open(fsys, "/repo")
	if err != nil {
		return nil, err
	}
	r.Now, r.Sleep = w.now, w.skip
	r.NewID = func() string { return fmt.Sprintf("id%06d", w.ids.Add(1)) }
	return r, nil
}

// action is something that changes a repository.
type action func(w *world, fsys vfs.FS) (Outcome, error)

func (w *world) run(fsys vfs.FS, req Request) (Outcome, error) {
	r, err := w.open(fsys)
	if err != nil {
		return Outcome{}, err
	}
	req.LockWait, req.Program, req.Who = 10*time.Second, "test", "somebody"
	return Publish(context.Background(), r, req)
}

func (w *world) sources(names ...string) []Source {
	var list []Source
	for _, n := range names {
		list = append(list, Source{FS: w.bring, Path: n, Shown: n})
	}
	return list
}

// add publishes packages, remove takes some out.
func add(names ...string) action {
	return func(w *world, fsys vfs.FS) (Outcome, error) {
		return w.run(fsys, Request{Add: w.sources(names...)})
	}
}

func remove(names ...string) action {
	return func(w *world, fsys vfs.FS) (Outcome, error) { return w.run(fsys, Request{Remove: names}) }
}

// undo takes generation 2 back; once more changes nothing.
func undo(w *world, fsys vfs.FS) (Outcome, error) {
	r, err := w.open(fsys)
	if err != nil {
		return Outcome{}, err
	}
	return Undo(context.Background(), r, UndoRequest{Generation: 2, Options: Options{LockWait: 10 * time.Second, Program: "test", Who: "somebody"}})
}

// later lets time go by.
func later(d time.Duration) action {
	return func(w *world, _ vfs.FS) (Outcome, error) {
		w.skip(d)
		return Outcome{}, nil
	}
}

// losing deletes a published file behind everybody's back.
func losing(name string) action {
	return func(_ *world, fsys vfs.FS) (Outcome, error) { return Outcome{}, fsys.Remove(name) }
}

func (w *world) setup(t testing.TB, actions ...action) {
	t.Helper()
	for _, a := range actions {
		out, err := a(w, w.Mem)
		if err != nil || out.Result == report.Rejected {
			t.Fatalf("setup: %v %v %v", out.Result, out.Findings, err)
		}
	}
	w.SyncAll()
}

// follow resolves links, as a web server does.
func follow(fsys vfs.FS, name string) (string, error) {
	for range 10 {
		resolved := "."
		parts, again := strings.Split(name, "/"), false
		for i, part := range parts {
			at := path.Join(resolved, part)
			says, err := fsys.Readlink(at)
			if err == nil {
				name, again = path.Join(append([]string{path.Dir(at), says}, parts[i+1:]...)...), true
				break
			}
			resolved = at
		}
		if !again {
			return name, nil
		}
	}
	return "", errors.New("too many links")
}

// fetch is what a client gets for a name.
func fetch(fsys vfs.FS, name string) ([]byte, error) {
	at, err := follow(fsys, name)
	if err != nil {
		return nil, err
	}
	info, err := fsys.Lstat(at)
	if err != nil {
		return nil, err
	}
	if info.Mode.Perm() != 0o644 {
		return nil, fmt.Errorf("%s has mode %v", at, info.Mode)
	}
	return vfs.ReadFile(fsys, at, 1<<30)
}

// served is what a client reads in a database: its entries' texts.
func served(fsys vfs.FS, file string) (map[string]string, *View, error) {
	packed, err := fetch(fsys, file)
	if err != nil {
		return nil, nil, err
	}
	return parseServed(packed)
}

func parseServed(packed []byte) (map[string]string, *View, error) {
	z, err := archive.Gzip(bytes.NewReader(packed), int64(len(packed)), archive.DefaultLimits())
	if err != nil {
		return nil, nil, err
	}
	defer z.Close()
	all := map[string]string{}
	var b bytes.Buffer
	if _, err := b.ReadFrom(z); err != nil {
		return nil, nil, err
	}
	for e, err := range entries(bytes.NewReader(b.Bytes()), archive.DefaultLimits()) {
		if err != nil {
			return nil, nil, err
		}
		all[e.folder] = string(e.desc)
	}
	v, err := ReadView(&b, archive.DefaultLimits())
	return all, v, err
}

// judgeServed judges a state as a static web server serves it: both databases are there
// and whole, and so is every file that either names.
func judgeServed(fsys vfs.FS) (string, error) {
	var text [2]string
	for k, file := range []string{"demo.db", "demo.files"} {
		all, v, err := served(fsys, file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		for d, err := range v.All() {
			if err != nil {
				return "", err
			}
			data, err := fetch(fsys, d.FileName)
			if err != nil {
				return "", fmt.Errorf("%s names %s: %w", file, d.FileName, err)
			}
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != d.SHA256 {
				return "", fmt.Errorf("%s names %s, which has other bytes", file, d.FileName)
			}
			if strings.Contains(all[d.Folder()], "%PGPSIG%") {
				if _, err := fetch(fsys, d.FileName+".sig"); err != nil {
					return "", err
				}
			}
			text[k] += all[d.Folder()]
		}
	}
	if text[0] != text[1] {
		return "", errors.New("the databases disagree")
	}
	if err := judgeSignatures(fsys); err != nil {
		return "", err
	}
	return text[0], nil
}

// judgeSignatures wants a signature that is there to be of the database beside it, for who
// resolves the folder's link once.
func judgeSignatures(fsys vfs.FS) error {
	folder, err := fsys.Readlink("demo.current")
	if err != nil {
		return err
	}
	for _, k := range []Kind{DB, Files} {
		name := path.Join(folder, Format{"demo"}.file(k))
		signature, err := fetch(fsys, name+signatureEnd)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		text, textErr := fetch(fsys, name)
		if err := errors.Join(err, textErr); err != nil {
			return err
		}
		want, err := signInTests(context.Background(), bytes.NewReader(text))
		if err != nil || !bytes.Equal(signature, want) {
			return fmt.Errorf("%s is signed by something that is no signature of it (%w)", name, err)
		}
	}
	return nil
}

// signInTests is a [Signer].
func signInTests(_ context.Context, text io.Reader) ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, text); err != nil {
		return nil, err
	}
	return append([]byte{0x88}, h.Sum(nil)...), nil
}

// signed adds packages and signs the databases.
func signed(names ...string) action {
	return func(w *world, fsys vfs.FS) (Outcome, error) {
		return w.run(fsys, Request{Add: w.sources(names...), Options: Options{Sign: signInTests}})
	}
}

// recoverOnly is what any next run does first.
func recoverOnly(w *world, fsys vfs.FS) error {
	r, err := w.open(fsys)
	if err != nil {
		return err
	}
	tx, err := commit.Begin(context.Background(), r, CommitOptions(Options{LockWait: 10 * time.Second}))
	if err != nil {
		return err
	}
	return tx.Close()
}

func (w *world) last() repo.Generation {
	r, err := w.open(w.Mem)
	must(err)
	g, _, err := r.LastGeneration()
	must(err)
	return g
}

// made is a package that nobody's makepkg has built.
func made(info string, more ...archivetest.Member) []byte {
	members := append([]archivetest.Member{{Name: ".PKGINFO", Body: info}}, more...)
	return archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(members...))
}

// infoOf is a .PKGINFO.
func infoOf(name, version string, more ...string) string {
	return fmt.Sprintf("pkgname = %s\npkgbase = %s\npkgver = %s\npkgdesc = a package\nsize = 10\nbuilddate = 1700000000\narch = any\n%s",
		name, name, version, strings.Join(more, ""))
}

// put lays a file where packages are brought from.
func (w *world) put(name string, data []byte) {
	if err := w.bring.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		must(err)
	}
	must(vfs.CreateSynced(w.bring, name, 0o644, data))
}
