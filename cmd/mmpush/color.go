package main

import "github.com/fatih/color"

// style is how a word looks where colour is on. It never carries a meaning alone.
type style int

const (
	plain style = iota
	bold
	good
	caution
	bad
	faint
)

func (s style) attributes() []color.Attribute {
	switch s {
	case bold:
		return []color.Attribute{color.Bold}
	case good:
		return []color.Attribute{color.FgGreen}
	case caution:
		return []color.Attribute{color.FgYellow}
	case bad:
		return []color.Attribute{color.FgRed, color.Bold}
	case faint:
		return []color.Attribute{color.FgCyan}
	}
	return nil
}

// paint returns text in a style.
func (p *printer) paint(s style, text string) string {
	if !p.color || s == plain || text == "" {
		return text
	}
	c := color.New(s.attributes()...)
	c.EnableColor()
	return c.Sprint(text)
}

// wantsColor decides for one stream: the flag, then NO_COLOR (no-color.org), then
// CLICOLOR_FORCE and FORCE_COLOR, then whether it is a terminal that is not dumb.
func wantsColor(flag string, getenv func(string) string, terminal bool) bool {
	switch {
	case flag == "always":
		return true
	case flag == "never", getenv("NO_COLOR") != "":
		return false
	case isSet(getenv("CLICOLOR_FORCE")), isSet(getenv("FORCE_COLOR")):
		return true
	}
	return terminal && getenv("TERM") != "dumb"
}

// isSet tells a switch in the environment from one that says no.
func isSet(value string) bool { return value != "" && value != "0" && value != "false" }
