package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/vfs"
)

// coded is a finding or an error of a document.
type coded struct {
	Code, File, Field, Expected, Actual, Message, Hint string
}

// The genuine uploads that the cases publish.
const (
	fooUpload, nextUpload, rebuiltUpload = "uploads/01-foo-1.0.0", "uploads/06-foo-1.1.0", "uploads/07-foo-1.1.0-rebuild"
	greetUpload                          = "uploads/03-greet-0.9.0"
)

// codeCase produces a code in a world of its own, and returns all that was told.
type codeCase func(w *codeWorld) []coded

// codeWorld is a repository, and what somebody does with it.
type codeWorld struct {
	t       *testing.T
	at, dir string
}

func newCodeWorld(t *testing.T, uploads ...string) *codeWorld {
	t.Helper()
	return &codeWorld{t, newRepo(t, uploads...), t.TempDir()}
}

func (w *codeWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *codeWorld) write(name, text string) string {
	w.t.Helper()
	at := name
	if !filepath.IsAbs(at) {
		at = filepath.Join(w.dir, name)
	}
	w.must(os.WriteFile(at, []byte(text), 0o600))
	return at
}

// settings adds to the repository's settings.
func (w *codeWorld) settings(text string) {
	w.t.Helper()
	at := filepath.Join(w.at, ".mmpush/settings.yaml")
	w.write(at, mustRead(w.t, at)+"\n"+text)
}

// run runs a command line, and returns what its document tells.
func (w *codeWorld) run(s shell, args ...string) []coded {
	w.t.Helper()
	return w.read(s.run(append(args, "--json")...).stdout)
}

// read returns what a document tells.
func (w *codeWorld) read(text string) []coded {
	w.t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		w.t.Fatalf("no document: %v\n%s", err, text)
	}
	return codesIn(doc)
}

func (w *codeWorld) do(args ...string) []coded { w.t.Helper(); return w.run(shell{}, args...) }

func (w *codeWorld) push(manifest string, flags ...string) []coded {
	w.t.Helper()
	return w.do(append([]string{"push", manifest, "--to", w.at}, flags...)...)
}

// publish pushes one of the genuine uploads.
func (w *codeWorld) publish(upload string, flags ...string) []coded {
	w.t.Helper()
	return w.push(manifestOf(w.t, upload), flags...)
}

func (w *codeWorld) fsck() []coded { w.t.Helper(); return w.do("fsck", "-R", w.at) }

// in is a name below the repository.
func (w *codeWorld) in(name string) string { return filepath.Join(w.at, name) }

// edit changes a file of the repository in one place.
func (w *codeWorld) edit(name, from, to string) {
	w.t.Helper()
	w.write(w.in(name), w.replaced(name, mustRead(w.t, w.in(name)), from, to))
}

// editIndex changes the binary index in one place.
func (w *codeWorld) editIndex(from, to string) {
	w.t.Helper()
	const name = "binary-index.gz"
	z, err := gzip.NewReader(strings.NewReader(mustRead(w.t, w.in(name))))
	w.must(err)
	text, err := io.ReadAll(z)
	w.must(err)
	var packed bytes.Buffer
	to = w.replaced(name, string(text), from, to)
	p := gzip.NewWriter(&packed)
	_, err = io.WriteString(p, to)
	w.must(errors.Join(err, p.Close()))
	w.write(w.in(name), packed.String())
}

func (w *codeWorld) replaced(name, text, from, to string) string {
	w.t.Helper()
	if !strings.Contains(text, from) {
		w.t.Fatalf("%s has no %q", name, from)
	}
	return strings.Replace(text, from, to, 1)
}

// bad pushes one of the damaged genuine uploads.
func (w *codeWorld) bad(name string) []coded {
	w.t.Helper()
	return w.push(manifestOf(w.t, "uploads-bad/"+name))
}

// made pushes an upload that was made for it.
func (w *codeWorld) made(u mpktest.Upload, flags ...string) []coded {
	w.t.Helper()
	return w.push(u.In(w.t, w.t.TempDir()), flags...)
}

// packaged pushes an upload of one package.
func (w *codeWorld) packaged(p mpktest.Package) []coded {
	w.t.Helper()
	return w.made(mpktest.Upload{Packages: []mpktest.Package{p}})
}

// codesIn are the findings and errors of a document, wherever they stand.
func codesIn(doc any) []coded {
	var list []coded
	switch v := doc.(type) {
	case []any:
		for _, item := range v {
			list = append(list, codesIn(item)...)
		}
	case map[string]any:
		if _, ok := v["code"].(string); ok {
			text := func(key string) string { s, _ := v[key].(string); return s }
			list = append(list, coded{text("code"), text("file"), text("field"), text("expected"), text("actual"), text("message"), text("hint")})
		}
		for _, key := range []string{"reports", "findings", "differences", "error"} {
			list = append(list, codesIn(v[key])...)
		}
	}
	return list
}

// diesBehind is a process that dies behind the renaming of a file: nothing is written
// any more.
func diesBehind(name string) func(vfs.FS) vfs.FS {
	var renamed atomic.Bool
	return failing(errors.New("the power is gone"), func(op vfs.Op) bool {
		after := renamed.Load()
		if op.Kind == "rename" && strings.HasSuffix(op.Name, name) {
			renamed.Store(true)
		}
		return after && op.Writes()
	})
}

// signers has the repository want uploads that are signed by the key of w.signed;
// more are settings of the verifier.
func (w *codeWorld) signers(allowed string, more ...string) {
	w.t.Helper()
	out, err := exec.Command(programtest.Need(w.t, "ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(w.dir, "key")).CombinedOutput()
	if err != nil {
		w.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	w.write(filepath.Join(w.at, ".mmpush/allowed"), allowed+" "+mustRead(w.t, filepath.Join(w.dir, "key.pub")))
	w.settings("verifiers:\n    signature: {config: {" + strings.Join(append([]string{"ssh: [allowed]"}, more...), ", ") + "}}")
}

// signed is the manifest of an upload that is signed.
func (w *codeWorld) signed() string {
	w.t.Helper()
	m := mpktest.Upload{}.In(w.t, w.t.TempDir())
	if got := (shell{}).run("sign", m, "--with", "ssh", "--key", filepath.Join(w.dir, "key")); got.code != exitDone {
		w.t.Fatalf("sign: %s", got.stderr)
	}
	return m
}
