package server

import (
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestSettingsAreReadAgain: settings are read once as long as they stay, and again as soon
// as they are others; those that have just been written, and those behind a link, each
// time.
func TestSettingsAreReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read := 0
	w.start(t, onDisk(vfs.Observe(w.disk, func(op vfs.Op) error {
		if op.Kind == "open" && op.Name == repo.SettingsFile {
			read++
		}
		return nil
	})))
	open := func(what string, times, reads int, grace time.Duration) {
		t.Helper()
		read = 0
		for range times {
			r, err := w.open()
			if err != nil || r.Settings.Grace != grace {
				t.Fatalf("%s: %v %v", what, err, r)
			}
		}
		if read != reads {
			t.Errorf("%s: read %d times, want %d", what, read, reads)
		}
	}
	write := func(grace string) {
		t.Helper()
		text := "id: " + w.repository + "\nkind: mmpack\ngrace: " + grace + "\n"
		if err := vfs.ReplaceFile(w.disk, repo.SettingsFile, repo.SettingsFile+".x", 0o600, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	write("1h")
	open("young", 3, 3, time.Hour)
	w.skip = time.Minute
	open("old", 5, 2, time.Hour)
	write("2h")
	w.skip = 0
	open("others, young", 3, 3, 2*time.Hour)
	w.skip = 2 * time.Minute
	open("others, old", 5, 2, 2*time.Hour)
	if err := w.disk.Rename(repo.SettingsFile, "elsewhere"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(); err == nil {
		t.Error("they are gone")
	}
}
