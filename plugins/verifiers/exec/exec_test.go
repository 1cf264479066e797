//go:build unix

package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// script is a verifier that runs a script of the shell.
func script(t testing.TB, text string, timeout time.Duration) *Verifier {
	t.Helper()
	run, err := json.Marshal([]string{"/bin/sh", "-c", text, "name", "{folder}", "{manifest}", "$(id);{other}"})
	check(t, err)
	v, err := New([]byte(`{"run":`+string(run)+`}`), timeout, t.TempDir())
	check(t, err)
	return v
}

// read is an upload as the verifiers get it.
func read(t testing.TB) (u upload.Upload, at string) {
	t.Helper()
	at = t.TempDir()
	b := mpktest.Upload{Name: "foo"}.Build()
	for _, f := range b.Files() {
		check(t, os.WriteFile(filepath.Join(at, f.Name), f.Data, 0o644))
	}
	check(t, os.WriteFile(filepath.Join(at, b.Manifest.Name+".sig"), []byte("signed"), 0o644))
	dir, err := vfs.OpenDir(at)
	check(t, err)
	t.Cleanup(func() { dir.Close() })
	u, _, err = upload.Open(context.Background(), dir, ".", b.Manifest.Name)
	check(t, err)
	u, err = upload.Inspect(context.Background(), u, nil, upload.Options{})
	check(t, err)
	return u, at
}

// empty wants nothing to be left of a run.
func empty(t *testing.T, v *Verifier) {
	t.Helper()
	left, err := os.ReadDir(v.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	pkg := u.Received[1].Name
	for what, tt := range map[string]struct{ script, want string }{
		"silent pass":       {"exit 0", ""},
		"a pass that talks": {"echo everything is fine; echo more >&2", ""},
		"a warning":         {`echo '{"severity":"warning","code":"LINT-1","message":"hm","file":"x","line":3}'`, "LINT-1 warning x: hm"},
		"no":                {"exit 1", "MP-EXEC error " + u.Name + ": the program refuses the upload and does not say why"},
		"lines":             {"echo bad; echo; echo worse; exit 1", "MP-EXEC error " + u.Name + ": bad|MP-EXEC error " + u.Name + ": worse"},
		"about a file":      {"echo \"$1/" + pkg + ": virus FOUND\"; exit 1", "MP-EXEC error " + pkg + ": virus FOUND"},
		"only a note":       {`echo '{"severity":"note","message":"n"}'; exit 1`, "MP-EXEC note " + u.Name + ": n|MP-EXEC error " + u.Name + ": the program refuses the upload and does not say why"},
		"a code of ours":    {`echo '{"code":"MP-SIZE","message":"m"}'; exit 1`, "MP-EXEC error " + u.Name + ": m"},
		"odd JSON":          {`echo '{"message":7}'; exit 1`, `MP-EXEC error ` + u.Name + `: {"message":7}`},
		"control bytes":     {`printf 'a\033[2Jb\377c\n'; exit 1`, "MP-EXEC error " + u.Name + ": a [2Jb\uFFFDc"},
		"no last break":     {"printf bad; exit 1", "MP-EXEC error " + u.Name + ": bad"},
	} {
		v := script(t, tt.script, 0)
		findings, err := v.Verify(t.Context(), u)
		var list []string
		for _, f := range findings {
			list = append(list, fmt.Sprintf("%s %s %s: %s", f.Code, f.Severity, f.File, f.Message))
		}
		if got := strings.Join(list, "|"); got != tt.want || err != nil {
			t.Errorf("%s: %q %v, want %q", what, got, err, tt.want)
		}
		empty(t, v)
	}
}

func TestManyLines(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	findings, err := script(t, "seq 1 500; exit 1", 0).Verify(t.Context(), u)
	if err != nil || len(findings) != maxFindings+1 || findings[maxFindings].Message != "and 400 lines more" {
		t.Errorf("%d %v", len(findings), err)
	}
	findings, err = script(t, "head -c 5000 /dev/zero | tr '\\0' x; exit 1", 0).Verify(t.Context(), u)
	if err != nil || len(findings) != 1 || len(findings[0].Message) > lineLimit+3 {
		t.Errorf("%v %v", findings, err)
	}
}

// What is no answer fails closed, in time, and says why; nothing is left.
func TestBroken(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	for say, text := range map[string]string{
		"it ended with exit status 2; it printed: the database is gone": "echo the database is gone >&2; exit 2",
		"it ended with signal: killed":                                  "kill -9 $$",
		"it took longer than 500ms":                                     "sleep 60 & sleep 60",
		"it printed more than 1048576 bytes":                            "yes",
		"it has left a process running":                                 "sleep 60 & exit 0",
		"its exit status is 0, and a line of its output refuses":        `echo '{"message":"no"}'`,
	} {
		timeout := time.Minute
		if strings.Contains(say, "500ms") {
			timeout = 500 * time.Millisecond
		}
		v, began := script(t, text, timeout), time.Now()
		_, err := v.Verify(t.Context(), u)
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Code != report.CodeExecBroke || e.File != "/bin/sh" || e.Hint == "" || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v", say, err)
		}
		if time.Since(began) > 30*time.Second {
			t.Errorf("%s: took %s", say, time.Since(began))
		}
		empty(t, v)
	}
	v, err := New([]byte(`{"run":["/nowhere/at/all"]}`), 0, t.TempDir())
	check(t, err)
	if _, err := v.Verify(t.Context(), u); err == nil || !strings.Contains(err.Error(), "cannot be run: no such file") {
		t.Error(err)
	}
}

// Nothing that it has started runs on.
func TestNothingRunsOn(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	mark := filepath.Join(t.TempDir(), "pid")
	v := script(t, "sleep 600 >/dev/null 2>&1 & echo $! > "+mark, 0)
	if _, err := v.Verify(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(mark)
	check(t, err)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it runs: %s", state)
		}
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	v := script(t, "sleep 60", 0)
	if _, err := v.Verify(ctx, u); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	empty(t, v)
}

// The program sees copies and nothing else of ours, and can change nothing.
func TestWhatItSees(t *testing.T) {
	u, at := read(t)
	t.Setenv("MMPUSH_PASSWORD", "s3cret")
	out := filepath.Join(t.TempDir(), "out")
	v := script(t, `{ pwd; ls -A; stat -c %a . *; echo "$3"; basename "$2"; env; cat; } > `+out+`; for f in *; do echo x > "$f"; done 2>/dev/null; rm -f * 2>/dev/null; touch "$TMPDIR/x"`, 0)
	findings, err := v.Verify(t.Context(), u)
	if err != nil || len(findings) > 0 {
		t.Fatal(findings, err)
	}
	data, err := os.ReadFile(out)
	check(t, err)
	text := string(data)
	for _, want := range []string{
		"\n" + u.Name + "\n", "\n" + u.Name + ".sig\n", "\n" + u.Received[1].Name + "\n", "500\n400\n400\n", "$(id);{other}\n",
		`"manifest":"` + u.Name + `"`, `"sha256":"` + u.Received[1].SHA256 + `","architecture":"amd64-debian","package":"foo"`, `"version":"1.0.0"`, "LANG=C.UTF-8",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "s3cret") || strings.Contains(text, at) || strings.Contains(text, "GOPATH") {
		t.Errorf("it sees what it should not:\n%s", text)
	}
	after, err := upload.Inspect(t.Context(), u, nil, upload.Options{})
	check(t, err)
	for i, r := range after.Received {
		if r.ActualSHA256 != u.Received[i].SHA256 {
			t.Errorf("%s was changed", r.Name)
		}
	}
	empty(t, v)
}

// A file that is another than the one that was read is not shown.
func TestChangedSince(t *testing.T) {
	t.Parallel()
	u, at := read(t)
	check(t, os.WriteFile(filepath.Join(at, u.Received[1].Name), []byte("other"), 0o644))
	if _, err := script(t, "exit 0", 0).Verify(t.Context(), u); err == nil || !strings.Contains(err.Error(), "has changed since it was read") {
		t.Error(err)
	}
}

// What a killed run has left goes with the next one; what is in use does not.
func TestSweep(t *testing.T) {
	t.Parallel()
	u, _ := read(t)
	v := script(t, "exit 0", 0)
	used, err := newFolder(v.temp)
	check(t, err)
	left, err := newFolder(v.temp)
	check(t, err)
	check(t, left.show(t.Context(), u))
	left.Abandon()
	old := time.Now().Add(-time.Hour)
	for _, f := range []folder{used, left} {
		check(t, os.Chtimes(f.Path, old, old))
	}
	if _, err := v.Verify(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left.Path); err == nil {
		t.Error("the folder of a killed run is left")
	}
	if _, err := os.Lstat(used.Path); err != nil {
		t.Error("a folder in use was swept")
	}
	used.Remove()
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for settings, say := range map[string]string{
		``:                            "run: is a list",
		`{"run":[]}`:                  "run: is a list",
		`{"run":["clamscan"]}`:        "absolute path",
		`{"run":["/x","a\u0000b"]}`:   "NUL",
		`{"rum":["/x"]}`:              `"run" may be meant`,
		`{"run":"/usr/bin/clamscan"}`: "has to be a list",
	} {
		if _, err := New([]byte(settings), 0, ""); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", settings, err, say)
		}
	}
}

// Whatever a program prints: findings that anybody can show.
func FuzzOutput(f *testing.F) {
	for _, seed := range []string{"", "a: b", `{"message":"m","severity":"note"}`, "\x1b[0m\xff", strings.Repeat("x", 3000)} {
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, out []byte, status int) {
		status &= 1
		findings := newReader("/tmp/x", upload.Upload{Name: "m"}).findings(out, status)
		if status == 1 && !report.Refused(findings) || len(findings) > maxFindings+2 {
			t.Errorf("%q: %v", out, findings)
		}
		for _, f := range findings {
			if what, _ := report.Flaw(f.Message+f.Hint+f.File+f.Actual, ""); what != "" || len(f.Message) > lineLimit+3 {
				t.Errorf("%q: %s in %+v", out, what, f)
			}
		}
	})
}
