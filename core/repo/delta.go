package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/report"
)

// Delta reads what a change of a generation has brought, and what it has taken out, in the
// form of the planner that did it. known is false if only that something was changed is
// known.
func (r *Repo) Delta(generation uint64, c Change, added, dropped any) (known bool, err error) {
	if c.Unknown || len(c.Added) == 0 || len(c.Dropped) == 0 {
		return false, nil
	}
	if err := errors.Join(json.Unmarshal(c.Added, added), json.Unmarshal(c.Dropped, dropped)); err != nil {
		return false, &report.Error{
			Stage: "history", Code: report.CodeHistory, Kind: report.KindInternal, File: path.Join(r.Path, HistoryFile),
			Err:  fmt.Errorf("generation %d cannot be read: %w", generation, err),
			Hint: "mmpush verify-log tells what else is wrong with it",
		}
	}
	return true, nil
}

// NoSuchChange is what somebody is told who asks for a generation, or for a change of one,
// that the history does not have; 0 is none in particular.
func NoSuchChange(generation uint64, change int) report.Finding {
	f := report.Finding{
		Code: report.CodeNoMatch, Severity: report.SeverityError, Message: "the history has no change to take back",
		Hint: "`mmpush log` shows what there is",
	}
	switch {
	case generation > 0 && change != 0:
		f.Message = fmt.Sprintf("the history has no change %d.%d", generation, change)
	case generation > 0:
		f.Message = fmt.Sprintf("the history has no generation %d", generation)
	}
	return f
}
