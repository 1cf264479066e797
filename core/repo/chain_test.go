package repo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// chained is a repository with so many generations.
func chained(t *testing.T, n int) *Repo {
	t.Helper()
	fsys := vfs.NewMem(time.Now)
	r := newRepo(fsys, "/repo", "amd64-debian", nil)
	if err := fsys.Mkdir(MetaDir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= n; i++ {
		g := Generation{Number: uint64(i), Transaction: fmt.Sprint("t", i), Changes: []Change{{Action: ActionPublish, Who: strings.Repeat("x", i%7)}}}
		if err := r.AppendGeneration(g); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *Repo) lines(t *testing.T) []string {
	t.Helper()
	text, err := vfs.ReadFile(r.FS, HistoryFile, 1<<26)
	if err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
}

func (r *Repo) setLines(t *testing.T, lines []string) {
	t.Helper()
	if err := vfs.ReplaceFile(r.FS, HistoryFile, HistoryFile+".new", 0o600, []byte(strings.TrimSuffix(strings.Join(lines, ""), "\n")+"\n")); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyHistory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(lines []string) []string
		want []string
	}{
		"untouched": {func(l []string) []string { return l }, nil},
		"an edited record": {func(l []string) []string {
			l[4] = strings.Replace(l[4], "publish", "remove", 1)
			return l
		}, []string{"generation 5 was changed"}},
		"the last but one": {func(l []string) []string {
			l[8] = strings.Replace(l[8], "publish", "remove", 1)
			return l
		}, []string{"generation 9 or 10 was changed"}},
		"an edited link": {func(l []string) []string {
			l[0] = strings.Replace(l[0], `"changes"`, `"previous":"00","changes"`, 1)
			return l
		}, []string{"generation 1 was changed", "generation 1 was changed"}},
		"one is missing":  {func(l []string) []string { return slices.Delete(l, 3, 4) }, []string{"generation 4 is missing"}},
		"the first three": {func(l []string) []string { return l[3:] }, []string{"generations 1 to 3 are missing"}},
		"reordered": {func(l []string) []string {
			l[2], l[5] = l[5], l[2]
			return l
		}, []string{"generation 4 stands behind generation 6", "generation 5 stands behind", "generation 3 stands behind"}},
		"twice":              {func(l []string) []string { return slices.Insert(l, 5, l[4]) }, []string{"generation 5 stands twice"}},
		"rubbish":            {func(l []string) []string { l[6] = "rubbish\n"; return l }, []string{"not a record", "generation 7 is missing"}},
		"rubbish at the end": {func(l []string) []string { l[9] = strings.Replace(l[9], `"changes":`, `"changes":x`, 1); return l }, []string{"not a record"}},
		"no number":          {func(l []string) []string { l[6] = "{}\n"; return l }, []string{"not a record", "generation 7 is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := chained(t, 10)
			r.setLines(t, c.edit(r.lines(t)))
			got, err := r.VerifyHistory("")
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Findings) != len(c.want) {
				t.Fatalf("found %v", got.Findings)
			}
			for i, f := range got.Findings {
				if !strings.Contains(f.Message, c.want[i]) || !f.Refuses() {
					t.Errorf("%v, want %q", f, c.want[i])
				}
			}
		})
	}
}

// TestVerifyHistoryHead: what was cut off at the end, only the noted head tells.
func TestVerifyHistoryHead(t *testing.T) {
	t.Parallel()
	r := chained(t, 6)
	before, err := r.VerifyHistory("")
	if err != nil || before.Generations != 6 || before.Last != 6 || len(before.Head) != 64 {
		t.Fatalf("%+v %v", before, err)
	}
	if err := r.AppendGeneration(Generation{Number: 7, Transaction: "t7"}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.VerifyHistory(before.Head); err != nil || got.Since != 1 || len(got.Findings) != 0 {
		t.Errorf("grown: %+v %v", got, err)
	}
	r.setLines(t, r.lines(t)[:5])
	if got, err := r.VerifyHistory(before.Head); err != nil || len(got.Findings) != 1 || !strings.Contains(got.Findings[0].Message, before.Head) {
		t.Errorf("cut: %+v %v", got, err)
	}
	if got, err := r.VerifyHistory(""); err != nil || len(got.Findings) != 0 {
		t.Errorf("cut, without the head: %+v %v", got, err)
	}
}

// TestTornTail: it is told, is in nobody's way, and goes with the next record.
func TestTornTail(t *testing.T) {
	t.Parallel()
	r := chained(t, 3)
	f, err := r.FS.Append(HistoryFile, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(`{"generation":4,"trans`)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	got, err := r.VerifyHistory("")
	if err != nil || len(got.Findings) != 1 || got.Findings[0].Refuses() || got.Generations != 3 {
		t.Errorf("%+v %v", got, err)
	}
	if g, _, err := r.LastGeneration(); err != nil || g.Number != 3 {
		t.Errorf("%d %v", g.Number, err)
	}
	if err := r.AppendGeneration(Generation{Number: 4, Transaction: "t4"}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.VerifyHistory(""); err != nil || len(got.Findings) != 0 || got.Generations != 4 {
		t.Errorf("%+v %v", got, err)
	}
}

// TestHistoryReader reads records of very different lengths in both ways.
func TestHistoryReader(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := chained(t, 0)
			for i := 1; i <= n; i++ {
				who := strings.Repeat("y", (i*i*37)%9000)
				if i%50 == 0 {
					who = strings.Repeat("z", 3*tailStep)
				}
				if err := r.AppendGeneration(Generation{Number: uint64(i), Transaction: fmt.Sprint("t", i), Changes: []Change{{Who: who}}}); err != nil {
					t.Fatal(err)
				}
			}
			h, err := r.OpenHistory()
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			next := uint64(n)
			for line, err := range h.Newest() {
				if err != nil {
					t.Fatal(err)
				}
				g, err := line.Generation()
				if err != nil || g.Number != next {
					t.Fatalf("generation %d, want %d: %v", g.Number, next, err)
				}
				next--
			}
			if next != 0 {
				t.Errorf("%d were not read", next)
			}
			for i := uint64(0); i <= uint64(n)+1; i++ {
				g, ok, err := h.Find(i)
				if want := i > 0 && i <= uint64(n); err != nil || ok != want || ok && g.Transaction != fmt.Sprint("t", i) {
					t.Fatalf("find %d: %v %v %s", i, ok, err, g.Transaction)
				}
			}
		})
	}
}

// TestHistoryReaderDamaged: what is no record is an error, not a silence.
func TestHistoryReaderDamaged(t *testing.T) {
	t.Parallel()
	r := chained(t, 9)
	lines := r.lines(t)
	lines[4] = "rubbish\n"
	r.setLines(t, lines)
	h, err := r.OpenHistory()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var problem error
	for line, err := range h.Newest() {
		if err == nil {
			_, err = line.Generation()
		}
		problem = errors.Join(problem, err)
	}
	if report.CodeOf(problem) != report.CodeHistory {
		t.Errorf("%v", problem)
	}
	if _, _, err := h.Find(5); report.CodeOf(err) != report.CodeHistory {
		t.Errorf("find: %v", err)
	}
}

// TestLastGeneration: behind what is no generation there is no next one: its number would be
// taken, or none.
func TestLastGeneration(t *testing.T) {
	t.Parallel()
	for last, want := range map[string]uint64{
		`{"generation":7}`: 7, `{"generation":18446744073709551614}`: 18446744073709551614, "": 3,
		`{}`: 0, `null`: 0, `[]`: 0, `{"generation":0}`: 0, `{"generation":"4"}`: 0, `{"generation":18446744073709551615}`: 0,
	} {
		r := chained(t, 3)
		r.setLines(t, append(r.lines(t), "\n"+last))
		g, _, err := r.LastGeneration()
		if g.Number != want || (want == 0) != errors.Is(err, errDamaged) {
			t.Errorf("%s: %d, %v", last, g.Number, err)
		}
		if told, ok := errors.AsType[*report.Error](err); want == 0 && (!ok || told.Code != report.CodeHistory || told.Hint == "") {
			t.Errorf("%s: %v", last, err)
		}
	}
}

// TestDiskError: the hint is about the cause.
func TestDiskError(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]string{
		syscall.ENOSPC: "make room", syscall.EDQUOT: "make room", syscall.EACCES: "run it as the user", syscall.EPERM: "run it as the user", syscall.EIO: "when the cause is gone",
	} {
		told, ok := errors.AsType[*report.Error](DiskError("plan", "file", fmt.Errorf("open file: %w", cause)))
		if !ok || !strings.Contains(told.Hint, want) || !strings.Contains(told.Hint, "nothing was changed") || !errors.Is(told, cause) {
			t.Errorf("%v: %+v", cause, told)
		}
	}
}
