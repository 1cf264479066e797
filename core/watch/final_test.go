package watch

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestFinalVerdicts: two manifests of one name, one after the other, and each finds
// its own verdict; with time, they go.
func TestFinalVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	first, second := mpktest.Upload{}.Build(), mpktest.Upload{Salt: "other"}.Build()
	for _, u := range []mpktest.Built{first, second} {
		w.bring(t, u.Files())
		w.run(t, s, time.Minute)
	}
	for _, tt := range []struct {
		u    mpktest.Built
		want report.Result
	}{{first, report.Published}, {second, report.Rejected}} {
		text, err := vfs.ReadFile(w.drop, FinalVerdictFile(tt.u.Manifest.SHA256), 1<<20)
		must(t, err)
		var v Verdict
		must(t, json.Unmarshal(text, &v))
		if v.Result != tt.want || v.ManifestSHA256 != tt.u.Manifest.SHA256 || v.ID == "" {
			t.Errorf("%+v, want %s", v, tt.want)
		}
	}
	w.put(t, PartFile(first.Source.SHA256), nil)
	w.put(t, ClaimFile(first.Manifest.Name), nil)
	w.put(t, ".other.part", nil)
	w.skip(verdictAge - time.Hour)
	w.scan(t, s)
	if got := w.files(t); len(got) != 3 {
		t.Errorf("young: %q", got)
	}
	w.skip(2*time.Hour + pruneEvery)
	w.scan(t, s)
	equal(t, "old", w.files(t), ".other.part")
	if _, err := w.drop.Lstat(FinalVerdictFile(first.Manifest.SHA256)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its time: %v", err)
	}
	var a About
	text, err := vfs.ReadFile(w.drop, AboutFile, 1<<20)
	must(t, err)
	must(t, json.Unmarshal(text, &a))
	if a.Architecture != arch || a.Schema != report.Schema {
		t.Errorf("about: %+v", a)
	}
}
