package ssh_test

import (
	"net/url"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string
		want []string
	}{
		{"ssh", []string{"ssh"}},
		{"  ssh\t-i  key ", []string{"ssh", "-i", "key"}},
		{`ssh -i 'my key' -o "A=b c"`, []string{"ssh", "-i", "my key", "-o", "A=b c"}},
		{`a\ b c\\d ''`, []string{"a b", `c\d`, ""}},
		{`"a\"b\c\$" 'a\b'`, []string{`a"b\c$`, `a\b`}},
		{`$(id) ;x|y ~ $HOME`, []string{"$(id)", ";x|y", "~", "$HOME"}},
		{"", nil},
	}
	for _, tt := range tests {
		if got, err := ssh.Split(tt.line); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %q, %v", tt.line, got, err)
		}
	}
	for _, line := range []string{"'", `"`, `a\`, `'a"`} {
		if got, err := ssh.Split(line); err == nil {
			t.Errorf("%q was taken: %q", line, got)
		}
	}
	for _, line := range []string{"", "  ", "''"} {
		if _, err := ssh.ParseCommand(line); err == nil {
			t.Errorf("the command %q was taken", line)
		}
	}
}

// hostile are words that a shell would do something with.
func hostile() []string {
	return []string{
		"", "plain", "with space", "it's", `back\slash`, `trailing\`, "$(id)", "`id`", "a;id", "a|id", "a&b", "*", "?", "[a]", "{a,b}", "~", "~root",
		"!history", "#comment", "$HOME", `"double"`, "a>b", "-n", "ä ö", "a\tb", `'\''`, `\'`, "%s",
	}
}

// TestQuote: the shells that there are take each word as it is.
func TestQuote(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"sh", "bash"} {
		for _, word := range hostile() {
			out, err := exec.Command(shell, "-c", "printf '%s|' "+ssh.QuoteAll(word, "end")).CombinedOutput()
			if err != nil || string(out) != word+"|end|" {
				t.Errorf("%s: %q became %q (%v)", shell, word, out, err)
			}
		}
	}
}

// TestQuoteSplit: what is quoted splits into what it was.
func TestQuoteSplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "words")
		got, err := ssh.Split(ssh.QuoteAll(words...))
		if err != nil || !reflect.DeepEqual(got, words) {
			t.Fatalf("%q became %q (%v)", words, got, err)
		}
	})
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url  string
		want ssh.Target
	}{
		{"ssh://host/srv/repo", ssh.Target{Host: "host", Path: "/srv/repo"}},
		{"ssh://me@host:2222/srv/repo", ssh.Target{User: "me", Host: "host", Port: 2222, Path: "/srv/repo"}},
		{"ssh://host/~/repo", ssh.Target{Host: "host", Path: "repo"}},
		{"ssh://host/~", ssh.Target{Host: "host", Path: "."}},
		{"ssh://host", ssh.Target{Host: "host"}},
		{"ssh://host/", ssh.Target{Host: "host"}},
		{"ssh://[::1]:22/a", ssh.Target{Host: "::1", Port: 22, Path: "/a"}},
		{"ssh://host/a%20b/$(id)", ssh.Target{Host: "host", Path: "/a b/$(id)"}},
		{"ssh://a%40corp@host/a%3Fb", ssh.Target{User: "a@corp", Host: "host", Path: "/a?b"}},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ssh.ParseTarget(u); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.url, got, err)
		}
	}
}

func TestParseTargetRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ url, says string }{
		{"ssh://-oProxyCommand=id/a", "begins with '-'"},
		{"ssh://-oProxyCommand=id@host/a", "begins with '-'"},
		{"ssh://$(id)/a", "no place"},
		{"ssh://a;id@host/a", "no place"},
		{"ssh://a%60id%60@host/a", "no place"},
		{"ssh://a%0Ab@host/a", "no place"},
		{"ssh://a%5C@host/a", "backslash"},
		{"ssh:///a", "host is missing"},
		{"ssh://host:0/a", "port"},
		{"ssh://host:70000/a", "port"},
		{"ssh://host/~/-x", "begins with '-'"},
		{"ssh://host/~//-x", "begins with '-'"},
		{"ssh://host/~root/x", "somebody else"},
		{"ssh://host/a%0Ab", "control"},
		{"ssh://host/a?v=1", "neither"},
		{"ssh://host/a#b", "neither"},
	} {
		u, err := url.Parse(bad.url)
		if err != nil {
			t.Fatalf("%s: %v", bad.url, err)
		}
		if got, err := ssh.ParseTarget(u); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s: %+v, %v", bad.url, got, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, w := range hostile() {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, err := ssh.Split(line)
		if err != nil || strings.ContainsRune(line, 0xfffd) {
			return
		}
		again, err := ssh.Split(ssh.QuoteAll(words...))
		if err != nil || len(again) != len(words) {
			t.Errorf("%q: %q, then %q (%v)", line, words, again, err)
		}
	})
}
