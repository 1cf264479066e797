//go:build unix

package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
)

// step is one of the command lines that mmpack-modifyrepo 0.7.9 was given, one after
// the other, on one repository. What it made of each is in testdata/mmpack/expected.
type step struct {
	name string
	// args follow "-p REPO"; stdin is for batch. {UPLOAD} is a manifest's path.
	args  []string
	stdin string
	// answer is ours where it is not the reference's, as "rc=CODE OUTPUT"; why says so.
	answer, why string
}

func steps() []step {
	add := func(upload string) []string { return []string{"add", "{" + upload + "}"} }
	return []step{
		{name: "01-foo-1.0.0", args: append([]string{"-a", "amd64-debian"}, add("uploads/01-foo-1.0.0")...)},
		{name: "02-weather-data-2024.01", args: add("uploads/02-weather-data-2024.01")},
		{name: "03-greet-0.9.0", args: add("uploads/03-greet-0.9.0")},
		{name: "04-pytide-0.3.1", args: add("uploads/04-pytide-0.3.1")},
		{name: "05-chain-3.2", args: add("uploads/05-chain-3.2")},
		{name: "06-foo-1.1.0", args: add("uploads/06-foo-1.1.0")},
		{name: "07-foo-1.1.0-rebuild", args: add("uploads/07-foo-1.1.0-rebuild")},
		{name: "08-greet-1.0.0", args: add("uploads/08-greet-1.0.0")},
		{name: "09-colon-1.0", args: add("uploads/09-colon-1.0")},
		{name: "10-foo-2.0.0", args: add("uploads/10-foo-2.0.0")},
		{name: "11-ghost-sysbell", args: add("uploads/11-ghost-sysbell")},
		{name: "12-add-wrong-sha-mpk", args: add("uploads-bad/wrong-sha-mpk")},
		{name: "13-add-wrong-size", args: add("uploads-bad/wrong-size"), answer: "rc=1 update failed",
			why: "the reference does not look at sizes"},
		{name: "14-remove-src-foo-1.1.0", args: []string{"remove-src", "--name", "foo", "--version", "1.1.0"}},
		{name: "15-remove-src-unknown", args: []string{"remove-src", "--name", "unknown"}},
		{name: "16-readd-greet-1.0.0", args: add("uploads/08-greet-1.0.0")},
		{name: "17-downgrade-greet-0.9.0", args: add("uploads/03-greet-0.9.0")},
		{name: "18-batch-foo-1.0.0-then-1.1.0", args: []string{"batch"},
			stdin: "ADD {uploads/01-foo-1.0.0}\nADD {uploads/06-foo-1.1.0}\nCOMMIT\n"},
		{name: "19-batch-rollback-then-rebuild", args: []string{"batch"},
			stdin: "ADD {uploads/10-foo-2.0.0}\nROLLBACK\nADD {uploads/07-foo-1.1.0-rebuild}\nCOMMIT\n"},
		{name: "20-batch-remove-src", args: []string{"batch"}, stdin: "REMOVE_MATCHING_SRC name=chain\nCOMMIT\n",
			answer: "rc=0 OK OK", why: "the reference dies of this command"},
		{name: "21-batch-failed-add-then-commit", args: []string{"batch"}, stdin: "ADD {uploads-bad/wrong-sha-mpk}\nCOMMIT\n",
			answer: "rc=0 FAIL adding manifest failed: colon_1.0_amd64-debian.mmpack-manifest:10: binpkgs.amd64-debian.colon.size: " +
				"the file colon_1.0_amd64-debian.mpk has another size than declared (expected 807, found 808) [MP-SIZE] OK",
			why: "the reference does not say what is wrong"},
		{name: "22-remove-src-weather", args: []string{"remove-src", "--name", "weather-data"}},
	}
}

// run plays the step in a real process under the name of mmpack-modifyrepo and
// returns "rc=CODE OUTPUT", with a space for each newline.
func (s step) run(t *testing.T, at string) (answer, stderr string) {
	t.Helper()
	args := []string{"--path", at}
	for _, a := range s.args {
		args = append(args, withManifests(t, a))
	}
	cmd := exec.Command(modifyrepoName, args...)
	cmd.Stdin = strings.NewReader(withManifests(t, s.stdin))
	var stdout, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &errs
	err := cmd.Run()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if out := stdout.String(); strings.Count(out, "\n") != max(1, strings.Count(s.stdin, "\n")) || !strings.HasSuffix(out, "\n") {
		t.Errorf("%s: not a line for each answer: %q", s.name, out)
	}
	return fmt.Sprintf("rc=%d %s", code, strings.TrimSpace(strings.ReplaceAll(stdout.String(), "\n", " "))), errs.String()
}

func withManifests(t *testing.T, text string) string {
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllStringFunc(text, func(name string) string {
		return manifestOf(t, strings.Trim(name, "{}"))
	})
}

// answered compares an answer with the reference's, or with the better one.
func (s step) answered(t *testing.T, got, stderr string) {
	t.Helper()
	reference := strings.TrimSpace(mustRead(t, filepath.Join(corpus, "expected", s.name, "exit-and-stdout.txt")))
	want := cmp.Or(s.answer, reference)
	if got != want {
		t.Errorf("%s: %s\nwant %s\n%s", s.name, got, want, stderr)
	}
	if (s.why != "") != (want != reference) {
		t.Errorf("%s: the answer differs from the reference's: %t; why: %q", s.name, want != reference, s.why)
	}
	if refusal := strings.Contains(got, "rc=1") || strings.Contains(got, "FAIL"); refusal != strings.Contains(stderr, "mmpush: error: ") {
		t.Errorf("%s: %s; on standard error:\n%s", s.name, got, stderr)
	}
}

// published is what a repository's indexes say, as text.
type published struct{ binaries, sources string }

func readPublished(t *testing.T, at string) published {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(mustRead(t, filepath.Join(at, index.BinaryFile))))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return published{string(text), mustRead(t, filepath.Join(at, index.SourceFile))}
}

// unpooled reads "pool/HASH/x" as "x": the reference writes over published files.
func (p published) unpooled() published {
	pool := regexp.MustCompile(`(?m)^filename: pool/[0-9a-f]{64}/`)
	return published{pool.ReplaceAllString(p.binaries, "filename: "), pool.ReplaceAllString(p.sources, "filename: ")}
}

// stanza is a part of an index with the name that it goes by: "foo", "source-foo".
type stanza struct{ name, text string }

func (p published) stanzas() []stanza {
	var all []stanza
	seen := map[string]bool{}
	for i, text := range []string{p.binaries, p.sources} {
		for one := range strings.SplitAfterSeq(text, "\n\n") {
			if one == "" {
				continue
			}
			name := []string{"", "source-"}[i] + value(one, "name")
			if seen[name] {
				name += "-" + value(one, "version")
			}
			seen[name] = true
			all = append(all, stanza{name, one})
		}
	}
	return all
}

func (p published) stanza(t *testing.T, name string) string {
	t.Helper()
	for _, s := range p.stanzas() {
		if s.name == name {
			return s.text
		}
	}
	t.Fatalf("there is no %s", name)
	return ""
}

// value is a key's first line.
func value(stanza, key string) string {
	for line := range strings.Lines(stanza) {
		if v, ok := strings.CutPrefix(line, key+": "); ok {
			return strings.TrimSuffix(v, "\n")
		}
	}
	return ""
}

// referenceFiles is the reference's folder after a step: the SHA-256 of each file.
func referenceFiles(t *testing.T, step string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for line := range strings.Lines(mustRead(t, filepath.Join(corpus, "expected", step, "listing.txt"))) {
		if f := strings.Fields(line); len(f) == 3 && len(f[2]) == 64 && f[0] != index.SourceFile && f[0] != repo.MetadataFile {
			files[f[0]] = f[2]
		}
	}
	return files
}

// byHash are the genuine uploads' files by SHA-256.
var byHash = sync.OnceValues(func() (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join(corpus, "uploads"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		sum := sha256.Sum256(text)
		found[hex.EncodeToString(sum[:])] = name
		return err
	})
	return found, err
})

// rebuild makes the reference's own repository as it was after a step.
func rebuild(t *testing.T, step string) (at string) {
	t.Helper()
	at = filepath.Join(t.TempDir(), "repo")
	files, err := byHash()
	if err != nil {
		t.Fatal(err)
	}
	if step == "" {
		return at
	}
	copyFile := func(from, to string) {
		if err := os.WriteFile(filepath.Join(at, to), []byte(mustRead(t, from)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, sum := range referenceFiles(t, step) {
		copyFile(files[sum], name)
	}
	for _, name := range []string{index.BinaryFile, index.SourceFile} {
		copyFile(filepath.Join(corpus, "expected", step, name), name)
	}
	for name, text := range map[string]string{repo.LockFile: "", repo.MetadataFile: "architecture: amd64-debian\n"} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(mustRead(t, filepath.Join(corpus, "expected", step, "listing.txt")), "\nworking_dir\n") {
		if err := os.Mkdir(filepath.Join(at, "working_dir"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return at
}
