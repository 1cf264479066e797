//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// playPlugin lets the test binary play a plugin, if that is how it was started: the
// extension of its copy says which.
func playPlugin() bool {
	if os.Getenv("MMPUSH_PLUGIN") == "" {
		return false
	}
	if strings.HasSuffix(os.Args[0], ".transport") {
		plugins.ServeTransport(plugins.Info{Name: "test transport", Version: "2"}, openTestTransport)
		return true
	}
	v := &testVerifier{}
	plugins.ServeVerifier(plugins.Info{Name: "test verifier", Version: "1", NeedsNoFiles: true, Configure: v.configure}, v)
	return true
}

// testVerifier refuses sources and packages by name.
type testVerifier struct {
	Deny, Freeze, Crash string
}

func (v *testVerifier) configure(config []byte) error {
	if config == nil {
		v.Deny = "foo"
		return nil
	}
	return json.Unmarshal(config, v)
}

func (v *testVerifier) Verify(_ context.Context, u upload.Upload) ([]report.Finding, error) {
	switch u.Manifest.Name {
	case v.Crash:
		println("the licence database is on fire")
		os.Exit(3)
	case v.Deny:
		return []report.Finding{{Code: "NAME-DENIED", File: u.Name, Field: "name", Actual: v.Deny, Message: "the name is denied", Hint: "choose another"}}, nil
	}
	return nil, nil
}

func (v *testVerifier) VerifyPlan(_ context.Context, view index.View, p plan.Plan) ([]report.Finding, error) {
	for _, name := range p.Edit.DropBinaries {
		if b, ok, err := view.Binary(name); err != nil || ok && b.Source == v.Freeze {
			return []report.Finding{{Code: "FROZEN", Field: name, Message: "the source is frozen"}}, err
		}
	}
	return nil, nil
}

type testTransport struct {
	path string
	o    transport.Options
}

func openTestTransport(_ context.Context, t transport.Target, o transport.Options) (transport.Transport, error) {
	if t.URL.Host != "" {
		return nil, &report.Error{Code: "NO-HOST", Kind: report.KindTransport, File: t.URL.Host, Err: errors.New("cannot be reached")}
	}
	return testTransport{t.URL.Path, o}, nil
}

func (t testTransport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	folder, err := dir.OpenFolder(t.path, false)
	if err != nil {
		return report.Report{}, err
	}
	defer folder.Close()
	return (&dir.Transport{FS: folder, Path: t.path, Options: t.o}).Push(ctx, u)
}

// ownHash is the hash of the test binary.
func ownHash() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return hashFile(self)
}

// linkPlugins puts the two plugins that the test binary plays into the folder of a
// script, and their hash into its environment.
func linkPlugins(hash func() (string, error)) func(*testscript.Env) error {
	return func(e *testscript.Env) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		for _, name := range []string{"p.verifier", "p.transport"} {
			if err := os.Symlink(self, filepath.Join(e.WorkDir, name)); err != nil {
				return err
			}
		}
		sum, err := hash()
		e.Setenv("SUM", sum)
		return err
	}
}

func TestPluginScripts(t *testing.T) {
	t.Parallel()
	genuine, err := filepath.Abs(corpus)
	if err != nil {
		t.Fatal(err)
	}
	link := linkPlugins(sync.OnceValues(ownHash))
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "plugin"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("UPLOADS", filepath.Join(genuine, "uploads"))
			return link(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "settings": addSettings, "quiet": noPlugins},
	})
}

// addSettings is `settings REPO FILE`: adds a file to a repository's settings, with
// the work folder and the hash filled in.
func addSettings(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.NewReplacer("$WORK", ts.Getenv("WORK"), "$SUM", ts.Getenv("SUM"), "$MINISIGN", ts.Getenv("MINISIGN")).Replace(ts.ReadFile(args[1]))
	name := ts.MkAbs(filepath.Join(args[0], ".mmpush", "settings.yaml"))
	old, err := os.ReadFile(name)
	ts.Check(err)
	base, _, _ := strings.Cut(string(old), "\nverifiers:")
	ts.Check(os.WriteFile(name, []byte(base+"\n"+text), 0o600))
}

// noPlugins is `quiet`: no process that belongs to this script's plugins runs.
func noPlugins(ts *testscript.TestScript, _ bool, _ []string) {
	all, err := filepath.Glob("/proc/[1-9]*/environ")
	ts.Check(err)
	for _, at := range all {
		text, err := os.ReadFile(at)
		if err == nil && strings.Contains(string(text), "MMPUSH_PLUGIN_RUN=") && strings.Contains(string(text), "TMPDIR="+ts.Getenv("TMPDIR")) {
			ts.Fatalf("%s is left", at)
		}
	}
	left, err := filepath.Glob(filepath.Join(ts.Getenv("TMPDIR"), "mmpush-plugin-*"))
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("left: %v", left)
	}
}
