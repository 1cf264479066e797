package plugins

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// server is the services of a plugin in Go, around what its author wrote: verifier or
// open is set.
type server struct {
	pluginpb.UnimplementedPluginServer
	pluginpb.UnimplementedVerifierServer
	pluginpb.UnimplementedTransportServer

	info       Info
	verifier   verify.Verifier
	open       Opener
	repository repository
}

var (
	_ pluginpb.PluginServer    = (*server)(nil)
	_ pluginpb.VerifierServer  = (*server)(nil)
	_ pluginpb.TransportServer = (*server)(nil)
)

// Describe implements [pluginpb.PluginServer].
func (s *server) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	_, plans := s.verifier.(verify.PlanVerifier)
	kind := KindTransport
	if s.verifier != nil {
		kind = KindVerifier
	}
	return &pluginpb.DescribeResponse{
		Name: s.info.Name, Version: s.info.Version, Kind: string(kind), VerifiesPlans: plans, NeedsNoFiles: s.info.NeedsNoFiles,
	}, nil
}

// Configure implements [pluginpb.PluginServer].
func (s *server) Configure(_ context.Context, r *pluginpb.ConfigureRequest) (*pluginpb.ConfigureResponse, error) {
	c := s.info.Configure
	if c == nil && len(r.GetConfigJson()) == 0 {
		return &pluginpb.ConfigureResponse{}, nil
	}
	err := guard(func() error {
		if c == nil {
			return errors.New("this plugin takes no configuration")
		}
		return c(r.GetConfigJson())
	})
	if err != nil {
		return &pluginpb.ConfigureResponse{Error: errorToPB(err)}, nil
	}
	return &pluginpb.ConfigureResponse{}, nil
}

// guard makes an error of a panic, so that the host is told what happened.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("defect: %v", p)
		}
	}()
	return do()
}

// answers is the stream that both calls of a verifier answer on.
type answers interface {
	Send(*pluginpb.VerifyAnswer) error
	Context() context.Context
}

// answer asks the author's code and sends what it says.
func answer(to answers, ask func(ctx context.Context) ([]report.Finding, error)) error {
	var findings []report.Finding
	err := guard(func() (err error) {
		findings, err = ask(to.Context())
		return err
	})
	if err != nil {
		return to.Send(&pluginpb.VerifyAnswer{Answer: &pluginpb.VerifyAnswer_Error{Error: errorToPB(err)}})
	}
	for _, f := range findings {
		if err := to.Send(&pluginpb.VerifyAnswer{Answer: &pluginpb.VerifyAnswer_Finding{Finding: findingToPB(f)}}); err != nil {
			return err
		}
	}
	return to.Send(&pluginpb.VerifyAnswer{Answer: &pluginpb.VerifyAnswer_Done{Done: &pluginpb.Done{Findings: uint32(len(findings))}}})
}

// Verify implements [pluginpb.VerifierServer].
func (s *server) Verify(r *pluginpb.VerifyRequest, to pluginpb.Verifier_VerifyServer) error {
	return answer(to, func(ctx context.Context) ([]report.Finding, error) {
		u, done, err := openUpload(r.GetUpload())
		if err != nil {
			return nil, err
		}
		defer done()
		return s.verifier.Verify(ctx, u)
	})
}

// VerifyPlan implements [pluginpb.VerifierServer].
func (s *server) VerifyPlan(r *pluginpb.VerifyPlanRequest, to pluginpb.Verifier_VerifyPlanServer) error {
	return answer(to, func(ctx context.Context) ([]report.Finding, error) {
		v, ok := s.verifier.(verify.PlanVerifier)
		if !ok {
			return nil, nil
		}
		client, err := s.repository.client(r.GetRepository())
		if err != nil {
			return nil, err
		}
		return v.VerifyPlan(ctx, &remoteView{ctx, client, r.GetView()}, planFromPB(r.GetPlan()))
	})
}

// openUpload opens the folder that the host has made.
func openUpload(from *pluginpb.Upload) (u upload.Upload, done func(), err error) {
	u = uploadFromPB(from)
	if from.GetFolder() == "" {
		return u, func() {}, nil
	}
	dir, err := vfs.OpenDir(from.GetFolder())
	if err != nil {
		return u, nil, fmt.Errorf("the folder of the upload: %w", err)
	}
	u.FS, u.Dir = dir, "."
	takeBesides(&u)
	return u, func() { _ = dir.Close() }, nil
}

// takeBesides reads the manifest and its signatures, where the host has put them.
func takeBesides(u *upload.Upload) {
	if u.Manifest == nil || !fs.ValidPath(u.Name) {
		return
	}
	if text, err := vfs.ReadFile(u.FS, u.Name, manifest.MaxSize); err == nil {
		u.Text = text
	}
	for _, name := range upload.SignatureNames(u.Name) {
		if text, err := vfs.ReadFile(u.FS, name, upload.SignatureSize); err == nil {
			u.Signatures = append(u.Signatures, upload.Signature{Name: name, Text: text})
		}
	}
}

// Push implements [pluginpb.TransportServer].
func (s *server) Push(r *pluginpb.PushRequest, to pluginpb.Transport_PushServer) error {
	// The author's code may call Progress and Waiting from wherever it likes.
	var mu sync.Mutex
	send := func(a *pluginpb.PushAnswer) error {
		mu.Lock()
		defer mu.Unlock()
		return to.Send(a)
	}
	var rep report.Report
	err := guard(func() (err error) {
		rep, err = s.push(to.Context(), r, send)
		return err
	})
	if err != nil {
		return send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Error{Error: errorToPB(err)}})
	}
	return send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Report{Report: reportToPB(rep)}})
}

func (s *server) push(ctx context.Context, r *pluginpb.PushRequest, send func(*pluginpb.PushAnswer) error) (report.Report, error) {
	u, done, err := openUpload(r.GetUpload())
	if err != nil {
		return report.Report{}, err
	}
	defer done()
	target, err := transport.ParseTarget(r.GetTarget())
	if err != nil {
		return report.Report{}, err
	}
	o := r.GetOptions()
	t, err := s.open(ctx, target, transport.Options{
		Rebuild: o.GetRebuild(), Downgrade: o.GetDowngrade(), TakeOver: o.GetTakeOver(), DryRun: o.GetDryRun(),
		LockWait: time.Duration(o.GetLockWait()), Program: o.GetProgram(),
		// A host that does not listen any more has ended ctx.
		Waiting: func(holder string) {
			_ = send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Waiting{Waiting: clean(holder)}})
		},
		Sending: func(n transport.Sending) {
			_ = send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Sending{Sending: sendingToPB(n)}})
		},
		Notice: func(text string) {
			_ = send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Notice{Notice: clean(text)}})
		},
		Progress: func(p upload.Progress) {
			_ = send(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Progress{Progress: progressToPB(p)}})
		},
	})
	if err != nil {
		return report.Report{}, err
	}
	return t.Push(ctx, u)
}
