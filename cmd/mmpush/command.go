package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// commandLimit is how many bytes one line of a batch may have: far more than a path
// does.
const commandLimit = 64 << 10

// command is one line of a batch: a verb, and the rest of the line as its argument.
type command struct {
	verb, argument string
	// long: the line is over the limit, and is not kept.
	long bool
	// err is why nothing more can be read.
	err error
}

// readCommands reads lines until r or ctx ends, one ahead of who takes them. The
// channel is closed at the end of r. Memory is bounded, whatever comes in.
func readCommands(ctx context.Context, r io.Reader) <-chan command {
	out := make(chan command)
	if r == nil {
		close(out)
		return out
	}
	go func() {
		defer close(out)
		in := bufio.NewReaderSize(r, commandLimit+1)
		for more := true; more; {
			var c command
			if c, more = readCommand(in); !more && c == (command{}) {
				return
			}
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// readCommand reads one line; more is false behind the last one.
func readCommand(in *bufio.Reader) (c command, more bool) {
	line, err := in.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) {
		return parseCommand(string(line)), err == nil
	}
	for c.long = errors.Is(err, bufio.ErrBufferFull); errors.Is(err, bufio.ErrBufferFull); {
		_, err = in.ReadSlice('\n')
	}
	if err == nil || c.long && errors.Is(err, io.EOF) {
		return c, err == nil
	}
	return command{err: err}, false
}

// parseCommand splits a line at the first white space. The argument may have white
// space in it, but not around it.
func parseCommand(line string) command {
	// Windows programs begin a text with a mark.
	line = trim(strings.TrimPrefix(line, "\ufeff"))
	i := strings.IndexAny(line, white)
	if i < 0 {
		return command{verb: line}
	}
	return command{verb: line[:i], argument: trim(line[i:])}
}

// white is the white space of a line. That of Unicode is not: file names have it.
const white = " \t\r\n\v\f"

func trim(text string) string { return strings.Trim(text, white) }

func inputError(err error) error {
	return &report.Error{
		Stage: "input", Code: report.CodeDisk, File: "standard input", Err: fmt.Errorf("cannot be read: %w", err),
		Hint: "what was not committed is rolled back",
	}
}
