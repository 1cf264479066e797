package gitpush

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	gitobject "github.com/go-git/go-git/v5/plumbing/object"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

const (
	// ManifestSuffix is what makes a file a manifest.
	ManifestSuffix = ".mmpack-manifest"
	// maxDepth, maxEntries and maxManifests bound what one tree may expand to: trees
	// can name one another, so a few bytes can be a million folders.
	maxDepth     = 64
	maxEntries   = 1_000_000
	maxManifests = 1000
	// maxTrees is how many trees are remembered.
	maxTrees = 512
)

// Place is a manifest in a tree.
type Place struct {
	// Dir is the folder of the tree, "." for its root; Name is the manifest.
	Dir, Name string
	// blob and tree are the manifest and its folder.
	blob, tree ID
}

// Path is the manifest's path in the tree.
func (p Place) Path() string { return path.Join(p.Dir, p.Name) }

// Key is equal for places that make equal uploads.
func (p Place) Key() string { return p.tree.String() + "/" + p.Name }

// Change is what an update did to what is published.
type Change struct {
	// Commit is the new commit; zero if the ref names a tree.
	Commit ID
	Tree   ID
	// Places are the manifests that are to be published, by path.
	Places []Place
	// Packages are pacman's packages that are new, or have other bytes or another
	// signature; they need no manifest.
	Packages []Place
	// Findings are what refuses the whole update.
	Findings []report.Finding
}

// Changed compares the state before an update with the one after it. An old commit
// that is not there any more is no commit: then everything is changed. What is wrong
// with the trees is a finding; an error means that they could not be read.
func (r *Repository) Changed(ctx context.Context, from, to ID) (Change, error) {
	var c Change
	err := r.changed(ctx, from, to, &c)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		c.Places, c.Packages, c.Findings = nil, nil, append(c.Findings, refusal.Findings...)
		return c, nil
	}
	return c, err
}

func (r *Repository) changed(ctx context.Context, from, to ID, c *Change) error {
	if to.IsZero() {
		return nil
	}
	var err error
	if c.Commit, c.Tree, err = r.peel(to); err != nil || c.Tree.IsZero() {
		return err
	}
	old := plumbing.ZeroHash
	if !from.IsZero() {
		if _, old, err = r.peel(from); err != nil {
			if _, ok := errors.AsType[*Refusal](err); !ok && !errors.Is(err, errNoObject) {
				return err
			}
			old = plumbing.ZeroHash
		}
	}
	w := walk{ctx: ctx, r: r}
	if err := w.folder(old, c.Tree, ".", 0); err != nil {
		return err
	}
	c.Places, c.Packages, c.Findings = w.places, w.packages, w.findings
	slices.SortFunc(c.Places, func(a, b Place) int { return strings.Compare(a.Path(), b.Path()) })
	return nil
}

// walk goes through the folders of a tree that another one does not have.
type walk struct {
	ctx      context.Context
	r        *Repository
	entries  int
	places   []Place
	packages []Place
	findings []report.Finding
}

func (w *walk) folder(old, now ID, dir string, depth int) error {
	if old == now || w.r.empty[now] {
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return w.r.failed(err)
	}
	if depth > maxDepth {
		return tooLarge(fmt.Sprintf("a folder lies %d folders deep; at most %d are looked at", depth, maxDepth))
	}
	t, err := w.r.tree(now)
	if err != nil {
		return err
	}
	before, err := w.before(old)
	if err != nil {
		return err
	}
	if w.entries += len(t.Entries); w.entries > maxEntries {
		return tooLarge(fmt.Sprintf("the tree has more than %d entries", maxEntries))
	}
	found := len(w.places) + len(w.packages) + len(w.findings)
	for _, e := range t.Entries {
		if problem := badName(e.Name); problem != "" {
			return malformed(path.Join(dir, e.Name), "the tree has an entry "+problem)
		}
		was := before[e.Name]
		if e.Mode == filemode.Dir {
			if was.Mode != filemode.Dir {
				was.Hash = plumbing.ZeroHash
			}
			if err := w.folder(was.Hash, e.Hash, path.Join(dir, e.Name), depth+1); err != nil {
				return err
			}
		} else if strings.HasSuffix(e.Name, ManifestSuffix) {
			if err := w.manifest(before, t, now, dir, e); err != nil {
				return err
			}
		} else if err := w.pacman(before, t, now, dir, e); err != nil {
			return err
		}
	}
	if old.IsZero() && found == len(w.places)+len(w.packages)+len(w.findings) {
		w.r.empty[now] = true
	}
	return nil
}

// before are the entries of the folder as it was.
func (w *walk) before(old ID) (map[string]gitobject.TreeEntry, error) {
	before := map[string]gitobject.TreeEntry{}
	if old.IsZero() {
		return before, nil
	}
	t, err := w.r.tree(old)
	if err != nil {
		if _, ok := errors.AsType[*Refusal](err); ok {
			return before, nil
		}
		return nil, err
	}
	for _, e := range t.Entries {
		before[e.Name] = e
	}
	return before, nil
}

// manifest takes a manifest up if it, or one of its files, has changed.
func (w *walk) manifest(before map[string]gitobject.TreeEntry, t *gitobject.Tree, tree ID, dir string, e gitobject.TreeEntry) error {
	was, there := before[e.Name]
	if there && was.Hash == e.Hash && was.Mode == e.Mode {
		same, err := w.sameFiles(before, t, e)
		if same || err != nil {
			return err
		}
	}
	if kind := kindOf(e.Mode); kind != "file" {
		w.findings = append(w.findings, gitFinding(path.Join(dir, e.Name), fmt.Sprintf("the manifest is a %s, not a file", kind),
			"commit the manifest itself"))
		return nil
	}
	if len(w.places) == maxManifests {
		return tooLarge(fmt.Sprintf("the push changes more than %d manifests", maxManifests))
	}
	w.places = append(w.places, Place{Dir: dir, Name: e.Name, blob: e.Hash, tree: tree})
	return nil
}

// pacman takes up a package of pacman's if it, or its signature, has changed.
func (w *walk) pacman(before map[string]gitobject.TreeEntry, t *gitobject.Tree, tree ID, dir string, e gitobject.TreeEntry) error {
	if _, ok := alpm.IsFileName(e.Name); !ok {
		return nil
	}
	signature := gitobject.TreeEntry{}
	for _, other := range t.Entries {
		if other.Name == e.Name+".sig" {
			signature = other
		}
	}
	if before[e.Name] == e && before[e.Name+".sig"] == signature {
		return nil
	}
	if len(w.packages) == maxManifests {
		return tooLarge(fmt.Sprintf("the push changes more than %d packages", maxManifests))
	}
	w.packages = append(w.packages, Place{Dir: dir, Name: e.Name, blob: e.Hash, tree: tree})
	return nil
}

// sameFiles reports whether the files that a manifest declares are the same blobs as
// before. Of a manifest that cannot be read, nothing has changed.
func (w *walk) sameFiles(before map[string]gitobject.TreeEntry, t *gitobject.Tree, e gitobject.TreeEntry) (bool, error) {
	m, err := w.r.manifest(e)
	if m == nil || err != nil {
		return true, err
	}
	now := map[string]gitobject.TreeEntry{}
	for _, e := range t.Entries {
		now[e.Name] = e
	}
	for _, name := range append(declaredNames(m, ""), upload.SignatureNames(e.Name)...) {
		if before[name] != now[name] {
			return false, nil
		}
	}
	return true, nil
}

// manifest reads a manifest; nil if it is none.
func (r *Repository) manifest(e gitobject.TreeEntry) (*manifest.Manifest, error) {
	if kindOf(e.Mode) != "file" {
		return nil, nil
	}
	o, err := r.open(e.Hash)
	if err != nil {
		return nil, err
	}
	o.Close()
	if o.kind != plumbing.BlobObject || o.size > manifest.MaxSize {
		return nil, nil
	}
	text, err := r.small(e.Hash, plumbing.BlobObject)
	if err != nil {
		return nil, err
	}
	m, _ := manifest.Parse(bytesOf(text))
	return m, nil
}

// declaredNames are the files of a manifest, of one architecture or of all.
func declaredNames(m *manifest.Manifest, arch string) []string {
	names := []string{m.Source.Name}
	for _, a := range m.Binary {
		if arch != "" && a.Name != arch {
			continue
		}
		for _, p := range a.Packages {
			names = append(names, p.File.Name)
		}
	}
	return names
}

// tree reads a tree.
func (r *Repository) tree(id ID) (*gitobject.Tree, error) {
	if t, ok := r.trees[id]; ok {
		return t, nil
	}
	t := &gitobject.Tree{}
	if err := r.decode(id, plumbing.TreeObject, t); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, e := range t.Entries {
		if seen[e.Name] {
			return nil, malformed(e.Name, "the tree has two entries of this name")
		}
		seen[e.Name] = true
	}
	if len(r.trees) >= maxTrees {
		clear(r.trees)
	}
	r.trees[id] = t
	return t, nil
}

// badName says what is wrong with a name in a tree: nothing of it may lead out of a
// folder, or into git's own.
func badName(name string) string {
	lower := strings.ToLower(name)
	switch {
	case name == "." || name == "..":
		return "that leads out of its folder"
	case strings.ContainsAny(name, "/\\"):
		return "with a folder in its name"
	case lower == ".git" || lower == "git~1":
		return "of the name of git's own folder"
	case len(name) > 255:
		return "with a name of more than 255 bytes"
	}
	return ""
}

// kindOf is what people call an entry of a tree.
func kindOf(mode filemode.FileMode) string {
	switch mode {
	case filemode.Regular, filemode.Executable, filemode.Deprecated:
		return "file"
	case filemode.Symlink:
		return "link"
	case filemode.Submodule:
		return "submodule"
	case filemode.Dir:
		return "folder"
	}
	return "special entry"
}
