package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// folder is a folder on the disk with a bit of everything.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("binary-index.gz", "the index", 0o644)
	write("source-index", "the sources", 0o644)
	write("foo_1.0.mpk", "0123456789", 0o644)
	write("half.mpk", "being written", 0o600)
	write("pool/"+sumOf("pooled")+"/foo_1.0.mpk", "pooled", 0o644)
	write(".mmpush/settings.yaml", "secret", 0o600)
	write(".mmpush/history", "private", 0o600)
	write(".demo.db/1/demo.db", "a database", 0o644)
	write("a&b<c>.mpk", "odd", 0o644)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"demo.current": ".demo.db/1", "demo.db": "demo.current/demo.db", "out": outside, "up": "../" + filepath.Base(filepath.Dir(outside)) + "/outside",
		"private": ".mmpush/history", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, dir string) *vfs.Dir {
	t.Helper()
	d, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// answer asks with the path exactly as it stands there.
func answer(h http.Handler, method, path string, header ...string) (*http.Response, string) {
	r := httptest.NewRequest(method, "http://repo.example/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Result().Body)
	return w.Result(), string(body)
}

// TestNames: what is published is there, by links too; nothing else is.
func TestNames(t *testing.T) {
	t.Parallel()
	h := &Files{FS: open(t, folder(t))}
	pooled := "/pool/" + sumOf("pooled") + "/foo_1.0.mpk"
	for path, want := range map[string]string{
		"/binary-index.gz": "the index", "/foo_1.0.mpk": "0123456789", pooled: "pooled", "/demo.db": "a database", "/demo.current/demo.db": "a database",
		"/a&b<c>.mpk": "odd",
	} {
		if r, body := answer(h, "GET", path); r.StatusCode != 200 || body != want {
			t.Errorf("%s: %d %q", path, r.StatusCode, body)
		}
		if r, body := answer(h, "HEAD", path); r.StatusCode != 200 || body != "" || r.ContentLength != int64(len(want)) {
			t.Errorf("HEAD %s: %d %q %d", path, r.StatusCode, body, r.ContentLength)
		}
	}
	for _, path := range []string{
		"/.mmpush/settings.yaml", "/.mmpush", "/.mmpush/", "/.demo.db/1/demo.db", "/pool/../.mmpush/history", "/pool/.hidden", "/..", "/../outside", "//binary-index.gz",
		"/./binary-index.gz", "/binary-index.gz/", "/binary-index.gz/x", "/out", "/up", "/private", "/loop", "/half.mpk", "/nothing", "/", "/pool", "/pool/", "",
		"/foo\x00", "/..\\outside", "/" + strings.Repeat("x", 5000),
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if r, body := answer(h, method, path); r.StatusCode != 404 || strings.Contains(body, "/tmp") || r.Header.Get("Cache-Control") != "" {
				t.Errorf("%s %q: %d %q %v", method, path, r.StatusCode, body, r.Header)
			}
		}
	}
	for _, method := range []string{"PUT", "POST", "DELETE", "PROPFIND", "OPTIONS"} {
		if r, _ := answer(h, method, "/foo_1.0.mpk"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %v", method, r.StatusCode, r.Header)
		}
	}
}

// TestConditions: ranges, and what a cache is told and asks.
func TestConditions(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	h := &Files{FS: open(t, dir)}
	tag := `"` + sumOf("0123456789") + `"`
	r, _ := answer(h, "GET", "/foo_1.0.mpk")
	if r.Header.Get("ETag") != tag || r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Content-Type") != "application/octet-stream" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("%v", r.Header)
	}
	pool := "/pool/" + sumOf("pooled") + "/foo_1.0.mpk"
	if r, _ := answer(h, "GET", pool); r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || r.Header.Get("ETag") != `"`+sumOf("pooled")+`"` {
		t.Errorf("pool: %v", r.Header)
	}
	for _, c := range []struct {
		header       []string
		status       int
		body, ranged string
	}{
		{[]string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{[]string{"Range", "bytes=2-", "If-Range", tag}, 206, "23456789", "bytes 2-9/10"},
		{[]string{"Range", "bytes=2-", "If-Range", `"other"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", tag}, 304, "", ""},
		{[]string{"If-None-Match", `"other"`}, 200, "0123456789", ""},
		{[]string{"If-Match", `"other"`}, 412, "", ""},
		{[]string{"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, 304, "", ""},
	} {
		r, body := answer(h, "GET", "/foo_1.0.mpk", c.header...)
		if r.StatusCode != c.status || c.status < 300 && body != c.body || r.Header.Get("Content-Range") != c.ranged {
			t.Errorf("%q: %d %q %v", c.header, r.StatusCode, body, r.Header)
		}
	}
	// A new index, as a publish puts it there: with the same size, and even the same date.
	at := filepath.Join(dir, "binary-index.gz")
	old, err := os.Stat(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at+".new", []byte("THE INDEX"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(at+".new", old.ModTime(), old.ModTime()); err != nil {
		t.Fatal(err)
	}
	before, _ := answer(h, "GET", "/binary-index.gz")
	if err := os.Rename(at+".new", at); err != nil {
		t.Fatal(err)
	}
	if r, body := answer(h, "GET", "/binary-index.gz", "If-None-Match", before.Header.Get("ETag")); r.StatusCode != 200 || body != "THE INDEX" || r.Header.Get("ETag") != `"`+sumOf(body)+`"` {
		t.Errorf("after a publish: %d %q %v", r.StatusCode, body, r.Header)
	}
}

// TestHashedOnce: a file is read for its hash once, and again when it is another one.
func TestHashedOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	h := &Files{FS: open(t, dir)}
	for range 3 {
		answer(h, "HEAD", "/foo_1.0.mpk")
	}
	if len(h.sums.known) != 1 {
		t.Errorf("%d hashes", len(h.sums.known))
	}
	f, err := h.FS.Open("foo_1.0.mpk")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	h.sums.known[identityOf(info)] = "believed"
	if r, _ := answer(h, "HEAD", "/foo_1.0.mpk"); r.Header.Get("ETag") != `"believed"` {
		t.Errorf("read again: %v", r.Header)
	}
	if err := os.WriteFile(filepath.Join(dir, "foo_1.0.mpk"), []byte("9876543210"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, _ := answer(h, "HEAD", "/foo_1.0.mpk"); r.Header.Get("ETag") != `"`+sumOf("9876543210")+`"` {
		t.Errorf("a changed file has the old tag: %v", r.Header)
	}
}

// writtenDuring is a file that somebody writes to while it is hashed.
type writtenDuring struct {
	vfs.File
	at string
}

func (f writtenDuring) ReadAt(p []byte, off int64) (int, error) {
	if err := os.Chtimes(f.at, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// TestNoTagForWhatChanges: a hash of half an old and half a new content is nobody's.
func TestNoTagForWhatChanges(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	f, err := open(t, dir).Open("foo_1.0.mpk")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var s sums
	if sum, err := s.of(context.Background(), writtenDuring{f, filepath.Join(dir, "foo_1.0.mpk")}, info); sum != "" || err != nil || len(s.known) > 0 {
		t.Errorf("%q %v %v", sum, err, s.known)
	}
}

// TestListing: only where it is asked for, without what is nobody's business, and with
// nothing of a name taken for HTML.
func TestListing(t *testing.T) {
	t.Parallel()
	h := &Files{FS: open(t, folder(t)), List: true}
	r, body := answer(h, "GET", "/")
	if r.StatusCode != 200 || !strings.Contains(body, `<a href="./foo_1.0.mpk">foo_1.0.mpk</a>`) || !strings.Contains(body, `<a href="./pool/">`) {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if strings.Contains(body, ".mmpush") || strings.Contains(body, "b<c") || !strings.Contains(body, "a&amp;b&lt;c&gt;.mpk") {
		t.Errorf("%s", body)
	}
	if r, _ := answer(h, "GET", "/pool"); r.StatusCode != 301 || r.Header.Get("Location") != "./pool/" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	for _, path := range []string{"/.mmpush/", "/.demo.db/", "//evil.example", "//evil.example/.."} {
		if r, _ := answer(h, "GET", path); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}
