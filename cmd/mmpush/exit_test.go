package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestExitCodes is the whole table: every class of failure has its code.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	kind := func(k report.Kind) error {
		return fmt.Errorf("wrapped: %w", &report.Error{Kind: k, Err: errors.New("x")})
	}
	for name, c := range map[string]struct {
		err  error
		code int
	}{
		"internal":           {kind(report.KindInternal), 1},
		"usage":              {kind(report.KindUsage), 2},
		"rejected":           {kind(report.KindRejected), 3},
		"conflict":           {kind(report.KindConflict), 4},
		"denied":             {kind(report.KindDenied), 5},
		"transport":          {kind(report.KindTransport), 6},
		"busy":               {kind(report.KindBusy), 7},
		"nobody classified":  {errors.New("x"), 1},
		"a kind of tomorrow": {kind(99), 1},
		"stopped":            {&report.Error{Kind: report.KindBusy, Code: report.CodeStopped, Err: errors.New("x")}, 130},
		"context ended":      {fmt.Errorf("wrapped: %w", context.Canceled), 130},
	} {
		if got := exitOfError(c.err); got != c.code {
			t.Errorf("%s: exit %d, want %d", name, got, c.code)
		}
	}
}

func TestExitCodesOfReports(t *testing.T) {
	t.Parallel()
	finding := func(c report.Code) report.Finding { return report.Finding{Code: c} }
	warning := report.Finding{Code: report.CodeSize, Severity: report.SeverityWarning}
	for name, c := range map[string]struct {
		result   report.Result
		findings []report.Finding
		code     int
	}{
		"published":                   {report.Published, nil, 0},
		"unchanged":                   {report.Unchanged, nil, 0},
		"restored":                    {report.Restored, nil, 0},
		"planned, warned":             {report.Planned, []report.Finding{warning}, 0},
		"verified":                    {report.Verified, nil, 0},
		"created":                     {report.Created, nil, 0},
		"conflict":                    {report.Rejected, []report.Finding{finding(report.CodeConflict)}, 4},
		"take-over":                   {report.Rejected, []report.Finding{finding(report.CodeTakeOver), warning}, 4},
		"downgrade":                   {report.Rejected, []report.Finding{finding(report.CodeDowngrade)}, 3},
		"accepted":                    {report.Accepted, nil, 8},
		"rights":                      {report.Rejected, []report.Finding{finding(report.CodeRights)}, 5},
		"rights and a conflict":       {report.Rejected, []report.Finding{finding(report.CodeRights), finding(report.CodeConflict)}, 5},
		"rights and something else":   {report.Rejected, []report.Finding{finding(report.CodeRights), finding(report.CodeSize)}, 3},
		"conflict and something else": {report.Rejected, []report.Finding{finding(report.CodeConflict), finding(report.CodeSize)}, 3},
	} {
		if got := exitOfReport(report.Report{Result: c.result, Findings: c.findings}); got != c.code {
			t.Errorf("%s: exit %d, want %d", name, got, c.code)
		}
	}
}

func TestTheWorstExitCode(t *testing.T) {
	t.Parallel()
	order := []int{0, 8, 3, 4, 7, 6, 5, 2, 1, 130}
	for i, a := range order {
		for j, b := range order {
			if got := worse(a, b); got != order[max(i, j)] {
				t.Errorf("the worse of %d and %d is %d", a, b, got)
			}
		}
	}
}

// TestDefect: a panic anywhere is one line and one document.
func TestDefect(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	s := shell{wrap: failing(nil, func(vfs.Op) bool { panic("boom\nsecond line") })}
	for _, args := range [][]string{
		{"push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at, "--json"},
		{"check", manifestOf(t, "uploads/01-foo-1.0.0"), "--json"},
		{"list", "-R", at, "--json"},
		{"init", filepath.Join(t.TempDir(), "r"), "--arch", "a", "--json"},
	} {
		got := s.run(args...)
		if got.code != exitInternal || !strings.Contains(got.stderr, "internal error: boom") {
			t.Errorf("%s: exit %d, %s", args[0], got.code, got.stderr)
		}
		if strings.Contains(got.stderr, "goroutine") || !strings.Contains(got.stderr, "exit_test.go:") {
			t.Errorf("%s: a stack, or no place: %s", args[0], got.stderr)
		}
		var doc answer
		if err := json.Unmarshal([]byte(got.stdout), &doc); err != nil || doc.Error == nil || doc.Error.Code != report.CodeInternal {
			t.Errorf("%s: document %q, %v", args[0], got.stdout, err)
		}
	}
}

// TestDefectElsewhere: a room that has caught a panic of its own keeps the stack;
// people do not get to see it.
func TestDefectElsewhere(t *testing.T) {
	t.Parallel()
	caught := &report.Error{Code: report.CodeInternal, Err: fmt.Errorf("defect: %v\n%s", "boom", debug.Stack())}
	p, out := testPrinter(80)
	p.problem(caught)
	for _, err := range []error{caught, fmt.Errorf("wrapped: %w", caught)} {
		if got := problemOf(err).Message; !strings.HasSuffix(got, "defect: boom") {
			t.Errorf("document: %s", got)
		}
	}
	if !strings.HasPrefix(out.String(), "mmpush: error: defect: boom [MP-INTERNAL]\n") || strings.Contains(out.String(), "goroutine") {
		t.Errorf("text: %s", out)
	}
}

// TestReadOnlyRepository: the machine says no to every write.
func TestReadOnlyRepository(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/01-foo-1.0.0")
	s := shell{wrap: failing(syscall.EROFS, vfs.Op.Writes)}
	next := manifestOf(t, "uploads/06-foo-1.1.0")
	got := s.run("push", next, "--to", at)
	if got.code != exitInternal || !strings.Contains(got.stderr, "read-only file system") || !strings.Contains(got.stderr, "MP-DISK") {
		t.Errorf("push: exit %d, %s", got.code, got.stderr)
	}
	if got.stdout != "" {
		t.Errorf("push: a result: %s", got.stdout)
	}
	if got := s.run("init", filepath.Join(t.TempDir(), "new"), "--arch", "a"); got.code != exitInternal {
		t.Errorf("init: exit %d, %s", got.code, got.stderr)
	}
	for _, args := range [][]string{{"list", "-R", at}, {"push", next, "--to", at, "-n"}, {"init", at, "--arch", "amd64-debian"}, {"check", next}} {
		if got := s.run(args...); got.code != exitDone {
			t.Errorf("%s only reads: exit %d, %s", args[0], got.code, got.stderr)
		}
	}
}

// TestUnreadableFolder: what the system forbids is told, not taken for something
// that is not there.
func TestUnreadableFolder(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	s := shell{wrap: failing(fs.ErrPermission, func(op vfs.Op) bool { return op.Kind == "open" })}
	got := s.run("push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at)
	if got.code != exitUsage || !strings.Contains(got.stderr, "permission denied") {
		t.Errorf("exit %d, %s", got.code, got.stderr)
	}
}

// TestInterruptedBefore: a run that is stopped before it starts does nothing.
func TestInterruptedBefore(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	got := shell{ctx: ctx}.run("push", m, m, "--to", at)
	if got.code != exitStopped || got.stdout != "" || !strings.Contains(got.stderr, "not tried after that: "+m) {
		t.Errorf("exit %d, %q, %s", got.code, got.stdout, got.stderr)
	}
	if !strings.HasSuffix(got.stderr, "\n    mmpush push "+m+" "+m+" --to "+at+"\n") {
		t.Errorf("no command to run again: %s", got.stderr)
	}
	if list := (shell{}).run("list", "-R", at); list.stdout != "" {
		t.Errorf("published: %s", list.stdout)
	}
}

// TestLostOutput: a result that nobody could read is a failure that says what is
// done all the same.
func TestLostOutput(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	for _, more := range []string{"--json", "--color=never"} {
		var stderr strings.Builder
		e := env{
			Args:   []string{"push", manifestOf(t, "uploads/01-foo-1.0.0"), "--to", at, more},
			Stdout: fullDisk{}, Stderr: &stderr, Getenv: func(string) string { return "" }, Terminal: terminalOfWidth(0),
		}
		if code := run(t.Context(), e); code != exitInternal || !strings.Contains(stderr.String(), "could not be written") {
			t.Errorf("%s: exit %d, %s", more, code, stderr.String())
		}
	}
	if list := (shell{}).run("list", "-R", at); !strings.Contains(list.stdout, "foo") {
		t.Errorf("not published: %s", list.stdout)
	}
}
