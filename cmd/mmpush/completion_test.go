package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
)

// completionCases are words that somebody has typed, and what has to be suggested;
// REPO is a repository with packages, PACMAN one of pacman's, and UPLOAD the folder of an upload.
func completionCases() []struct {
	typed string
	want  []string
} {
	return []struct {
		typed string
		want  []string
	}{
		{"mmpush re", []string{"remove", "receive", "recover"}},
		{"mmpush user to", []string{"token"}},
		{"mmpush push --dry", []string{"--dry-run"}},
		{"mmpush --output=js", []string{"json"}},
		{"mmpush --color al", []string{"always"}},
		{"mmpush remove -R REPO l", []string{"libfoo1"}},
		{"mmpush list --repo=REPO foo-d", []string{"foo-debug", "foo-devel"}},
		{"mmpush remove --repo REPO --source f", []string{"foo"}},
		{"mmpush remove -R PACMAN a", []string{"alpha"}},
		{"mmpush remove --repo=PACMAN --source g", []string{"gamma"}},
		{"mmpush explain MP-SIZ", []string{"MP-SIZE"}},
		{"mmpush push UPLOAD/", []string{"UPLOAD/foo_1.0.0_amd64-debian.mmpack-manifest"}},
		{"mmpush completion z", []string{"zsh"}},
	}
}

// TestCompletionInShells: bash, zsh and fish offer verbs, flags, values, and names of
// packages.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	repo := newRepo(t, "uploads/01-foo-1.0.0")
	pacman := filepath.Join(t.TempDir(), "pacman")
	mustRun(t, "init", pacman, "--kind", "pacman", "--name", "demo")
	mustRun(t, "push", pacmanFile("alpha-1.1-1-any.pkg.tar.zst"), pacmanFile("gamma-0.9rc1-3-x86_64.pkg.tar.zst"), "--to", pacman)
	upload, err := filepath.Abs(filepath.Join(corpus, "uploads/01-foo-1.0.0"))
	if err != nil {
		t.Fatal(err)
	}
	// Paths in what is typed are short: what a terminal wraps is hard to compare.
	home := t.TempDir()
	for name, to := range map[string]string{"r": repo, "p": pacman, "u": upload} {
		if err := os.Symlink(to, filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
	short := strings.NewReplacer("REPO", "r", "PACMAN", "p", "UPLOAD", "u")
	for name, ask := range map[string]func(t *testing.T, home string, typed []string) string{"bash": askBash, "zsh": askZsh, "fish": askFish} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			programtest.Need(t, name)
			var typed []string
			for _, c := range completionCases() {
				typed = append(typed, short.Replace(c.typed))
			}
			answers := strings.Split(ask(t, home, typed), "NEXT\n")
			if len(answers) != len(typed)+1 {
				t.Fatalf("%d answers of %d: %q", len(answers)-1, len(typed), answers)
			}
			for i, c := range completionCases() {
				got, want := strings.Fields(answers[i+1]), strings.Fields(short.Replace(strings.Join(c.want, " ")))
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(slices.Compact(got), want) {
					t.Errorf("%s: %q, want %q", c.typed, got, want)
				}
			}
		})
	}
}

// inShell runs a script and returns what it prints.
func inShell(t *testing.T, home, shell string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home, "LC_ALL=C.UTF-8")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", shell, err, out, stderr.String())
	}
	return string(out)
}

// askBash calls what complete has registered, with the words as readline hands them
// over: it breaks them at '=', too.
func askBash(t *testing.T, home string, typed []string) string {
	const script = `source <(mmpush completion bash)
complete -p mmpush >/dev/null || exit 1
for typed; do
    echo NEXT
    read -ra COMP_WORDS <<<"${typed//=/ = }"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$typed; COMP_POINT=${#COMP_LINE}
    _mmpush mmpush "${COMP_WORDS[COMP_CWORD]}" ""
    printf '%s\n' "${COMPREPLY[@]}"
done`
	return inShell(t, home, "bash", append([]string{"--norc", "-c", script, "bash"}, typed...)...)
}

func askFish(t *testing.T, home string, typed []string) string {
	const script = `mmpush completion fish | source
for typed in $argv
    echo NEXT
    complete -C $typed | string replace -r '\t.*' '' | string replace -r '^--.*=' ''
end
true`
	return inShell(t, home, "fish", append([]string{"--no-config", "-c", script}, typed...)...)
}

// askZsh types into an interactive zsh, in a terminal of its own. There, compadd tells
// what matches of what it is given, and the line what has become of it where only one
// thing does.
func askZsh(t *testing.T, home string, typed []string) string {
	const script = `zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'PS1="READY""> "; autoload -U compinit; compinit -u -D; source <(mmpush completion zsh)
tab() { zle complete-word; [[ $BUFFER == *" " ]] && print -r -- ${${${BUFFER% }##* }##--*=} >> found; zle -M DO""NE }; zle -N tab; bindkey "^I" tab
compadd() { local -a matches; builtin compadd -O matches "$@"; (( ${funcstack[(I)_files]} )) || print -rl -- "${matches[@]}" >> found; builtin compadd "$@" }
setopt nolistbeep noautolist nobeep; print BEGIN""NING'
zpty -r z out '*BEGINNING*READY> '
for typed; do
    print NEXT >> found
    zpty -w -n z "$typed"$'\t'
    zpty -r z out '*DONE*'
    zpty -w -n z $'\C-u'
done
zpty -d z`
	inShell(t, home, "zsh", append([]string{"-f", "-c", script, "zsh"}, typed...)...)
	text, err := os.ReadFile(filepath.Join(home, "found"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCompletionOfMany: of more names than anybody reads, those that begin with what is
// typed are found wherever they stand.
func TestCompletionOfMany(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	var many []mpktest.Package
	for i := range mostNames + 10 {
		many = append(many, mpktest.Package{Name: fmt.Sprintf("a%05d", i), Ghost: true})
	}
	manifest := mpktest.Upload{Packages: append(many, mpktest.Package{Name: "zlast"})}.In(t, t.TempDir())
	mustRun(t, "push", manifest, "--to", at)
	if got := (shell{}).run("complete", "fish", "list", "-R", at, "z"); got.stdout != "zlast\t1.0.0\n" {
		t.Errorf("%q %s", got.stdout, got.stderr)
	}
	if got := (shell{}).run("complete", "fish", "list", "-R", at, ""); strings.Count(got.stdout, "\n") != mostNames {
		t.Errorf("%d names", strings.Count(got.stdout, "\n"))
	}
}
