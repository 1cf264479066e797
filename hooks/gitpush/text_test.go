package gitpush

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMatchRef(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, ref string
		want         bool
	}{
		{"refs/heads/dist", "refs/heads/dist", true}, {"refs/heads/dist", "refs/heads/dist2", false}, {"refs/heads/dist", "refs/heads/dis", false},
		{"refs/tags/v*", "refs/tags/v1.4.0", true}, {"refs/tags/v*", "refs/tags/v", true}, {"refs/tags/v*", "refs/tags/v1/x", false},
		{"refs/tags/v*", "refs/tags/w1", false}, {"refs/heads/*/dist", "refs/heads/a/dist", true}, {"refs/heads/*/dist", "refs/heads/a/b/dist", false},
		{"refs/heads/**", "refs/heads/a/b/c", true}, {"refs/heads/**/dist", "refs/heads/a/b/dist", true}, {"refs/**x*", "refs/a/x", true},
		{"refs/heads/*", "refs/heads/", true}, {"refs/heads/*a*b", "refs/heads/aab", true}, {"**", "refs/heads/x", true}, {"", "refs", false},
	} {
		if got := matchRef(c.pattern, c.ref); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.ref, got)
		}
	}
	// The longest name that git takes, against the worst pattern that is taken.
	matchRef("refs/**a**a**a**b", "refs/"+strings.Repeat("a", 16000))
}

func TestParseConfig(t *testing.T) {
	t.Parallel()
	entries := func(list ...string) string { return strings.Join(list, "\x00") + "\x00" }
	c, err := parseConfig(entries("core.bare\ntrue", "mmpush.users\n/etc/users", "mmpush.build\nmake  all {out}", "mmpush.a.b.repository\n/srv/a",
		"mmpush.a.b.refs\nrefs/heads/x", "mmpush.a.b.refs\nrefs/tags/*", "mmpush.detach", "mmpush.signer\nKEY ann", "mmpush.identity\nenv:GL_USER",
		"mmpush.c.repository\n/srv/c", "mmpush.c.refs\nrefs/heads/c", "mmpush.c.build\n", "mmpush.c.buildtime\n5m"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.Targets[0], c.Targets[1]
	if len(c.Targets) != 2 || a.Name != "a.b" || !slices.Equal(a.Refs, []string{"refs/heads/x", "refs/tags/*"}) || !slices.Equal(a.Build, []string{"make", "all", "{out}"}) ||
		len(b.Build) != 0 || b.BuildTime != 5*time.Minute || a.BuildTime != DefaultBuildTime ||
		c.Users != "/etc/users" || c.Detach != defaultDetach || c.Signers["KEY"] != "ann" || c.Identity != "env:GL_USER" {
		t.Errorf("%+v", c)
	}
	if c, err := parseConfig(entries("mmpush.repository\n/srv/repo", "mmpush.refs\nrefs/heads/dist")); err != nil || len(c.Targets) != 1 || c.Targets[0].Name != "repo" {
		t.Errorf("without a name: %+v, %v", c, err)
	}
	for _, wrong := range []string{
		"mmpush.x.users\n/etc/users", "mmpush.x.repository\nrelative", "mmpush.x.refs\nrefs/*", "mmpush.signer\nonly-a-key", "mmpush.x.buildlog\n-1",
		"mmpush.x.buildfolder\n../up", "mmpush.detach\n-1s", "mmpush.colour\nred",
	} {
		if _, err := parseConfig(entries(wrong)); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func TestPointer(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	good := "version https://git-lfs.github.com/spec/v1\noid sha256:" + sum + "\nsize 12\n"
	if p, ok := parsePointer(good); !ok || p != (pointer{sum, 12}) || p.name() != "ab/ab/"+sum {
		t.Errorf("%+v %v", p, ok)
	}
	for _, wrong := range []string{
		"", "text", strings.Replace(good, "v1", "v2", 1), strings.Replace(good, "sha256:ab", "sha256:../", 1), strings.Replace(good, "size 12", "size -1", 1),
		strings.Replace(good, sum, strings.ToUpper(sum), 1), good + good[43:], strings.Replace(good, "size 12\n", "", 1), good + strings.Repeat("x", 1024),
	} {
		if p, ok := parsePointer(wrong); ok {
			t.Errorf("%q: %+v", wrong, p)
		}
	}
}

// TestCovers: a certificate is about this push and no other.
func TestCovers(t *testing.T) {
	t.Parallel()
	zero, one := strings.Repeat("0", 40), strings.Repeat("1", 40)
	text := "certificate version 0.1\npusher key 1 0\npushee /x\nnonce 123-abc\n\n" + zero + " " + one + " refs/heads/x\n-----BEGIN SSH SIGNATURE-----\n" +
		zero + " " + one + " refs/heads/forged\n"
	update := func(ref string) []Update {
		u, err := parseUpdate(zero + " " + one + " " + ref)
		if err != nil {
			t.Fatal(err)
		}
		return []Update{u}
	}
	if err := covers(text, "123-abc", update("refs/heads/x")); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"another ref":          covers(text, "123-abc", update("refs/heads/y")),
		"behind the signature": covers(text, "123-abc", update("refs/heads/forged")),
		"another nonce":        covers(text, "123-abd", update("refs/heads/x")),
		"another version":      covers(strings.Replace(text, "0.1", "0.2", 1), "123-abc", update("refs/heads/x")),
		"no certificate":       covers("", "", nil),
	} {
		if err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

// TestVoice: the answer is bounded, the log has all of it, and silence is broken.
func TestVoice(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	v := NewVoice(&out)
	v.Keep(&log)
	for i := range 100 {
		v.Say("error", fmt.Sprint("problem ", i))
	}
	v.Insist("hint", "the last word")
	if n := strings.Count(out.String(), "\n"); n != voiceLines+1 || v.Hidden() != 100-voiceLines || strings.Count(log.String(), "\n") != 101 {
		t.Errorf("%d lines, %d hidden", n, v.Hidden())
	}
	v.Now(func() string { return "reading" })
	stop := v.Beat(5 * time.Millisecond)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		v.mu.Lock()
		said := strings.Contains(out.String(), "mmpush: reading (")
		v.mu.Unlock()
		if said {
			break
		}
	}
	stop()
	if !strings.Contains(out.String(), "mmpush: reading (") || strings.Contains(log.String(), "reading") {
		t.Error("no sign of life, or one in the log")
	}
}

// FuzzLines: whatever comes in, lines are short and of ASCII.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "a b", strings.Repeat("x", 500), "\x1b[31m\r\n\x00é\u202e\u00a0\xff", strings.Repeat("é ", 400)} {
		f.Add("error: ", seed)
	}
	f.Fuzz(func(t *testing.T, prefix, text string) {
		prefix = ASCII(prefix)
		prefix = prefix[:min(len(prefix), 20)]
		for _, line := range Lines(prefix, text) {
			if len(line) > Width || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", line)
			}
		}
	})
}

// FuzzUpdates: a line is an update or an error.
func FuzzUpdates(f *testing.F) {
	zero := strings.Repeat("0", 40)
	for _, seed := range []string{"", "\n", zero + " " + zero + " refs/heads/x\n", zero + " " + zero, strings.Repeat("a", 64) + " " + zero + " x\n",
		zero + " " + zero + " refs/heads/$(id);`x` y\n", strings.Repeat("x", maxLine+1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseUpdates(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		for _, u := range list {
			fmt.Fprintf(&b, "%s %s %s\n", u.Old, u.New, u.Ref)
		}
		if strings.TrimSuffix(b.String(), "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%q became %q", text, b.String())
		}
	})
}

// FuzzOptions: no push option breaks the reading of the others.
func FuzzOptions(f *testing.F) {
	f.Add("mmpush.skip", "mmpush.dry-run")
	f.Add("mmpush.", strings.Repeat("mmpush.skip", 100))
	f.Fuzz(func(t *testing.T, a, b string) {
		options := []string{a, b, "mmpush.rebuild"}
		w := ParseOptions(func(name string) string {
			if name == "GIT_PUSH_OPTION_COUNT" {
				return "3"
			}
			i, err := strconv.Atoi(strings.TrimPrefix(name, "GIT_PUSH_OPTION_"))
			if err != nil || i > 2 {
				t.Fatalf("asked for %s", name)
			}
			return options[i]
		})
		if !w.Rebuild || w.Skip != slices.Contains(options, "mmpush.skip") || len(w.Hints) > maxHints {
			t.Errorf("%+v", w)
		}
	})
}

// FuzzPointerAndConfig: no text makes the parsers panic, or a name that leads out.
func FuzzPointerAndConfig(f *testing.F) {
	f.Add("version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("a", 64) + "\nsize 1\n")
	f.Add("mmpush.x.repository\n/srv\x00mmpush.x.refs\nrefs/heads/*\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := parsePointer(text); ok && (len(p.name()) != 70 || strings.Contains(p.name(), "..")) {
			t.Errorf("%q", p.name())
		}
		if c, err := parseConfig(text); err == nil {
			for _, target := range c.Targets {
				target.Takes("refs/heads/x")
			}
		}
	})
}
