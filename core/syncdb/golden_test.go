package syncdb

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
)

const testdata = "../../testdata/pacman/"

// genuine is the entry of a package that makepkg built.
func genuine(tb testing.TB, name string) Entry {
	tb.Helper()
	path := filepath.Join(testdata, "packages", strings.ReplaceAll(name, ":", "%3A"))
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	c, ok := alpm.IsFileName(name)
	if !ok {
		tb.Fatal(name)
	}
	p, findings, err := alpm.Read(context.Background(), bytes.NewReader(data), int64(len(data)), c, archive.DefaultLimits())
	if err != nil || len(findings) > 0 {
		tb.Fatal(findings, err)
	}
	weak, strong := md5.Sum(data), sha256.Sum256(data)
	signature, err := os.ReadFile(path + ".sig")
	if err != nil && !os.IsNotExist(err) {
		tb.Fatal(err)
	}
	return NewEntry(p, File{Name: name, Size: int64(len(data)), MD5: hex.EncodeToString(weak[:]),
		SHA256: hex.EncodeToString(strong[:]), Signature: signature})
}

// database is one that repo-add wrote, not compressed.
func database(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(testdata + "db/" + name + ".tar.gz")
	if err != nil {
		tb.Fatal(err)
	}
	z, err := archive.Gzip(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// texts are the members of a database with their contents.
func texts(tb testing.TB, data []byte) map[string]string {
	tb.Helper()
	all := map[string]string{}
	for e, err := range entries(bytes.NewReader(data), archive.DefaultLimits()) {
		if err != nil {
			tb.Fatal(err)
		}
		all[e.folder+"/desc"] = string(e.desc)
		if e.files != nil {
			all[e.folder+"/files"] = string(e.files)
		}
	}
	return all
}

// rewrite applies an edit to a database; old and new are not compressed.
func rewrite(tb testing.TB, old []byte, kind Kind, e Edit) []byte {
	tb.Helper()
	v, err := ReadView(bytes.NewReader(old), archive.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	packed := pack(tb, old)
	var b bytes.Buffer
	if err := Rewrite(&b, bytes.NewReader(packed), int64(len(packed)), kind, v, e, archive.DefaultLimits()); err != nil {
		tb.Fatal(err)
	}
	return unpacked(tb, b.Bytes())
}

func pack(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := archive.NewGzipWriter(&b)
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(tb testing.TB, packed []byte) []byte {
	tb.Helper()
	z, err := archive.Gzip(bytes.NewReader(packed), int64(len(packed)), archive.DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// empty is a database with no package.
func empty(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := archive.NewTarWriter(&b).Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func firstSet(tb testing.TB) []Entry {
	var all []Entry
	for _, name := range []string{"zlibish-1.2.3-1-any.pkg.tar.gz", "alpha-1.0-1-any.pkg.tar.zst", "beta-2:1.0-1-any.pkg.tar.zst",
		"gamma-0.9rc1-3-x86_64.pkg.tar.zst", "delta-git-r12.gabc-1-any.pkg.tar.zst"} {
		all = append(all, genuine(tb, name))
	}
	return all
}

// Our databases have the entries of repo-add's, byte for byte: made anew, and when a
// package is replaced in ours or in repo-add's own.
func TestGolden(t *testing.T) {
	t.Parallel()
	second := Edit{Put: []Entry{genuine(t, "alpha-1.1-1-any.pkg.tar.zst")}}
	for kind, suffix := range map[Kind]string{DB: "db", Files: "files"} {
		first := rewrite(t, empty(t), kind, Edit{Put: firstSet(t)})
		same(t, "v1."+suffix, first, database(t, "v1."+suffix))
		same(t, "v2."+suffix, rewrite(t, first, kind, second), database(t, "v2."+suffix))
		same(t, "v2."+suffix+" from repo-add's", rewrite(t, database(t, "v1."+suffix), kind, second), database(t, "v2."+suffix))
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	g, w := texts(t, got), texts(t, want)
	for name, text := range w {
		if g[name] != text {
			t.Errorf("%s: %s is\n%s\nwant\n%s", what, name, g[name], text)
		}
	}
	if len(g) != len(w) {
		t.Errorf("%s: %d texts, want %d", what, len(g), len(w))
	}
}

func TestViewOfGenuine(t *testing.T) {
	t.Parallel()
	v, err := ReadView(bytes.NewReader(database(t, "v1.db")), archive.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for d, err := range v.All() {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, d.Folder()+" "+d.FileName)
	}
	want := []string{
		"alpha-1.0-1 alpha-1.0-1-any.pkg.tar.zst", "beta-2:1.0-1 beta-2:1.0-1-any.pkg.tar.zst",
		"delta-git-r12.gabc-1 delta-git-r12.gabc-1-any.pkg.tar.zst", "gamma-0.9rc1-3 gamma-0.9rc1-3-x86_64.pkg.tar.zst",
		"zlibish-1.2.3-1 zlibish-1.2.3-1-any.pkg.tar.gz",
	}
	if !slices.Equal(names, want) || v.Len() != 5 {
		t.Errorf("%q", names)
	}
	d, ok, err := v.Package("alpha")
	if err != nil || !ok || d.Size != 1272 || d.SHA256 != "de5c75376d1f4c4ee14f72ef49a8344dd1ed5802c266dbabf1e2a3b921cb59ff" ||
		!slices.Equal(d.Depends, []string{"beta>=1.0", "gamma"}) || d.Source() != "alpha" || d.Arch != "any" {
		t.Errorf("%+v", d)
	}
	if _, ok, _ := v.Package("omega"); ok {
		t.Error("it has a package that is not there")
	}
}
