package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/procgroup"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
)

const (
	// completeTime is how long the program may take that runs after an upload.
	completeTime = time.Minute
	// completeOutput is how much of what it prints is logged, in bytes.
	completeOutput = 8 << 10
)

// completed are the facts that the program gets.
type completed struct {
	server.Completion
	// Repository and Folder are absolute paths: of the repository, and of the user's
	// incoming folder.
	Repository string `json:"repository"`
	Folder     string `json:"folder"`
}

// complete is what runs the program, nil without one.
func (f *acceptFlags) complete(repository, incoming string, log *slog.Logger) (func(context.Context, server.Completion) error, error) {
	if f.OnComplete == "" {
		return nil, nil
	}
	program, err := exec.LookPath(f.OnComplete)
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err == nil {
		repository, err = filepath.Abs(repository)
	}
	if err != nil {
		return nil, &report.Error{
			Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, File: f.OnComplete, Err: err,
			Hint: "--on-complete takes the path of one program, without arguments; a script of yours can add them",
		}
	}
	limit := cmp.Or(time.Duration(f.OnCompleteTime), completeTime)
	return func(ctx context.Context, c server.Completion) error {
		text, err := json.Marshal(completed{c, repository, filepath.Join(incoming, c.User)})
		if err != nil {
			return err
		}
		return runProgram(ctx, program, limit, log.With("id", c.Request), text, string(c.Result), c.User)
	}, nil
}

// runProgram runs a program to its end, with nothing of this process's environment, and
// logs what it prints. At the end of its time, what it has started is ended too.
func runProgram(ctx context.Context, program string, limit time.Duration, log *slog.Logger, stdin []byte, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := &firstBytes{room: completeOutput}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Dir(program)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), out, out
	cmd.WaitDelay = 2 * time.Second
	procgroup.Make(cmd)
	began := time.Now()
	err := cmd.Run()
	log.Info("on-complete", "program", program, "args", args, "took", time.Since(began).Round(time.Millisecond), "error", err, "output", out.text())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil {
		return fmt.Errorf("it ended with %s", exit.ProcessState)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it took longer than %s", limit)
	}
	return err
}

// firstBytes keeps the first bytes that are written to it, and counts the rest.
type firstBytes struct {
	kept []byte
	room int
	more int
}

// Write never fails.
func (f *firstBytes) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.kept = append(f.kept, p[:n]...)
	f.room -= n
	f.more += len(p) - n
	return len(p), nil
}

func (f *firstBytes) text() string {
	if f.more > 0 {
		return fmt.Sprintf("%s… and %d bytes more", f.kept, f.more)
	}
	return string(f.kept)
}
