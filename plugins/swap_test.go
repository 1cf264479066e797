//go:build unix

package plugins

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// Somebody changes the program while it is started, again and again: what runs is the
// pinned one, or nothing.
func TestSwapped(t *testing.T) {
	t.Parallel()
	pin := script(t, "echo the right one; exec sleep 1000")
	const other = "#!/bin/sh\necho the wrong one; exec sleep 1000"
	right, err := os.ReadFile(pin.Path)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			content := []byte(other)
			if i%2 == 0 {
				content = right
			}
			// Written in place, and moved over it.
			_ = os.WriteFile(pin.Path, content, 0o600)
			_ = os.WriteFile(pin.Path+".new", content, 0o600)
			_ = os.Rename(pin.Path+".new", pin.Path)
		}
	})
	ran, refused := 0, 0
	for range 100 {
		_, err := Launch(t.Context(), pin, Options{})
		switch {
		case err == nil || strings.Contains(err.Error(), "the wrong one"):
			t.Fatalf("the wrong program was run: %v", err)
		case strings.Contains(err.Error(), "the right one"):
			ran++
		case strings.Contains(err.Error(), "is not the program that is pinned"):
			refused++
		default:
			t.Fatal(err)
		}
	}
	close(stop)
	all.Wait()
	t.Logf("%d ran, %d refused", ran, refused)
}

// A plugin that writes wherever it can: what is published is what was verified.
func TestPublishedIsWhatWasVerified(t *testing.T) {
	t.Parallel()
	publishBeside(t, "")
}

// publishBeside publishes with a verifier that tampers with what it sees, and with the
// repository if that is given.
func publishBeside(t *testing.T, path string) {
	t.Helper()
	victim := path
	if path == "" {
		path = t.TempDir()
	}
	folder, err := dir.OpenFolder(path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, _, err := repo.Init(t.Context(), folder, path, pipeline.Mmpack{}, repo.InitOptions{Arch: "amd64-debian"}); err != nil {
		t.Fatal(err)
	}
	u := opened(t, mpktest.Upload{})
	v := verifierOf(t, role(t, "actor"), Options{Config: config(part{Do: "write", File: victim})})
	way := dir.Transport{FS: folder, Path: path, Verifiers: []verify.Named{{Name: "actor", Verifier: v}}}
	rep, err := way.Push(t.Context(), u)
	if err != nil || rep.Result != report.Published {
		t.Fatal(rep, err)
	}
	own := false
	for _, f := range rep.Findings {
		own = own || f.Message == "scratch"
		if f.Code == "DONE" && victim != "" && f.Message != "scratch" && !strings.HasPrefix(f.Message, "chmod") {
			t.Errorf("it could %s", f.Message)
		}
	}
	if !own {
		t.Error("it has no scratch folder")
	}
	for _, f := range u.Files {
		text, err := os.ReadFile(filepath.Join(path, f.Name))
		sum := sha256.Sum256(text)
		if err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			t.Errorf("%s: published %x, verified %s (%v)", f.Name, sum, f.SHA256, err)
		}
	}
}

// destroy tries to change all that is below a folder.
func destroy(at string, try func(what string, err error)) {
	_ = filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			try("write "+name, os.WriteFile(name, []byte("other"), 0o600))
			try("remove "+name, os.Remove(name))
		}
		return nil
	})
	try("create", os.WriteFile(filepath.Join(at, "more"), nil, 0o600))
}

func TestParsePin(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("ab", 32)
	p, err := ParsePin("Lic=/opt/a@b=c@sha256:" + strings.ToUpper(hex))
	if err != nil || p != (Pin{"lic", "/opt/a@b=c", hex}) || p.String() != "lic=/opt/a@b=c@sha256:"+hex {
		t.Errorf("%+v %v", p, err)
	}
	for _, text := range []string{"", "x", "x=y", "x=@sha256:" + hex, "=y@sha256:" + hex, "1x=y@sha256:" + hex, "x y=z@sha256:" + hex, "x=y@sha256:" + hex[1:], "x=y@sha256:" + hex[1:] + "g"} {
		if p, err := ParsePin(text); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
}
