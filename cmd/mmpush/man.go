package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type manCmd struct {
	Dir string `arg:"" complete:"folder" help:"The folder; it is made if it is not there."`
}

// Help is shown by --help.
func (*manCmd) Help() string {
	return `Writes mmpush.1, a page of section 1 for each verb, and mmpush-config.5 and mmpush-settings.5: for whoever makes a package of mmpush.`
}

// manual is the document of man.
type manual struct {
	Schema int      `json:"schema"`
	Files  []string `json:"files"`
}

func (c *manCmd) run(_ context.Context, a *app) (doc any, code int) {
	var g grammar
	k, err := a.grammar(&g, a.Stdout, a.Stderr)
	if err != nil {
		return a.fail(err)
	}
	m := manual{Schema: report.Schema}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return a.fail(manError(c.Dir, err))
	}
	for _, p := range append(verbPages(k.Model.Node, ""), configPage(), settingsPage()) {
		at := filepath.Join(c.Dir, fmt.Sprintf("%s.%d", p.name, p.section))
		if err := os.WriteFile(at, []byte(p.String()), 0o644); err != nil {
			return a.fail(manError(at, err))
		}
		m.Files = append(m.Files, at)
		a.out.line("%s", visible(at))
	}
	return m, exitDone
}

func manError(file string, err error) error {
	return &report.Error{Stage: "man", Code: report.CodeDisk, File: file, Err: err}
}

// manPage is one page of the manual, in man(7).
type manPage struct {
	name    string
	section int
	text    strings.Builder
}

// newPage begins a page with its name and what it is in one line.
func newPage(name string, section int, what string) *manPage {
	p := &manPage{name: name, section: section}
	// No date: the same program writes the same page.
	p.raw(".TH %s %d \"\" \"mmpush %s\" \"mmpush\"", strings.ToUpper(roff(name)), section, roff(thisBuild().Version))
	p.raw(".SH NAME\n%s \\- %s", roff(name), roff(lowerFirst(strings.TrimSuffix(what, "."))))
	return p
}

func (p *manPage) String() string { return p.text.String() }

func (p *manPage) raw(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

func (p *manPage) heading(text string) { p.raw(".SH %s", roff(text)) }

// item is a term with what it means.
func (p *manPage) item(term, text string) { p.raw(".TP\n.B %s\n%s", roff(term), roff(text)) }

// paragraphs are text as kong shows it: an indented line stays as it is.
func (p *manPage) paragraphs(text string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(part, "    ") {
			p.literal(strings.ReplaceAll(strings.TrimPrefix(part, "    "), "\n    ", "\n"))
			continue
		}
		p.raw(".PP\n%s", roff(strings.Join(strings.Fields(part), " ")))
	}
}

// literal is text whose lines stay as they are.
func (p *manPage) literal(text string) {
	p.raw(".PP\n.RS 4\n.nf")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.raw("%s", roff(line))
	}
	p.raw(".fi\n.RE")
}

// roff writes text so that it is what it says.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

func lowerFirst(text string) string {
	if len(text) > 1 && text[1] >= 'a' && text[1] <= 'z' {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// verbPages are the pages of a verb and of those below it; the root has no name.
func verbPages(n *kong.Node, path string) []*manPage {
	name, usage := "mmpush", "mmpush VERB [flags]"
	if path != "" {
		name += "-" + strings.ReplaceAll(path, " ", "-")
		usage = "mmpush " + n.Summary()
	}
	what := n.Help
	if path == "" {
		what = "publish packages, verified and atomically"
	}
	p := newPage(name, 1, what)
	p.heading("SYNOPSIS")
	p.raw(".B %s", roff(usage))
	p.heading("DESCRIPTION")
	detail, examples, _ := strings.Cut(n.Detail, "For example:\n\n")
	p.paragraphs(strings.TrimSpace(n.Help + "\n\n" + detail))
	pages := []*manPage{p}
	for i, child := range n.Children {
		if i == 0 {
			p.heading("VERBS")
		}
		if !child.Hidden {
			below := strings.TrimSpace(path + " " + child.Name)
			p.item("mmpush-"+strings.ReplaceAll(below, " ", "-")+"(1)", child.Help)
			pages = append(pages, verbPages(child, below)...)
		}
	}
	p.arguments(n)
	p.flags("FLAGS", n.Flags)
	if path == "" {
		p.common()
	} else {
		if examples != "" {
			p.heading("EXAMPLES")
			p.paragraphs(examples)
		}
		p.heading("SEE ALSO")
		p.raw("%s", roff("mmpush(1) has the flags of all verbs and the exit codes; mmpush-config(5), mmpush-settings(5)"))
	}
	return pages
}

func (p *manPage) arguments(n *kong.Node) {
	for i, v := range n.Positional {
		if i == 0 {
			p.heading("ARGUMENTS")
		}
		p.item(v.Summary(), v.Help)
	}
}

func (p *manPage) flags(heading string, flags []*kong.Flag) {
	shown := 0
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		if shown++; shown == 1 {
			p.heading(heading)
		}
		term := "--" + f.Name
		if !f.IsBool() {
			term += "=" + f.FormatPlaceHolder()
		} else if f.Negated || f.Tag.Negatable != "" {
			term = "--[no-]" + f.Name
		}
		if f.Short != 0 {
			term = "-" + string(f.Short) + ", " + term
		}
		p.item(term, f.Help)
	}
}

// common is what holds for all verbs.
func (p *manPage) common() {
	p.heading("EXIT STATUS")
	for _, e := range exitMeanings() {
		p.item(fmt.Sprint(e.code), e.means)
	}
	p.heading("ENVIRONMENT")
	for _, k := range config.Keys() {
		p.item(k.Variable(), k.Means)
	}
	p.item(passwordVariable+", "+tokenVariable, "The password, or the token, for a server.")
	p.item("NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR", "Decide about colours where --color does not.")
	p.heading("FILES")
	p.item(config.ProjectFile, "What a project sets; mmpush-config(5).")
	p.item("~/.config/mmpush/config.yaml, /etc/mmpush/config.yaml", "What the user and the system set; mmpush-config(5).")
	p.item("REPO/"+repo.SettingsFile, "The settings of a repository; mmpush-settings(5).")
	p.item("~/.tupkg", "Host, user and password of the historical client; the password goes to that host only.")
}

// configPage is about the files of the configuration.
func configPage() *manPage {
	p := newPage("mmpush-config", 5, "the configuration of mmpush")
	p.heading("SYNOPSIS")
	p.raw(".nf")
	for _, at := range []string{config.ProjectFile, "$XDG_CONFIG_HOME/mmpush/config.yaml", "/etc/mmpush/config.yaml"} {
		p.raw("%s", roff(at))
	}
	p.raw(".fi")
	p.heading("DESCRIPTION")
	p.paragraphs("What a flag does not say, the first of these does: a variable MMPUSH_KEY of the environment; the project's file, in the working folder " +
		"or the nearest above it in the same git work tree; the user's file, below ~/.config if XDG_CONFIG_HOME is not set; the system's. " +
		"mmpush config shows each value and where it comes from. The files are YAML; an unknown key is an error.\n\n" +
		"A relative path is below the folder of its file, and ~/ is the home folder.\n\n" +
		"A project's file may be a stranger's pull request. Keys that name a program, a password or who may log in must not stand there, " +
		"and no password that is at hand is sent to a server that only it names. serve, receive, watch, batch and the git hooks do not read it.")
	p.heading("KEYS")
	for _, k := range config.Keys() {
		text := k.Means
		if k.Default != "" {
			text += " Default: " + k.Default + "."
		}
		if k.Own {
			text += " Not in a project's file."
		}
		if k.Target {
			text += " A target may have its own."
		}
		p.item(k.Name, text+" Variable: "+k.Variable()+".")
	}
	for _, s := range config.Sections() {
		p.item(s.Name, s.Means)
	}
	p.heading("EXAMPLE")
	var text strings.Builder
	for _, k := range config.Keys() {
		if !k.Target {
			fmt.Fprintf(&text, "%s: %s\n", k.Name, k.Example)
		}
	}
	for _, s := range config.Sections() {
		text.WriteString(s.Example + "\n")
	}
	p.literal(text.String())
	p.heading("SEE ALSO")
	p.raw("%s", roff("mmpush(1), mmpush-settings(5)"))
	return p
}

// settingsPage is about a repository's settings.
func settingsPage() *manPage {
	p := newPage("mmpush-settings", 5, "the settings of a repository")
	p.heading("SYNOPSIS")
	p.raw("%s", roff("REPO/"+repo.SettingsFile))
	p.heading("DESCRIPTION")
	p.paragraphs("What a repository takes, whoever publishes and however. mmpush init writes the file with all keys; an unknown key is an error. " +
		"A change holds from the next command on; a running server hears of it, too.")
	p.heading("KEYS")
	for _, k := range repo.SettingKeys() {
		p.item(k.Name, k.Means)
		p.literal(k.Example)
	}
	p.heading("SEE ALSO")
	p.raw("%s", roff("mmpush(1), mmpush-init(1), mmpush-config(5)"))
	return p
}
