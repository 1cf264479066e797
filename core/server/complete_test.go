package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestCompleteDespiteFailure: what was accepted is told of, if the rest of the upload has
// failed; what cannot be made durable was not accepted.
func TestCompleteDespiteFailure(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	foo, bar := built("foo", "1.0"), built("bar", "1.0")
	for _, c := range []struct {
		what, want string
		// required and check are the call that fails of the function of that name;
		// syncs: the incoming folder cannot be synced.
		required, check int
		syncs           bool
		files           []mpktest.File
	}{
		{what: "manifest", required: 2, files: slices.Concat(foo, bar), want: "published"},
		{what: "first manifest", required: 1, files: slices.Concat(foo, bar)},
		{what: "delivery behind a manifest", check: 1, files: append([]mpktest.File{pkg("a-1.pkg", "a")}, foo...), want: "published"},
		{what: "delivery", check: 2, files: []mpktest.File{pkg("a-1.pkg", "a"), pkg("b-1.pkg", "b")}, want: "accepted a-1.pkg"},
		{what: "sync", check: 2, syncs: true, files: []mpktest.File{pkg("a-1.pkg", "a"), pkg("b-1.pkg", "b")}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			var heard []string
			w := newWorld(t, toIncoming, func(o *Options) {
				required, checks := 0, 0
				o.Required = func(*repo.Repo) ([]verify.Named, error) {
					if required++; required == c.required {
						return nil, full
					}
					return nil, nil
				}
				o.Incoming.Check = func(context.Context, vfs.FS, string, string) ([]report.Finding, error) {
					if checks++; checks == c.check {
						return nil, full
					}
					return nil, nil
				}
				o.Incoming.FS = vfs.Observe(o.Incoming.FS, func(op vfs.Op) error {
					if c.syncs && op.Kind == "syncdir" && strings.Contains(op.Name, "incoming") {
						return full
					}
					return nil
				})
				o.Complete = func(_ context.Context, c Completion) error {
					what := string(c.Result)
					for _, f := range c.Incoming {
						what += " " + f.Path
					}
					heard = append(heard, what)
					return nil
				}
			})
			if r, err := w.v1(t, bfinch, tupkg.Document, c.files...); err == nil && r.Pass() {
				t.Errorf("%+v", r)
			}
			if got := strings.Join(heard, ", "); got != c.want {
				t.Errorf("heard %q, want %q", got, c.want)
			}
		})
	}
}
