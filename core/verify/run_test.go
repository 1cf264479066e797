package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// verifierFunc is a verifier without a name of its own.
type verifierFunc func(context.Context, upload.Upload) ([]report.Finding, error)

func (f verifierFunc) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	return f(ctx, u)
}

// planner has an opinion about plans only.
type planner func(context.Context, index.View, plan.Plan) ([]report.Finding, error)

func (planner) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }
func (f planner) VerifyPlan(ctx context.Context, v index.View, p plan.Plan) ([]report.Finding, error) {
	return f(ctx, v, p)
}

var (
	_ Verifier     = verifierFunc(nil)
	_ PlanVerifier = planner(nil)
)

func says(findings ...report.Finding) verifierFunc {
	return func(context.Context, upload.Upload) ([]report.Finding, error) { return findings, nil }
}

func TestExtraVerifiers(t *testing.T) {
	t.Parallel()
	u := colon(t)
	warning := report.Finding{Code: "X-1", Severity: report.SeverityWarning, Message: "old licence", Verifier: "somebody else"}
	refusal := report.Finding{Code: "X-2", Message: "not signed"}
	sees := verifierFunc(func(_ context.Context, got upload.Upload) ([]report.Finding, error) {
		if got.Name != u.Name || len(got.Received) != 2 {
			t.Errorf("asked about %+v", got)
		}
		return nil, nil
	})
	findings, err := Run(t.Context(), u, arch, []Named{{Name: "licence", Verifier: says(warning, warning)}, {Name: "silent", Verifier: sees}, {Name: "signature", Verifier: says(refusal)}})
	check(t, err)
	var got []string
	for _, f := range findings {
		got = append(got, string(f.Code)+" "+f.Verifier)
	}
	if want := []string{"X-1 licence", "X-1 licence", "X-2 signature"}; !slices.Equal(got, want) || !report.Refused(findings) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// All are asked at once: each waits until the others are there.
func TestVerifiersRunTogether(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	all.Add(3)
	meet := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) {
		all.Done()
		all.Wait()
		return nil, nil
	})
	_, err := Run(t.Context(), colon(t), arch, []Named{{Name: "a", Verifier: meet}, {Name: "b", Verifier: meet}, {Name: "c", Verifier: meet}})
	check(t, err)
}

func TestBrokenVerifier(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such key")
	breaks := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) { return nil, cause })
	panics := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) { panic("a defect") })
	fine := says()
	for _, extra := range [][]Named{{{Name: "fine", Verifier: fine}, {Name: "signature", Verifier: breaks}}, {{Name: "signature", Verifier: panics}, {Name: "fine", Verifier: fine}}, {{Name: "signature", Verifier: nil}}} {
		_, err := Run(t.Context(), colon(t), arch, extra)
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Stage != "verify" || e.Kind != report.KindInternal || e.Hint == "" || !strings.Contains(err.Error(), "signature") {
			t.Errorf("error %v", err)
		}
	}
	_, err := Run(t.Context(), colon(t), arch, []Named{{Name: "signature", Verifier: breaks}})
	if !errors.Is(err, cause) {
		t.Errorf("%v does not say why", err)
	}
}

// A verifier may rely on what the built-in checks promise.
func TestVerifiersSeeSoundUploadsOnly(t *testing.T) {
	t.Parallel()
	u := colon(t)
	u.Received[1].ActualSHA256 = strings.Repeat("0", 64)
	asked := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) {
		t.Error("asked about a damaged upload")
		return nil, nil
	})
	findings, err := Run(t.Context(), u, arch, []Named{{Name: "x", Verifier: asked}})
	if err != nil || codes(findings) != "MP-HASH" {
		t.Errorf("%v, %v", findings, err)
	}
}

func TestRunStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, colon(t), arch, nil)
	if e, ok := errors.AsType[*report.Error](err); !ok || e.Code != report.CodeStopped || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	_, err = RunPlan(ctx, nil, plan.Plan{}, nil)
	if e, ok := errors.AsType[*report.Error](err); !ok || e.Code != report.CodeStopped {
		t.Errorf("error %v", err)
	}
}

func TestRunPlan(t *testing.T) {
	t.Parallel()
	v, p := index.View(nil), plan.Plan{Result: report.Published}
	refuses := planner(func(_ context.Context, _ index.View, got plan.Plan) ([]report.Finding, error) {
		if got.Result != p.Result {
			t.Errorf("asked about %+v", got)
		}
		return []report.Finding{{Code: "X-3", Message: "frozen"}}, nil
	})
	breaks := planner(func(context.Context, index.View, plan.Plan) ([]report.Finding, error) {
		return nil, errors.New("no answer")
	})
	findings, err := RunPlan(t.Context(), v, p, []Named{{Name: "other", Verifier: says()}, {Name: "freeze", Verifier: refuses}})
	if err != nil || len(findings) != 1 || findings[0].Verifier != "freeze" || !report.Refused(findings) {
		t.Errorf("%v, %v", findings, err)
	}
	if _, err := RunPlan(t.Context(), v, p, []Named{{Name: "freeze", Verifier: breaks}}); err == nil || !strings.Contains(err.Error(), "freeze") {
		t.Errorf("error %v", err)
	}
}

// What nobody has read is never found sound.
func TestNothingToVerify(t *testing.T) {
	t.Parallel()
	good := colon(t)
	for name, change := range map[string]func(u *upload.Upload){
		"no manifest":         func(u *upload.Upload) { u.Manifest = nil },
		"another kind":        func(u *upload.Upload) { u.Kind = "pacman" },
		"nothing read":        func(u *upload.Upload) { u.Received = nil },
		"source not read":     func(u *upload.Upload) { u.Received = u.Received[1:] },
		"package not read":    func(u *upload.Upload) { u.Received = u.Received[:1] },
		"another file read":   func(u *upload.Upload) { u.Received[1].Name = "other.mpk" },
		"another declaration": func(u *upload.Upload) { u.Received[1].SHA256 = strings.Repeat("0", 64) },
	} {
		u := good
		u.Received = slices.Clone(good.Received)
		change(&u)
		findings, err := Run(t.Context(), u, arch, nil)
		if e, ok := errors.AsType[*report.Error](err); !ok || e.Stage != "verify" || report.Refused(findings) {
			t.Errorf("%s: %v, %v", name, findings, err)
		}
	}
}

func TestArchitectures(t *testing.T) {
	t.Parallel()
	b := mpktest.Upload{Packages: []mpktest.Package{{Name: "a"}, {Name: "b", Arch: "arm64-debian"}}}.Build()
	m := newMem(t)
	for _, f := range b.Files() {
		write(t, m, f.Name, f.Data)
	}
	u, findings, err := upload.Open(t.Context(), m, ".", b.Manifest.Name)
	check(t, err)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	all, err := upload.Inspect(t.Context(), u, nil, upload.Options{})
	check(t, err)
	one, err := upload.Inspect(t.Context(), u, []string{"arm64-debian"}, upload.Options{})
	check(t, err)
	none, err := upload.Inspect(t.Context(), u, []string{"mips-debian"}, upload.Options{})
	check(t, err)
	tests := []struct {
		u    upload.Upload
		arch string
		want string
		err  bool
	}{
		{all, "", "", false},
		{all, arch, "", false},
		{all, "arm64-debian", "", false},
		{all, "mips-debian", "MP-ARCH", false},
		{one, "", "", false},
		{one, "arm64-debian", "", false},
		{one, arch, "", true},
		{none, "", "MP-ARCH", false},
		{none, "mips-debian", "MP-ARCH", false},
		{none, arch, "", true},
	}
	for i, tt := range tests {
		findings, err := Run(t.Context(), tt.u, tt.arch, nil)
		if codes(findings) != tt.want || (err != nil) != tt.err {
			t.Errorf("%d: %v, %v", i, findings, err)
		}
		if len(findings) > 0 && (findings[0].Actual != "amd64-debian, arm64-debian" || findings[0].Expected != tt.arch) {
			t.Errorf("%d: %+v", i, findings[0])
		}
	}
}

// A verifier that is only to warn refuses nothing, and its failure is a warning.
func TestWarnOnly(t *testing.T) {
	t.Parallel()
	cause := &report.Error{Code: report.CodePlugin, Kind: report.KindUsage, Err: errors.New("is gone"), Hint: "bring it back"}
	breaks := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) { return nil, cause })
	note := report.Finding{Code: "X-2", Severity: report.SeverityNote, Message: "by the way"}
	findings, err := Run(t.Context(), colon(t), arch, []Named{
		{Name: "strict", Verifier: says(report.Finding{Code: "X-1", Message: "no"}, note), Warn: true}, {Name: "gone", Verifier: breaks, Warn: true},
	})
	if err != nil || len(findings) != 3 || report.Refused(findings) || findings[1].Severity != report.SeverityNote ||
		findings[2].Code != report.CodePlugin || findings[2].Verifier != "gone" || !strings.Contains(findings[2].Message, "is gone") {
		t.Errorf("%+v %v", findings, err)
	}
	_, err = Run(t.Context(), colon(t), arch, []Named{{Name: "gone", Verifier: breaks}})
	if e, ok := errors.AsType[*report.Error](err); !ok || e.Code != report.CodePlugin || e.Kind != report.KindUsage || e.Hint != "bring it back" {
		t.Errorf("%+v", err)
	}
	stops := verifierFunc(func(context.Context, upload.Upload) ([]report.Finding, error) { return nil, context.Canceled })
	if _, err := Run(t.Context(), colon(t), arch, []Named{{Name: "stops", Verifier: stops, Warn: true}}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt was taken for an answer: %v", err)
	}
}
