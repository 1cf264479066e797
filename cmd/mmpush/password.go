package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// passwordVariable is the variable of the environment that may hold the password.
const passwordVariable = "MMPUSH_PASSWORD"

// passwordLimit is how many bytes a source of a password may give.
const passwordLimit = 4 << 10

// passwordFlags say where a password comes from. It is never a flag's value: those
// are in the list of processes, and in the shell's history.
type passwordFlags struct {
	PasswordFile    string `placeholder:"FILE" help:"Take the password from this file; others may not be able to read it. - is standard input."`
	PasswordCommand string `placeholder:"COMMAND" help:"Take the password from what this program prints. It is run without a shell; quotes keep words together."`
}

// password asks the first of: the file, the program, $MMPUSH_PASSWORD, the terminal;
// there twice if again is set.
func (f passwordFlags) password(ctx context.Context, a *app, question string, again bool) (access.Secret, error) {
	text, err := f.find(ctx, a, question, again)
	if err != nil {
		if _, told := errors.AsType[*report.Error](err); !told && !stopped(err) {
			err = passwordError("", err)
		}
		return access.Secret{}, err
	}
	return access.NewSecret(text), nil
}

func (f passwordFlags) find(ctx context.Context, a *app, question string, again bool) (string, error) {
	switch env := a.Getenv(passwordVariable); {
	case f.PasswordFile != "" && f.PasswordCommand != "":
		return "", wrongUsage("give one of them", "--password-file and --password-command exclude each other")
	case f.PasswordFile == "-":
		return passwordFrom("standard input", a.Stdin)
	case f.PasswordFile != "":
		return passwordInFile(f.PasswordFile)
	case f.PasswordCommand != "":
		return passwordOfCommand(ctx, a, f.PasswordCommand)
	case env != "":
		return onePassword("$"+passwordVariable, []byte(env))
	case a.Ask == nil:
		return "", wrongUsage("use --password-file or --password-command, or set "+passwordVariable, "there is no password, and no terminal to ask for it")
	}
	return askPassword(ctx, a, question, again)
}

func askPassword(ctx context.Context, a *app, question string, again bool) (string, error) {
	text, err := a.Ask(ctx, question+": ")
	if err != nil || !again {
		return text, err
	}
	second, err := a.Ask(ctx, question+", again: ")
	if err == nil && second != text {
		err = wrongUsage("type it again", "the two passwords differ")
	}
	return text, err
}

// passwordInFile reads a file that nobody else may read.
func passwordInFile(name string) (string, error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", passwordError(name, err)
	}
	folder, err := vfs.OpenDir(filepath.Dir(real))
	if err != nil {
		return "", passwordError(name, err)
	}
	defer folder.Close()
	file, err := folder.Open(filepath.Base(real))
	if err != nil {
		return "", passwordError(name, err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return "", passwordError(name, err)
	case !info.IsRegular():
		return "", passwordError(name, fmt.Errorf("is a %s; expected a file", vfs.TypeName(info.Mode)))
	case info.Mode.Perm()&0o077 != 0 && runtime.GOOS != "windows":
		e := passwordError(name, fmt.Errorf("others can read or write it (mode %04o); expected 0600", info.Mode.Perm()))
		e.Hint = "it holds a password that others may know by now: choose a new one, and chmod 600 " + quote(name)
		return "", e
	}
	return passwordFrom(name, file)
}

// passwordOfCommand runs a program that prints the password. Who types a PIN for it
// has as long as they need.
func passwordOfCommand(ctx context.Context, a *app, line string) (string, error) {
	words, err := splitWords(line)
	if err != nil {
		return "", wrongUsage("see mmpush --help", "--password-command: %w", err)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = a.Stdin, a.Stderr, time.Second
	cmd.Env = withoutSecrets(os.Environ())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", passwordError(words[0], err)
	}
	text, err := io.ReadAll(io.LimitReader(out, passwordLimit+1))
	// Who prints more than a password is not listened to any longer.
	_ = out.Close()
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", passwordError(words[0], err)
	case ended != nil && len(text) <= passwordLimit:
		return "", passwordError(words[0], fmt.Errorf("the password command ended with %w", ended))
	}
	return onePassword(words[0], text)
}

// withoutSecrets is an environment for a program that is to find a secret, not to get
// one.
func withoutSecrets(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == passwordVariable || name == tokenVariable || name == keyVariable
	})
}

// splitWords splits at white space; quotes of either kind keep it, and nothing else
// has a meaning.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, within := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, within = r, true
		case strings.ContainsRune(white, r):
			if within {
				words = append(words, word.String())
			}
			word.Reset()
			within = false
		default:
			word.WriteRune(r)
			within = true
		}
	}
	if within {
		words = append(words, word.String())
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	case len(words) == 0 || words[0] == "":
		return nil, errors.New("no program is named")
	}
	return words, nil
}

func passwordFrom(name string, r io.Reader) (string, error) {
	if r == nil {
		r = strings.NewReader("")
	}
	text, err := io.ReadAll(io.LimitReader(r, passwordLimit+1))
	if err != nil {
		return "", passwordError(name, err)
	}
	return onePassword(name, text)
}

// onePassword is the one line of a text. A file of several lines is something else
// than a password; the message has nothing of it.
func onePassword(name string, text []byte) (string, error) {
	line := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) > passwordLimit:
		return "", passwordError(name, fmt.Errorf("has more than %d bytes; expected one password", passwordLimit))
	case len(line) == 0:
		return "", passwordError(name, errors.New("the password is empty"))
	case bytes.ContainsAny(line, "\r\n\x00"):
		return "", passwordError(name, errors.New("has several lines; expected one password"))
	}
	return string(line), nil
}

func passwordError(name string, err error) *report.Error {
	return &report.Error{Stage: "password", Code: report.CodeUsage, Kind: report.KindUsage, File: name, Err: err}
}
