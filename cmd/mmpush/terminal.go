package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// terminalOf returns the width of the terminal that w writes to.
func terminalOf(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}

// asker is how to ask a person for a secret; nil if there is no terminal.
func asker() func(ctx context.Context, question string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return askTerminal
}

// askTerminal asks on the terminal of the standard input. The echo is off before the
// question is there, and comes back however it ends. Ctrl-C and Ctrl-D end it.
func askTerminal(ctx context.Context, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer func() { _ = term.Restore(fd, before) }()
	type answer struct {
		text string
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		line := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{os.Stdin, os.Stderr}, "")
		text, err := line.ReadPassword(question)
		typed <- answer{text, err}
	}()
	select {
	case got := <-typed:
		if errors.Is(got.err, io.EOF) {
			fmt.Fprint(os.Stderr, "\r\n")
			got.err = context.Canceled
		}
		return got.text, got.err
	case <-ctx.Done():
		fmt.Fprint(os.Stderr, "\r\n")
		return "", ctx.Err()
	}
}
