package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

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
	case c.Users != nil && *c.Users == "":
		return "", wrongUsage("such as /etc/mmpush/users", "--users is empty, which would give the key all rights")
	}
	if err := access.ValidName(*c.As); err != nil {
		return "", wrongUsage("give a name as in the users file", "--as %q: %w", visible(*c.As), err)
	}
	if err := c.ask(a); err != nil {
		return "", err
	}
	key, err := readKey(*c.AuthorizedKeysLine)
	if err != nil {
		return "", err
	}
	_, done, err := c.destinations(a)
	if err != nil {
		return "", err
	}
	done()
	words, err := c.command(a)
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

// command is the forced command: this program with the flags that were given, and every
// path absolute, since sshd runs it in the account's home folder.
func (c *receiveCmd) command(a *app) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	words := []string{self, "receive", "--as", *c.As}
	for _, flag := range c.given {
		more, err := flagWords(flag)
		if err != nil {
			return nil, err
		}
		words = append(words, more...)
	}
	if path := c.usersAt(a); c.Users == nil && path != nil {
		// sshd does not hand the environment on.
		more, err := pathWords("users", *path)
		if err != nil {
			return nil, err
		}
		words = append(words, more...)
	}
	for _, pin := range a.plugins.asked {
		if pin.Path, err = filepath.Abs(pin.Path); err != nil {
			return nil, err
		}
		words = append(words, "--verifier", pin.String())
	}
	at, err := filepath.Abs(c.Repo)
	return append(words, "--", at), err
}

// flagWords are a flag of receive as it stands in the line of authorized_keys; none for
// those that are about the line itself.
func flagWords(flag *kong.Flag) ([]string, error) {
	word := "--" + flag.Name
	switch v := reflect.Indirect(flag.Target).Interface().(type) {
	case bool:
		return []string{word}, nil
	case span:
		return []string{word, time.Duration(v).String()}, nil
	case atMost, byteCount:
		return []string{word, fmt.Sprint(v)}, nil
	case []string:
		// The verifiers: command writes them.
		return nil, nil
	case string:
		return pathWords(flag.Name, v)
	}
	return nil, fmt.Errorf("nobody knows how to write --%s into the line", flag.Name)
}

// pathWords is flagWords for a text: but for the name, all of them are paths.
func pathWords(name, value string) ([]string, error) {
	if name == "as" || name == "authorized-keys-line" || value == "" {
		return nil, nil
	}
	if name == "on-complete" && !strings.ContainsRune(value, filepath.Separator) {
		found, err := exec.LookPath(value)
		if err != nil {
			return nil, wrongUsage("give the path of a program", "--on-complete: %w", err)
		}
		value = found
	}
	at, err := filepath.Abs(value)
	return []string{"--" + name, at}, err
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
