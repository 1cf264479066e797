package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSet: each repository is below its name, and nothing else is anywhere.
func TestSet(t *testing.T) {
	t.Parallel()
	one, two := folder(t), folder(t)
	if err := os.WriteFile(filepath.Join(two, "foo_1.0.mpk"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	closed := Set{"amd64-x": {FS: open(t, one)}, "arm64-x": {FS: open(t, two)}}
	listed := Set{"amd64-x": {FS: open(t, one), List: true}, "arm64-x": {FS: open(t, two), List: true}}
	for _, c := range []struct {
		set                Set
		method, path       string
		code               int
		contains, location string
	}{
		{closed, "GET", "/amd64-x/foo_1.0.mpk", 200, "0123456789", ""},
		{closed, "GET", "/arm64-x/foo_1.0.mpk", 200, "other", ""},
		{closed, "GET", "/%61rm64-x/foo%5f1.0.mpk", 200, "other", ""},
		{closed, "GET", "/arm64-x/pool/" + sumOf("pooled") + "/foo_1.0.mpk", 200, "pooled", ""},
		{closed, "PUT", "/arm64-x/foo_1.0.mpk", 405, "", ""},
		{closed, "PUT", "/", 405, "", ""},
		{closed, "GET", "/arm64-x/.mmpush/history", 404, "", ""},
		{closed, "GET", "/arm64-x/../amd64-x/foo_1.0.mpk", 404, "", ""},
		{closed, "GET", "/foo_1.0.mpk", 404, "", ""},
		{closed, "GET", "/other/foo_1.0.mpk", 404, "", ""},
		{closed, "GET", "/", 404, "", ""},
		{closed, "GET", "/arm64-x", 404, "", ""},
		{closed, "GET", "/arm64-x/", 404, "", ""},
		{listed, "GET", "/", 200, `<a href="./amd64-x/">`, ""},
		{listed, "GET", "/arm64-x", 301, "", "/arm64-x/"},
		{listed, "GET", "/arm64-x/", 200, `<a href="./foo_1.0.mpk">`, ""},
		{listed, "GET", "/arm64-x/pool", 301, "", "./pool/"},
		{listed, "GET", "/arm64-x/pool/", 200, sumOf("pooled"), ""},
		{listed, "GET", "/.mmpush/", 404, "", ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Method = c.method
		c.set.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.contains) || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s: %d %q %.200s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
}
