//go:build unix

package plugins

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// TestPluginFails: whatever a plugin does, whoever asks gets an error that
// names it, in time, and nothing is left of it.
func TestPluginFails(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	wrong := role(t, "actor")
	wrong.SHA256 = strings.Repeat("0", 64)
	missing := wrong
	missing.Path += ".not"
	tests := []struct {
		name string
		pin  Pin
		do   string
		want string
		kind report.Kind
	}{
		{"wrong hash", wrong, "", "is not the program that is pinned, and was not run", report.KindUsage},
		{"no program", missing, "", "no such file", report.KindUsage},
		{"not pinned", Pin{Name: "x", Path: "/bin/true"}, "", "is not pinned", report.KindUsage},
		{"a transport", role(t, "carrier"), "", "is a transport, not a verifier", report.KindUsage},
		{"configuration refused", role(t, "actor"), "refuse", "refuses its configuration: there is no such licence: FOO", report.KindUsage},
		{"other protocol", role(t, "future"), "", "speaks version 2 of the plugin protocol; this mmpush speaks version 1", report.KindUsage},
		{"garbage for a handshake", script(t, "echo hello there; exec sleep 1000"), "", `said "hello there" instead of a handshake`, report.KindInternal},
		{"endless handshake", script(t, "exec tr '\\0' x </dev/zero"), "", "instead of a handshake", report.KindInternal},
		{"no handshake", script(t, "exec sleep 1000"), "", "did not start within 1s", report.KindInternal},
		{"silence", script(t, "exit 0"), "", "ended before it was ready (exit status 0)", report.KindInternal},
		{"ends with words", script(t, "echo no python here >&2; exit 9"), "", "no python here", report.KindInternal},
		{"another protocol of go-plugin", script(t, "echo '1|1|unix|/tmp/x|netrpc|'; exec sleep 1000"), "", "unix socket in PLUGIN_UNIX_SOCKET_DIR", report.KindInternal},
		{"somebody else's socket", script(t, "echo '1|1|tcp|127.0.0.1:1|grpc|'; exec sleep 1000"), "", "unix socket in PLUGIN_UNIX_SOCKET_DIR", report.KindInternal},
		{"no TLS", script(t, `echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/s|grpc|"; exec sleep 1000`), "", "failed in Describe", report.KindInternal},
		{"not a program", pinOf(t, "text", text(t)), "", "could not be started", report.KindInternal},
		{"crash in mid-call", role(t, "actor"), "crash", "panic: out of cheese", report.KindInternal},
		{"exit in mid-call", role(t, "actor"), "exit", "ended in the middle of Verify (exit status 3)", report.KindInternal},
		{"exit as if all were well", role(t, "actor"), "exit well", "ended in the middle of Verify (exit status 0)", report.KindInternal},
		{"panic", role(t, "actor"), "panic", "defect: a bug", report.KindInternal},
		{"hang", role(t, "actor"), "hang", "gave no answer to Verify in time and was killed", report.KindInternal},
		{"stopped", role(t, "actor"), "stop", "gave no answer to Verify in time and was killed", report.KindInternal},
		{"error", role(t, "actor"), "error", "there is no key", report.KindUsage},
		{"no verdict", role(t, "liar"), "no verdict", "ends without a verdict", report.KindInternal},
		{"fewer findings", role(t, "liar"), "fewer", "it says that it sent 0 findings, 1 have come", report.KindInternal},
		{"more findings", role(t, "liar"), "more", "it says that it sent 1 findings, 0 have come", report.KindInternal},
		{"empty answer", role(t, "liar"), "empty", "that is none", report.KindInternal},
		{"one of our codes", role(t, "liar"), "our code", "MP-SIZE", report.KindInternal},
		{"no code", role(t, "liar"), "no code", "a finding with the code", report.KindInternal},
		{"no message", role(t, "liar"), "no message", "and no message", report.KindInternal},
		{"findings without end", role(t, "liar"), "many", "more than 10000 findings", report.KindInternal},
		{"answers without end", role(t, "liar"), "many large", "more than 16777216 bytes", report.KindInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var o Options
			switch tt.name {
			case "hang", "stopped":
				o.CallTime = 500 * time.Millisecond
			case "no handshake":
				o.StartTime = time.Second
			}
			if tt.do != "" {
				o.Config = config(part{Do: tt.do})
			}
			failsClosed(t, tt.pin, o, func(v *Verifier) error {
				findings, err := v.Verify(t.Context(), u)
				if len(findings) > 0 {
					t.Errorf("findings beside an error: %v", findings)
				}
				return err
			}, tt.want, tt.kind)
		})
	}
}

// failsClosed wants an error of that kind that names the plugin and says why, soon,
// and nothing left of the plugin.
func failsClosed(t *testing.T, pin Pin, o Options, ask func(*Verifier) error, want string, kind report.Kind) {
	t.Helper()
	v := verifierOf(t, pin, o)
	begin := time.Now()
	err := ask(v)
	e, ok := errors.AsType[*report.Error](err)
	if !ok || e.Kind != kind || e.Hint == "" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the plugin "+pin.Name) {
		t.Errorf("error %v (%+v)\nwant %q", err, e, want)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func text(t *testing.T) string {
	at := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(at, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

// An answer of 1 GB is refused before it has arrived.
func TestAnswerOfOneGigabyte(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	failsClosed(t, role(t, "liar"), Options{Config: config(part{Do: "one large"})}, func(v *Verifier) error {
		_, err := v.Verify(t.Context(), u)
		return err
	}, "too large", report.KindInternal)
}

func TestPluginMemory(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	failsClosed(t, role(t, "actor"), Options{Config: config(part{Do: "eat"}), Memory: 256 << 20}, func(v *Verifier) error {
		_, err := v.Verify(t.Context(), u)
		return err
	}, "ended in the middle of Verify", report.KindInternal)
}

// A severity that does not exist refuses.
func TestOddSeverity(t *testing.T) {
	t.Parallel()
	v := verifierOf(t, role(t, "liar"), Options{Config: config(part{Do: "odd severity"})})
	findings, err := v.Verify(t.Context(), inspected(t, mpktest.Upload{}))
	if err != nil || !report.Refused(findings) {
		t.Errorf("%v %v", findings, err)
	}
}

// TestReportsOfSets: the reports of the repositories of a set fit that of the set.
func TestReportsOfSets(t *testing.T) {
	t.Parallel()
	bad := []report.Finding{{Code: "BAD", Message: "is bad"}}
	waiting := &report.Waiting{Set: "all"}
	one := func(r report.Result) report.Report { return report.Report{Result: r} }
	tests := map[string]struct {
		rep  report.Report
		dry  bool
		want string
	}{
		"published":             {rep: set(report.Published, one(report.Unchanged), one(report.Published))},
		"planned":               {rep: set(report.Planned, one(report.Planned)), dry: true},
		"waits":                 {rep: report.Report{Result: report.Accepted, Waiting: waiting}},
		"rejected, and planned": {rep: report.Report{Result: report.Rejected, Findings: bad, Repositories: []report.Report{{Result: report.Rejected, Findings: bad}, one(report.Planned)}}},
		"all rejected for one":  {rep: report.Report{Result: report.Rejected, Findings: bad, Repositories: []report.Report{{Result: report.Rejected, Findings: bad}, one(report.Rejected)}}},
		"nonsense":              {rep: set(report.Published, one("splendid")), want: `one repository of a set is "splendid"`},
		"one rejected":          {rep: set(report.Published, one(report.Published), one(report.Rejected)), want: "rejected in one repository"},
		"one refused":           {rep: set(report.Published, report.Report{Result: report.Published, Findings: bad}), want: "the findings say otherwise"},
		"one only planned":      {rep: set(report.Published, one(report.Planned)), want: "nobody asked for a dry run"},
		"one published dry":     {rep: set(report.Planned, one(report.Published)), dry: true, want: "the result of a dry run is published"},
		"one waits":             {rep: set(report.Published, report.Report{Result: report.Published, Waiting: waiting}), want: "and not in the set"},
		"published, and waits":  {rep: report.Report{Result: report.Published, Waiting: waiting}, want: "it waits for other parts"},
		"accepted dry":          {rep: report.Report{Result: report.Accepted, Waiting: waiting}, dry: true, want: "the result of a dry run is accepted"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.rep.Manifest = "m"
			d := &delivery{plugin: &Plugin{printed: &tail{}}, options: transport.Options{DryRun: tt.dry}, upload: upload.Upload{Name: "m"}}
			err := d.add(&pluginpb.PushAnswer{Answer: &pluginpb.PushAnswer_Report{Report: overTheWire(t, reportToPB(tt.rep))}})
			if tt.want == "" && (err != nil || d.report == nil) || tt.want != "" && (err == nil || d.report != nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func set(r report.Result, repositories ...report.Report) report.Report {
	return report.Report{Result: r, Set: "all", Repositories: repositories}
}

func TestTransportFails(t *testing.T) {
	t.Parallel()
	u := opened(t, mpktest.Upload{})
	for do, want := range map[string]string{
		"other": "it reports about", "nonsense": `"splendid"`, "contradiction": "the findings say otherwise",
		"rejected without reason": "the findings say otherwise", "planned": "nobody asked for a dry run",
		"exit": "ended in the middle of Push (exit status 3)", "hang": "gave no answer to Push in time", "panic": "defect: a bug",
	} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			tr := NewTransport(role(t, "carrier"), Options{Config: config(part{Do: do}), CallTime: 500 * time.Millisecond})
			defer tr.Close()
			rep, err := tr.To("carrier://host", transport.Options{}).Push(t.Context(), u)
			e, ok := errors.AsType[*report.Error](err)
			if !ok || rep.Result != "" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "carrier") {
				t.Errorf("%v %v", rep, err)
			}
			if ok && do != "panic" && e.Kind != report.KindTransport {
				t.Errorf("kind %v", e.Kind)
			}
		})
	}
}

// TestStartFailsForAll: those who ask at once for a program that does not start wait for one
// start, not each for one of its own; who asks later has it tried again.
func TestStartFailsForAll(t *testing.T) {
	t.Parallel()
	k := &keeper{pin: script(t, "exec sleep 1000"), options: Options{StartTime: time.Second}, kind: KindVerifier}
	defer k.Close()
	k.Warm()
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if p, err := k.running(t.Context()); p != nil || err == nil || !strings.Contains(err.Error(), "did not start within 1s") {
				t.Errorf("%v %v", p, err)
			}
		})
	}
	all.Wait()
	if n := k.failures.Load(); n != 1 {
		t.Errorf("%d starts", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.running(ctx); err == nil || k.failures.Load() != 1 {
		t.Errorf("%v; a start that was stopped counts as the plugin's failure", err)
	}
}
