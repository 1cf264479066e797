package pipeline_test

import (
	"encoding/json"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestPreviewIsADryRun: whoever has only the indexes and the metadata of a healthy
// repository learns what a dry run on it tells who may do everything.
func TestPreviewIsADryRun(t *testing.T) {
	t.Parallel()
	before := []string{foo100, weather, greet100, foo110}
	for _, name := range []string{foo100, foo110, foo110b, foo200, weather, greet090, greet100} {
		w := newWorld()
		for _, b := range before {
			w.setup(t, publish(b))
		}
		u, err := openUpload(name)
		must(err)
		r, err := w.open(w.Mem)
		must(err)
		everything := plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true}
		want, err := pipeline.Publish(ctx(), r, pipeline.Request{Upload: u, Requests: everything, Options: pipeline.Options{DryRun: true}})
		must(err)

		public, err := pipeline.Open(shown(w.Mem), "/repo")
		must(err)
		got, err := pipeline.Preview(ctx(), public, pipeline.Request{Upload: u})
		must(err)
		if a, b := essence(got), essence(want); a != b {
			t.Errorf("%s: a preview tells\n%s\na dry run\n%s", name, a, b)
		}
		if got.Result != report.Planned && got.Result != report.Unchanged {
			t.Errorf("%s: %s", name, got.Result)
		}
	}
}

// shown is what a web server shows of a repository, but for the packages.
func shown(fsys vfs.FS) vfs.FS {
	m := vfs.NewMem((&clock{}).now)
	for _, name := range []string{repo.MetadataFile, index.BinaryFile, index.SourceFile} {
		text, err := vfs.ReadFile(fsys, name, 1<<20)
		must(err)
		must(vfs.CreateSynced(m, name, 0o644, text))
	}
	return m
}

// essence is what a report says about packages. How many bytes come is something else:
// what has been retired is still on the disk, and no index says so.
func essence(rep report.Report) string {
	text, err := json.MarshalIndent(report.Report{Result: rep.Result, Packages: rep.Packages, BytesRetired: rep.BytesRetired}, "", " ")
	must(err)
	return string(text)
}
