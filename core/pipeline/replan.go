package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// replanner plans a decided change again on what somebody else has made of the
// repository. What was asked for at the time still holds; no verifier runs again,
// since the files are the ones that were verified.
func replanner(opt Options) commit.Replan {
	return func(ctx context.Context, r *repo.Repo, text json.RawMessage, stage string) (commit.Change, error) {
		var steps []step
		if err := json.Unmarshal(text, &steps); err != nil {
			return commit.Change{}, fmt.Errorf("the journal's intent: %w", err)
		}
		d, err := draw(ctx, r, fixed(steps...), newTaken(r.FS), nil)
		if err != nil {
			return commit.Change{}, err
		}
		if d.refused() {
			defer d.close()
			return commit.Change{}, refusal(r, d.findings)
		}
		c, err := d.change(r, stage, opt)
		if d.idle() {
			c.Switches = nil
		}
		return c, err
	}
}

// refusal is the findings that refuse, as one error.
func refusal(r *repo.Repo, findings []report.Finding) error {
	e := &report.Error{Stage: "plan", Kind: report.KindRejected, File: r.Path}
	for _, f := range findings {
		if f.Refuses() {
			e.Code = f.Code
			e.Err = errors.Join(e.Err, errors.New(f.String()))
		}
	}
	return e
}
