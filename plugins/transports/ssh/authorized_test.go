package ssh_test

import (
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/plugins/transports/ssh"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// sshdReads is how sshd reads a quoted option (opt_dequote in its sources).
func sshdReads(t testing.TB, line string) (value, rest string) {
	t.Helper()
	text, ok := strings.CutPrefix(line, `restrict,command="`)
	if !ok {
		t.Fatalf("%s", line)
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case text[i] == '"':
			return value, text[i+1:]
		}
		value += text[i : i+1]
	}
	t.Fatalf("not closed: %s", line)
	return "", ""
}

func TestLine(t *testing.T) {
	t.Parallel()
	s := sshtest.Start(t, "")
	text, err := os.ReadFile(s.KeyFile("client"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := ssh.ParseKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,12}`), 1, 4).Draw(rt, "words")
		value, rest := sshdReads(t, k.Line(words...))
		got, err := ssh.Split(value)
		if err != nil || strings.Join(got, "\x00") != strings.Join(words, "\x00") || rest != " "+strings.TrimSpace(string(text)) {
			rt.Fatalf("%q became %q, %q (%v)", words, got, rest, err)
		}
	})
	// And the real one.
	words := slices.DeleteFunc(hostile(), func(w string) bool { return strings.Contains(w, "\t") })
	s.AuthorizeLine(t, k.Line(append([]string{"printf", `W\0%s|`}, words...)...))
	c, err := dialer(t, s, nil).Run("anything")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := io.ReadAll(c)
	if want := "W\x00" + strings.Join(words, "|W\x00") + "|"; err != nil || string(got) != want {
		t.Errorf("arrived: %q\nwant     %q (%v)", got, want, err)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	good := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1qnBcXxXqcfGCEOGsA8r/vZBnkNyA3JyWUPYdBwT8h me@host"
	if k, err := ssh.ParseKey(good + "\n"); err != nil || k.Comment != "me@host" {
		t.Fatalf("%+v %v", k, err)
	}
	for _, bad := range []string{
		"", "me", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa" + good[len("ssh-ed25519"):], good + "\n" + good,
		`command="id" ` + good, "restrict " + good, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAA\n", good + "\x00", good[:40],
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/////w==",
	} {
		if k, err := ssh.ParseKey(bad); err == nil {
			t.Errorf("%q was taken: %+v", bad, k)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1qnBcXxXqcfGCEOGsA8r/vZBnkNyA3JyWUPYdBwT8h me@host")
	f.Add("ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ssh.ParseKey(text); err == nil && strings.ContainsAny(k.Line("x"), "\n\r") {
			t.Errorf("%q makes more than one line", text)
		}
	})
}

func TestParseRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		original, path string
		ok             bool
	}{
		{"mmpush receive /srv/repo", "/srv/repo", true},
		{"mmpush receive", "", true},
		{"'/opt/my mmpush' receive 'a b'", "a b", true},
		{"mmpush receive '$(id)'", "$(id)", true},
		{"mmpush receive -x", "-x", false},
		{"mmpush receive /srv/repo; id", "", false},
		{"mmpush receive /srv/repo --as root", "", false},
		{"", "", false},
		{"id", "", false},
		{"scp -t /", "", false},
		{"mmpush 'receive", "", false},
		{"sh -c id", "", false},
	} {
		if path, ok := ssh.ParseRequest(tt.original); ok != tt.ok || ok && path != tt.path {
			t.Errorf("%q: %q, %v", tt.original, path, ok)
		}
	}
}
