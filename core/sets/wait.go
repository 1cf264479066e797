package sets

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// gone says what became of parts that are no longer there: they are published, or
// somebody has dropped them.
func (s *Set) gone(ctx context.Context, req Request, rep report.Report) (report.Report, error) {
	parts, _ := merge(req.Uploads)
	var list []report.Report
	for _, arch := range slices.Sorted(maps.Keys(parts)) {
		if s.Repositories[arch] == nil {
			continue
		}
		one, err := s.judge(ctx, req, offer{arch, parts[arch], req.Who, req.Transport, req.Requests})
		if err != nil {
			return rep, err
		}
		list = append(list, one)
	}
	out := join(rep, list)
	if out.Result != report.Unchanged {
		out = rep
		out = reject(out, []report.Finding{{
			Code: report.CodeExpired, Severity: report.SeverityError,
			Message: "the parts that waited are gone: they were aborted, or are past their deadline", Hint: "push all of them again",
		}})
	}
	return out, nil
}

// Wait waits until the parts that rep is about are published, or dropped; it ends with
// rep, if they still wait after so long a time.
func (s *Set) Wait(ctx context.Context, req Request, rep report.Report, limit time.Duration) (report.Report, error) {
	home := shelf{s.Home()}
	began := home.repo.Now()
	for home.repo.Now().Sub(began) < limit {
		if err := ctx.Err(); err != nil {
			return rep, &report.Error{Stage: "wait", Code: report.CodeStopped, Kind: report.KindBusy, Err: err}
		}
		w, err := home.waiting(rep.Waiting.ID)
		if err != nil {
			return rep, err
		}
		if w == nil || w.SHA256 != rep.Waiting.SHA256 {
			rep.Waiting, rep.Result = nil, ""
			return s.gone(ctx, req, rep)
		}
		if len(w.Missing) == 0 {
			// Whoever brought the last part may have died.
			rep.Waiting, rep.Result = nil, ""
			return s.complete(ctx, req, home, w.ID, nil, rep)
		}
		rep.Waiting = w
		if !home.repo.Now().Before(w.Until) {
			if err := Expire(home.repo); err != nil {
				return rep, err
			}
		}
		home.repo.Sleep(200 * time.Millisecond)
	}
	return rep, nil
}
