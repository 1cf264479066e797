// Command make writes what the benchmarks publish, and what they publish into:
//
//	make uploads DIR COUNT            uploads of 1 source and 3 small packages, DIR/1 …
//	make updates DIR FIRST-LAST OF    such uploads, DIR/FIRST … DIR/LAST, that replace packages
//	                                  all over a repository of OF packages
//	make sources DIR COUNT            uploads of as many sources, with 3 small packages each
//	make large DIR MB [MB]            one upload with a package of so many MB, and a source
//	make repository DIR PACKAGES      a repository that names so many packages
//	make anew DIR                     prints the sizes of its index files: as they are, and if
//	                                  they were written at once
//	make put ADDRESS FILE             a server that stores what is PUT there in FILE
//	make databases DIR PACKAGES       pacman's demo.db.tar.gz and demo.files.tar.gz of so many
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "anew" {
		return anew(args[1])
	}
	if len(args) == 3 && args[0] == "put" {
		return put(args[1], args[2])
	}
	if len(args) < 3 {
		return fmt.Errorf("want what to make, a folder and a number, not %q", args)
	}
	if err := os.MkdirAll(args[1], 0o755); err != nil {
		return err
	}
	if args[0] == "updates" && len(args) == 4 {
		return updates(args[1], args[2], args[3])
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	switch args[0] {
	case "uploads":
		return uploads(args[1], n)
	case "sources":
		return sources(args[1], n)
	case "large":
		return large(args[1], int64(n)<<20, args[3:])
	case "repository":
		return repository(args[1], n)
	case "databases":
		return databases(args[1], n)
	}
	return fmt.Errorf("%q is nothing that can be made", args)
}

// uploads writes uploads 1, 2, … of ten sources in turn, with three packages each.
func uploads(dir string, n int) error {
	for i := 1; i <= n; i++ {
		to := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
		name := fmt.Sprintf("bench-%d", i%10)
		u := mpktest.Upload{Name: name, Version: fmt.Sprintf("%d.0", i), Packages: []mpktest.Package{
			{Name: name, Depends: fmt.Sprintf("lib%s (= %d.0)", name, i)}, {Name: "lib" + name}, {Name: name + "-doc"},
		}}
		if _, err := u.Write(to); err != nil {
			return err
		}
	}
	return nil
}

// sources writes one upload of each of so many sources.
func sources(dir string, n int) error {
	for i := 1; i <= n; i++ {
		to := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
		name := fmt.Sprintf("source-%04d", i)
		u := mpktest.Upload{Name: name, Packages: []mpktest.Package{{Name: name, Depends: "lib" + name}, {Name: "lib" + name}, {Name: name + "-doc"}}}
		if _, err := u.Write(to); err != nil {
			return err
		}
	}
	return nil
}

// updates writes uploads that each replace the three packages of one source of the
// repository, here and there.
func updates(dir, numbers, of string) error {
	var first, last int
	if _, err := fmt.Sscanf(numbers, "%d-%d", &first, &last); err != nil {
		return err
	}
	packages, err := strconv.Atoi(of)
	if err != nil {
		return err
	}
	sources := packages / 3
	for i := first; i <= last; i++ {
		to := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
		source := i * 7919 % sources
		u := mpktest.Upload{Name: sourceName(source), Version: fmt.Sprintf("2.%d", i)}
		for k := range 3 {
			u.Packages = append(u.Packages, mpktest.Package{Name: packageName(3*source + k), Description: description})
		}
		if _, err := u.Write(to); err != nil {
			return err
		}
	}
	return nil
}

func large(dir string, size int64, source []string) error {
	u := mpktest.Upload{Name: "large", Packages: []mpktest.Package{{Name: "large", Payload: size}}}
	if len(source) > 0 {
		mb, err := strconv.Atoi(source[0])
		if err != nil {
			return err
		}
		u.SourceFiles = []mpktest.Member{{Name: "large/blob", Content: rand.NewChaCha8([32]byte{1}), ContentSize: int64(mb) << 20}}
	}
	_, err := u.Write(dir)
	return err
}

// anew compares the index files of a repository with what they would be if they were
// written at once.
func anew(dir string) error {
	fsys, err := vfs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	view, err := index.Open(fsys)
	if err != nil {
		return err
	}
	defer view.Close()
	var binaries, sources bytes.Buffer
	for b, err := range view.All() {
		if err != nil {
			return err
		}
		binaries.WriteString(b.Text)
	}
	all, err := view.Sources(index.Selector{})
	if err != nil {
		return err
	}
	for _, s := range all {
		sources.WriteString(s.Text)
	}
	once, err := index.NewView(binaries.Bytes(), sources.Bytes())
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	if _, err := once.WriteBinary(&zipped); err != nil {
		return err
	}
	is, err := fsys.Lstat(index.BinaryFile)
	if err != nil {
		return err
	}
	source, err := fsys.Lstat(index.SourceFile)
	if err != nil {
		return err
	}
	fmt.Println(is.Size, zipped.Len(), source.Size, sources.Len())
	return nil
}

// repository writes both indexes as the reference tool does, the binary index as one
// gzip member. The packages themselves are not there: publishing others does not look.
func repository(dir string, n int) error {
	binaries, err := os.Create(filepath.Join(dir, index.BinaryFile))
	if err != nil {
		return err
	}
	defer binaries.Close()
	sources, err := os.Create(filepath.Join(dir, index.SourceFile))
	if err != nil {
		return err
	}
	defer sources.Close()
	z := gzip.NewWriter(binaries)
	b, s := bufio.NewWriter(z), bufio.NewWriter(sources)
	for i := range n {
		stanzas(b, s, i)
	}
	for _, err := range []error{b.Flush(), z.Close(), s.Flush(), binaries.Sync(), sources.Sync()} {
		if err != nil {
			return err
		}
	}
	return nil
}

func sourceName(i int) string { return fmt.Sprintf("source-%06d", i) }

func packageName(i int) string { return fmt.Sprintf("package-%06d", i) }

var description = "A package that " + strings.Repeat("is there ", 15) + "\nto be read"

// stanzas writes package i, and every third time its source.
func stanzas(b, s io.Writer, i int) {
	src := sourceName(i / 3)
	sha := fmt.Sprintf("%064x", uint64(i/3)*0x9e3779b97f4a7c15)
	fmt.Fprint(b, index.FormatBinary(index.Binary{
		Name: packageName(i), Version: "1.2.3", Source: src, SrcSHA256: sha, Ghost: "false",
		SumSHA256Sums: fmt.Sprintf("%064x", uint64(i)*0xbf58476d1ce4e5b9), Depends: packageName(i/2) + " (= 1.2.3)",
		SysDepends: "libc6 (>= 2.34)", Description: description,
		Filename: fmt.Sprintf("package-%06d_1.2.3_amd64-debian.mpk", i), Size: int64(1000 + i), SHA256: fmt.Sprintf("%064x", uint64(i)*0x94d049bb133111eb),
	}))
	if i%3 == 0 {
		fmt.Fprint(s, index.FormatSource(index.Source{Name: src, Version: "1.2.3", Filename: src + "_1.2.3_src.tar.xz", Size: int64(1 + i), SHA256: sha}))
	}
}

// databases writes both databases with 40 files a package, each as one gzip member, as
// repo-add does. The packages themselves are not there.
func databases(dir string, n int) error {
	var e syncdb.Edit
	for i := range n {
		name := fmt.Sprintf("package-%06d", i)
		p := &alpm.Package{Info: alpm.Info{
			Name: name, Base: name, Version: fmt.Sprintf("1.%d-1", i%50), Arch: "x86_64", Licenses: []string{"GPL"},
			Description: "A package that is there to be read, with a text of some length", URL: "https://example.org/" + name,
			Size: strconv.Itoa(100_000 + i), BuildDate: "1700000000", Packager: "Somebody <somebody@example.org>",
			Depends: []string{"glibc", fmt.Sprintf("package-%06d>=1.0", i/2)},
		}}
		for k := range 40 {
			p.Files = append(p.Files, archive.Member{Name: fmt.Sprintf("usr/share/%s/data/file-%d", name, k)})
		}
		sum := fmt.Sprintf("%064x", uint64(i)*0x94d049bb133111eb)
		e.Put = append(e.Put, syncdb.NewEntry(p, syncdb.File{Name: p.Info.FileName(alpm.Zstd), Size: int64(1000 + i), MD5: sum[32:], SHA256: sum}))
	}
	for k, name := range []string{"demo.db.tar.gz", "demo.files.tar.gz"} {
		if err := database(filepath.Join(dir, name), syncdb.Kind(k), e); err != nil {
			return err
		}
	}
	return nil
}

func database(name string, k syncdb.Kind, e syncdb.Edit) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	pieces, out := io.Pipe()
	go func() {
		out.CloseWithError(syncdb.Rewrite(out, strings.NewReader(""), 0, k, &syncdb.View{}, e, archive.DefaultLimits()))
	}()
	in, err := gzip.NewReader(pieces)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Sync()
}
