package transport_test

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/transport"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, scheme, path, host string }{
		{"/srv/repo", "dir", "/srv/repo", ""},
		{"repo", "dir", "repo", ""},
		{"./a://b", "dir", "./a://b", ""},
		{"-x", "dir", "-x", ""},
		{"tupkg://me@host:1234", "tupkg", "", "host:1234"},
		{"SSH://host/~/repo", "ssh", "", "host"},
		{"acme+x://host/a", "acme+x", "", "host"},
	}
	for _, tt := range tests {
		got, err := transport.ParseTarget(tt.text)
		if err != nil || got.Scheme != tt.scheme || got.Path != tt.path || got.URL != nil && got.URL.Host != tt.host {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"", "tupkg://me:secret@host", "tupkg://me:sec%ret@host", "ssh://[::1", "://x"} {
		_, err := transport.ParseTarget(text)
		if err == nil {
			t.Errorf("%q was taken", text)
		} else if strings.Contains(err.Error(), "sec") {
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}
