package gitpush

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// marker is in each hook that [Install] writes.
	marker = "# mmpush hook: made by `mmpush hook install`; `mmpush hook uninstall` takes it away."
	// chained is the suffix of a hook that was there before.
	chained = ".before-mmpush"
	maxHook = 1 << 20
)

// Installed is one hook as it stands in a folder.
type Installed struct {
	// Hook is "post-receive" or "pre-receive".
	Hook string `json:"hook"`
	// File is the path of the hook, or of where it would be.
	File string `json:"file"`
	// Ours says that it is mmpush's; Chained is the file that it runs first.
	Ours    bool   `json:"ours"`
	Chained string `json:"chained,omitempty"`
	// Other is a hook that is there and not ours.
	Other bool `json:"other,omitempty"`
	// Changed says what the call did: "installed", "removed" or "" for nothing.
	Changed string `json:"changed,omitempty"`
}

// HooksFolder is where git looks for the repository's hooks.
func (r *Repository) HooksFolder(ctx context.Context) (string, error) {
	out, err := r.git.command(ctx, "rev-parse", "--git-path", "hooks").Output()
	if err != nil {
		return "", configError(r.Path, fmt.Errorf("git rev-parse: %w", err))
	}
	name := strings.TrimSuffix(string(out), "\n")
	if !filepath.IsAbs(name) {
		// Relative to where git was started, which is not here.
		if abs, err := filepath.Abs(name); err == nil {
			name = abs
		}
	}
	return name, nil
}

// Configure sets keys of the repository's own configuration; each value of a key is
// one line.
func (r *Repository) Configure(ctx context.Context, key string, values ...string) error {
	unset := r.git.command(ctx, "config", "--local", "--unset-all", key)
	// There may be none.
	_ = unset.Run()
	for _, v := range values {
		if out, err := r.git.command(ctx, "config", "--local", "--add", key, v).CombinedOutput(); err != nil {
			return configError(filepath.Join(r.Path, "config"), fmt.Errorf("%s: %w: %s", key, err, bytes.TrimSpace(out)))
		}
	}
	return nil
}

// folderHook is a hook in a folder of hooks.
type folderHook struct {
	fsys vfs.FS
	dir  string
	hook string
	// name is the file: the hook itself, or one in HOOK.d, as Gitea and Forgejo have
	// them.
	name string
}

func openHook(fsys vfs.FS, dir, hook string) folderHook {
	h := folderHook{fsys, dir, hook, hook}
	if info, err := fsys.Lstat(hook + ".d"); err == nil && info.Mode.IsDir() {
		h.name = hook + ".d/mmpush"
	}
	return h
}

// state says what is there.
func (h folderHook) state() (Installed, error) {
	s := Installed{Hook: h.hook, File: filepath.Join(h.dir, filepath.FromSlash(h.name))}
	text, found, err := h.read(h.name)
	if err != nil {
		return s, err
	}
	s.Ours = found && bytes.Contains(text, []byte(marker))
	s.Other = found && !s.Ours
	if _, err := h.fsys.Lstat(h.name + chained); err == nil {
		s.Chained = s.File + chained
	}
	return s, nil
}

// read reads a hook; a link that leads out of the folder is one that is there.
func (h folderHook) read(name string) (text []byte, found bool, err error) {
	info, err := h.fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil || !info.IsRegular() || info.Size > maxHook {
		return nil, true, err
	}
	text, err = vfs.ReadFile(h.fsys, name, maxHook)
	return text, true, err
}

// Hooks are the hooks that there are for.
func Hooks() []string { return []string{"pre-receive", "post-receive"} }

// Look says what is in a folder of hooks.
func Look(fsys vfs.FS, dir string) ([]Installed, error) {
	var list []Installed
	for _, hook := range Hooks() {
		s, err := openHook(fsys, dir, hook).state()
		if err != nil {
			return nil, hookError(s.File, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// Install puts the named hooks into a folder of hooks; program is the path of mmpush.
// A hook that is there already is kept beside it and runs first. Where hooks have a
// folder of their own (HOOK.d), it goes there. Doing it again changes nothing.
func Install(fsys vfs.FS, dir, program string, hooks []string) ([]Installed, error) {
	var list []Installed
	for _, hook := range Hooks() {
		if !slices.Contains(hooks, hook) {
			continue
		}
		h := openHook(fsys, dir, hook)
		s, err := h.install(program)
		if err != nil {
			return list, hookError(s.File, err)
		}
		list = append(list, s)
	}
	return list, nil
}

func (h folderHook) install(program string) (Installed, error) {
	s, err := h.state()
	if err != nil {
		return s, err
	}
	if s.Other {
		if s.Chained != "" && !h.linked() {
			return s, fmt.Errorf("is a hook of somebody else, and %s is there, too: bring them together first", filepath.Base(s.Chained))
		}
		s.Chained = s.File + chained
	}
	want := script(program, h.hook, s.Chained)
	if s.Ours {
		if now, _, err := h.read(h.name); err != nil || bytes.Equal(now, want) {
			return s, err
		}
	}
	// Whatever of ours stands in the way was left by a run that was killed.
	temp := h.name + ".mmpush-new"
	if err := h.fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := vfs.CreateSynced(h.fsys, temp, 0o755, want); err != nil {
		return s, err
	}
	if s.Other && !h.linked() {
		if err := h.setAside(); err != nil {
			return s, errors.Join(err, h.fsys.Remove(temp))
		}
	}
	if err := h.fsys.Rename(temp, h.name); err != nil {
		return s, err
	}
	s.Ours, s.Other, s.Changed = true, false, "installed"
	return s, h.fsys.SyncDir(filepath.ToSlash(filepath.Dir(h.name)))
}

// setAside gives the hook that is there its other name; it keeps the first one where
// files can have two, so that it runs at every moment until ours has taken its place.
func (h folderHook) setAside() error {
	if l, ok := h.fsys.(vfs.Linker); ok && l.Link(h.name, h.name+chained) == nil {
		return nil
	}
	return h.fsys.Rename(h.name, h.name+chained)
}

// linked reports whether the hook has both names: an install was killed in between.
func (h folderHook) linked() bool {
	one, err := h.fsys.Lstat(h.name)
	if err != nil {
		return false
	}
	other, err := h.fsys.Lstat(h.name + chained)
	return err == nil && one.Ino != 0 && one.Ino == other.Ino && one.Dev == other.Dev
}

// script is the hook: one line that becomes mmpush.
func script(program, hook, before string) []byte {
	line := "exec " + Quote(program) + " hook " + hook
	if before != "" {
		line += " --first " + Quote(before)
	}
	return []byte("#!/bin/sh\n" + marker + "\n" + line + "\n")
}

// Quote is a word of a shell script.
func Quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// Uninstall takes the hooks away and puts back what was there before.
func Uninstall(fsys vfs.FS, dir string) ([]Installed, error) {
	var list []Installed
	for _, hook := range Hooks() {
		h := openHook(fsys, dir, hook)
		s, err := h.state()
		switch {
		case err != nil || !s.Ours:
		case s.Chained != "":
			err = fsys.Rename(h.name+chained, h.name)
			s.Ours, s.Chained, s.Other, s.Changed = false, "", true, "removed"
		default:
			err = fsys.Remove(h.name)
			s.Ours, s.Changed = false, "removed"
		}
		if err != nil {
			return list, hookError(s.File, err)
		}
		list = append(list, s)
	}
	return list, nil
}

func hookError(file string, err error) error {
	return &report.Error{
		Stage: "install", Code: report.CodeUsage, Kind: report.KindUsage, File: file, Err: err,
		Hint: "--hooks-dir names another folder of hooks",
	}
}
