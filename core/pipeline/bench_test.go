package pipeline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// aged is a repository on the disk with so many generations behind it, the last of
// which published something.
func aged(b *testing.B, generations int) *repo.Repo {
	b.Helper()
	folder, err := vfs.OpenDir(b.TempDir())
	must(err)
	b.Cleanup(func() { folder.Close() })
	r, _, err := repo.Init(ctx(), folder, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
	must(err)
	pushTo(b, r, foo100)
	text, err := vfs.ReadFile(folder, repo.HistoryFile, 1<<20)
	must(err)
	var first repo.Generation
	must(json.Unmarshal(text, &first))
	var history bytes.Buffer
	history.Write(text)
	for i := 2; i < generations; i++ {
		first.Number, first.Transaction = uint64(i), fmt.Sprintf("transaction%015d", i)
		line, err := json.Marshal(first)
		must(err)
		history.Write(append(line, '\n'))
	}
	must(vfs.ReplaceFile(folder, repo.HistoryFile, repo.HistoryFile+".new", 0o600, history.Bytes()))
	pushTo(b, r, greet090)
	return r
}

func pushTo(b *testing.B, r *repo.Repo, name string) {
	b.Helper()
	u, err := openUpload(name)
	must(err)
	all := plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true}
	rep, err := pipeline.Publish(ctx(), r, pipeline.Request{Upload: u, Requests: all, Options: pipeline.Options{LockWait: time.Minute}})
	must(err)
	if rep.Result != report.Published {
		b.Fatalf("%s: %s %v", name, rep.Result, rep.Findings)
	}
}

// BenchmarkHistory shows what the length of the history costs: a publish, an undo and a
// look at the last 20 generations cost the same with ten and with a hundred thousand.
func BenchmarkHistory(b *testing.B) {
	lengths := []int{10, 100_000}
	if os.Getenv("MMPUSH_LONG") == "" {
		lengths = []int{10, 2_000}
	}
	for _, n := range lengths {
		r := aged(b, n)
		b.Run(fmt.Sprintf("publish/%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				next := greet100
				if is, err := has(r.FS, greet100); err != nil || is {
					next = greet090
				}
				b.StartTimer()
				pushTo(b, r, next)
			}
		})
		b.Run(fmt.Sprintf("undo/%d", n), func(b *testing.B) {
			for b.Loop() {
				rep, err := pipeline.Undo(ctx(), r, pipeline.UndoRequest{})
				if err != nil || rep.Result != report.Undone {
					b.Fatalf("%s %v %v", rep.Result, rep.Findings, err)
				}
			}
		})
		b.Run(fmt.Sprintf("log-n-20/%d", n), func(b *testing.B) {
			for b.Loop() {
				if got := newest(r, repo.Query{}, 20); got != min(20, n) && got < 10 {
					b.Fatalf("%d generations", got)
				}
			}
		})
		b.Run(fmt.Sprintf("show/%d", n), func(b *testing.B) {
			for b.Loop() {
				h, err := r.OpenHistory()
				must(err)
				_, ok, err := h.Find(uint64(n) / 2)
				must(err)
				must(h.Close())
				if !ok {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprintf("log-package-all/%d", n), func(b *testing.B) {
			for b.Loop() {
				newest(r, repo.Query{Packages: []string{"nothing"}}, 20)
			}
		})
		b.Run(fmt.Sprintf("verify-log/%d", n), func(b *testing.B) {
			for b.Loop() {
				_, err := r.VerifyHistory("")
				must(err)
			}
		})
	}
}

// newest counts what a query yields, up to a number.
func newest(r *repo.Repo, q repo.Query, limit int) int {
	h, err := r.OpenHistory()
	must(err)
	defer h.Close()
	n := 0
	for _, err := range h.Select(q) {
		must(err)
		if n++; n == limit {
			break
		}
	}
	return n
}
