package tupkg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

// older is one upload on its way over version 1: a session for each part of the files
// that one message can declare, the manifest in the last of them.
type older struct {
	t     *Transport
	u     upload.Upload
	files *files
	list  []wire.File
	// dialect is the server's.
	dialect wire.Dialect
	acquaintance
	sent int64
	// results are those of the files, by their names.
	results map[string]wire.FileVerdict
	reasons []string
	// total are the bytes of all files, done and skipped those of the parts that are
	// over; held is what the first offer about the part at work has left out, -1
	// before it.
	total, done, skipped, held int64
}

// push1 has the upload by version 1. There the server cannot say what became of the
// packages: when all files have arrived, the result is accepted.
func (t *Transport) push1(ctx context.Context, u upload.Upload) (report.Report, error) {
	o := &older{t: t, u: u, files: &files{u: u}, results: map[string]wire.FileVerdict{}}
	defer o.files.close()
	rep, err := o.push(ctx)
	if r, ok := errors.AsType[*wire.Refusal](err); ok && r.Code == wire.CodeDenied && !errors.Is(err, wire.ErrLogin) {
		// Version 1 has one word for every no.
		r.Code = wire.CodeRefused
	}
	return rep, explain(ctx, err, about{target: t.Server.String(), manifest: u.Name, begun: o.sent > 0})
}

func (o *older) push(ctx context.Context) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: o.u.Name, Repository: o.t.Server.String()}
	if err := o.wishes(); err != nil {
		return rep, err
	}
	if err := o.meet(ctx); err != nil {
		return rep, err
	}
	var err error
	if rep.Findings, err = o.prepare(ctx); err != nil || report.Refused(rep.Findings) {
		return rep, err
	}
	if o.t.Options.DryRun {
		rep.Result = report.Planned
		rep.Findings = append(rep.Findings, o.noPlan())
		return rep, nil
	}
	if err := o.sendAll(ctx, o.list); err != nil {
		return rep, err
	}
	if again := o.worthAgain(); len(again) > 0 {
		if err := o.sendAll(ctx, again); err != nil {
			return rep, err
		}
	}
	failed := o.failures()
	rep.Findings = append(rep.Findings, failed...)
	if len(failed) == 0 {
		rep.Result = report.Accepted
	}
	return rep, nil
}

// wishes refuses what version 1 cannot ask for.
func (o *older) wishes() error {
	for flag, wanted := range map[string]bool{
		"--rebuild": o.t.Options.Rebuild, "--allow-downgrade": o.t.Options.Downgrade, "--take-over": o.t.Options.TakeOver,
	} {
		if wanted {
			return &report.Error{
				Stage: "arguments", Code: report.CodeProtocol, Kind: report.KindUsage, File: o.t.Server.String(),
				Err:  fmt.Errorf("version 1 of the protocol cannot ask for %s", flag),
				Hint: "use version 2 (no ?v=1 in the target), or have the repository's settings allow it",
			}
		}
	}
	return nil
}

// meet logs in, in a session without files, before anything is hashed. That session
// also tells the server's dialect.
func (o *older) meet(ctx context.Context) error {
	const quick = 64 << 20
	known, certain := o.remembered()
	var size int64
	for _, f := range o.u.Files {
		size += f.Size
	}
	if certain && size < quick && !o.t.Options.DryRun {
		o.dialect = known
		return nil
	}
	err := persist(ctx, o.t.Patience, o.t.notice, func() (int64, bool, error) {
		err := o.probe(ctx)
		return 0, err != nil && o.again(err), err
	})
	if err == nil && certain && o.t.Server.Dialect != nil {
		o.dialect = known
	}
	return err
}

// probe has a session without files.
func (o *older) probe(ctx context.Context) error {
	l, err := o.t.dial(ctx)
	if err != nil {
		return err
	}
	found, err := wire.Probe(ctx, l, o.options(l))
	if err != nil {
		return err
	}
	o.met, o.dialect = true, found
	o.t.learn(l, Record{Version: 1, Dialect: found.String()})
	return nil
}

// remembered is the dialect that the target or an earlier run says.
func (o *older) remembered() (wire.Dialect, bool) {
	if d := o.t.Server.Dialect; d != nil {
		return *d, true
	}
	r, err := o.t.Memory.Recall(o.t.address())
	if err != nil {
		return 0, false
	}
	return r.dialect()
}

// options are those of one session.
func (o *older) options(l *link) wire.UploadOptions {
	return wire.UploadOptions{
		Options: wire.Options{Phase: l.Enter}, Credentials: o.t.Credentials, Dialect: o.dialect, WantReason: true, Progress: o.told,
	}
}

// prepare verifies the files, and hashes them beside that as version 1 wants it.
func (o *older) prepare(ctx context.Context) ([]report.Finding, error) {
	if o.u.Kind == upload.Pacman {
		return nil, o.declare(ctx, o.files.packages())
	}
	archs := o.files.architectures(nil)
	text, err := o.files.manifestText()
	if err != nil {
		return nil, err
	}
	list := append(append(o.files.of(archs), o.files.signatures()...), o.files.manifest(text))
	hashing, stop := context.WithCancel(ctx)
	defer stop()
	hashed := make(chan error, 1)
	go func() { hashed <- o.declare(hashing, list) }()
	found, err := check(ctx, o.u, archs, upload.Options{Progress: o.t.Options.Progress})
	if err != nil || report.Refused(found) {
		stop()
		<-hashed
		return found, err
	}
	return found, <-hashed
}

// declare notes the files to send, with their MD5.
func (o *older) declare(ctx context.Context, list []wire.File) (err error) {
	for i := range list {
		if list[i].MD5, err = md5Of(ctx, list[i]); err != nil {
			return err
		}
		o.total += list[i].Size
	}
	o.list = list
	return nil
}

// noPlan says what a dry run was worth.
func (o *older) noPlan() report.Finding {
	return report.Finding{
		Code: report.CodeProtocol, Severity: report.SeverityWarning,
		Message: "version 1 of the protocol has no dry run: the login and the files are right, and what the server would do is not known",
	}
}

// sendAll sends files in as many sessions as they need.
func (o *older) sendAll(ctx context.Context, list []wire.File) error {
	parts, err := wire.Split(list)
	if err != nil {
		return err
	}
	for _, part := range parts {
		o.held = -1
		if err := o.send(ctx, part); err != nil {
			return err
		}
		held := max(0, o.held)
		o.skipped += held
		o.done -= held
		for _, f := range part {
			o.done += f.Size
		}
	}
	return nil
}

// send has the session of one part, again and again if connections are lost.
func (o *older) send(ctx context.Context, part []wire.File) error {
	return persist(ctx, o.t.Patience, o.t.notice, func() (int64, bool, error) {
		l, err := o.t.dial(ctx)
		if err != nil {
			return 0, o.again(err), err
		}
		r, err := wire.Upload(ctx, l, part, o.options(l))
		o.sent += r.Sent
		var broken *wire.BrokenError
		o.met = o.met || err == nil || errors.As(err, &broken) && broken.Phase > wire.PhaseLogin
		for i, f := range r.Files {
			o.results[part[i].Name] = f
		}
		if r.Reason != "" {
			o.reasons = append(o.reasons, r.Reason)
		}
		return r.Sent, err != nil && o.again(err), err
	})
}

// worthAgain are the files that have not arrived right, with the manifest, if it has
// failed with them. A server of version 1 may have held the beginning of another file
// of that name; with the result it has deleted it.
func (o *older) worthAgain() []wire.File {
	var again []wire.File
	last := len(o.list) - 1
	for _, f := range o.list[:last] {
		if !o.results[f.Name].Pass {
			again = append(again, f)
		}
	}
	if len(again) > 0 && !o.results[o.list[last].Name].Pass {
		again = append(again, o.list[last])
	}
	for _, f := range again {
		o.total += f.Size
	}
	return again
}

// failures are the files that the server did not take.
func (o *older) failures() []report.Finding {
	var list []report.Finding
	for i, f := range o.list {
		if o.results[f.Name].Pass {
			continue
		}
		found := report.Finding{Code: report.CodeHash, Severity: report.SeverityError, File: f.Name, Message: "has arrived with another MD5 than declared, twice"}
		if i == len(o.list)-1 {
			found.Code, found.File, found.Message = report.CodeServer, o.u.Name, "the server rejects the upload and does not say why"
		}
		if n := len(o.reasons); n > 0 {
			found.Message = strings.TrimPrefix(o.reasons[n-1], f.Name+": ")
		}
		if !slices.ContainsFunc(list, func(other report.Finding) bool { return other.Message == found.Message }) {
			list = append(list, found)
		}
	}
	return list
}

// told passes the progress of one session on as that of the whole upload.
func (o *older) told(p wire.Progress) {
	if o.t.Options.Sending == nil {
		return
	}
	if o.held < 0 {
		o.held = p.Skipped
	}
	skipped := o.skipped + o.held
	o.t.Options.Sending(transport.Sending{
		File: p.File, Number: 1 + slices.IndexFunc(o.list, func(f wire.File) bool { return f.Name == p.File }), Files: len(o.list),
		Done: o.done + p.Skipped - o.held + p.Done, Total: o.total - skipped, Skipped: skipped,
	})
}
