package action

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync"
)

// command is one workflow command: a line that the runner obeys.
type command struct {
	name       string
	properties []property
	message    string
}

type property struct{ name, value string }

// String is the line, without its end.
func (c command) String() string {
	var b strings.Builder
	b.WriteString("::" + c.name)
	separator := " "
	for _, p := range c.properties {
		if p.value == "" {
			continue
		}
		b.WriteString(separator + p.name + "=" + escapeProperty(p.value))
		separator = ","
	}
	return b.String() + "::" + escapeMessage(c.message)
}

// escapeMessage keeps a text in its line.
func escapeMessage(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// escapeProperty keeps a text in its property, too.
func escapeProperty(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}

// Log is the log of the step, which the runner reads for commands. All that a program
// writes has to go through one Log and one stream: the runner reads standard error on its
// own, and would not know which lines come before a command on standard output.
type Log struct {
	// writing is held by who writes: ssh is heard while the work goes on.
	writing sync.Mutex
	w       io.Writer
	// token gives the commands their meaning back; empty if they have it.
	token string
}

// NewLog makes a log. The runner takes commands in it until [Log.Quiet].
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// Mask has the runner hide secrets from now on. Each line of a secret is one of its own,
// since the runner looks at lines.
func (l *Log) Mask(secrets ...string) error {
	for _, s := range secrets {
		for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "-----") {
				continue
			}
			if err := l.command(command{name: "add-mask", message: line}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Quiet has the runner take everything as text that is written until [Log.Loud].
func (l *Log) Quiet() error {
	token := rand.Text()
	if err := l.command(command{name: "stop-commands", message: token}); err != nil {
		return err
	}
	l.token = token
	return nil
}

// Write writes text to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.w.Write(p)
}

// Loud gives commands their meaning back.
func (l *Log) Loud() error {
	if l.token == "" {
		return nil
	}
	token := l.token
	l.token = ""
	return l.command(command{name: token})
}

func (l *Log) command(c command) error {
	_, err := fmt.Fprintln(l, c)
	return err
}
