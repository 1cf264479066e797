package action

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{
		"a.mmpack-manifest", "out/b.mmpack-manifest", "out/deep/er/c.mmpack-manifest", "out/[x].mmpack-manifest", "out/b.mpk", "other/d.txt", "$(id)/e 'f.mmpack-manifest",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("..", "out/loop"); err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string][]string{
		"a.mmpack-manifest":                {"a.mmpack-manifest"},
		"*.mmpack-manifest":                {"a.mmpack-manifest"},
		"./*.mmpack-manifest":              {"a.mmpack-manifest"},
		"out/*.mmpack-manifest":            {"out/[x].mmpack-manifest", "out/b.mmpack-manifest"},
		"out/**/*.mmpack-manifest":         {"out/[x].mmpack-manifest", "out/b.mmpack-manifest", "out/deep/er/c.mmpack-manifest"},
		"**/c.mmpack-manifest":             {"out/deep/er/c.mmpack-manifest"},
		"**":                               {"$(id)/e 'f.mmpack-manifest", "a.mmpack-manifest", "other/d.txt", "out/[x].mmpack-manifest", "out/b.mmpack-manifest", "out/b.mpk", "out/deep/er/c.mmpack-manifest", "out/loop"},
		"out/*/er/?.mmpack-manifest":       {"out/deep/er/c.mmpack-manifest"},
		"out/[[]x].mmpack-manifest":        {"out/[x].mmpack-manifest"},
		`out/\[x].mmpack-manifest`:         {"out/[x].mmpack-manifest"},
		"$(id)/*":                          {"$(id)/e 'f.mmpack-manifest"},
		filepath.Join(dir, "out", "*.mpk"): {filepath.Join(dir, "out/b.mpk")},
		"out/*":                            {"out/[x].mmpack-manifest", "out/b.mmpack-manifest", "out/b.mpk", "out/loop"},
		"nothing/*":                        nil,
		"out/nothing":                      nil,
		"*.txt":                            nil,
	} {
		got, err := Find(t.Context(), []string{pattern})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", pattern, got, err)
			continue
		}
		if !slices.Equal(got[0].Files, want) {
			t.Errorf("%s: %q, want %q", pattern, got[0].Files, want)
		}
		if want == nil && len(got[0].Near) == 0 {
			t.Errorf("%s: nothing is said about %s", pattern, got[0].Looked)
		}
	}
	if _, err := Find(t.Context(), []string{"out/[x"}); err == nil || !strings.Contains(err.Error(), "out/[x") {
		t.Errorf("a pattern that is none: %v", err)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	if got, want := Patterns("\n a b \r\n\n\tc\n"), []string{"a b", "c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
