package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/repo"
)

// recordings are the README's blocks of what somebody types and sees.
var recordings = regexp.MustCompile("(?s)```console\n(.*?)```\n")

// TestRecordings: what the README shows is what a terminal of 80 columns shows.
// MMPUSH_GOLDEN=write writes it anew.
func TestRecordings(t *testing.T) {
	t.Parallel()
	const file = "../../README.md"
	home := t.TempDir()
	for name, upload := range map[string]string{
		"foo-1.0.0": "uploads/01-foo-1.0.0", "foo-1.1.0": "uploads/06-foo-1.1.0", "damaged": "uploads-bad/wrong-size",
	} {
		at, err := filepath.Abs(filepath.Join(corpus, upload))
		if err == nil {
			err = os.Symlink(at, filepath.Join(home, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "init", filepath.Join(home, "repo"), "--arch", "amd64-debian")
	readme := mustRead(t, file)
	shown := recordings.FindAllStringSubmatch(readme, -1)
	if len(shown) == 0 {
		t.Fatal("the README shows nothing")
	}
	now := recordings.ReplaceAllStringFunc(readme, func(block string) string {
		var b strings.Builder
		for line := range strings.Lines(recordings.FindStringSubmatch(block)[1]) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				out := onTerminal(t, 80, "cd "+home+"; export NO_COLOR=1; "+command)
				for line := range strings.Lines(out) {
					if utf8.RuneCountInString(line) > 81 {
						t.Errorf("%s: a line that a terminal breaks: %q", command, line)
					}
				}
				b.WriteString(line + out)
			}
		}
		return "```console\n" + b.String() + "```\n"
	})
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := mustRead(t, file); got != now {
		t.Errorf("the README shows something else:\n%s", differing(now, got))
	}
}

// TestReadmeKeys: the README names every key of the configuration and of the settings.
func TestReadmeKeys(t *testing.T) {
	t.Parallel()
	readme := mustRead(t, "../../README.md")
	var keys []string
	for _, k := range config.Keys() {
		keys = append(keys, k.Name)
	}
	for _, s := range config.Sections() {
		keys = append(keys, s.Name)
	}
	for _, k := range repo.SettingKeys() {
		keys = append(keys, k.Name)
	}
	for _, key := range keys {
		if !strings.Contains(readme, "`"+key+"`") && !regexp.MustCompile("(?m)^ *"+key+":").MatchString(readme) {
			t.Errorf("the README does not name the key %s", key)
		}
	}
}
