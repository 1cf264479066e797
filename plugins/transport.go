package plugins

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// Transport is the way to one kind of target in a program of its own. The program is
// started by the first push. It may be used by many goroutines.
type Transport struct{ keeper }

// NewTransport makes the transport of a pin, whose name is the scheme. The caller
// closes it; until it is used, nothing runs.
func NewTransport(pin Pin, o Options) *Transport {
	return &Transport{keeper{pin: pin, options: o, kind: KindTransport}}
}

// To is the transport to one target.
func (t *Transport) To(target string, o transport.Options) transport.Transport {
	return &way{t, target, o}
}

// way is a transport to one target.
type way struct {
	transport *Transport
	target    string
	options   transport.Options
}

var _ transport.Transport = (*way)(nil)

// Push implements [transport.Transport].
func (w *way) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	p, err := w.transport.running(ctx)
	if err != nil {
		return report.Report{}, err
	}
	folder, done, err := p.folder.view(ctx, u)
	if err != nil {
		return report.Report{}, noFolder(p.pin, err)
	}
	defer done()
	rep, err := p.push(ctx, w, u, folder)
	if e, ok := errors.AsType[*report.Error](err); ok && e.Code == report.CodePlugin && e.Kind == report.KindInternal {
		// Nobody knows how far it has come; pushing again finds out.
		e.Kind = report.KindTransport
	}
	return rep, err
}

func (p *Plugin) push(ctx context.Context, w *way, u upload.Upload, folder string) (report.Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(p.options.CallTime+w.options.LockWait, func() { cancel(errTooSlow) })
	defer idle.Stop()
	o := w.options
	stream, err := p.services.transport.Push(ctx, &pluginpb.PushRequest{
		Target: w.target, Upload: uploadToPB(u, folder), Options: &pluginpb.PushOptions{
			Rebuild: o.Rebuild, Downgrade: o.Downgrade, TakeOver: o.TakeOver, DryRun: o.DryRun, LockWait: int64(o.LockWait), Program: clean(o.Program),
		},
	})
	if err != nil {
		return report.Report{}, p.broke(ctx, "Push", err)
	}
	a := &delivery{plugin: p, options: o, upload: u, alive: func() { idle.Reset(p.options.CallTime + o.LockWait) }}
	for a.report == nil {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			err = p.lies("the answer to Push ends without a report")
		}
		if err == nil {
			err = a.add(m)
		}
		if errors.Is(err, errTold) {
			return report.Report{}, a.told
		}
		if err != nil {
			return report.Report{}, p.broke(ctx, "Push", err)
		}
	}
	return *a.report, nil
}

// delivery is what has come of one push.
type delivery struct {
	plugin  *Plugin
	options transport.Options
	upload  upload.Upload
	// alive is called when the push has got somewhere.
	alive  func()
	last   upload.Progress
	sent   transport.Sending
	report *report.Report
	told   error
}

func (d *delivery) add(m *pluginpb.PushAnswer) error {
	switch m := m.GetAnswer().(type) {
	case *pluginpb.PushAnswer_Progress:
		d.progress(progressFromPB(m.Progress))
	case *pluginpb.PushAnswer_Waiting:
		if d.options.Waiting != nil {
			d.options.Waiting(shorten(m.Waiting))
		}
	case *pluginpb.PushAnswer_Sending:
		d.sending(sendingFromPB(m.Sending))
	case *pluginpb.PushAnswer_Notice:
		if d.options.Notice != nil {
			d.options.Notice(shorten(m.Notice))
		}
	case *pluginpb.PushAnswer_Report:
		if proto.Size(m.Report) > maxAnswer {
			return d.plugin.lies("its report has more than %d bytes", maxAnswer)
		}
		rep := reportFromPB(m.Report)
		if err := d.check(rep); err != nil {
			return err
		}
		d.report = &rep
	case *pluginpb.PushAnswer_Error:
		d.told = d.plugin.told(m.Error)
		return errTold
	default:
		return d.plugin.lies("an answer to Push that is none")
	}
	return nil
}

// progress passes on what makes sense; only what gets further is a sign of life.
func (d *delivery) progress(p upload.Progress) {
	if p.Done < 0 || p.Total < 0 || p.AllDone < 0 || p.AllTotal < 0 || p.AllDone > p.AllTotal || p.Number < 0 || p.Files < 0 {
		return
	}
	if p.AllDone > d.last.AllDone || p.Number > d.last.Number {
		d.alive()
		d.last = p
	}
	if d.options.Progress != nil {
		d.options.Progress(p)
	}
}

// sending is progress for the bytes that are sent.
func (d *delivery) sending(n transport.Sending) {
	if n.Done < 0 || n.Total < 0 || n.Done > n.Total || n.Skipped < 0 || n.Number < 0 || n.Files < 0 {
		return
	}
	if n.Done > d.sent.Done || n.Number > d.sent.Number {
		d.alive()
		d.sent = n
	}
	if d.options.Sending != nil {
		d.options.Sending(n)
	}
}

// check finds reports that contradict the push, or themselves.
func (d *delivery) check(rep report.Report) error {
	known := []report.Result{report.Published, report.Unchanged, report.Restored, report.Planned, report.Rejected, report.Accepted}
	refused := report.Refused(rep.Findings)
	switch {
	case !slices.Contains(known, rep.Result):
		return d.plugin.lies("the result of a push is %q", shorten(string(rep.Result)))
	case rep.Manifest != d.upload.Name:
		return d.plugin.lies("it reports about %q, and not about %s", shorten(rep.Manifest), d.upload.Name)
	case refused != (rep.Result == report.Rejected):
		return d.plugin.lies("the result is %s, and the findings say otherwise", rep.Result)
	case rep.Waiting != nil && rep.Result != report.Accepted:
		return d.plugin.lies("the result is %s, and it waits for other parts", rep.Result)
	}
	if err := d.checkDryRun(rep.Result); err != nil {
		return err
	}
	for _, one := range rep.Repositories {
		if err := d.checkMember(rep, one); err != nil {
			return err
		}
	}
	return nil
}

// checkDryRun compares a result with what was asked for.
func (d *delivery) checkDryRun(result report.Result) error {
	switch {
	case d.options.DryRun && result != report.Rejected && result != report.Planned && result != report.Unchanged:
		return d.plugin.lies("the result of a dry run is %s", result)
	case result == report.Planned && !d.options.DryRun:
		return d.plugin.lies("only planned, and nobody asked for a dry run")
	}
	return nil
}

// checkMember finds what cannot be true of one repository of a set. A set is one
// decision: where it is rejected, the others may have got as far as a plan.
func (d *delivery) checkMember(set, one report.Report) error {
	known := []report.Result{report.Published, report.Unchanged, report.Restored, report.Planned, report.Rejected}
	switch {
	case !slices.Contains(known, one.Result):
		return d.plugin.lies("the result in one repository of a set is %q", shorten(string(one.Result)))
	case one.Result == report.Rejected && set.Result != report.Rejected:
		return d.plugin.lies("the result is %s, and %s in one repository of the set", set.Result, one.Result)
	case report.Refused(one.Findings) && one.Result != report.Rejected:
		return d.plugin.lies("the result is %s in one repository of a set, and the findings say otherwise", one.Result)
	case one.Waiting != nil:
		return d.plugin.lies("it waits for other parts in one repository, and not in the set")
	case set.Result == report.Rejected && one.Result == report.Planned:
		return nil
	}
	return d.checkDryRun(one.Result)
}
