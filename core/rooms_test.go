// Package core_test holds the plan of the rooms: which package may import which.
package core_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mmpush/mmpush/"

// rooms says, for each package, which of ours its product code may import.
func rooms() map[string][]string {
	line := []string{
		"core/archive", "core/commit", "core/index", "core/manifest", "core/mpk", "core/plan", "core/repo",
		"core/report", "core/stanza", "core/upload", "core/verify", "core/vfs",
	}
	return map[string][]string{
		"core/report": {},
		// The YAML files that people write: one reader, one way to say what is wrong.
		"core/yamlfile": {"core/report"},
		// What is set where is a decision, so it is no part of the command line.
		"core/config":    {"core/report", "core/vfs", "core/yamlfile"},
		"core/vfs":       {},
		"core/stanza":    {},
		"core/archive":   {"core/report"},
		"core/manifest":  {"core/report"},
		"core/alpm":      {"core/archive", "core/report"},
		"core/syncdb":    {"core/access", "core/alpm", "core/archive", "core/commit", "core/report", "core/repo", "core/upkeep", "core/vfs"},
		"core/mpk":       {"core/archive", "core/report", "core/stanza"},
		"core/index":     {"core/archive", "core/report", "core/stanza", "core/vfs"},
		"core/upload":    {"core/archive", "core/manifest", "core/mpk", "core/index", "core/vfs", "core/report"},
		"core/plan":      {"core/manifest", "core/mpk", "core/index", "core/report"},
		"core/verify":    {"core/manifest", "core/mpk", "core/index", "core/plan", "core/upload", "core/report"},
		"core/repo":      {"core/archive", "core/vfs", "core/report", "core/yamlfile"},
		"core/commit":    {"core/repo", "core/vfs", "core/report"},
		"core/upkeep":    {"core/repo", "core/commit", "core/vfs", "core/report"},
		"core/pipeline":  slices.Concat(line, []string{"core/access", "core/upkeep"}),
		"core/transport": {"core/manifest", "core/upload", "core/report"},
		"core/access":    {"core/report"},
		"core/tupkg":     {"core/report"},
		"core/web":       {"core/report", "core/vfs"},
		"core/sets": {
			"core/manifest", "core/pipeline", "core/plan", "core/report", "core/repo", "core/upload", "core/verify", "core/vfs",
		},
		"core/watch": {
			"core/alpm", "core/pipeline", "core/upload", "core/manifest", "core/report", "core/repo", "core/vfs",
		},
		"core/server": {
			"core/tupkg", "core/access", "core/pipeline", "core/sets", "core/manifest", "core/upload", "core/index", "core/plan", "core/verify",
			"core/report", "core/repo", "core/vfs",
		},

		"action": {"core/report"},

		"hooks/gitpush":          {"core/alpm", "core/manifest", "core/procgroup", "core/upload", "core/vfs", "core/report"},
		"plugins/transports/dir": slices.Concat(line, []string{"core/pipeline", "core/transport"}),
		"plugins/transports/tupkg": {
			"core/manifest", "core/report", "core/transport", "core/tupkg", "core/upload", "core/verify", "core/vfs",
		},
		"plugins/transports/web": slices.Concat(line, []string{"core/pipeline", "core/transport"}),
		"plugins/transports/sftp": {
			"core/manifest", "core/pipeline", "core/report", "core/transport", "core/upload", "core/vfs", "core/watch", "plugins/transports/ssh",
		},
		"plugins/transports/ssh": {
			"core/report", "core/transport", "core/tupkg", "core/upload", "plugins/transports/tupkg",
		},
		"cmd/mmpush": slices.Concat(line, []string{"core/alpm", "core/config", "core/procgroup", "core/syncdb", "core/pipeline", "core/upkeep", "core/transport", "core/watch", "core/sets", "core/server", "core/web", "core/access", "core/tupkg", "plugins", "plugins/transports/dir", "plugins/transports/tupkg", "plugins/transports/ssh", "plugins/transports/sftp", "plugins/transports/web", "action", "plugins/verifiers/contents", "plugins/verifiers/exec", "plugins/verifiers/installable", "plugins/verifiers/policy", "plugins/verifiers/signature", "plugins/verifiers/source", "hooks/gitpush"}),

		"plugins": {
			"core/archive", "core/index", "core/manifest", "core/mpk", "core/plan", "core/report", "core/transport", "core/upload",
			"core/verify", "core/vfs", "plugins/pluginpb", "plugins/scratch",
		},
		"plugins/scratch":               {"core/vfs"},
		"plugins/pluginpb":              {},
		"plugins/verifiers/config":      {"core/report"},
		"plugins/verifiers/contents":    {"core/alpm", "core/archive", "core/index", "core/mpk", "core/plan", "core/repo", "core/report", "core/upload", "core/verify", "core/vfs", "plugins/verifiers/config"},
		"plugins/verifiers/exec":        {"core/procgroup", "core/report", "core/upload", "core/verify", "plugins/scratch", "plugins/verifiers/config"},
		"plugins/verifiers/installable": {"core/index", "core/plan", "core/repo", "core/report", "core/upload", "core/verify", "core/vfs", "plugins/verifiers/config"},
		"plugins/verifiers/policy":      {"core/alpm", "core/index", "core/plan", "core/report", "core/upload", "core/verify", "plugins/verifiers/config"},
		"plugins/verifiers/source":      {"core/archive", "core/report", "core/upload", "core/verify", "plugins/verifiers/config"},
		"plugins/verifiers/signature":   {"core/alpm", "core/report", "core/upload", "core/verify", "plugins/verifiers/config"},
		"plugins/example/licence":       {"core/report", "core/upload", "plugins"},
		"plugins/example/folder":        {"core/report", "core/transport", "core/upload", "plugins", "plugins/transports/dir"},

		// What only tests import.
		"core/procgroup":                 {},
		"core/programtest":               {},
		"plugins/transports/ssh/sshtest": {"core/programtest"},
		"core/vfs/vfstest":               {"core/vfs"},
		"core/archive/archivetest":       {},
		"core/mpk/mpktest":               {"core/archive/archivetest"},
		"core/transport/transporttest": {
			"core/archive/archivetest", "core/index", "core/mpk/mpktest", "core/report", "core/syncdb", "core/transport", "core/upload", "core/vfs",
		},
	}
}

// dependencies says which rooms may import which module of others: each heavy one
// has one room.
func dependencies() map[string][]string {
	return map[string][]string{
		"github.com/go-git/go-git/v5":   {"hooks/gitpush"},
		"github.com/alecthomas/kong":    {"cmd/mmpush"},
		"github.com/fatih/color":        {"cmd/mmpush"},
		"golang.org/x/term":             {"cmd/mmpush"},
		"github.com/fsnotify/fsnotify":  {"core/watch"},
		"golang.org/x/crypto":           {"core/access", "plugins/verifiers/signature"},
		"github.com/ProtonMail":         {"plugins/verifiers/signature"},
		"aead.dev/minisign":             {"plugins/verifiers/signature"},
		"github.com/hiddeco/sshsig":     {"plugins/verifiers/signature"},
		"github.com/klauspost/compress": {"core/archive", "core/archive/archivetest"},
		"github.com/ulikunitz/xz":       {"core/archive", "core/archive/archivetest"},
		"github.com/goccy/go-yaml":      {"core/manifest", "core/repo", "core/yamlfile"},
		"github.com/pkg/sftp":           {"plugins/transports/sftp"},
		"github.com/prometheus":         {"core/web"},
		"github.com/coreos/go-systemd":  {"cmd/mmpush"},
		"github.com/cenkalti/backoff":   {"plugins/transports/tupkg"},
		"golang.org/x/sys":              {"core/vfs", "plugins", "plugins/transports/ssh"},
		"github.com/hashicorp":          {"plugins"},
		"google.golang.org/grpc":        {"plugins", "plugins/pluginpb"},
		"google.golang.org/protobuf":    {"plugins", "plugins/pluginpb"},
	}
}

type pkg struct {
	ImportPath string
	Doc        string
	GoFiles    []string
	Imports    []string
}

// room is the package's path in this module.
func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module) }

// forTests reports whether only tests import the package.
func (p pkg) forTests() bool { return strings.HasSuffix(p.room(), "test") }

// packages are those of the module that have product code.
func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Doc,GoFiles,Imports", "./...")
	list.Dir = ".."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	plan, seen := rooms(), map[string]bool{}
	for _, p := range packages(t) {
		seen[p.room()] = true
		allowed, known := plan[p.room()]
		if !known {
			t.Errorf("%s is not in the table of rooms", p.room())
			continue
		}
		for _, path := range p.Imports {
			switch {
			case strings.HasPrefix(path, module):
				if !slices.Contains(allowed, strings.TrimPrefix(path, module)) {
					t.Errorf("%s may not import %s", p.room(), path)
				}
			case strings.Contains(strings.Split(path, "/")[0], "."):
				checkDependency(t, p, path)
			case path == "testing" && !p.forTests():
				t.Errorf("%s is product code and imports testing", p.room())
			}
		}
		if !slices.Contains(p.GoFiles, "doc.go") || len(p.Doc) == 0 {
			t.Errorf("%s has no doc.go that says what it is", p.room())
		}
	}
	for room := range maps.Keys(plan) {
		if !seen[room] {
			t.Errorf("%s is in the table of rooms, but there is no such package", room)
		}
	}
}

func checkDependency(t *testing.T, p pkg, path string) {
	t.Helper()
	for name, allowed := range dependencies() {
		if path == name || strings.HasPrefix(path, name+"/") {
			if !slices.Contains(allowed, p.room()) {
				t.Errorf("%s may not import %s: that belongs to %s", p.room(), path, strings.Join(allowed, ", "))
			}
			return
		}
	}
	t.Errorf("%s imports %s, which is not in the table of dependencies", p.room(), path)
}

// TestTheTableItself: no change of the table lets core know who uses it, or
// product code what is for tests.
func TestTheTableItself(t *testing.T) {
	t.Parallel()
	for room, allowed := range rooms() {
		for _, other := range allowed {
			folder, _, _ := strings.Cut(other, "/")
			if strings.HasPrefix(room, "core/") && folder != "core" {
				t.Errorf("%s is in core and may not import %s", room, other)
			}
			if strings.HasSuffix(other, "test") && !strings.HasSuffix(room, "test") {
				t.Errorf("%s is product code and may not import %s", room, other)
			}
		}
	}
}

// TestPlanIsPure: a plan is made of data, so it can be made again and tested
// without a disk.
func TestPlanIsPure(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.room() != "core/plan" {
			continue
		}
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if slices.Contains([]string{"os", "net", "time", "syscall"}, first) || path == "io/fs" || path == "path/filepath" {
				t.Errorf("core/plan imports %s", path)
			}
		}
		return
	}
	t.Error("there is no core/plan")
}

// TestFileNames: a name that module archives do not take keeps everybody from
// installing the program by its module path.
func TestFileNames(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		if strings.ContainsAny(name, "\"'*<>?`|:\\") {
			t.Errorf("%q has a character that no file in a Go module may have", name)
		}
	}
}
