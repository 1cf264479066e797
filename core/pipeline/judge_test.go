package pipeline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// The judges know nothing of mmpush: they read a repository as a client does that
// fetches files from a static web server.

// stanzasOf splits an index the way the C client does: keys at the first ':',
// continuation lines skipped, an empty line ends a stanza.
func stanzasOf(text string) ([]map[string]string, error) {
	var list []map[string]string
	var current map[string]string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			if current == nil {
				return nil, errors.New("an empty line with no stanza before it")
			}
			list, current = append(list, current), nil
		case line[0] == ' ':
		default:
			key, value, ok := strings.Cut(line, ":")
			if !ok {
				return nil, fmt.Errorf("a line with no key: %q", line)
			}
			if current == nil {
				current = map[string]string{}
			}
			current[key] = strings.TrimPrefix(value, " ")
		}
	}
	if current != nil {
		return nil, errors.New("the last stanza is not ended")
	}
	return list, nil
}

// served reads both indexes and returns their stanzas.
func served(fsys vfs.FS) (binaries, sources []map[string]string, err error) {
	packed, err := vfs.ReadFile(fsys, "binary-index.gz", 1<<20)
	if err != nil {
		return nil, nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, fmt.Errorf("binary-index.gz: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, nil, fmt.Errorf("binary-index.gz: %w", err)
	}
	if binaries, err = stanzasOf(string(text)); err != nil {
		return nil, nil, fmt.Errorf("binary-index.gz: %w", err)
	}
	text, err = vfs.ReadFile(fsys, "source-index", 1<<20)
	if err != nil {
		return nil, nil, err
	}
	if sources, err = stanzasOf(string(text)); err != nil {
		return nil, nil, fmt.Errorf("source-index: %w", err)
	}
	return binaries, sources, nil
}

// judgeServed is the first judge: whatever has happened, and before anybody has
// repaired anything, both indexes can be read, and every file that either names is
// there with its bytes.
func judgeServed(fsys vfs.FS) error {
	binaries, sources, err := served(fsys)
	if err != nil {
		return err
	}
	for _, s := range append(binaries, sources...) {
		content, err := vfs.ReadFile(fsys, s["filename"], 1<<24)
		if err != nil {
			return fmt.Errorf("%s is named: %w", s["filename"], err)
		}
		sum := sha256.Sum256(content)
		if hex.EncodeToString(sum[:]) != s["sha256"] || fmt.Sprint(len(content)) != s["size"] {
			return fmt.Errorf("%s has other bytes than the index says", s["filename"])
		}
	}
	return nil
}

// judgeSettled is the second judge, after recovery: the pair agrees, nothing is left
// unfinished, and each file in the published folder is named or retired.
func judgeSettled(w *world) error {
	fsys := w.folder()
	if err := judgeServed(fsys); err != nil {
		return err
	}
	binaries, sources, err := served(fsys)
	if err != nil {
		return err
	}
	if err := judgePair(binaries, sources); err != nil {
		return err
	}
	for _, name := range []string{repo.JournalFile, repo.PreparedFile} {
		if _, err := fsys.Lstat(name); err == nil {
			return errors.New("a journal is left")
		}
	}
	r, err := w.open(fsys)
	if err != nil {
		return err
	}
	if r.Adopted() && r.Settings.ID == "" {
		return errors.New("the settings have lost the repository's id")
	}
	return judgeFiles(w, append(binaries, sources...))
}

func judgePair(binaries, sources []map[string]string) error {
	used := map[string]bool{}
	names := map[string]bool{}
	for _, b := range binaries {
		if names[b["name"]] {
			return fmt.Errorf("%s stands twice in the index", b["name"])
		}
		names[b["name"]] = true
		used[b["source"]+" "+b["srcsha256"]] = true
	}
	for _, s := range sources {
		key := s["name"] + " " + s["sha256"]
		if !used[key] {
			return fmt.Errorf("the source %s %s has no binary", s["name"], s["version"])
		}
		delete(used, key)
	}
	for key := range used {
		return fmt.Errorf("the source %s of a binary is missing, or stands twice", key)
	}
	return nil
}

// judgeFiles finds files that nobody would ever delete, and wrong modes.
func judgeFiles(w *world, stanzas []map[string]string) error {
	known := map[string]bool{"metadata": true, "lock": true, "binary-index.gz": true, "source-index": true}
	for _, s := range stanzas {
		known[s["filename"]] = true
	}
	r, err := w.repo()
	if err != nil {
		return err
	}
	retired, err := r.RetiredFiles()
	if err != nil {
		return err
	}
	for _, rec := range retired {
		info, err := w.folder().Lstat(rec.Name)
		if err == nil && info.Ino == rec.Ino {
			known[rec.Name] = true
		}
	}
	files, err := walk(w.folder(), ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(f, ".mmpush/") {
			continue
		}
		if !known[f] {
			return fmt.Errorf("%s is neither named nor retired", f)
		}
		if info, err := w.folder().Lstat(f); err != nil || info.Mode.Perm() != 0o644 {
			return fmt.Errorf("%s has mode %v (%v)", f, info.Mode, err)
		}
	}
	return nil
}

// recoverOnly takes the lock and gives it back, as the next run of any kind does.
func recoverOnly(w *world, fsys vfs.FS) error {
	r, err := w.open(fsys)
	if err != nil {
		return err
	}
	tx, err := commit.Begin(context.Background(), r, pipeline.CommitOptions(pipeline.Options{}))
	if err != nil {
		return err
	}
	return tx.Close()
}
