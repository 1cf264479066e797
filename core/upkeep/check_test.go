package upkeep_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

func vfsMode(m uint32) fs.FileMode { return fs.FileMode(m) }

const pkg = "greet_1.0.0_amd64-debian.mpk"

// fault is one thing that is wrong with a repository.
type fault struct {
	make func(t *testing.T, w *world)
	// code and file name the difference, message is a part of it.
	code          report.Code
	file, message string
	// deep: only a deep check sees it.
	deep bool
	// repaired: a repair leaves nothing of it.
	repaired bool
}

func faults() map[string]fault {
	on := func(f func(w *world) error) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			if err := f(w); err != nil {
				t.Fatal(err)
			}
		}
	}
	chmod := func(name string, mode uint32) func(*testing.T, *world) {
		return on(func(w *world) error { return w.Chmod(name, vfsMode(mode)) })
	}
	edit := func(name, from, to string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { t.Helper(); w.edit(t, name, replace(from, to)) }
	}
	stanza := regexp.MustCompile(`(?s)name: greet-doc\n.*?\n\n`)
	const binaries, sources = "binary-index.gz", "source-index"
	return map[string]fault{
		"a missing file": {on(func(w *world) error { return w.Remove(pkg) }), report.CodeLost, pkg, "published and not there", false, false},
		"a missing file with a copy": {func(t *testing.T, w *world) {
			w.write(t, ".mmpush/rejected/copy", 0, w.read(t, pkg))
			_ = w.Remove(pkg)
		}, report.CodeLost, pkg, "published and not there", false, true},
		"a missing file of the pool with a copy": {func(t *testing.T, w *world) {
			file := poolFile(t, w)
			w.write(t, ".mmpush/rejected/copy", 0, w.read(t, file))
			_ = w.Remove(file)
			_ = w.Remove(file[:strings.LastIndexByte(file, '/')])
		}, report.CodeLost, "pool/", "published and not there", false, true},
		"another size":   {func(t *testing.T, w *world) { w.write(t, pkg, 0, []byte("x")) }, report.CodeDamaged, pkg, "another size", false, false},
		"other bytes":    {flip, report.CodeDamaged, pkg, "other bytes", true, false},
		"a folder there": {on(func(w *world) error { return errors.Join(w.Remove(pkg), w.Mkdir(pkg, 0o755)) }), report.CodeDamaged, pkg, "is a folder", false, false},
		"other bytes with a copy": {func(t *testing.T, w *world) {
			w.write(t, ".mmpush/rejected/copy", 0, w.read(t, pkg))
			flip(t, w)
		}, report.CodeDamaged, pkg, "other bytes", true, true},

		"a package's mode":      {chmod(pkg, 0o600), report.CodeMode, pkg, "wrong mode", false, true},
		"an index's mode":       {chmod(binaries, 0o640), report.CodeMode, binaries, "wrong mode", false, true},
		"a writable package":    {chmod(pkg, 0o666), report.CodeMode, pkg, "wrong mode", false, true},
		"the pool's mode":       {chmod("pool", 0o700), report.CodeMode, "pool", "wrong mode", false, true},
		"the folder's mode":     {chmod(".", 0o700), report.CodeMode, ".", "wrong mode", false, true},
		"our folder is open":    {chmod(".mmpush", 0o755), report.CodeMode, ".mmpush", "wrong mode", false, true},
		"the history is open":   {chmod(repo.HistoryFile, 0o644), report.CodeMode, repo.HistoryFile, "wrong mode", false, true},
		"the metadata's mode":   {chmod("metadata", 0o600), report.CodeMode, "metadata", "wrong mode", false, true},
		"the settings are open": {chmod(repo.SettingsFile, 0o664), report.CodeMode, repo.SettingsFile, "wrong mode", false, true},

		"an index of the future": {on(func(w *world) error { return w.Chtimes(binaries, w.now().Add(time.Hour)) }), report.CodeClock, binaries, "ahead of the clock", false, true},
		"no binary index":        {on(func(w *world) error { return w.Remove(binaries) }), report.CodeIndex, binaries, "cannot be found", false, false},
		"no source index":        {on(func(w *world) error { return w.Remove(sources) }), report.CodeIndex, sources, "cannot be found", false, false},
		"rubbish for an index":   {func(t *testing.T, w *world) { w.write(t, binaries, 0, []byte("rubbish")) }, report.CodeIndex, binaries, "", false, false},
		"bytes behind the index": {func(t *testing.T, w *world) { w.write(t, binaries, 0, append(w.read(t, binaries), "trailing"...)) }, report.CodeIndex, binaries, "after the end", false, true},
		"an empty first line":    {func(t *testing.T, w *world) { w.edit(t, binaries, func(s string) string { return "\n" + s }) }, report.CodeIndex, binaries, "empty line", false, true},
		"a colon in a description": {func(t *testing.T, w *world) {
			w.edit(t, binaries, func(s string) string {
				return regexp.MustCompile(`(?m)^description: `).ReplaceAllString(s, "description: note: ")
			})
		}, report.CodeDanger, binaries, "crash", false, true},

		"a version with a colon":  {edit(binaries, "version: 1.0.0", "version: 1:0.0"), report.CodeStanza, binaries, "1:0.0", false, false},
		"a file name that leaves": {edit(binaries, "filename: greet_1", "filename: ../greet_1"), report.CodeStanza, binaries, "../greet_1", false, false},
		"a file name of ours":     {edit(sources, "filename: greet", "filename: .mmpush/greet"), report.CodeStanza, sources, ".mmpush/", false, false},
		"no source named":         {edit(binaries, "source: greet\n", ""), report.CodeStanza, binaries, "from which source", false, false},
		"no hash":                 {edit(sources, "sha256: ", "sha256: x"), report.CodeStanza, sources, "no SHA-256", false, false},

		"a source without packages": {func(t *testing.T, w *world) {
			w.edit(t, sources, func(s string) string {
				return s + strings.NewReplacer("name: greet", "name: grout").Replace(s[strings.Index(s, "name: greet"):])
			})
		}, report.CodePair, sources, "no package is built", false, false},
		"a package without source": {edit(sources, "name: greet\n", "name: grout\n"), report.CodePair, sources, "not in the source index", false, false},
		"a package twice": {func(t *testing.T, w *world) {
			w.edit(t, binaries, func(s string) string { return s + stanza.FindString(s) })
		}, report.CodePair, binaries, "stands twice", false, false},
		"a file twice with other hashes": {func(t *testing.T, w *world) {
			w.edit(t, binaries, func(s string) string {
				other := strings.Replace(stanza.FindString(s), "greet-doc", "greet-dox", 1)
				return s + regexp.MustCompile(`(?m)^sha256: .*$`).ReplaceAllString(other, "sha256: "+strings.Repeat("ab", 32))
			})
		}, report.CodePair, binaries, "different SHA-256", false, false},

		"a stranger":             {func(t *testing.T, w *world) { w.write(t, "what.mpk", 0, []byte("x")) }, report.CodeForeign, "what.mpk", "nobody's", false, false},
		"a stranger in the pool": {func(t *testing.T, w *world) { w.write(t, "pool/what.mpk", 0, []byte("x")) }, report.CodeForeign, "pool/what.mpk", "nobody's", false, false},
		"a stranger's folder":    {on(func(w *world) error { return w.Mkdir("what", 0o755) }), report.CodeForeign, "what", "folder", false, false},

		"a cache that lies": {lyingCache, report.CodeCache, repo.CacheFile, "other stanzas", false, true},

		"a dead stage":  {on(func(w *world) error { return w.Mkdir(".mmpush/stage/dead", 0o700) }), report.CodeLeftover, ".mmpush/stage/dead", "gone", false, true},
		"a temporary":   {func(t *testing.T, w *world) { w.write(t, ".mmpush/journal.new", 0, nil) }, report.CodeLeftover, ".mmpush/journal.new", "gone", false, true},
		"trash":         {func(t *testing.T, w *world) { w.write(t, ".mmpush/trash/x", 0, nil) }, report.CodeLeftover, ".mmpush/trash/x", "gone", false, true},
		"an old upload": {oldPartial, report.CodeLeftover, ".mmpush/partial/joe/x", "gone", false, true},

		"a changed history": {func(t *testing.T, w *world) {
			w.write(t, repo.HistoryFile, 0o600, []byte(replace(`"action":"publish"`, `"action":"nothing"`)(string(w.read(t, repo.HistoryFile)))))
		}, report.CodeHistory, repo.HistoryFile, "", false, true},
		"a missing generation": {func(t *testing.T, w *world) {
			lines := strings.SplitAfter(string(w.read(t, repo.HistoryFile)), "\n")
			w.write(t, repo.HistoryFile, 0o600, []byte(strings.Join(slices.Delete(lines, 1, 2), "")))
		}, report.CodeHistory, repo.HistoryFile, "", false, true},
		"rubbish in the history": {func(t *testing.T, w *world) {
			w.write(t, repo.HistoryFile, 0o600, append([]byte("rubbish\n"), w.read(t, repo.HistoryFile)...))
		}, report.CodeHistory, repo.HistoryFile, "", false, true},

		"a retired file is gone": {on(func(w *world) error { return w.Remove("greet_0.9.0_amd64-debian.mpk") }), report.CodeRetired, "greet_0.9.0_amd64-debian.mpk", "miss it", false, true},
		"a retired file is a copy": {func(t *testing.T, w *world) {
			w.write(t, "greet_0.9.0_amd64-debian.mpk", 0, w.read(t, "greet_0.9.0_amd64-debian.mpk"))
		}, report.CodeRetired, "greet_0.9.0_amd64-debian.mpk", "was copied", false, true},
		"a file retired in time to come": {func(t *testing.T, w *world) {
			lines := strings.SplitAfter(string(w.read(t, repo.RetiredFile)), "\n")
			for i := range lines {
				if strings.Contains(lines[i], `"greet_0.9.0_amd64-debian.mpk"`) {
					lines[i] = strings.Replace(lines[i], `"since":"2023`, `"since":"2033`, 1)
				}
			}
			w.write(t, repo.RetiredFile, 0o600, []byte(strings.Join(lines, "")))
		}, report.CodeRetired, "greet_0.9.0_amd64-debian.mpk", "a time to come, 2033", false, true},
		"rubbish among the retired": {func(t *testing.T, w *world) {
			w.write(t, repo.RetiredFile, 0o600, append([]byte("rubbish\n"), w.read(t, repo.RetiredFile)...))
		}, report.CodeRetired, repo.RetiredFile, "cannot be read", false, true},

		"an unfinished publish": {unfinished, report.CodeJournal, repo.JournalFile, "waits to be finished", false, true},
	}
}

func flip(t *testing.T, w *world) {
	t.Helper()
	text := w.read(t, pkg)
	text[len(text)/2] ^= 1
	w.write(t, pkg, 0, text)
}

func oldPartial(t *testing.T, w *world) {
	t.Helper()
	if err := errors.Join(w.Mkdir(".mmpush/partial", 0o700), w.Mkdir(".mmpush/partial/joe", 0o700)); err != nil {
		t.Fatal(err)
	}
	w.write(t, ".mmpush/partial/joe/x", 0, []byte("x"))
	if err := w.Chtimes(".mmpush/partial/joe/x", w.now().Add(-8*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// poolFile is a published file of the pool.
func poolFile(t *testing.T, w *world) string {
	t.Helper()
	folders, err := w.ReadDir("pool")
	if err != nil || len(folders) == 0 {
		t.Fatal(err)
	}
	files, err := w.ReadDir("pool/" + folders[0].Name)
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	return "pool/" + folders[0].Name + "/" + files[0].Name
}

// unfinished lets a publish die behind its decision.
func unfinished(t *testing.T, w *world) {
	t.Helper()
	dead := errors.New("dead")
	gone := false
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		gone = gone || op.Kind == "syncdir" && op.Name == ".mmpush" && w.has(repo.JournalFile)
		if gone {
			return dead
		}
		return nil
	})
	_, err := pipeline.Remove(context.Background(), w.open(t, fsys), selector("foo"), pipeline.Options{})
	if !errors.Is(err, dead) || !w.has(repo.JournalFile) {
		t.Fatal(err)
	}
	w.unlock()
}

func (w *world) has(name string) bool {
	_, err := w.Lstat(name)
	return err == nil
}

// TestEachDifference makes each difference, and wants it named, with what a repair
// would do, and repaired where that is promised; nothing else is found then.
func TestEachDifference(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, foo110, foo110b, greet090, greet100)
			r := w.open(t, w.Mem)
			if c, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, true)); err != nil || !c.Clean() {
				t.Fatalf("before: %v, %v", c.Differences, err)
			}
			f.make(t, w)
			is := func(d upkeep.Difference) bool {
				return d.Code == f.code && strings.HasPrefix(d.File, f.file) && strings.Contains(d.Message, f.message)
			}
			r = w.open(t, w.Mem)
			c, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, f.deep))
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(c.Differences, is)
			if i < 0 {
				t.Fatalf("it is not named: %v", c.Differences)
			}
			d := c.Differences[i]
			if f.repaired && d.Repair == "" && !d.Rewrite {
				t.Errorf("a repair is not announced: %+v", d)
			}
			if d.Repair == "" && d.Hint == "" && d.Code != report.CodePair && d.Code != report.CodeRetired && d.Code != report.CodeIndex {
				t.Errorf("nothing says what to do: %+v", d)
			}
			if f.deep {
				if shallow, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, false)); err != nil || slices.ContainsFunc(shallow.Differences, is) {
					t.Errorf("a check that is not deep: %v, %v", shallow.Differences, err)
				}
			}
			f.repair(t, w, is)
		})
	}
}

func (f fault) repair(t *testing.T, w *world, is func(upkeep.Difference) bool) {
	t.Helper()
	r := w.open(t, w.Mem)
	c, err := upkeep.Repair(context.Background(), r, pipeline.Mmpack{}, w.options(r, f.deep))
	if err != nil && f.repaired {
		t.Fatal(err)
	}
	if got := !slices.ContainsFunc(c.Differences, is); got != f.repaired {
		t.Errorf("repaired: %t; left %v, repaired %v, findings %v", got, c.Differences, c.Repaired, c.Findings)
	}
	if !f.repaired {
		return
	}
	if !slices.ContainsFunc(c.Repaired, is) || !c.Clean() {
		t.Errorf("left %v, repaired %v, findings %v", c.Differences, c.Repaired, c.Findings)
	}
	again, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, true))
	if err != nil || !again.Clean() {
		t.Errorf("afterwards: %v, %v", again.Differences, err)
	}
	w.publish(t, foo100)
}

// TestAnotherFileForARetiredOne: the list forgets it, and the file stays: it is a
// stranger's.
func TestAnotherFileForARetiredOne(t *testing.T) {
	t.Parallel()
	const name = "greet_0.9.0_amd64-debian.mpk"
	w := newWorld(t, greet090, greet100)
	w.write(t, name, 0, []byte("x"))
	r := w.open(t, w.Mem)
	c, err := upkeep.Repair(context.Background(), r, pipeline.Mmpack{}, w.options(r, false))
	if err != nil || len(c.Repaired) != 1 || c.Repaired[0].Code != report.CodeRetired ||
		len(c.Differences) != 1 || c.Differences[0].Code != report.CodeForeign || string(w.read(t, name)) != "x" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestCheckChangesNothing: a check writes nothing and takes no lock.
func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, foo110, greet100)
	w.write(t, "what", 0, nil)
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Writes() {
			t.Errorf("%s %s", op.Kind, op.Name)
		}
		return nil
	})
	r := w.open(t, fsys)
	c, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, true))
	if err != nil || len(c.Differences) != 1 {
		t.Errorf("%v, %v", c.Differences, err)
	}
	if text, err := json.Marshal(c); err != nil || !strings.Contains(string(text), `"repository":"/repo"`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestUnreadableBytes: a file that the disk cannot read is named, and the others are
// looked at nevertheless.
func TestUnreadableBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, foo110, greet100)
	r := w.open(t, vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Kind == "read" && op.Name == pkg {
			return syscall.EIO
		}
		return nil
	}))
	c, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, true))
	if err != nil || len(c.Differences) != 1 || c.Differences[0].Code != report.CodeDamaged || c.Files != 8 {
		t.Errorf("%+v, %v", c, err)
	}
}

// estates is an FS whose files have owners.
type estates struct {
	*vfs.Mem
	owners map[string]uint32
}

func (e estates) Lstat(name string) (vfs.Info, error) {
	i, err := e.Mem.Lstat(name)
	i.UID, i.Owned = e.owners[name], true
	return i, err
}

func (e estates) CopyOwner(from, to string) error {
	e.owners[to] = e.owners[from]
	return nil
}

func TestOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, greet100)
	e := estates{w.Mem, map[string]uint32{pkg: 7, repo.HistoryFile: 7, "source-index": 7}}
	r := w.open(t, e)
	c, err := upkeep.Check(context.Background(), r, pipeline.Mmpack{}, w.options(r, false))
	if err != nil || len(c.Differences) != 3 || c.Differences[0].Code != report.CodeOwner {
		t.Fatalf("%v, %v", c.Differences, err)
	}
	if c, err = upkeep.Repair(context.Background(), r, pipeline.Mmpack{}, w.options(r, false)); err != nil || !c.Clean() || len(c.Repaired) != 3 {
		t.Errorf("%v, %v", c.Differences, err)
	}
}

// lyingCache says that the last source is dangerous, with the right checksums (the room
// index has the form).
func lyingCache(t *testing.T, w *world) {
	const entry, footer = 6*8 + 108, 8 + crc32.Size
	le, sum := binary.LittleEndian, crc32.MakeTable(crc32.Castagnoli)
	text := w.read(t, repo.CacheFile)
	end := len(text) - footer
	table, last := le.Uint64(text[end:]), text[end-entry:end]
	columns := le.Uint64(last[32:])
	text[table-1] ^= 1
	le.PutUint64(last[40:], uint64(crc32.Checksum(text[columns:table], sum)))
	le.PutUint32(text[end+8:], crc32.Checksum(text[table:end+8], sum))
	w.write(t, repo.CacheFile, 0o600, text)
}
