//go:build unix

package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// simple finds nothing and has no rule about plans.
type simple struct{}

func (simple) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// part is what an actor is told to do.
type part struct {
	Do, File string
}

// actor does what its configuration says.
type actor struct{ part }

func (a *actor) configure(config []byte) error {
	if config == nil {
		return nil
	}
	if err := json.Unmarshal(config, &a.part); err != nil {
		return err
	}
	if a.Do == "refuse" {
		return errors.New("there is no such licence: FOO")
	}
	return nil
}

func (a *actor) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	return a.act(ctx, u)
}

func (a *actor) VerifyPlan(ctx context.Context, v index.View, p plan.Plan) ([]report.Finding, error) {
	if a.Do == "late" {
		// A view is good for its own call only.
		go func() {
			time.Sleep(50 * time.Millisecond)
			_, _, err := v.Binary("foo")
			_ = os.WriteFile(filepath.Join(os.Getenv("TMPDIR"), "late"), []byte(fmt.Sprint(err)), 0o600)
		}()
		return nil, nil
	}
	var findings []report.Finding
	for _, b := range p.Edit.AppendBinaries {
		old, ok, err := v.Binary(b.Name)
		if err != nil {
			return nil, err
		}
		findings = append(findings, report.Finding{Code: "SEEN", Severity: report.SeverityNote, Message: "sees", Field: b.Name, Actual: fmt.Sprint(ok, " ", old.Version)})
	}
	more, err := a.act(ctx, upload.Upload{})
	return append(findings, more...), err
}

func (a *actor) act(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	switch a.Do {
	case "crash":
		go func() { panic("out of cheese") }()
		time.Sleep(time.Minute)
	case "panic":
		panic("a bug")
	case "exit":
		os.Exit(3)
	case "exit well":
		os.Exit(0)
	case "hang":
		time.Sleep(time.Hour)
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour)
	case "wait":
		_ = os.WriteFile("began", nil, 0o600)
		<-ctx.Done()
		return nil, os.WriteFile("cancelled", nil, 0o600)
	case "beget":
		// Children that outlive it, one of them in a session of its own.
		for _, leave := range []bool{false, true} {
			c := exec.Command("/bin/sleep", "1000")
			c.SysProcAttr = &syscall.SysProcAttr{Setsid: leave, Setpgid: !leave}
			if err := c.Start(); err != nil {
				return nil, err
			}
		}
	case "eat":
		var all [][]byte
		for range 64 {
			b := make([]byte, 64<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
		return nil, fmt.Errorf("ate %d", len(all))
	case "environment":
		return []report.Finding{{Code: "ENV", Severity: report.SeverityNote, Message: strings.Join(os.Environ(), "\n")}}, nil
	case "write":
		return tamper(u, a.File), nil
	case "read":
		return readAll(u)
	case "error":
		return nil, &report.Error{Stage: "keys", Code: "NO-KEY", Kind: report.KindUsage, File: "/etc/keys", Err: errors.New("there is no key"), Hint: "make one"}
	case "findings":
		return []report.Finding{
			{Code: "OLD", Severity: report.SeverityWarning, File: "foo.mpk", Line: 3, Field: "a.b", Expected: "x", Actual: "y", Message: "is old", Hint: "renew", Verifier: "somebody"},
			{Code: "BAD", Message: "is bad"},
		}, nil
	}
	return nil, nil
}

// tamper tries to change what it sees and what the file names, and tells what the
// system let it do.
func tamper(u upload.Upload, file string) []report.Finding {
	if u.FS == nil {
		return nil
	}
	folder := u.FS.(*vfs.Dir).Path()
	var done []report.Finding
	try := func(what string, err error) {
		if err == nil {
			done = append(done, report.Finding{Code: "DONE", Severity: report.SeverityNote, Message: what})
		}
	}
	for _, f := range u.Files {
		name := filepath.Join(folder, f.Name)
		try("chmod view", os.Chmod(name, 0o600))
		try("write view", os.WriteFile(name, []byte("other"), 0o600))
	}
	if file != "" {
		destroy(file, try)
	}
	try("scratch", os.WriteFile("own", nil, 0o600))
	return done
}

// readAll tells the hash of each file that it sees.
func readAll(u upload.Upload) ([]report.Finding, error) {
	entries, err := u.FS.ReadDir(u.Dir)
	if err != nil {
		return nil, err
	}
	var found []report.Finding
	for _, e := range entries {
		f, err := u.FS.Open(e.Name)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		found = append(found, report.Finding{Code: "READ", Severity: report.SeverityNote, Message: "reads", File: e.Name, Actual: hex.EncodeToString(h.Sum(nil))})
	}
	return found, nil
}

// carrier is a transport that publishes nothing.
type carrier struct{ *actor }

func (c carrier) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Result: report.Published, Manifest: u.Name}
	switch c.Do {
	case "other":
		rep.Manifest = "other"
	case "nonsense":
		rep.Result = "splendid"
	case "contradiction":
		rep.Findings = []report.Finding{{Code: "BAD", Message: "is bad"}}
	case "rejected without reason":
		rep.Result = report.Rejected
	case "planned":
		rep.Result = report.Planned
	default:
		_, err := c.act(ctx, u)
		return rep, err
	}
	return rep, nil
}

// liar breaks the protocol as its configuration says.
type liar struct {
	*server
	part
}

func (l *liar) configure(config []byte) error { return json.Unmarshal(config, &l.part) }

func (l *liar) Verify(_ *pluginpb.VerifyRequest, to pluginpb.Verifier_VerifyServer) error {
	finding := func(f *pluginpb.Finding) error {
		return to.Send(&pluginpb.VerifyAnswer{Answer: &pluginpb.VerifyAnswer_Finding{Finding: f}})
	}
	done := func(n uint32) error {
		return to.Send(&pluginpb.VerifyAnswer{Answer: &pluginpb.VerifyAnswer_Done{Done: &pluginpb.Done{Findings: n}}})
	}
	switch l.Do {
	case "no verdict":
		return nil
	case "fewer":
		return errors.Join(finding(&pluginpb.Finding{Code: "BAD", Message: "is bad"}), done(0))
	case "more":
		return done(1)
	case "empty":
		return to.Send(&pluginpb.VerifyAnswer{})
	case "our code":
		return finding(&pluginpb.Finding{Code: "MP-SIZE", Message: "is bad"})
	case "no code":
		return finding(&pluginpb.Finding{Message: "is bad"})
	case "no message":
		return finding(&pluginpb.Finding{Code: "BAD", Message: " "})
	case "one large":
		return finding(&pluginpb.Finding{Code: gigabyte, Message: "is bad"})
	case "many":
		for to.Context().Err() == nil {
			if err := finding(&pluginpb.Finding{Code: "BAD", Message: "is bad"}); err != nil {
				return err
			}
		}
	case "many large":
		for to.Context().Err() == nil {
			if err := finding(&pluginpb.Finding{Code: "BAD", Message: strings.Repeat("x", 1<<20)}); err != nil {
				return err
			}
		}
	case "odd severity":
		return errors.Join(finding(&pluginpb.Finding{Code: "BAD", Message: "is bad", Severity: 77}), done(1))
	}
	return done(0)
}

// gigabyte is the code of the finding that largeCodec makes large.
const gigabyte = "GIGABYTE"

// largeCodec is gRPC's own, but for one message, which has a gigabyte on the wire and
// none in memory.
type largeCodec struct{}

func (largeCodec) Name() string { return "proto" }

func (largeCodec) Marshal(v any) (mem.BufferSlice, error) {
	data, err := encoding.GetCodecV2("proto").Marshal(v)
	if a, ok := v.(*pluginpb.VerifyAnswer); ok && a.GetFinding().GetCode() == gigabyte {
		megabyte := mem.SliceBuffer(make([]byte, 1<<20))
		for range 1 << 10 {
			data = append(data, megabyte)
		}
	}
	return data, err
}

func (largeCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
