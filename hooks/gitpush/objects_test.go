package gitpush

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mmpush/mmpush/core/programtest"
)

// bare is a bare repository that the real git works on.
type bare struct {
	tb  testing.TB
	dir string
	env []string
}

func newBare(tb testing.TB) bare {
	tb.Helper()
	programtest.Need(tb, "git")
	dir := tb.TempDir()
	b := bare{tb, filepath.Join(dir, "x.git"), append(CleanEnv(os.Environ()), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")}
	b.git(nil, "init", "-q", "--bare", b.dir)
	return b
}

func (b bare) git(in io.Reader, args ...string) string {
	b.tb.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir=" + b.dir}, args...)...)
	cmd.Env, cmd.Stdin = b.env, in
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		b.tb.Fatalf("git %q: %v\n%s", args, err, errText.String())
	}
	return strings.TrimSpace(string(out))
}

func (b bare) blob(data []byte) ID {
	b.tb.Helper()
	return plumbing.NewHash(b.git(bytes.NewReader(data), "hash-object", "-w", "--stdin"))
}

func (b bare) open(environ ...string) *Repository {
	b.tb.Helper()
	r, err := Open(context.Background(), b.dir, append(os.Environ(), environ...), nil)
	if err != nil {
		b.tb.Fatal(err)
	}
	b.tb.Cleanup(r.Close)
	return r
}

// read reads an object whole and says by which way it came.
func read(tb testing.TB, r *Repository, id ID) (data []byte, way string) {
	tb.Helper()
	o, err := r.open(id)
	if err != nil {
		tb.Fatal(err)
	}
	defer o.Close()
	data, err = io.ReadAll(o)
	if err != nil || int64(len(data)) != o.size {
		tb.Fatalf("%d bytes of %d: %v", len(data), o.size, err)
	}
	switch o.ReadCloser.(type) {
	case *stream:
		return data, "git"
	case closers:
		return data, "loose"
	}
	if r.batch != nil {
		return data, "batch"
	}
	return data, "pack"
}

func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return data
}

// TestObjects reads objects in each form that git keeps them in: loose, in a pack,
// as a difference, in another repository's folder and in the quarantine.
func TestObjects(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	large := noise(17 << 20)
	changed := append(bytes.Clone(large), "the end"...)
	small := []byte("a small one")
	ids := map[ID][]byte{}
	var list bytes.Buffer
	for _, data := range [][]byte{large, changed, small, {}} {
		id := b.blob(data)
		ids[id] = data
		fmt.Fprintf(&list, "%s file\n", id)
	}
	check := func(r *Repository, want ...string) {
		t.Helper()
		ways := map[string]bool{}
		for id, data := range ids {
			got, way := read(t, r, id)
			if !bytes.Equal(got, data) {
				t.Errorf("%s: other bytes by %s", id, way)
			}
			ways[way] = true
		}
		for _, way := range want {
			if !ways[way] {
				t.Errorf("nothing came by %s: %v", way, ways)
			}
		}
	}
	check(b.open(), "loose")
	b.git(&list, "-c", "pack.window=10", "pack-objects", "-q", filepath.Join(b.dir, "objects/pack/pack"))
	b.git(nil, "prune-packed")
	check(b.open(), "pack", "git")

	// The same from a repository that borrows, and from a quarantine.
	other := newBare(t)
	if err := os.WriteFile(filepath.Join(other.dir, "objects/info/alternates"), []byte(filepath.Join(b.dir, "objects")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(other.open(), "git")
	third := newBare(t)
	check(third.open("GIT_OBJECT_DIRECTORY="+filepath.Join(b.dir, "objects"), "GIT_QUARANTINE_PATH="+filepath.Join(b.dir, "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(third.dir, "objects")), "pack")
	if _, err := third.open().open(plumbing.NewHash(strings.Repeat("12", 20))); err == nil || !strings.Contains(err.Error(), "no such object") {
		t.Errorf("an object that is nowhere: %v", err)
	}
}

// TestObjectsOfALargePack finds each of many objects, and none that is not there.
func TestObjectsOfALargePack(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	var list, in bytes.Buffer
	for i := range 3000 {
		fmt.Fprintf(&in, "blob\nmark :%d\ndata %d\n%s\n", i+1, len(fmt.Sprint("object ", i)), fmt.Sprint("object ", i))
	}
	b.git(&in, "fast-import", "--quiet", "--export-marks="+filepath.Join(b.dir, "marks"), "--force")
	marks, err := os.ReadFile(filepath.Join(b.dir, "marks"))
	if err != nil {
		t.Fatal(err)
	}
	r := b.open()
	for line := range strings.Lines(string(marks)) {
		_, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		list.WriteString(id + "\n")
		if data, _ := read(t, r, plumbing.NewHash(id)); !strings.HasPrefix(string(data), "object ") {
			t.Fatalf("%s: %q", id, data)
		}
	}
	for range 300 {
		var id ID
		for i := range id {
			id[i] = byte(mathrand.Uint32())
		}
		if _, err := r.folders[0].open(id); err != errElsewhere {
			t.Fatalf("%s: %v", id, err)
		}
	}
	if r.batch == nil && r.check != nil {
		t.Error("git was asked for what is there")
	}
}

// BenchmarkBlob reads a blob of 200 MB, in each form, against `git cat-file`.
func BenchmarkBlob(b *testing.B) {
	at := newBare(b)
	data := noise(200 << 20)
	id := at.blob(data)
	form := func(name string) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				r := at.open()
				o, err := r.open(id)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, o); err != nil || n != int64(len(data)) {
					b.Fatal(n, err)
				}
				o.Close()
			}
		})
		b.Run(name+"/git-cat-file", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				cmd := exec.Command("git", "--git-dir="+at.dir, "cat-file", "blob", id.String())
				cmd.Env, cmd.Stdout = at.env, writer{io.Discard}
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	form("loose")
	at.git(strings.NewReader(id.String()+" file\n"), "pack-objects", "-q", filepath.Join(at.dir, "objects/pack/pack"))
	at.git(nil, "prune-packed")
	form("packed")
}

// writer hides what it is, so that the bytes come through a pipe, as they do for us.
type writer struct{ io.Writer }
