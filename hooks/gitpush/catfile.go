package gitpush

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// errNoObject is about an object that git does not have either.
var errNoObject = errors.New("the repository has no such object")

// talk is a `git cat-file` that answers one question after the other.
type talk struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// startTalk starts one in the mode --batch or --batch-check.
func (g git) startTalk(ctx context.Context, mode string) (*talk, error) {
	cmd := g.command(ctx, "cat-file", mode)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return &talk{cmd, in, bufio.NewReader(out)}, nil
}

// ask returns what git says of an object.
func (t *talk) ask(id ID) (kind plumbing.ObjectType, size int64, err error) {
	if _, err := io.WriteString(t.in, id.String()+"\n"); err != nil {
		return 0, 0, fmt.Errorf("git cat-file: %w", err)
	}
	line, err := t.out.ReadString('\n')
	if err != nil {
		return 0, 0, fmt.Errorf("git cat-file: %w", err)
	}
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != id.String() {
		return 0, 0, fmt.Errorf("object %s: %w", id, errNoObject)
	}
	kind, err = plumbing.ParseObjectType(words[1])
	if err == nil {
		size, err = strconv.ParseInt(words[2], 10, 64)
	}
	return kind, size, err
}

// content returns an object of a known size.
func (t *talk) content(id ID, size int64) ([]byte, error) {
	_, now, err := t.ask(id)
	if err != nil || now != size {
		return nil, errors.Join(err, fmt.Errorf("object %s: git gives %d bytes of %d", id, now, size))
	}
	data := make([]byte, size+1)
	if _, err := io.ReadFull(t.out, data); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return data[:size], nil
}

// end lets the program go.
func (t *talk) end() {
	_ = t.in.Close()
	_, _ = io.Copy(io.Discard, t.out)
	_ = t.cmd.Wait()
}

// stream is a blob on its way out of a `git cat-file` of its own.
type stream struct {
	cmd    *exec.Cmd
	out    io.ReadCloser
	stop   context.CancelFunc
	stderr *bytes.Buffer
	ended  bool
}

// blob starts the reading of a blob. Memory is git's matter: it keeps a difference
// and what it differs from, and streams everything else.
func (g git) blob(ctx context.Context, id ID) (io.ReadCloser, error) {
	ctx, stop := context.WithCancel(ctx)
	cmd := g.command(ctx, "-c", "core.bigFileThreshold=1m", "cat-file", "blob", id.String())
	s := &stream{cmd: cmd, stop: stop, stderr: &bytes.Buffer{}}
	cmd.Stderr = &limited{to: s.stderr, left: 1 << 10}
	var err error
	if s.out, err = cmd.StdoutPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return s, nil
}

// Read ends with an error if git did.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.out.Read(p)
	if errors.Is(err, io.EOF) && !s.ended {
		s.ended = true
		if werr := s.cmd.Wait(); werr != nil {
			return n, fmt.Errorf("git cat-file: %w: %s", werr, strings.TrimSpace(s.stderr.String()))
		}
	}
	return n, err
}

// Close ends git if it has not ended yet.
func (s *stream) Close() error {
	s.stop()
	if !s.ended {
		s.ended = true
		_ = s.cmd.Wait()
	}
	return nil
}

// limited keeps the first bytes and takes all.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	part := p[:min(len(p), l.left)]
	l.left -= len(part)
	if _, err := l.to.Write(part); err != nil {
		return 0, err
	}
	return len(p), nil
}
