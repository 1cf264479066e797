package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// detach leaves the work to a process of its own, and passes on what that says until
// it has ended or the pusher has waited long enough.
func (p *push) detach(ctx context.Context) (doc any, code int) {
	work, err := p.git.NewWork()
	if err == nil {
		err = work.Set(gitpush.Status{Result: "running", Started: time.Now().UTC()})
	}
	if err != nil {
		return p.fail(err)
	}
	cmd, said, err := p.worker(work.ID)
	if err != nil {
		return p.fail(err)
	}
	ended := make(chan error, 1)
	lines := make(chan string)
	go func() {
		in := bufio.NewReader(said)
		for {
			line, err := in.ReadString('\n')
			if line != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
				}
			}
			if err != nil {
				break
			}
		}
		ended <- cmd.Wait()
	}()
	limit := time.NewTimer(p.config.Detach)
	defer limit.Stop()
	for {
		select {
		case line := <-lines:
			_, _ = io.WriteString(p.Stderr, line)
		case err := <-ended:
			if err != nil && cmd.ProcessState.ExitCode() < 0 {
				return p.fail(&report.Error{Stage: "push", Code: report.CodeInternal, Err: err, Hint: "mmpush hook post-receive --unpublished goes on with it"})
			}
			return pushAnswer{Schema: report.Schema, ID: work.ID}, cmd.ProcessState.ExitCode()
		case <-limit.C:
			p.voice.Insist("mmpush", "the work goes on without you; its id is "+work.ID)
			p.voice.Insist("hint", "on the server: mmpush status "+work.ID+" --git-dir "+p.git.Path)
			return pushAnswer{Schema: report.Schema, Result: "accepted", ID: work.ID}, exitAccepted
		case <-ctx.Done():
			return p.fail(ctx.Err())
		}
	}
}

// worker starts this program again, for the same push. It gets a pipe, so that nothing
// of git waits for its end.
func (p *push) worker(id string) (*exec.Cmd, io.ReadCloser, error) {
	self, err := selfPath(p.Args0)
	if err != nil {
		return nil, nil, err
	}
	args := []string{"hook", "post-receive", "--worker=" + id, "--git-dir=" + p.git.Path, "--lock-wait=" + p.flags.LockWait.String()}
	if p.flags.Repo != nil {
		args = append(args, "--repo="+p.config.Targets[0].Repository)
		for _, ref := range p.flags.Refs {
			args = append(args, "--refs="+ref)
		}
	}
	if p.flags.Users != nil {
		args = append(args, "--users="+p.config.Users)
	}
	if p.flags.As != nil {
		args = append(args, "--as="+*p.flags.As)
	}
	if p.unpublished {
		args = append(args, "--unpublished")
	}
	cmd := exec.Command(self, args...)
	cmd.Env, cmd.Dir = p.Environ, p.git.Path
	ownSession(cmd)
	in, err := os.CreateTemp("", "mmpush-push-")
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	// Nobody needs its name.
	_ = os.Remove(in.Name())
	if _, err := io.Copy(in, bytes.NewReader(p.input)); err != nil {
		return nil, nil, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	cmd.Stdin = in
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	return cmd, said, cmd.Start()
}

// selfPath is the path that this program was started by, which is what stays when a
// new version is installed.
func selfPath(args0 string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	started := args0
	if !strings.ContainsRune(started, filepath.Separator) {
		if started, err = exec.LookPath(started); err != nil {
			return self, nil
		}
	}
	if started, err = filepath.Abs(started); err != nil {
		return self, nil
	}
	a, err := os.Stat(started)
	if err != nil {
		return self, nil
	}
	if b, err := os.Stat(self); err != nil || !os.SameFile(a, b) {
		return self, nil
	}
	return started, nil
}
