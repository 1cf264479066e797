package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// Verifier is a verifier in a program of its own. The program is started when it is
// first asked, and again after it has failed. It may be used by many goroutines.
type Verifier struct{ keeper }

var (
	_ verify.Verifier     = (*Verifier)(nil)
	_ verify.PlanVerifier = (*Verifier)(nil)
)

// NewVerifier makes the verifier of a pin. The caller closes it; until it is asked,
// nothing runs.
func NewVerifier(pin Pin, o Options) *Verifier {
	return &Verifier{keeper{pin: pin, options: o, kind: KindVerifier}}
}

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	p, err := v.running(ctx)
	if err != nil {
		return nil, err
	}
	folder, done, err := p.show(ctx, u)
	if err != nil {
		return nil, err
	}
	defer done()
	return p.ask(ctx, "Verify", func(ctx context.Context) (grpc.ServerStreamingClient[pluginpb.VerifyAnswer], error) {
		return p.services.verifier.Verify(ctx, &pluginpb.VerifyRequest{Upload: uploadToPB(u, folder)})
	})
}

// show copies the upload for the plugin, if it wants to see it.
func (p *Plugin) show(ctx context.Context, u upload.Upload) (folder string, done func(), err error) {
	if p.says.GetNeedsNoFiles() {
		return "", func() {}, nil
	}
	folder, done, err = p.folder.view(ctx, u)
	if err != nil && ctx.Err() == nil {
		err = pluginError(p.pin, report.KindInternal, "plugins see a copy of the upload in the temporary folder; set TMPDIR to one with room",
			fmt.Errorf("cannot be shown the upload: %w", err))
	}
	return folder, done, err
}

// VerifyPlan implements [verify.PlanVerifier]. A plugin without rules about plans has
// no findings.
func (v *Verifier) VerifyPlan(ctx context.Context, view index.View, pl plan.Plan) ([]report.Finding, error) {
	p, err := v.running(ctx)
	if err != nil || !p.says.GetVerifiesPlans() {
		return nil, err
	}
	id, done := p.services.views.add(view)
	defer done()
	return p.ask(ctx, "VerifyPlan", func(ctx context.Context) (grpc.ServerStreamingClient[pluginpb.VerifyAnswer], error) {
		repository, err := p.services.repository(ctx)
		if err != nil {
			return nil, err
		}
		return p.services.verifier.VerifyPlan(ctx, &pluginpb.VerifyPlanRequest{Plan: planToPB(pl), Repository: repository, View: id})
	})
}

// ask has one call answered, in time, and believes only a whole answer.
func (p *Plugin) ask(ctx context.Context, call string, open func(context.Context) (grpc.ServerStreamingClient[pluginpb.VerifyAnswer], error)) ([]report.Finding, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.options.CallTime, errTooSlow)
	defer cancel()
	stream, err := open(ctx)
	if err != nil {
		return nil, p.broke(ctx, call, err)
	}
	a := &verdict{plugin: p, call: call}
	for !a.done {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			err = p.lies("the answer to %s ends without a verdict", call)
		}
		if err == nil {
			err = a.add(m)
		}
		if errors.Is(err, errTold) {
			return nil, a.told
		}
		if err != nil {
			return nil, p.broke(ctx, call, err)
		}
	}
	return a.findings, nil
}

// errTold says that the plugin has told an error of its own, as it may.
var errTold = errors.New("told")

// verdict is what has come of one answer.
type verdict struct {
	plugin   *Plugin
	call     string
	size     int
	findings []report.Finding
	done     bool
	told     error
}

func (a *verdict) add(m *pluginpb.VerifyAnswer) error {
	if a.size += proto.Size(m); a.size > maxAnswer {
		return a.plugin.lies("its answer to %s has more than %d bytes", a.call, maxAnswer)
	}
	switch m := m.GetAnswer().(type) {
	case *pluginpb.VerifyAnswer_Finding:
		if len(a.findings) == maxFindings {
			return a.plugin.lies("its answer to %s has more than %d findings", a.call, maxFindings)
		}
		f := findingFromPB(m.Finding)
		if err := a.plugin.checkFinding(f); err != nil {
			return err
		}
		a.findings = append(a.findings, f)
	case *pluginpb.VerifyAnswer_Done:
		if int(m.Done.GetFindings()) != len(a.findings) {
			return a.plugin.lies("it says that it sent %d findings, %d have come", m.Done.GetFindings(), len(a.findings))
		}
		a.done = true
	case *pluginpb.VerifyAnswer_Error:
		a.told = a.plugin.told(m.Error)
		return errTold
	default:
		return a.plugin.lies("an answer to %s that is none", a.call)
	}
	return nil
}

// checkFinding wants a finding that people can make something of, and that is not
// taken for one of ours.
func (p *Plugin) checkFinding(f report.Finding) error {
	code := string(f.Code)
	switch {
	case !validCode(code):
		return p.lies("a finding with the code %q: capitals, digits and '-' are needed, 64 at most", shorten(code))
	case strings.HasPrefix(code, "MP-"):
		return p.lies("a finding with the code %s: those that begin with MP- are mmpush's own", code)
	case strings.TrimSpace(f.Message) == "":
		return p.lies("a finding with the code %s and no message", code)
	case f.Line < 0:
		return p.lies("a finding with the code %s on line %d", code, f.Line)
	}
	return nil
}

func validCode(code string) bool {
	return code != "" && len(code) <= 64 && strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" && 'A' <= code[0] && code[0] <= 'Z'
}

// told is an error that the plugin itself tells.
func (p *Plugin) told(e *pluginpb.Error) error {
	told := errorFromPB(e)
	told.Err = fmt.Errorf("the plugin %s: %s", p.pin.Name, clean(told.Err.Error()))
	if !validCode(string(told.Code)) {
		told.Code = report.CodePlugin
	}
	if told.Stage == "" {
		told.Stage = "plugin"
	}
	if told.Hint == "" {
		told.Hint = "this is the plugin's own word: see its documentation"
	}
	return told
}
