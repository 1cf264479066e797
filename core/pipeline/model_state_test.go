package pipeline_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/vfs"
)

// state is what a repository publishes, as a plain map: "b/NAME" is a binary package
// and "s/NAME/VERSION/SHA256" a source.
type state map[string]string

func binaryValue(b index.Binary) string {
	return strings.Join([]string{b.Version, b.SHA256, b.Source, b.SrcSHA256}, " ")
}

func sourceName(s index.Source) string { return "s/" + s.Name + "/" + s.Version + "/" + s.SHA256 }

// originOf is the tarball of a binary's value.
func originOf(value string) [2]string {
	f := strings.Fields(value)
	return [2]string{f[2], f[3]}
}

// hasSource reports whether the source of that tarball is there.
func (s state) hasSource(origin [2]string) bool {
	for key := range s {
		if f := strings.Split(key, "/"); f[0] == "s" && f[1] == origin[0] && f[3] == origin[1] {
			return true
		}
	}
	return false
}

// publish is what an upload makes of a state.
func (s state) publish(a plan.Addition) state {
	out, new := maps.Clone(s), map[string]bool{}
	stands := s[sourceName(a.Source)] != ""
	for _, b := range a.Binaries {
		new["b/"+b.Name] = true
		stands = stands && s["b/"+b.Name] == binaryValue(b)
	}
	replaced := map[[2]string]bool{}
	for key := range s {
		if f := strings.Split(key, "/"); f[0] == "s" && f[1] == a.Source.Name && f[2] == a.Source.Version {
			replaced[[2]string{f[1], f[3]}] = true
			delete(out, key)
		}
	}
	for key, value := range s {
		if key[0] == 'b' && !new[key] && replaced[originOf(value)] {
			stands = false
			delete(out, key)
		}
	}
	if stands {
		return s
	}
	for _, b := range a.Binaries {
		out["b/"+b.Name] = binaryValue(b)
	}
	out[sourceName(a.Source)] = "source"
	return out.tidied()
}

// tidied is a state without the sources that no binary names.
func (s state) tidied() state {
	used := map[[2]string]bool{}
	for key, value := range s {
		if key[0] == 'b' {
			used[originOf(value)] = true
		}
	}
	maps.DeleteFunc(s, func(key, _ string) bool {
		f := strings.Split(key, "/")
		return f[0] == "s" && !used[[2]string{f[1], f[3]}]
	})
	return s
}

// remove takes a source out in all its versions.
func (s state) remove(name string) state {
	out := maps.Clone(s)
	maps.DeleteFunc(out, func(key, value string) bool {
		return strings.HasPrefix(key, "s/"+name+"/") || key[0] == 'b' && originOf(value)[0] == name
	})
	return out
}

// undo takes back what made after of before; ok is false if something else has changed
// the same since.
func (s state) undo(before, after state) (out state, back []string, ok bool) {
	out = maps.Clone(s)
	for key := range union(before, after) {
		if before[key] == after[key] || s[key] == before[key] {
			continue
		}
		if s[key] != after[key] {
			return nil, nil, false
		}
		if delete(out, key); before[key] != "" {
			out[key] = before[key]
			back = append(back, key)
		}
	}
	for key, value := range out {
		if o := originOf2(key, value); o != [2]string{} && !out.hasSource(o) {
			return nil, nil, false
		}
	}
	return out, back, true
}

func originOf2(key, value string) [2]string {
	if key[0] != 'b' {
		return [2]string{}
	}
	return originOf(value)
}

func union(a, b state) state {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// photograph is a state as the disk has it, and where its files are.
type photograph struct {
	state
	text  string
	files map[string]plan.File
}

func shoot(fsys vfs.FS) photograph {
	view, err := index.Open(fsys)
	must(err)
	p := photograph{state: state{}, files: map[string]plan.File{}}
	var text strings.Builder
	for b, err := range view.All() {
		must(err)
		p.state["b/"+b.Name] = binaryValue(b)
		p.files["b/"+b.Name] = plan.File{Path: b.Filename, Size: b.Size, SHA256: b.SHA256}
		text.WriteString(b.Text)
	}
	sources, err := view.Sources(index.Selector{})
	must(err)
	for _, s := range sources {
		p.state[sourceName(s)] = "source"
		p.files[sourceName(s)] = plan.File{Path: s.Filename, Size: s.Size, SHA256: s.SHA256}
		text.WriteString(s.Text)
	}
	p.text = text.String()
	return p
}

// there reports whether the files of some packages of the photograph are on the disk.
func (p photograph) there(fsys vfs.FS, keys []string) bool {
	for _, key := range keys {
		f := p.files[key]
		content, err := vfs.ReadFile(fsys, f.Path, 1<<24)
		if sum := sha256.Sum256(content); err != nil || hex.EncodeToString(sum[:]) != f.SHA256 {
			return false
		}
	}
	return true
}
