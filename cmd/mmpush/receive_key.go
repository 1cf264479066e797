package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// resultPrinted is the result of a verb that shows something and changes nothing.
const resultPrinted report.Result = "printed"

// keyLine is the document of receive --authorized-keys-line.
type keyLine struct {
	Schema int           `json:"schema"`
	Result report.Result `json:"result"`
	Line   string        `json:"line"`
}

// printLine prints the line of authorized_keys for a key.
func (c *receiveCmd) printLine(a *app) (doc any, code int) {
	line, err := c.line(a)
	if err != nil {
		return a.fail(err)
	}
	a.out.line("%s", line)
	return keyLine{report.Schema, resultPrinted, line}, exitDone
}

func (c *receiveCmd) line(a *app) (string, error) {
	switch {
	case c.As == nil:
		return "", wrongUsage("add --as NAME: who the owner of the key is in the history and the rights", "the line needs a name")
	case c.Repo == "":
		return "", wrongUsage("name the repository behind the flags", "the line needs a repository")
	}
	if err := access.ValidName(*c.As); err != nil {
		return "", wrongUsage("give a name as in the users file", "--as %q: %w", visible(*c.As), err)
	}
	key, err := readKey(*c.AuthorizedKeysLine)
	if err != nil {
		return "", err
	}
	_, done, err := a.openRepo(c.Repo)
	if err != nil {
		return "", err
	}
	done()
	words, err := c.command()
	if err != nil {
		return "", err
	}
	for _, w := range words {
		if strings.ContainsFunc(w, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", wrongUsage("rename it", "%q has a control character in it, which a line of authorized_keys cannot have", w)
		}
	}
	return key.Line(words...), nil
}

// command is the forced command: this program, and every path absolute, since sshd
// runs it in the account's home folder.
func (c *receiveCmd) command() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := []string{self, "receive", "--as", *c.As}
	paths := []struct{ flag, value string }{{"--state", c.State}, {"--log", c.Log}}
	if c.Users != nil {
		paths = append(paths, struct{ flag, value string }{"--users", *c.Users})
	}
	for _, p := range paths {
		if p.value == "" {
			continue
		}
		at, err := filepath.Abs(p.value)
		if err != nil {
			return nil, err
		}
		words = append(words, p.flag, at)
	}
	at, err := filepath.Abs(c.Repo)
	return append(words, "--", at), err
}

// readKey reads a public key.
func readKey(path string) (ssh.Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return ssh.Key{}, keyError(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, ssh.KeyFileBytes))
	if err != nil {
		return ssh.Key{}, keyError(path, err)
	}
	key, err := ssh.ParseKey(string(text))
	if err != nil {
		return key, keyError(path, err)
	}
	return key, nil
}

func keyError(path string, err error) error {
	return &report.Error{
		Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, File: path, Err: fmt.Errorf("cannot be used: %w", err),
		Hint: "ssh-keygen makes keys; the public one is in the file that ends with .pub",
	}
}
