package sftp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/watch"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// Transport pushes to one drop folder.
type Transport struct {
	ssh.Dialer
	// Name is the target as the user wrote it, for messages.
	Name string
	// Wait is how long to wait for the watcher's verdict; 0 is not at all.
	Wait time.Duration
	// Pause is the first one before a lost connection is tried again; 0 is half a
	// second.
	Pause   time.Duration
	Options transport.Options
}

var _ transport.Transport = (*Transport)(nil)

// Push implements [transport.Transport]. A lost connection is tried again.
func (t *Transport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	d := &drop{t: t, u: u}
	if err := t.possible(); err != nil {
		return report.Report{}, err
	}
	pause, from, sent := cmp.Or(t.Pause, firstPause), time.Now(), int64(0)
	for {
		rep, err := d.visit(ctx)
		if err == nil || ctx.Err() != nil || !d.met || report.KindOf(err) != report.KindTransport {
			return rep, err
		}
		if d.told.s.Done > sent {
			pause, from, sent = cmp.Or(t.Pause, firstPause), time.Now(), d.told.s.Done
		}
		if time.Since(from) > patience {
			return rep, err
		}
		if t.Options.Notice != nil {
			t.Options.Notice(fmt.Sprintf("%v; trying again in %s", err, pause))
		}
		if sleep(ctx, pause) != nil {
			return rep, t.explain(ctx, nil, err)
		}
		pause = min(2*pause, longestPause)
	}
}

const (
	// The pauses before a lost connection is tried again, and for how long that is
	// done while nothing gets through.
	firstPause, longestPause = 500 * time.Millisecond, 30 * time.Second
	patience                 = 2 * time.Minute
)

// visit does all of it, on one connection.
func (d *drop) visit(ctx context.Context) (report.Report, error) {
	if ctx.Err() != nil {
		return report.Report{}, d.t.explain(ctx, nil, ctx.Err())
	}
	conn, err := d.open()
	if err != nil {
		return report.Report{}, d.t.explain(ctx, conn, err)
	}
	defer conn.Close()
	d.met = true
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	rep, err := d.push(ctx)
	return rep, d.t.explain(ctx, conn, err)
}

// possible refuses what a drop folder cannot be asked for.
func (t *Transport) possible() error {
	o := t.Options
	if o.Rebuild || o.Downgrade || o.TakeOver {
		return &report.Error{
			Stage: stage, Code: report.CodeUsage, Kind: report.KindUsage, File: t.Name,
			Err:  errors.New("a drop folder cannot be asked for a rebuild, a downgrade or a take-over: its watcher decides"),
			Hint: "whoever runs the watcher can allow it: mmpush watch --rebuild, or the repository's settings",
		}
	}
	if t.Target.Path == "" {
		return &report.Error{
			Stage: stage, Code: report.CodeUsage, Kind: report.KindUsage, File: t.Name,
			Err: errors.New("the target names no drop folder"), Hint: "write it behind the host: sftp://HOST/srv/drop, or sftp://HOST/~/drop",
		}
	}
	return nil
}

// push verifies, sends, puts into place and waits.
func (d *drop) push(ctx context.Context) (report.Report, error) {
	if err := d.look(); err != nil {
		return report.Report{}, err
	}
	rep, err := d.verify(ctx)
	if err != nil || rep.Result == report.Rejected {
		return rep, err
	}
	if d.t.Options.DryRun {
		return d.later(rep, report.Planned, "a drop folder cannot tell what a publish would change: the files are verified, and the folder is there"), nil
	}
	told, err := d.bring(ctx)
	if err != nil || told != nil {
		return d.answer(rep, told), err
	}
	if d.t.Wait <= 0 {
		return d.later(rep, report.Accepted, "all of it is in the drop folder; its watcher publishes or rejects it"), nil
	}
	told, err = d.await(ctx)
	return d.answer(rep, told), err
}

// verify checks the upload's own files, once.
func (d *drop) verify(ctx context.Context) (report.Report, error) {
	switch {
	case d.verified != nil:
		return *d.verified, nil
	case d.packages():
		// Whoever made the upload has read them: that is where its Files are from.
		return report.Report{Schema: report.Schema, Result: report.Verified, Manifest: d.u.Name, Repository: d.t.Name}, nil
	}
	rep, err := pipeline.Check(ctx, d.u, d.arch, pipeline.Options{Progress: d.t.Options.Progress}, nil)
	rep.Repository = d.t.Name
	if err == nil {
		d.verified = &rep
	}
	return rep, err
}

// bring sends everything and puts it into place, but for what another push of the same
// upload has done meanwhile: then it may return the verdict on that.
func (d *drop) bring(ctx context.Context) (*watch.Verdict, error) {
	if err := d.abandoned(ctx, d.files()); err != nil {
		return nil, err
	}
	if told, err := d.news(); told != nil || err != nil {
		return told, err
	}
	if placed, err := d.placed(); placed || err != nil {
		return nil, err
	}
	if err := d.sendAll(ctx); err != nil {
		return nil, err
	}
	return d.place(ctx)
}

// later is a report about what nobody knows yet.
func (d *drop) later(rep report.Report, result report.Result, message string) report.Report {
	rep.Result = result
	rep.Findings = append(slices.Clip(rep.Findings), report.Finding{
		Code: report.CodeLater, Severity: report.SeverityNote, File: d.u.Name, Message: message,
	})
	return rep
}
