package programtest

import "testing"

func TestRequired(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list, name string
		want       bool
	}{
		{"", "git", false},
		{"git", "git", true},
		{"sshd,git", "git", true},
		{"sshd, git", "git", true},
		{"sshd,gitx", "git", false},
	} {
		if got := required(tt.list, tt.name); got != tt.want {
			t.Errorf("required(%q, %q) = %v", tt.list, tt.name, got)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	if p, err := find("go"); err != nil {
		t.Errorf("%q %v", p, err)
	}
	if p, err := find("no-such-program-here"); err == nil {
		t.Errorf("found %q", p)
	}
}
