package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Search is what a pattern has found.
type Search struct {
	Pattern string
	// Files are in the order of their names.
	Files []string
	// Looked is the folder that was looked through.
	Looked string
	// Near are, if nothing was found, a few manifests below that folder, else what is in
	// it, or that there is no such folder.
	Near []string
}

// Find looks for what the patterns name, one after the other. In a pattern * and ? stand
// for letters of a name and ** for any folders; links to folders are not followed there.
// A pattern without them is a file's name.
func Find(ctx context.Context, patterns []string) ([]Search, error) {
	var list []Search
	for _, p := range patterns {
		s, err := find(ctx, p)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Patterns splits a list with one pattern on each line.
func Patterns(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

func find(ctx context.Context, pattern string) (Search, error) {
	slashed := pattern
	if runtime.GOOS == "windows" {
		slashed = filepath.ToSlash(pattern)
	}
	root, rest := fixed(slashed)
	s := Search{Pattern: pattern, Looked: root}
	if rest == "" {
		// A name is looked for as it is, whatever it holds.
		if _, err := os.Stat(filepath.FromSlash(slashed)); err == nil {
			s.Files = []string{filepath.FromSlash(slashed)}
			return s, nil
		}
		root, rest = path.Dir(slashed), path.Base(slashed)
		s.Looked = root
	}
	segments := strings.Split(rest, "/")
	for _, segment := range segments {
		if _, err := path.Match(segment, ""); err != nil {
			return s, fmt.Errorf("%q is not a pattern: %w", pattern, err)
		}
	}
	err := filepath.WalkDir(filepath.FromSlash(root), func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		within, relErr := filepath.Rel(filepath.FromSlash(root), name)
		switch {
		case err != nil || relErr != nil:
			s.missing(name, err)
			return fs.SkipDir
		case within == ".":
			return nil
		}
		parts := strings.Split(filepath.ToSlash(within), "/")
		switch {
		case entry.IsDir() && !leads(segments, parts):
			return fs.SkipDir
		case !entry.IsDir() && matches(segments, parts):
			s.Files = append(s.Files, name)
		case !entry.IsDir() && strings.HasSuffix(name, ".mmpack-manifest"):
			s.near(filepath.ToSlash(within))
		}
		return nil
	})
	slices.Sort(s.Files)
	if err == nil && len(s.Files)+len(s.Near) == 0 {
		s.list(filepath.FromSlash(root))
	}
	return s, err
}

// list notes what is in a folder.
func (s *Search) list(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.near(fmt.Sprint(err))
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		s.near(name)
	}
}

// nearAtMost is how many files are told that were not meant.
const nearAtMost = 10

func (s *Search) near(text string) {
	if len(s.Near) < nearAtMost {
		s.Near = append(s.Near, text)
	}
}

// missing notes a folder that cannot be looked into.
func (s *Search) missing(name string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		s.near("there is no " + name)
		return
	}
	s.near(fmt.Sprint(err))
}

// fixed splits a pattern into the folder that it begins with and what is looked for in
// it; that is empty if the pattern has no special letters.
func fixed(pattern string) (root, rest string) {
	i := strings.IndexAny(pattern, `*?[\`)
	if i < 0 {
		return pattern, ""
	}
	cut := strings.LastIndexByte(pattern[:i], '/')
	switch cut {
	case -1:
		return ".", pattern
	case 0:
		return "/", pattern[1:]
	}
	return pattern[:cut], pattern[cut+1:]
}

// matches reports whether the parts of a path are what the segments of a pattern name.
func matches(segments, parts []string) bool {
	if len(segments) == 0 {
		return len(parts) == 0
	}
	if segments[0] == "**" {
		return matches(segments[1:], parts) || len(parts) > 0 && matches(segments, parts[1:])
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(segments[0], parts[0])
	return ok && err == nil && matches(segments[1:], parts[1:])
}

// leads reports whether something below the folder with these parts can match.
func leads(segments, parts []string) bool {
	if len(parts) == 0 || len(segments) > 0 && segments[0] == "**" {
		return len(segments) > 0
	}
	if len(segments) == 0 {
		return false
	}
	ok, err := path.Match(segments[0], parts[0])
	return ok && err == nil && leads(segments[1:], parts[1:])
}
