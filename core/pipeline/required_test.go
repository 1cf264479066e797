package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// frozen refuses every change.
type frozen struct{}

func (frozen) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }
func (frozen) VerifyPlan(context.Context, index.View, plan.Plan) ([]report.Finding, error) {
	return []report.Finding{{Code: "FROZEN", Message: "frozen"}}, nil
}

// What the repository asks for is asked, by every way to change it; a way that cannot
// ask changes nothing.
func TestRequiredVerifiers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	if _, err := publish(foo100)(w, w.Mem); err != nil {
		t.Fatal(err)
	}
	before, _ := indexes(w.Mem)
	u, err := openUpload(greet100)
	if err != nil {
		t.Fatal(err)
	}
	ways := map[string]func(*repo.Repo, pipeline.Options) (report.Report, error){
		"publish": func(r *repo.Repo, o pipeline.Options) (report.Report, error) {
			return pipeline.Publish(ctx(), r, pipeline.Request{Upload: u, Options: o})
		},
		"remove": func(r *repo.Repo, o pipeline.Options) (report.Report, error) {
			return pipeline.Remove(ctx(), r, index.Selector{Name: "foo"}, o)
		},
		"batch add": func(r *repo.Repo, o pipeline.Options) (report.Report, error) {
			set, err := pipeline.BeginChanges(ctx(), r, o)
			if err != nil {
				return report.Report{}, err
			}
			defer set.Rollback()
			return set.Add(ctx(), set.Receive(ctx(), pipeline.Request{Upload: u, Options: o}))
		},
		"batch remove": func(r *repo.Repo, o pipeline.Options) (report.Report, error) {
			set, err := pipeline.BeginChanges(ctx(), r, o)
			if err != nil {
				return report.Report{}, err
			}
			defer set.Rollback()
			return set.Remove(ctx(), index.Selector{Name: "foo"})
		},
	}
	for name, change := range ways {
		r, err := w.repo()
		if err != nil {
			t.Fatal(err)
		}
		r.Settings.Verifiers = []repo.VerifierSetting{{Name: "freeze", Mode: repo.VerifierReject}}
		_, err = change(r, pipeline.Options{})
		if e, ok := errors.AsType[*report.Error](err); !ok || e.Code != report.CodeSettings || e.Kind != report.KindUsage {
			t.Errorf("%s, with nobody to ask: %v", name, err)
		}
		rep, err := change(r, pipeline.Options{Required: func(*repo.Repo) ([]verify.Named, error) {
			return []verify.Named{{Name: "freeze", Verifier: frozen{}}}, nil
		}})
		if err != nil || rep.Result != report.Rejected || len(rep.Findings) == 0 {
			t.Errorf("%s: %+v %v", name, rep, err)
		}
		cause := errors.New("no such verifier")
		_, err = change(r, pipeline.Options{Required: func(*repo.Repo) ([]verify.Named, error) { return nil, cause }})
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, _ := indexes(w.Mem); now != before {
		t.Error("something was changed")
	}
}
