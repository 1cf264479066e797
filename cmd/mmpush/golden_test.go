package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// TestDocuments compares the document of each situation with a golden file;
// MMPUSH_GOLDEN=write writes them anew.
func TestDocuments(t *testing.T) {
	t.Parallel()
	foo, next, rebuilt := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/06-foo-1.1.0"), manifestOf(t, "uploads/07-foo-1.1.0-rebuild")
	bad, multi := manifestOf(t, "uploads-bad/wrong-size"), manifestOf(t, "uploads/12-multi-arch-manifest")
	for name, c := range map[string]struct {
		// before is what is published in REPO.
		before []string
		args   []string
	}{
		"push_published":  {nil, []string{"push", foo, "--to", "REPO"}},
		"push_unchanged":  {[]string{"uploads/01-foo-1.0.0"}, []string{"push", foo, "--to", "REPO"}},
		"push_replaced":   {[]string{"uploads/01-foo-1.0.0"}, []string{"push", next, "--to", "REPO"}},
		"push_rebuilt":    {[]string{"uploads/06-foo-1.1.0"}, []string{"push", rebuilt, "--to", "REPO", "--rebuild"}},
		"push_planned":    {nil, []string{"push", foo, "--to", "REPO", "--dry-run"}},
		"push_rejected":   {nil, []string{"push", bad, "--to", "REPO"}},
		"push_conflict":   {[]string{"uploads/06-foo-1.1.0"}, []string{"push", rebuilt, "--to", "REPO"}},
		"push_several":    {[]string{"uploads/06-foo-1.1.0"}, []string{"push", bad, "nothing", rebuilt, "--to", "REPO"}},
		"push_nowhere":    {nil, []string{"push", foo, "--to", "REPO/nothing"}},
		"check_verified":  {nil, []string{"check", foo}},
		"check_rejected":  {nil, []string{"check", multi}},
		"init_created":    {nil, []string{"init", "REPO/new", "--arch", "amd64-debian"}},
		"init_unchanged":  {nil, []string{"init", "REPO", "--arch", "amd64-debian", "--ci"}},
		"list":            {[]string{"uploads/01-foo-1.0.0"}, []string{"list", "-R", "REPO", "foo", "lib*"}},
		"list_empty":      {nil, []string{"list", "-R", "REPO"}},
		"explain":         {nil, []string{"explain", "size"}},
		"explain_unknown": {nil, []string{"explain", "siz"}},
		"usage":           {nil, []string{"push", "--rebiuld"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := newRepo(t, c.before...)
			var args []string
			for _, a := range c.args {
				args = append(args, strings.Replace(a, "REPO", at, 1))
			}
			got := shell{}.run(append(args, "--output=json")...)
			compareDocument(t, filepath.Join("testdata", "golden", name+".json"), got.stdout, at)
		})
	}
}

// timestamp and publisher are what differs from run to run.
var (
	timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	publisher = regexp.MustCompile(`since TIME by \S+`)
)

func compareDocument(t *testing.T, golden, doc, at string) {
	t.Helper()
	var fields struct{ Schema int }
	if err := json.Unmarshal([]byte(doc), &fields); err != nil || fields.Schema != report.Schema {
		t.Fatalf("not one document with a schema: %v\n%s", err, doc)
	}
	doc = timestamp.ReplaceAllString(strings.ReplaceAll(doc, at, "REPO"), "TIME")
	got := []byte(publisher.ReplaceAllString(doc, "since TIME by SOMEBODY"))
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", golden, got)
	}
}
