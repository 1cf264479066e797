package mpk_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

func fuzzLimits() archive.Limits {
	l := archive.DefaultLimits()
	l.DecodedBase, l.DecodedRatio, l.Members = 1<<20, 20, 1000
	return l
}

// check fails on what no input may do.
func check(t *testing.T, data []byte) {
	t.Helper()
	in := bytes.NewReader(data)
	p, findings, err := mpk.Read(context.Background(), in, int64(len(data)), fuzzLimits())
	if err != nil || in.Len() != 0 {
		t.Fatalf("%d bytes left, %v", in.Len(), err)
	}
	for _, f := range findings {
		if f.Code == "" || f.Message == "" || !f.Refuses() {
			t.Errorf("finding %+v", f)
		}
	}
	if len(findings) > 0 {
		return
	}
	// what has no finding may be published
	for _, value := range []string{p.Metadata.Name, p.Metadata.SumSHA256Sums, p.Info.Name, p.Info.Version,
		p.Info.Source, p.Info.SrcSHA256, p.Info.Ghost, p.Info.Depends, p.Info.SysDepends,
		strings.NewReplacer("\n", "", "\t", "").Replace(p.Info.Description)} {
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }) {
			t.Errorf("a value is %q", value)
		}
	}
	for _, m := range p.Files {
		if m.Name != "." && (!strings.HasPrefix(m.Name, "./") || strings.Contains(m.Name+"/", "/../")) {
			t.Errorf("a member is %q", m.Name)
		}
	}
}

// FuzzRead reads data as a package, or as the tar archive in a package.
func FuzzRead(f *testing.F) {
	for _, path := range genuine(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, data)
	}
	f.Add(false, archivetest.TarBytes(extra(member{Name: "./l", Type: '2', Link: "/"}, member{Name: "./l/x"}).Members()...))
	f.Add(false, archivetest.TarBytes(pkg{Name: "foo", Files: []member{{Name: "./a"}, {Name: "./b", Type: '1', Link: "./a"}}}.Members()...))
	f.Fuzz(func(t *testing.T, whole bool, data []byte) {
		if !whole {
			data = archivetest.Pack(archivetest.Zstd, archivetest.FixSums(data))
		}
		check(t, data)
	})
}

// FuzzMetadata changes the texts of a package and the name of one member.
func FuzzMetadata(f *testing.F) {
	for _, path := range genuine(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		texts := texts(f, data)
		f.Add(texts[0], texts[1], texts[2], "./bin/x")
	}
	f.Add("name: foo\n", "name: foo\n", "", "../x")
	f.Fuzz(func(t *testing.T, metadata, pkginfo, sums, name string) {
		check(t, mpktest.Package{Name: "foo", Metadata: metadata, Pkginfo: pkginfo, Sums: sums,
			Extra: []member{{Name: name}}}.Bytes())
	})
}

// texts are the metadata, pkginfo and sha256sums of a package.
func texts(tb testing.TB, data []byte) (texts [3]string) {
	tb.Helper()
	z, err := archive.Zstd(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	r := archive.Tar(z, archive.DefaultLimits())
	for {
		m, err := r.Next()
		if err == io.EOF {
			return texts
		}
		if err != nil {
			tb.Fatal(err)
		}
		for i, suffix := range []string{"/metadata", ".pkginfo", ".sha256sums"} {
			if m.Type == archive.FileMember && strings.HasSuffix(m.Name, suffix) {
				body, err := io.ReadAll(r)
				if err != nil {
					tb.Fatal(err)
				}
				texts[i] = string(body)
			}
		}
	}
}
