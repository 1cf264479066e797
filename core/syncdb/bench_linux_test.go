package syncdb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/programtest"
)

// many are the databases of n packages, packed, with 40 files each.
func many(tb testing.TB, n int) (packed [2][]byte) {
	tb.Helper()
	var e Edit
	for i := range n {
		p := &alpm.Package{Info: alpm.Info{
			Name: fmt.Sprintf("package-%05d", i), Base: fmt.Sprintf("package-%05d", i), Version: fmt.Sprintf("1.%d-1", i%50), Arch: "x86_64",
			Description: fmt.Sprintf("Package number %d of many, with a text of some length", i), URL: fmt.Sprintf("https://example.org/package-%d", i),
			Size: "123456", BuildDate: "1700000000", Packager: "Somebody <somebody@example.org>", Licenses: []string{"GPL"},
			Depends: []string{"glibc", fmt.Sprintf("package-%05d>=1.0", (i*7)%n)},
		}}
		for k := range 40 {
			p.Files = append(p.Files, archive.Member{Name: fmt.Sprintf("usr/share/package-%05d/data/file-%d", i, k)})
		}
		sum := strings.Repeat(fmt.Sprintf("%08x", i*2654435761), 8)[:64]
		e.Put = append(e.Put, NewEntry(p, File{Name: p.Info.FileName(alpm.Zstd), Size: 100000, MD5: sum[:32], SHA256: sum}))
	}
	for _, k := range []Kind{DB, Files} {
		packed[k] = pack(tb, rewrite(tb, empty(tb), k, e))
	}
	return packed
}

// BenchmarkAdd adds one package to 1,000 and to 10,000, durably, and replaces another;
// repo-add does the same, and syncs nothing.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		packed := many(b, n)
		b.Run(fmt.Sprintf("mmpush/%d", n), func(b *testing.B) {
			d := newDisk(b)
			for _, k := range []Kind{DB, Files} {
				if err := os.WriteFile(filepath.Join(d.dir, "demo.current", Format{"demo"}.file(k)), packed[k], 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for i := 0; b.Loop(); i++ {
				d.ahead.Add(int64(time.Second))
				if err := d.publish(b.Context(), Request{}, []string{alpha10, alpha11}[i%2]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("repo-add/%d", n), func(b *testing.B) {
			programtest.Need(b, "bsdtar")
			program, dir := programtest.Need(b, "repo-add"), b.TempDir()
			for _, k := range []Kind{DB, Files} {
				if err := os.WriteFile(filepath.Join(dir, Format{"demo"}.file(k)), packed[k], 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for i := 0; b.Loop(); i++ {
				name, err := filepath.Abs(filepath.Join(testdata, "packages", []string{alpha10, alpha11}[i%2]))
				if err != nil {
					b.Fatal(err)
				}
				if out, err := exec.CommandContext(b.Context(), program, filepath.Join(dir, "demo.db.tar.gz"), name).CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
		})
	}
}
