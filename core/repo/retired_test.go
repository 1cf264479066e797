package repo_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
)

// The list tells what it comes to, and who wrote its end, without being read: also behind
// records of an older mmpush, which did not say, and with a torn tail.
func TestRetiredAtTheEnd(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	want := func(what string, bytes int64, oldest time.Time, purge, known bool) {
		t.Helper()
		sum, is, err := r.SumRetired()
		if err != nil || is != known || known && (sum.Bytes != bytes || !sum.Oldest.Equal(oldest) || sum.Purge != purge) {
			t.Errorf("%s: %+v %v %v", what, sum, is, err)
		}
	}
	by := func(transaction string, names ...string) {
		t.Helper()
		got, err := r.RetiredBy(transaction)
		if err != nil || !slices.Equal(slices.Sorted(maps.Keys(got)), names) {
			t.Errorf("by %s: %v %v", transaction, got, err)
		}
	}
	file := func(transaction, name string, size int64, after time.Duration) repo.Retired {
		return repo.Retired{Transaction: transaction, Name: name, Size: size, Since: start.Add(after)}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want("of nothing", 0, time.Time{}, false, false)
	by("t1")
	put(t, disk, repo.RetiredFile, `{"transaction":"t0","name":"old","sha256":"","size":5,"ino":1,"since":"2001-01-01T00:00:00Z"}`+"\n")
	want("of an older list", 0, time.Time{}, false, false)
	oldest := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	must(r.AppendRetired([]repo.Retired{file("t1", "a", 10, 0), file("t1", "b", 20, 0)}))
	want("behind it", 35, oldest, false, true)
	by("t1", "a", "b")
	by("t0")
	f, err := disk.Append(repo.RetiredFile, 0o600)
	must(err)
	_, err = f.Write([]byte(`{"transaction":"t2","name":"torn`))
	must(err)
	want("with a torn tail", 35, oldest, false, true)
	by("t1", "a", "b")
	purged := file("t3", "c", 1, time.Hour)
	purged.Purge = true
	must(r.AppendRetired([]repo.Retired{purged}))
	want("with one to be purged", 36, oldest, true, true)
	by("t1")
	must(r.ReplaceRetired([]repo.Retired{file("t1", "b", 20, 0)}))
	want("replaced", 20, start, false, true)
	// A long list is read from its end.
	var many []repo.Retired
	for i := range 2000 {
		many = append(many, file(fmt.Sprint("m", i), strings.Repeat("x", 100), 1, 0))
	}
	must(r.AppendRetired(many))
	want("of a long list", 2020, start, false, true)
	by("m1999", strings.Repeat("x", 100))
}
