package tupkg_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tupkg://host":                                "host:1034 tupkg://host",
		"tupkg://me@host:80":                          "host:80 tupkg://me@host:80",
		"TUPKGS://host/":                              "host:1034 tupkgs://host",
		"tupkgs://a%40b.example@host":                 "host:1034 tupkgs://a%40b.example@host",
		"tupkgs://[::1]":                              "[::1]:1034 tupkgs://[::1]:1034",
		"tupkg://host?v=1":                            "host:1034 tupkg://host v1",
		"tupkg://host?dialect=code":                   "host:1034 tupkg://host v1 code",
		"tupkg://host?v=2":                            "host:1034 tupkg://host",
		"tupkgs://host?fingerprint=sha256:" + zeros:   "host:1034 tupkgs://host pin",
		"tupkgs://host?fingerprint=" + zeros + "&v=1": "host:1034 tupkgs://host pin v1",
		"tupkgs://host?ca=/etc/ca.pem":                "host:1034 tupkgs://host ca",
	} {
		target, err := transport.ParseTarget(text)
		if err != nil {
			t.Fatal(text, err)
		}
		s, err := tupkg.ParseServer(target)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := s.Address() + " " + s.String()
		for word, is := range map[string]bool{" pin": s.Fingerprint != nil, " ca": s.CAFile != "", " v1": s.Version1} {
			if is != strings.Contains(want, word) {
				t.Errorf("%s: %+v", text, s)
			}
		}
		if !strings.HasPrefix(want, got) || (s.Dialect != nil) != strings.HasSuffix(want, "code") {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for text, told := range map[string]string{
		"tupkgs://":                           "names no host",
		"tupkg://:80":                         "names no host",
		"tupkg://host:":                       "port is missing",
		"tupkg://host:0":                      "no port",
		"tupkg://host:99999":                  "no port",
		"tupkg://host/repo":                   "one repository",
		"tupkg://host#x":                      "no use for",
		"tupkg://host?x=1":                    "none of fingerprint, ca, v and dialect",
		"tupkg://host?v=3":                    "no version",
		"tupkg://host?v=1&v=2":                "given 2 times",
		"tupkg://host?v=2&dialect=code":       "no dialects",
		"tupkg://host?dialect=old":            "not known",
		"tupkgs://host?fingerprint=abc":       "64 hexadecimal digits",
		"tupkgs://host?ca=":                   "names no file",
		"tupkg://host?fingerprint=" + zeros:   "tupkgs:// only",
		"tupkg://host?v=%zz":                  "key=value",
		"tupkgs://host?fingerprint=sha1:1234": "64 hexadecimal digits",
	} {
		target, err := transport.ParseTarget(text)
		if err != nil {
			t.Fatal(text, err)
		}
		_, err = tupkg.ParseServer(target)
		if report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v, want %s", text, err, told)
		}
	}
}

// write is the historical client's file.
func write(t testing.TB, text string, mode os.FileMode) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), ".tupkg")
	if err := os.WriteFile(at, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestHistorical(t *testing.T) {
	t.Parallel()
	here := tupkg.Server{Host: "Repo.example"}
	for text, want := range map[string]string{
		"[tupkg]\nusername = me\npassword = B0b\nhost = repo.example\n":                                           "me B0b repo.example ",
		"# c\n; c\n[other]\npassword = x\n[tupkg]\nUserName: me\nPASSWORD : a=b%c ; comment\nhost=repo.example\n": "me a=b%c repo.example ",
		"[tupkg]\nusername=me\npassword=\"\"\nhost=repo.example\nport = 1034":                                     "me  repo.example 1034",
		"[tupkg]\r\nusername=me\r\npassword=B0b\r\nhost=repo.example\r\n":                                         "me B0b repo.example ",
		"[tupkg]\npassword=B0b;x\nhost=repo.example\nunknown=1\n":                                                 " B0b;x repo.example ",
	} {
		h, err := tupkg.ReadHistorical(write(t, text, 0o600))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		p, err := h.For(here).Password("me")
		if got := h.User + " " + string(p) + " " + h.Host + " " + h.Port; err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"password = B0b\n", "[tupkg]\nB0b\n", "x"} {
		_, err := tupkg.ReadHistorical(write(t, text, 0o600))
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Kind != report.KindUsage || e.Hint == "" || strings.Contains(err.Error(), "B0b") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if h, err := tupkg.ReadHistorical(filepath.Join(t.TempDir(), "none")); err != nil || h.File != "" {
		t.Errorf("no file: %+v %v", h, err)
	}
}

// TestHistoricalPassword: it goes to its own server and user only, and only if nobody
// else can read it.
func TestHistoricalPassword(t *testing.T) {
	t.Parallel()
	const text = "[tupkg]\nusername=me\npassword=B0b\nhost=repo.example\nport=80\n"
	h, err := tupkg.ReadHistorical(write(t, text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []tupkg.Server{{Host: "other", Port: "80"}, {Host: "repo.example"}, {Host: "repo.example", Port: "1034"}} {
		if got := h.For(s); got.User != "" || got.File != "" {
			t.Errorf("%v: %+v", s, got)
		}
	}
	s, err := h.Complete(tupkg.Server{})
	if err != nil || s.Address() != "repo.example:80" {
		t.Errorf("%v %v", s, err)
	}
	if s, err := h.Complete(tupkg.Server{Host: "other"}); err != nil || s.Address() != "other:1034" {
		t.Errorf("%v %v", s, err)
	}
	if p, err := h.For(s).Password("somebody"); p != "" || err != nil {
		t.Errorf("for somebody else: %v", err)
	}
	open, err := tupkg.ReadHistorical(write(t, text, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.For(s).Password("me"); report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "others can read") {
		t.Errorf("readable by all: %v", err)
	}
	if _, err := (tupkg.Historical{}).Complete(tupkg.Server{}); report.KindOf(err) != report.KindUsage {
		t.Errorf("no host at all: %v", err)
	}
}

func FuzzHistorical(f *testing.F) {
	f.Add("[tupkg]\nusername = me\npassword: B0b ; c\nhost = h\nport = 1\n")
	f.Add("[tupkg\n=\n:\n;\n[]\n=x")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := tupkg.ReadHistorical(write(t, text, 0o600))
		if err == nil && strings.ContainsAny(h.User+h.Host+h.Port, "\n") {
			t.Errorf("a line break in %+v", h)
		}
	})
}

func FuzzParseServer(f *testing.F) {
	for _, text := range []string{"tupkg://me@host:1/?v=1", "tupkgs://[::1]?fingerprint=sha256:" + zeros, "tupkg://", "tupkg:///x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := transport.ParseTarget(text)
		if err != nil || target.URL == nil {
			return
		}
		s, err := tupkg.ParseServer(target)
		if err != nil {
			return
		}
		again, err := transport.ParseTarget(s.String())
		if s.Host == "" || err != nil {
			return
		}
		back, err := tupkg.ParseServer(again)
		if err != nil || back.Address() != s.Address() || back.User != s.User || back.TLS != s.TLS {
			t.Errorf("%q: %+v, again %+v %v", text, s, back, err)
		}
	})
}
