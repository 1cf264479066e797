package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/web"
)

// read reads from a server that answers like this.
func read(t *testing.T, answer http.HandlerFunc) (vfs.FS, error) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL + "/repo/")
	if err != nil {
		t.Fatal(err)
	}
	return web.Server{Base: base, Agent: "mmpush/test"}.Read(t.Context())
}

func TestRead(t *testing.T) {
	t.Parallel()
	fsys, err := read(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Method != http.MethodGet || r.UserAgent() != "mmpush/test" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		_, _ = w.Write([]byte(r.URL.Path))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"binary-index.gz", "source-index", "metadata"} {
		if text, err := vfs.ReadFile(fsys, name, 100); err != nil || string(text) != "/repo/"+name {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// TestRefused: what a server answers instead is told as what it means.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		kind   report.Kind
		code   report.Code
		says   string
	}{
		"nothing there": {http.NotFound, report.KindUsage, report.CodeNoRepo, "404"},
		"a login":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, report.KindTransport, report.CodeConnection, "401"},
		"out of order":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, report.KindTransport, report.CodeConnection, "502"},
		"without end": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/metadata") {
				_, _ = w.Write(make([]byte, 65<<10))
			}
		}, report.KindTransport, report.CodeConnection, "has more than 65536 bytes"},
		"cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("x"))
		}, report.KindTransport, report.CodeConnection, "unexpected EOF"},
		"a circle": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, report.KindTransport, report.CodeConnection, "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, c.answer)
			e, ok := errors.AsType[*report.Error](err)
			if !ok || e.Kind != c.kind || e.Code != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%#v: %v", e, err)
			}
		})
	}
}

// TestNeverPublishes: a push that is no dry run is an error, whatever the options say.
func TestNeverPublishes(t *testing.T) {
	t.Parallel()
	_, err := (&web.Transport{Name: "https://repo.example"}).Push(t.Context(), upload.Upload{})
	if report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "only be read") {
		t.Error(err)
	}
}
