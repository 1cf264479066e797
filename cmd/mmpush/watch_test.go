//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/watch"
)

// TestWatchArrival brings a genuine upload in many ways to a real process.
func TestWatchArrival(t *testing.T) {
	t.Parallel()
	const upload = "uploads/01-foo-1.0.0"
	files := filesOf(t, upload)
	manifest := filepath.Base(files[0])
	for name, bring := range map[string]func(t *testing.T, d *dropFolder){
		"cp, by the shell": func(t *testing.T, d *dropFolder) {
			execute(t, "cp", append(slices.Sorted(slices.Values(files)), d.at)...)
		},
		"cp -p, the manifest first": func(t *testing.T, d *dropFolder) {
			execute(t, "cp", append(append([]string{"-p"}, files...), d.at)...)
		},
		"slowly, the manifest first": func(t *testing.T, d *dropFolder) {
			for i, f := range files {
				execute(t, "cp", f, d.at)
				if i < len(files)-1 {
					d.waitsFor(manifest, len(files)-1-i)
				}
			}
		},
		"slowly, each file in two pieces": func(t *testing.T, d *dropFolder) {
			for i, f := range files {
				data := []byte(mustRead(t, f))
				d.append(filepath.Base(f), data[:len(data)/2])
				d.becomes(manifest, watch.Waiting)
				d.append(filepath.Base(f), data[len(data)/2:])
				if i < len(files)-1 {
					d.waitsFor(manifest, len(files)-1-i)
				}
			}
		},
		"a manifest in two pieces": func(t *testing.T, d *dropFolder) {
			execute(t, "cp", append(slices.Clone(files[1:]), d.at)...)
			data := []byte(mustRead(t, files[0]))
			d.append(manifest, data[:200])
			d.becomes(manifest, watch.Waiting)
			d.append(manifest, data[200:])
		},
		"renamed": func(t *testing.T, d *dropFolder) { drop(t, files[0], d.at) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDropFolder(t, t.TempDir())
			bring(t, d)
			whole := time.Now()
			d.becomes(manifest, report.Published)
			t.Logf("published %d ms after it was whole", time.Since(whole).Milliseconds())
			d.published("foo 1.0.0", 1)
			d.stop(syscall.SIGTERM, exitDone)
		})
	}
}

// TestWatchAcrossFileSystems: the drop folder and the repository need not be on one.
func TestWatchAcrossFileSystems(t *testing.T) {
	t.Parallel()
	here := t.TempDir()
	d := newDropFolder(t, elsewhere(t, here), "--settle=200ms")
	if device(t, d.at) == device(t, d.repo) {
		t.Fatal("one file system")
	}
	t.Logf("from device %d to device %d", device(t, d.at), device(t, d.repo))
	execute(t, "cp", append(filesOf(t, "uploads/01-foo-1.0.0"), d.at)...)
	d.published("foo 1.0.0", 1)
	execute(t, "cp", append(filesOf(t, "uploads-bad/wrong-sha-mpk"), d.at)...)
	d.becomes(manifestOf(t, "uploads-bad/wrong-sha-mpk"), report.Rejected)
	d.published("foo 1.0.0", 1)
	d.stop(syscall.SIGTERM, exitDone)
}

// TestWatchRestart: what was waiting when a watcher was stopped or killed is taken
// up by the next.
func TestWatchRestart(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			d := newDropFolder(t, t.TempDir())
			foo, greet := filesOf(t, "uploads/01-foo-1.0.0"), filesOf(t, "uploads/03-greet-0.9.0")
			execute(t, "cp", append(foo[:3:3], d.at)...)
			d.waitsFor(foo[0], 3)
			d.stop(signal, map[syscall.Signal]int{syscall.SIGTERM: exitDone, syscall.SIGKILL: -1}[signal])
			execute(t, "cp", append(append(foo[3:], greet...), d.at)...)
			d.start("--settle=1s")
			d.becomes(foo[0], report.Published)
			d.becomes(greet[0], report.Published)
			d.published("greet 0.9.0", 2)
			d.stop(syscall.SIGTERM, exitDone)
		})
	}
}

// TestWatchSignals: SIGTERM ends a watcher with 0, Ctrl-C with 130, each with one
// document.
func TestWatchSignals(t *testing.T) {
	t.Parallel()
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: exitDone, syscall.SIGINT: exitStopped} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			d := newDropFolder(t, t.TempDir(), "--json", "--settle=100ms")
			files := filesOf(t, "uploads/01-foo-1.0.0")
			execute(t, "cp", append(slices.Clone(files), d.at)...)
			d.becomes(files[0], report.Published)
			d.append("half.mmpack-manifest", []byte("name: half"))
			d.becomes("half.mmpack-manifest", watch.Waiting)
			var doc watched
			if err := json.Unmarshal([]byte(d.stop(signal, code)), &doc); err != nil {
				t.Fatal(err)
			}
			want := watched{report.Schema, resultStopped, d.repo, d.at, doc.Totals}
			if doc != want || doc.Published != 1 || doc.Waiting+doc.Rejected != 1 {
				t.Errorf("document: %+v", doc)
			}
			for line := range strings.Lines(d.process.stderr.String()) {
				if !strings.HasPrefix(line, "time=") {
					t.Errorf("not a line of the log: %q", line)
				}
			}
		})
	}
}

// TestWatchManyBadOnes drops every damaged upload of the corpus into one folder,
// and good ones between them.
func TestWatchManyBadOnes(t *testing.T) {
	t.Parallel()
	d := newDropFolder(t, t.TempDir(), "--settle=100ms")
	bad, err := filepath.Glob(filepath.Join(corpus, "uploads-bad", "*", "*.mmpack-manifest"))
	if err != nil || len(bad) < 19 {
		t.Fatalf("%q, %v", bad, err)
	}
	for i, manifest := range bad {
		// They have the names of one another; one after the other, then.
		for _, f := range filesOf(t, "uploads-bad/"+filepath.Base(filepath.Dir(manifest))) {
			execute(t, "cp", "-r", f, d.at)
		}
		until(t, manifest, func() bool {
			refused, err := os.ReadDir(filepath.Join(d.at, watch.RejectedDir))
			return err == nil && len(refused) == i+1 && d.idle()
		})
		if v := d.verdict(manifest); !report.Refused(v.Findings) {
			t.Errorf("%s: %+v", manifest, v)
		}
		// What no readable manifest has named.
		for _, name := range d.files() {
			if err := os.Remove(filepath.Join(d.at, name)); err != nil {
				t.Error(err)
			}
		}
		if i == len(bad)/2 {
			execute(t, "cp", append(filesOf(t, "uploads/02-weather-data-2024.01"), d.at)...)
			d.becomes(manifestOf(t, "uploads/02-weather-data-2024.01"), report.Published)
		}
	}
	refused, err := os.ReadDir(filepath.Join(d.at, watch.RejectedDir))
	if err != nil || len(refused) != len(bad) {
		t.Errorf("%d are refused, want %d (%v)", len(refused), len(bad), err)
	}
	if got := versionsOf(t, d.repo); len(got) != 2 {
		t.Errorf("published: %v", got)
	}
	if out := d.stop(syscall.SIGTERM, exitDone); !strings.Contains(out, fmt.Sprintf("stopped: 1 published, 0 unchanged, %d rejected, 0 waiting", len(bad))) {
		t.Errorf("output: %s", out)
	}
}
