package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/yamlfile"
)

// ProjectFile is the name of a project's file.
const ProjectFile = ".mmpush.yaml"

// fileLimit is the most bytes that a file may have: far above what anybody writes.
const fileLimit = 32 << 10

// File is one that may be there.
type File struct {
	Level Level
	Path  string
}

// Sources are what to look at.
type Sources struct {
	Getenv func(string) string
	// Home is the user's home folder; empty if there is none.
	Home string
	// Files are the strongest first; one that is not there is no error.
	Files []File
}

// Load reads all sources. The error has [report.CodeConfig] and names everything that
// is wrong.
func Load(s Sources) (*Config, error) {
	c := &Config{targets: map[string]Target{}, sets: map[string]Set{}}
	values, wrong := readEnvironment(s.Getenv)
	c.values = append(c.values, values)
	for _, f := range s.Files {
		text, err := read(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var l layer
		if err == nil {
			l, err = parseFile(f, s.Home, text)
		}
		wrong = append(wrong, problems(f.Path, err)...)
		c.add(f, l)
	}
	for name, set := range c.sets {
		if t, both := c.targets[name]; both {
			wrong = append(wrong, fmt.Sprintf("%s: the set %q: %s has a target of that name", set.Origin, name, t.To.Origin))
		}
	}
	if len(wrong) > 0 {
		return nil, &report.Error{
			Stage: "configuration", Code: report.CodeConfig, Kind: report.KindUsage, Err: errors.New(strings.Join(wrong, "\n")),
			Hint: "man 5 mmpush-config has all keys with their values",
		}
	}
	return c, nil
}

// add puts a weaker layer below those that are there.
func (c *Config) add(f File, l layer) {
	c.Files = append(c.Files, f.Path)
	c.values = append(c.values, l.values)
	for name, t := range l.targets {
		if _, stronger := c.targets[name]; !stronger {
			c.targets[name] = t
		}
	}
	for name, s := range l.sets {
		if _, stronger := c.sets[name]; !stronger {
			c.sets[name] = s
		}
	}
}

func readEnvironment(getenv func(string) string) (map[string]Value, []string) {
	values, wrong := map[string]Value{}, []string(nil)
	for _, k := range Keys() {
		text := getenv(k.Variable())
		if text == "" {
			continue
		}
		if k.check != nil {
			if w := k.check(text); w != "" {
				wrong = append(wrong, k.Variable()+": "+w)
			}
		}
		values[k.Name] = Value{Text: text, Origin: Origin{Level: Environment, Name: k.Variable()}}
	}
	return values, wrong
}

// read returns a file's text. A link is followed, but not from a project's file: that
// is a stranger's.
func read(f File) ([]byte, error) {
	at := f.Path
	if f.Level != Project {
		real, err := filepath.EvalSymlinks(at)
		if err != nil {
			return nil, err
		}
		at = real
	}
	folder, err := vfs.OpenDir(filepath.Dir(at))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return vfs.ReadFile(folder, filepath.Base(at), fileLimit)
}

// problems are what is wrong with a file, a line each.
func problems(path string, err error) []string {
	if err == nil {
		return nil
	}
	list, ok := errors.AsType[yamlfile.Problems](err)
	if !ok {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return []string{path + ": " + err.Error()}
	}
	var lines []string
	for _, p := range list {
		o := Origin{Level: User, Name: path, Line: p.Line}
		p.Line = 0
		lines = append(lines, o.String()+": "+p.String())
	}
	return lines
}

// FindProject returns the project's file for whoever works in a folder: that of the
// folder itself, or of the nearest above it in the same git work tree. It is empty if
// there is none.
func FindProject(folder string) string {
	found := ""
	for at := folder; ; at = filepath.Dir(at) {
		if found == "" {
			if file := filepath.Join(at, ProjectFile); exists(file) {
				found = file
			}
		}
		switch {
		case exists(filepath.Join(at, ".git")):
			return found
		case at == filepath.Dir(at):
			// No work tree: what stands above the folder is somebody else's.
			if filepath.Dir(found) == filepath.Clean(folder) {
				return found
			}
			return ""
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
