package main

import (
	"context"
	"embed"

	"github.com/mmpush/mmpush/core/report"
)

//go:embed completion
var completions embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help is shown by --help.
func (*completionCmd) Help() string {
	return `Prints what makes a shell complete verbs, flags, files, and the names of targets and of the repository's packages. ` +
		`For bash: source <(mmpush completion bash) in ~/.bashrc; for zsh: the same in ~/.zshrc, behind compinit.`
}

// completion is the document of completion.
type completion struct {
	Schema int    `json:"schema"`
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func (c *completionCmd) run(_ context.Context, a *app) (doc any, code int) {
	script, err := completions.ReadFile("completion/mmpush." + c.Shell)
	if err != nil {
		return a.fail(err)
	}
	a.out.raw(string(script))
	return completion{report.Schema, c.Shell, string(script)}, exitDone
}

// completeVerb is what the scripts call with the shell's name and the words up to the
// cursor, the last of which may be empty. It is no verb of the grammar: the words are
// no command line yet.
const completeVerb = "complete"

type completeCmd struct{ words []string }

func (c *completeCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if len(c.words) == 0 {
		return a.fail(wrongUsage("mmpush completion SHELL prints what calls it", "%s needs a shell and words", completeVerb))
	}
	shell, words := c.words[0], c.words[1:]
	if shell == "bash" {
		words = unbroken(words)
	}
	for _, s := range a.suggest(ctx, words) {
		a.out.line("%s\t%s", s.value, s.means)
	}
	return nil, exitDone
}

// unbroken joins words that bash has broken at '=' and ':'.
func unbroken(words []string) []string {
	var list []string
	glue := false
	for i, w := range words {
		broken := w == "=" || w == ":" || w == "::"
		if i > 0 && (broken || glue) {
			list[len(list)-1] += w
		} else {
			list = append(list, w)
		}
		glue = broken
	}
	return list
}
