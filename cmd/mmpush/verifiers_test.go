//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
)

// The verifiers that are built in, with the real programs that sign.
func TestVerifierScripts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gpg", "ssh-keygen", "minisign", "git"} {
		programtest.Need(t, name)
	}
	genuine, err := filepath.Abs(corpus)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "verifiers"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("UPLOADS", filepath.Join(genuine, "uploads"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			if err := os.CopyFS(filepath.Join(e.WorkDir, "foo"), os.DirFS(filepath.Join(genuine, "uploads", "01-foo-1.0.0"))); err != nil {
				return err
			}
			return makeKeys(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "settings": addSettings, "serving": serveScript, "allow": allowSigner, "touch-manifest": touchManifest, "drop-folder": unsignedDrop, "made-uploads": madeUploads, "tag-source": tagSource,
		},
	})
}

// makeKeys makes keys of all kinds: ssh_key, ssh_two, minisign.key and a keyring of gpg
// with one secret key, whose public half is team.asc.
func makeKeys(e *testscript.Env) error {
	// The name of gpg-agent's socket may not be long.
	home, err := os.MkdirTemp("/tmp", "mmpush-gpg-")
	if err != nil {
		return err
	}
	e.Setenv("GNUPGHOME", home)
	env := append(os.Environ(), "GNUPGHOME="+home)
	e.Defer(func() {
		kill := exec.Command("gpgconf", "--kill", "all")
		kill.Env = env
		_ = kill.Run()
		_ = os.RemoveAll(home)
	})
	for _, argv := range [][]string{
		{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "ssh_key"},
		{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "ssh_two"},
		{"minisign", "-G", "-W", "-f", "-p", "minisign.pub", "-s", "minisign.key"},
		{"gpg", "--batch", "--passphrase", "", "--quick-gen-key", "Alice <alice@example.org>", "ed25519", "sign", "0"},
		{"gpg", "--batch", "--armor", "--output", "team.asc", "--export"},
	} {
		c := exec.Command(argv[0], argv[1:]...)
		c.Dir, c.Env = e.WorkDir, env
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
	}
	public, err := os.ReadFile(filepath.Join(e.WorkDir, "minisign.pub"))
	e.Setenv("MINISIGN", strings.Split(string(public), "\n")[1])
	return err
}

// allowSigner is `allow FILE NAME PUBLIC-KEY`: writes a file of allowed signers.
func allowSigner(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+" "+ts.ReadFile(args[2])), 0o600))
}

// touchManifest is `touch-manifest FILE`: changes its bytes and nothing that it says.
func touchManifest(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+"# \n"), 0o644))
}

// unsignedDrop is `drop-folder SIGN-KEY DROP REPO FOLDER`: watches a drop folder, brings
// an upload without its signature, sees that it waits, signs it, and sees it published.
func unsignedDrop(ts *testscript.TestScript, _ bool, args []string) {
	drop := ts.MkAbs(args[1])
	ts.Check(os.Mkdir(drop, 0o755))
	self, err := exec.LookPath("mmpush")
	ts.Check(err)
	env := append(os.Environ(), "GNUPGHOME="+ts.Getenv("GNUPGHOME"), "HOME="+ts.Getenv("HOME"))
	watcher := exec.Command(self, "watch", drop, "-R", ts.MkAbs(args[2]))
	watcher.Env = env
	ts.Check(watcher.Start())
	defer func() {
		_ = watcher.Process.Signal(os.Interrupt)
		_ = watcher.Wait()
	}()
	ts.Check(os.CopyFS(drop, os.DirFS(ts.MkAbs(args[3]))))
	manifests, err := filepath.Glob(filepath.Join(drop, "*.mmpack-manifest"))
	ts.Check(err)
	eventually(ts, "the verdict says that it waits for the signature", func() bool {
		text, err := os.ReadFile(filepath.Join(drop, "verdicts", filepath.Base(manifests[0])+".json"))
		return err == nil && strings.Contains(string(text), "MP-UNSIGNED")
	})
	sign := exec.Command(self, "sign", "--key", ts.MkAbs(args[0]), manifests[0])
	sign.Env = env
	out, err := sign.CombinedOutput()
	if err != nil {
		ts.Fatalf("%v: %s", err, out)
	}
	eventually(ts, "manifest and signature have left", func() bool {
		_, manifest := os.Lstat(manifests[0])
		_, signature := os.Lstat(manifests[0] + ".sig")
		return errors.Is(manifest, fs.ErrNotExist) && errors.Is(signature, fs.ErrNotExist)
	})
}

// madeUploads is `made-uploads`: folders with uploads that no build leaves behind.
func madeUploads(ts *testscript.TestScript, _ bool, _ []string) {
	type member = mpktest.Member
	for _, u := range []mpktest.Upload{
		{Name: "bad", Packages: []mpktest.Package{{
			Files: []member{{Name: "./bin/su", Mode: 0o4755}, {Name: "./etc", Type: '2', Link: "/etc"}},
			Extra: []member{{Name: "./bin/unlisted"}},
		}}},
		{Name: "twin", Packages: []mpktest.Package{{Files: []member{{Name: "./bin/greet"}}}}},
	} {
		at := ts.MkAbs(u.Name)
		ts.Check(os.Mkdir(at, 0o755))
		_, err := u.Write(at)
		ts.Check(err)
	}
}

// tagSource is `tag-source TARBALL REPOSITORY TAG`: a bare git repository with the files
// of a source tarball in the commit of a tag.
func tagSource(ts *testscript.TestScript, _ bool, args []string) {
	work, bare := ts.MkAbs("checkout"), ts.MkAbs(args[1])
	ts.Check(os.RemoveAll(work))
	ts.Check(os.Mkdir(work, 0o755))
	author := []string{"-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"}
	for _, argv := range [][]string{
		{"tar", "-xf", ts.MkAbs(args[0])},
		{"rm", "mmpack/src_orig_tracing"},
		slices.Concat([]string{"git"}, author, []string{"init", "--quiet"}),
		{"git", "add", "--all", "--force"},
		slices.Concat([]string{"git"}, author, []string{"commit", "--quiet", "--message", "x"}),
		slices.Concat([]string{"git"}, author, []string{"tag", "--annotate", "--message", "x", args[2]}),
		{"git", "clone", "--quiet", "--bare", ".", bare},
	} {
		c := exec.Command(argv[0], argv[1:]...)
		c.Dir = work
		if out, err := c.CombinedOutput(); err != nil {
			ts.Fatalf("%v: %v\n%s", argv, err, out)
		}
	}
}

// eventually waits until something holds.
func eventually(ts *testscript.TestScript, what string, holds func() bool) {
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("not in time: %s", what)
		}
	}
}
