package server

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// reject moves a manifest out of the area, to its report, which gets the name of where
// both are. The files that it names stay, so that the next attempt need not send them
// again.
func (in *intake) reject(ctx context.Context, c candidate, at string, rep *report.Report) error {
	defer in.dropSignatures(ctx, c)
	id := in.v.id + refusedSuffix(c.sha)
	rep.Kept = id
	in.s.remember(in.acc, c.sha, *rep)
	rep.Repository = ""
	in.v.log.Warn("rejected", "manifest", c.name, "refused", id, "reason", in.reason(*rep))
	if err := in.putAside(ctx); err != nil {
		return err
	}
	dir, err := in.keepReport(id, *rep)
	for _, one := range c.signatures {
		if err == nil {
			err = vfs.ReplaceFile(in.s.State, path.Join(dir, one.Name), path.Join(dir, ".signature.new"), in.s.fileMode, one.Text)
		}
	}
	if err == nil {
		err = in.s.State.Rename(at, path.Join(dir, c.name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// What was told to be rejected does not come back after a power loss, to be run again.
	return errors.Join(in.s.State.SyncDir(path.Dir(at)), in.s.State.SyncDir(dir), in.s.State.SyncDir(path.Dir(dir)))
}

// keepReport writes a report to a folder of its own, durably.
func (in *intake) keepReport(id string, rep report.Report) (dir string, err error) {
	text, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return "", err
	}
	user := in.s.path("refused", in.acc.name)
	dir = path.Join(user, id)
	for _, folder := range []string{user, dir} {
		if err := in.s.makeFolder(folder); err != nil {
			return "", err
		}
	}
	return dir, vfs.ReplaceFile(in.s.State, path.Join(dir, "report.json"), path.Join(dir, ".report.new"), in.s.fileMode, text)
}

// keepFaulty keeps the report about packages that were not brought to the incoming
// folder; they themselves stay in the area.
func (in *intake) keepFaulty(v *tupkg.Verdict) error {
	if v.Report.Kept != "" || in.faulty == nil {
		return nil
	}
	v.Report.Kept = in.v.id + refusedSuffix(in.faulty.sha)
	in.v.log.Warn("rejected", "file", in.faulty.Name, "refused", v.Report.Kept, "reason", in.faulty.wrong.String())
	_, err := in.keepReport(v.Report.Kept, v.Report)
	return err
}

// ranBefore is about a manifest that another session has run in the meantime.
func (in *intake) ranBefore(c candidate, rep report.Report) (report.Report, error) {
	in.s.mu.Lock()
	told, ok := in.acc.outcomes[c.sha]
	in.s.mu.Unlock()
	if ok {
		return told, nil
	}
	told, ok, err := in.s.refusedBefore(in.acc.name, c.sha)
	if err != nil || ok {
		return told, err
	}
	rep.Findings = []report.Finding{{
		Code: report.CodeMissing, Severity: report.SeverityError, File: c.name,
		Message: "the manifest is no longer here: another session was judged with it", Hint: "send it again",
	}}
	return rep, nil
}

// refusedBefore is the report of a manifest that another process has rejected.
func (s *Server) refusedBefore(user, sha string) (rep report.Report, found bool, err error) {
	entries, err := s.State.ReadDir(s.path("refused", user))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rep, false, err
	}
	newest := vfs.Info{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name, refusedSuffix(sha)) && e.ModTime.After(newest.ModTime) {
			newest = e
		}
	}
	if newest.Name == "" {
		return rep, false, nil
	}
	text, err := vfs.ReadFile(s.State, s.path("refused", user, newest.Name, "report.json"), recordLimit)
	if err == nil {
		err = json.Unmarshal(text, &rep)
	}
	return rep, err == nil, err
}

// refusedSuffix says of which manifest a rejected upload was.
func refusedSuffix(sha string) string { return "-" + sha[:8] }
