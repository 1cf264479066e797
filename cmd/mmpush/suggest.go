package main

import (
	"context"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/report"
)

// suggestion is what may stand at the cursor. A value that begins with ':' says that
// the shell knows better: the files, folders or manifests that begin with the text.
type suggestion struct{ value, means string }

// mostNames bounds how many names of packages are suggested: more help nobody.
const mostNames = 500

// cursor is where somebody types: the verb so far, and what was given.
type cursor struct {
	node *kong.Node
	// flags are the values of the flags ahead, by name.
	flags map[string]string
	// pending is the flag whose value is typed now.
	pending *kong.Flag
	// arguments is how many of the verb's own there are ahead.
	arguments int
	// only arguments come: there was a "--".
	only bool
}

// suggest says what may stand in the place of the last word.
func (a *app) suggest(ctx context.Context, words []string) []suggestion {
	var g grammar
	k, err := a.grammar(&g, a.Stdout, a.Stderr)
	if err != nil || len(words) == 0 {
		return nil
	}
	c := cursor{node: k.Model.Node, flags: map[string]string{}}
	for _, w := range words[:len(words)-1] {
		c.pass(w)
	}
	a.configure(c.node.Path())
	return a.at(ctx, c, words[len(words)-1])
}

// pass goes over one word.
func (c *cursor) pass(word string) {
	name, value, given := strings.Cut(word, "=")
	switch {
	case c.pending != nil:
		c.flags[c.pending.Name], c.pending = word, nil
	case word == "--":
		c.only = true
	case !c.only && strings.HasPrefix(word, "-") && word != "-":
		if f := c.flag(name); f != nil && given {
			c.flags[f.Name] = value
		} else if f != nil && !f.IsBool() {
			c.pending = f
		}
	default:
		for _, child := range c.node.Children {
			if child.Name == word {
				c.node, c.arguments = child, 0
				return
			}
		}
		c.arguments++
	}
}

// flag is that of a name such as --to or -R; nil if there is none.
func (c *cursor) flag(name string) *kong.Flag {
	for _, f := range c.all() {
		if name == "--"+f.Name || f.Short != 0 && name == "-"+string(f.Short) {
			return f
		}
	}
	return nil
}

// all are the flags that may stand here.
func (c *cursor) all() []*kong.Flag {
	var list []*kong.Flag
	for n := c.node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				list = append(list, f)
			}
		}
	}
	return list
}

// at is what may stand in the place of a word.
func (a *app) at(ctx context.Context, c cursor, word string) []suggestion {
	switch name, value, given := strings.Cut(word, "="); {
	case c.pending != nil:
		return a.values(ctx, c, c.pending.Value, word)
	case !c.only && given && strings.HasPrefix(name, "--"):
		if f := c.flag(name); f != nil {
			return a.values(ctx, c, f.Value, value)
		}
		return nil
	case !c.only && strings.HasPrefix(word, "-"):
		var list []suggestion
		for _, f := range c.all() {
			list = append(list, suggestion{"--" + f.Name, firstSentence(f.Help)})
		}
		return matching(list, word)
	case len(c.node.Children) > 0:
		var list []suggestion
		for _, child := range c.node.Children {
			if !child.Hidden {
				list = append(list, suggestion{child.Name, firstSentence(child.Help)})
			}
		}
		return matching(list, word)
	case len(c.node.Positional) > 0:
		last := len(c.node.Positional) - 1
		p := c.node.Positional[min(c.arguments, last)]
		if c.arguments > last && !p.IsCumulative() {
			return nil
		}
		return a.values(ctx, c, p, word)
	}
	return nil
}

// values are those that a flag or an argument may have.
func (a *app) values(ctx context.Context, c cursor, v *kong.Value, word string) []suggestion {
	if v.Enum != "" {
		var list []suggestion
		for _, word := range v.EnumSlice() {
			if word != "" {
				list = append(list, suggestion{value: word})
			}
		}
		return matching(list, word)
	}
	switch what := kindOfValue(v); what {
	case "file", "folder", "manifest":
		return []suggestion{{":" + what, word}}
	case "target", "repository":
		list := []suggestion{}
		for _, t := range a.config.Targets() {
			if what == "target" || t.To.Place() == t.To.Path() {
				list = append(list, suggestion{t.Name, t.To.Place()})
			}
		}
		for _, s := range a.config.Sets() {
			list = append(list, suggestion{s.Name, "set of repositories"})
		}
		return append(matching(list, word), suggestion{":folder", word})
	case "package", "source":
		return matching(a.published(c, what == "source", word), word)
	case "code":
		var list []suggestion
		for _, e := range report.Explanations() {
			list = append(list, suggestion{string(e.Code), e.Title})
		}
		return matching(list, strings.ToUpper(word))
	case "user":
		return matching(a.accounts(c), word)
	}
	return nil
}

// kindOfValue is what a value is: the tag "complete" says so, or the placeholder.
func kindOfValue(v *kong.Value) string {
	if kind := v.Tag.Get("complete"); kind != "" {
		return kind
	}
	switch v.Tag.PlaceHolder {
	case "FILE", "KEYFILE", "PROGRAM":
		return "file"
	case "DIR":
		return "folder"
	case "REPO":
		return "repository"
	}
	return ""
}

// published are the names of the repository's packages, or of its sources, that begin
// with a prefix.
func (a *app) published(c cursor, sources bool, prefix string) []suggestion {
	var f repoFlag
	if text, ok := c.flags["repo"]; ok {
		f.Repo = &text
	}
	at, err := f.at(a, "")
	if err != nil {
		return nil
	}
	r, done, err := a.openAny(at)
	if err != nil {
		return nil
	}
	defer done()
	var list []suggestion
	seen := map[string]bool{}
	for b, err := range a.kindOf(r).all(r) {
		name, means := b.Name, b.Version
		if sources {
			name, means = b.Source, ""
		}
		if err != nil || len(list) == mostNames {
			break
		}
		if strings.HasPrefix(name, prefix) && !seen[name] {
			seen[name] = true
			list = append(list, suggestion{name, means})
		}
	}
	return list
}

// accounts are the names in the users file.
func (a *app) accounts(c cursor) []suggestion {
	var flag *string
	if text, ok := c.flags["users"]; ok {
		flag = &text
	}
	path, err := a.usersPath(flag)
	if err != nil {
		return nil
	}
	book, err := a.openBook(path)
	if err != nil {
		return nil
	}
	defer book.done()
	file, _, err := book.read()
	if err != nil {
		return nil
	}
	var list []suggestion
	for _, u := range file.Users() {
		list = append(list, suggestion{value: u.Name})
	}
	return list
}

// configure reads the configuration for a verb; what is wrong with it is told by the
// verb, not while somebody types.
func (a *app) configure(verb string) {
	files, _ := a.configFiles(verb)
	if c, err := config.Load(config.Sources{Getenv: a.Getenv, Home: a.home(), Files: files}); err == nil {
		a.config = c
	}
}

// matching are those that begin with a prefix. What a terminal would act upon is left
// out: shells write suggestions as they are.
func matching(list []suggestion, prefix string) []suggestion {
	return slices.DeleteFunc(list, func(s suggestion) bool {
		return !strings.HasPrefix(s.value, prefix) || s.value != visible(s.value) || s.means != visible(s.means)
	})
}

// firstSentence is the beginning of a help text.
func firstSentence(text string) string {
	text, _, _ = strings.Cut(text, ". ")
	text, _, _ = strings.Cut(text, "; ")
	text, _, _ = strings.Cut(text, ": ")
	return strings.TrimSuffix(text, ".")
}
