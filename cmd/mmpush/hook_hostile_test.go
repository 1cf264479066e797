package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hostileRefs are 200 names that git takes and that a shell, a terminal or a path
// would take for something else.
func hostileRefs(t *testing.T, w *gitWorld) []string {
	t.Helper()
	var all []string
	parts := []string{
		"$(touch${IFS}PWNED)", "`touch${IFS}PWNED`", ";touch${IFS}PWNED", "|touch", "&touch&", "-exec=touch", "--upload-pack=touch", "-o", "'", "\"", "\"$(id)\"",
		"%s%n%x", "%2e%2e%2f", "$HOME", "!", "#", "<x", ">PWNED", "a'b\"c", "{a,b}", "$((1))", "(x)", "=x", ",", "\u202egpj.exe", "é\u0301", "\u00a0", "\xff\xfe",
		"\xc3", "💥", "refs", "HEAD", "objects", "a.b.c", "x.mmpack-manifest", "lock", "con", "@", "a@b", "x]y", "mmpush.skip", "success",
		"error", "remote", "0000000000000000000000000000000000000000", strings.Repeat("long", 45),
	}
	for _, prefix := range []string{"", "a/", "x", "-", "--", "$(x)/"} {
		for _, part := range parts {
			all = append(all, "refs/heads/testing/"+prefix+part)
		}
	}
	var valid []string
	for _, name := range all {
		// Names below one another exclude each other.
		under := func(other string) bool {
			return strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/")
		}
		if _, err := w.try(w.gitProgram, "check-ref-format", name); err == nil && !slices.ContainsFunc(valid, under) && len(valid) < 200 {
			valid = append(valid, name)
		}
	}
	if len(valid) != 200 {
		t.Fatalf("only %d names", len(valid))
	}
	return valid
}

// snapshot lists everything below a folder but some.
func snapshot(t *testing.T, root string, but ...string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if slices.Contains(but, name) {
			return fs.SkipDir
		}
		fmt.Fprintln(&b, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pushAll pushes a commit to many refs at once. A command line has no room for them.
func (w *gitWorld) pushAll(refs []string) (said string, ok bool) {
	w.t.Helper()
	head := strings.TrimSpace(w.git("rev-parse", "HEAD"))
	refs = slices.Sorted(slices.Values(refs))
	packed := []byte("# pack-refs with: peeled fully-peeled sorted \n")
	for _, ref := range refs {
		packed = fmt.Appendf(packed, "%s %s\n", head, ref)
	}
	if err := os.WriteFile(filepath.Join(w.clone, ".git", "packed-refs"), packed, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.push("refs/heads/testing/*:refs/heads/testing/*")
}

// TestGitPushHostileRefs: 200 names in one push, each of them published, none of them
// run, and nothing written but where it belongs.
func TestGitPushHostileRefs(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("foo", "1.0", "", ".")
	w.commit()
	root := filepath.Dir(w.home)
	before := snapshot(t, root, w.clone, w.bare, w.testing)
	refs := hostileRefs(t, w)
	said, ok := w.pushAll(refs)
	says(t, said, "mmpush: 200 refs: 200 published", "mmpush status ")
	if !ok {
		t.Errorf("refused:\n%s", said)
	}
	if after := snapshot(t, root, w.clone, w.bare, w.testing); after != before {
		t.Errorf("outside:\n%s\nwas:\n%s", after, before)
	}
	for _, place := range []string{w.clone, w.bare, w.testing} {
		if strings.Contains(snapshot(t, place, filepath.Join(place, "refs"), filepath.Join(place, ".git")), "PWNED") {
			t.Errorf("a name was run in %s", place)
		}
	}
	_, id, _ := strings.Cut(said, "mmpush status ")
	out := w.run(w.mmpush, "status", strings.TrimSpace(id), "--git-dir", w.bare)
	if n := strings.Count(out, "success: "); n != 200 {
		t.Errorf("%d verdicts in the log", n)
	}
}

// TestGitPushManyRefs: 10,000 refs in one push are one publish and a short answer.
func TestGitPushManyRefs(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("foo", "1.0", "", ".")
	w.commit()
	var refs []string
	for i := range 10_000 {
		refs = append(refs, fmt.Sprintf("refs/heads/testing/%05d", i))
	}
	said, ok := w.pushAll(refs)
	says(t, said, "refs/heads/testing/00000 -> testing", "success: published foo 1.0 as generation 1", "mmpush: 10000 refs: 10000 published")
	if !ok {
		t.Errorf("refused:\n%s", said)
	}
	if g := w.history(w.testing); !strings.Contains(g, `"generation":1,`) {
		t.Errorf("more than one generation: %.200s", g)
	}
}

// tree writes a tree object with exactly these entries, which git itself would not.
func (w *gitWorld) tree(entries ...string) string {
	w.t.Helper()
	var raw bytes.Buffer
	for _, e := range entries {
		mode, rest, _ := strings.Cut(e, " ")
		id, name, _ := strings.Cut(rest, " ")
		sum, err := hex.DecodeString(id)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&raw, "%s %s\x00%s", mode, name, sum)
	}
	return w.hash("tree", raw.Bytes())
}

func (w *gitWorld) hash(kind string, data []byte) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.gitProgram, "hash-object", "--literally", "-t", kind, "-w", "--stdin")
	cmd.Dir, cmd.Env, cmd.Stdin = w.clone, w.env, bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestGitPushHostileTrees: trees that no checkout would survive are refused, each with
// the name of the rule.
func TestGitPushHostileTrees(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("foo", "1.0", "", ".")
	w.commit()
	files := map[string]string{}
	for line := range strings.Lines(w.git("ls-tree", "HEAD")) {
		words := strings.Fields(line)
		files[words[3]] = words[2]
	}
	manifest, mpk, src := "foo_1.0_amd64-debian.mmpack-manifest", "foo_1.0_amd64-debian.mpk", "foo_1.0_src.tar.xz"
	m, p, s := "100644 "+files[manifest]+" "+manifest, "100644 "+files[mpk]+" "+mpk, "100644 "+files[src]+" "+src
	link := w.hash("blob", []byte("/etc/passwd"))
	full := w.tree(m, p, s)
	deep := full
	for range 100 {
		deep = w.tree("40000 " + deep + " d")
	}
	bomb := full
	for range 12 {
		var entries []string
		for i := range 10 {
			entries = append(entries, fmt.Sprintf("40000 %s d%d", bomb, i))
		}
		bomb = w.tree(entries...)
	}
	for name, c := range map[string]struct {
		tree string
		want string
	}{
		"dotdot":              {w.tree("40000 " + full + " .."), "that leads out of its folder"},
		"dot":                 {w.tree("40000 " + full + " ."), "that leads out of its folder"},
		"slash":               {w.tree("100644 "+files[manifest]+" ../../x.mmpack-manifest", p, s), "with a folder in its name"},
		"backslash":           {w.tree("40000 " + full + ` ..\..\x`), "with a folder in its name"},
		"git":                 {w.tree("40000 " + full + " .GIT"), "of the name of git's own folder"},
		"long":                {w.tree("40000 " + full + " " + strings.Repeat("x", 300)), "with a name of more than 255 bytes"},
		"twice":               {w.tree(m, p, p, s), "the tree has two entries of this name"},
		"link":                {w.tree(m, "120000 "+link+" "+mpk, s), "the declared file is a link, not a file"},
		"submodule":           {w.tree(m, "160000 "+files[mpk]+" "+mpk, s), "the declared file is a submodule, not a file"},
		"folder":              {w.tree(m, "40000 "+full+" "+mpk, s), "the declared file is a folder, not a file"},
		"manifest link":       {w.tree("120000 "+link+" "+manifest, p, s), "the manifest is a link, not a file [MP-GIT]"},
		"manifest submodule":  {w.tree("160000 "+files[mpk]+" "+manifest, p, s), "the manifest is a submodule, not a file"},
		"missing":             {w.tree(m, s), "the declared file " + mpk + " is not there"},
		"deep":                {deep, "folders deep"},
		"bomb":                {bomb, "more than 1000 manifests"},
		"manifest that leads": {w.tree("100644 " + w.hash("blob", []byte("name: x\nversion: '1'\nsource: {file: ../../../etc/passwd, sha256: "+strings.Repeat("0", 64)+", size: 1}\nbinpkgs: {}\n")) + " x.mmpack-manifest"), "[MP-NAME]"},
		"not yaml":            {w.tree("100644 " + link + " \x1b[31m.mmpack-manifest"), `\x1b[31m`},
	} {
		commit := strings.TrimSpace(w.git("commit-tree", "-m", name, c.tree))
		said, ok := w.push(commit + ":refs/heads/testing/" + strings.ReplaceAll(name, " ", "-"))
		if got := strings.Join(strings.Fields(said), " "); ok || !strings.Contains(got, strings.ReplaceAll(c.want, " ", " ")) {
			t.Errorf("%s: %v, nothing of %q in\n%s", name, ok, c.want, said)
		}
	}
	if w.published(w.testing) != "" {
		t.Error("published")
	}
	// A tag of a tag of a tree is a tree; a tag of a blob is nothing.
	w.git("tag", "-a", "-m", "x", "v1", full)
	w.git("tag", "-a", "-m", "x", "v2", "v1")
	w.git("tag", "-a", "-m", "x", "v3", files[mpk])
	said, ok := w.push("v2", "v3")
	says(t, said, "refs/tags/v2 -> stable", "success: published foo 1.0")
	if !ok || strings.Contains(said, "v3") {
		t.Errorf("%v:\n%s", ok, said)
	}
}

// TestGitPushHostileBuild: what a build is given cannot lead its checkout out, and no
// filter of the pushed tree runs.
func TestGitPushHostileBuild(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	w.git("--git-dir", w.bare, "config", "mmpush.testing.build", w.script("build", "cat out link/inside; exit 1"))
	for name, target := range map[string]string{"abs": "/etc", "up": "../../../..", "self": "a/../../x"} {
		commit := strings.TrimSpace(w.git("commit-tree", "-m", name, w.tree("120000 "+w.hash("blob", []byte(target))+" out")))
		said, _ := w.push(commit + ":refs/heads/testing/" + name)
		says(t, said, "the link leads out of the tree")
	}
	if err := os.MkdirAll(filepath.Join(w.clone, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		".gitattributes": "* filter=evil\n", "dir/inside": "inside", ".gitmodules": "[submodule \"x\"]\npath = x\nurl = ext::sh -c touch% PWNED\n", "out": "out\n",
	} {
		if err := os.WriteFile(filepath.Join(w.clone, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("dir", filepath.Join(w.clone, "link")); err != nil {
		t.Fatal(err)
	}
	w.git("--git-dir", w.bare, "config", "filter.evil.smudge", "touch "+filepath.Join(w.home, "PWNED"))
	w.commit()
	said, _ := w.push("HEAD:refs/heads/testing/good")
	says(t, said, "mmpush: | out", "mmpush: | inside")
	if _, err := os.Stat(filepath.Join(w.home, "PWNED")); err == nil {
		t.Error("a filter has run")
	}
}
