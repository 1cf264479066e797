package server

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestKilledAtEveryCall ends the server ahead of each of its calls that write to the
// disk, from the declaration to the verdict, by a kill and by a power loss. The next
// one needs no help, and the next session publishes; what was acknowledged is there.
func TestKilledAtEveryCall(t *testing.T) {
	t.Parallel()
	old := mpktest.Upload{Name: "foo", Version: "1.0", Packages: []mpktest.Package{{Name: "foo"}, {Name: "gone"}}}
	template := newDisk(t, arch)
	publish(t, template, old)
	template.SyncAll()
	before := mustShelves(t, template)
	files := built("foo", "1.1")
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			t.Parallel()
			disk := template.Clone()
			var films []*vfs.Mem
			var mu sync.Mutex
			w := &world{disk: disk, users: sharedUsers()}
			observed := vfs.Observe(disk, func(op vfs.Op) error {
				if op.Writes() {
					film := disk.Clone()
					mu.Lock()
					films = append(films, film)
					mu.Unlock()
				}
				return nil
			})
			w.start(t, onDisk(observed))
			r, err := w.speak(t, version, everything(), wire(files), files[len(files)-1].Data)
			mustPass(t, r, err)
			mu.Lock()
			taken := slices.Clone(films) // the heartbeat may still write
			mu.Unlock()
			after := mustShelves(t, disk)
			acknowledged := disk.PowerLoss(func(int) vfs.Fate { return vfs.Lost })
			if got, err := shelves(acknowledged); err != nil || !slices.Equal(got, after) {
				t.Errorf("acknowledged, and after a power loss %q, %v", got, err)
			}
			step := 5
			if long() {
				step = 1
			}
			lives := 0
			for k := 0; k < len(taken); k += step {
				for _, fate := range []vfs.Fate{vfs.Kept, vfs.Lost, vfs.Torn} {
					film := taken[k]
					if fate != vfs.Kept {
						film = film.PowerLoss(func(int) vfs.Fate { return fate })
					}
					if problem := afterwards(t, film, version, files, before, after); problem != "" {
						t.Errorf("ended ahead of call %d of %d, %v: %s", k+1, len(taken), fate, problem)
					}
					lives++
				}
			}
			if t.Logf("%d calls, %d ends", len(taken), lives); len(taken) < 80 {
				t.Errorf("only %d calls", len(taken))
			}
		})
	}
}

// onDisk lets the server and its repository work on another view of the disk.
func onDisk(fsys vfs.FS) func(*Options) {
	return func(o *Options) {
		o.State = fsys
		o.Open = opener(fsys)
	}
}

// afterwards looks at a disk as it was left, and then starts a server on it.
func afterwards(t *testing.T, disk *vfs.Mem, version int, files []mpktest.File, before, after []string) string {
	t.Helper()
	got, err := shelves(disk)
	if err != nil || !slices.Equal(got, before) && !slices.Equal(got, after) {
		return fmt.Sprintf("as it is served: %q, %v", got, err)
	}
	w := worldOn(t, disk, sharedUsers())
	defer w.Close()
	for attempt := 1; ; attempt++ {
		r, err := w.speak(t, version, everything(), wire(files), files[len(files)-1].Data)
		if err == nil && r.Pass() {
			break
		}
		// Bytes that a power loss has garbled in a partial file are found and thrown
		// away; they have to be sent once more.
		garbled := err == nil && (strings.Contains(fmt.Sprint(r.Files, r.Report.Findings), "another SHA-256") || version == 1 && attempt == 1)
		if !garbled || attempt > 1 {
			return fmt.Sprintf("the next session: %+v %v", r, err)
		}
	}
	if got, err := shelves(disk); err != nil || !slices.Equal(got, after) {
		return fmt.Sprintf("at last: %q, %v; want %q", got, err, after)
	}
	if left := append(w.files(t, "partial"), w.files(t, "area")...); len(left) > 0 {
		return fmt.Sprintf("left over: %q", left)
	}
	return ""
}

// TestAcknowledgedFilesAreDurable: a file without a manifest that has passed is there
// after a power loss.
func TestAcknowledgedFilesAreDurable(t *testing.T) {
	t.Parallel()
	c := cutCases()[0]
	for version := 1; version <= 2; version++ {
		w := worldOn(t, newDisk(t, arch), sharedUsers())
		r, err := w.speak(t, version, everything(), wire(c.files), nil)
		mustPass(t, r, err)
		for _, fate := range []vfs.Fate{vfs.Lost, vfs.Torn, vfs.Kept} {
			rebooted := worldOn(t, w.disk.PowerLoss(func(int) vfs.Fate { return fate }), sharedUsers())
			if problem := c.missing(t, rebooted); problem != "" {
				t.Errorf("version %d, %v: %s", version, fate, problem)
			}
		}
	}
}
