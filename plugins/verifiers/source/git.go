package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

const (
	// gitTimeout is how long git may take, for both of its calls.
	gitTimeout = 5 * time.Minute
	// killWait is how long its pipes may stay open after its end.
	killWait = 2 * time.Second
	// gitErrors is how much of what it prints is kept.
	gitErrors = 2 << 10
)

// git compares a tarball with the commit of a tag.
func (e *examiner) git(ctx context.Context, t *tree, repository, tag string) error {
	limited, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	g := git{limited, repository}
	commit, err := g.commit(tag)
	if err != nil {
		return err
	}
	if commit == "" {
		e.add(report.CodeTag, "", tag, "", "the git repository of this source has no tag of that name",
			"push the tag, then publish again; "+repository+" is what the settings of the verifier source name")
		return nil
	}
	want := &tree{limits: e.v.limits, keep: true}
	if err := g.archive(commit, want); err != nil {
		return err
	}
	e.differences(t.nodes, want.nodes, tag, commit)
	return nil
}

// differences tells what one of both has, or has otherwise.
func (e *examiner) differences(got, want map[string]node, tag, commit string) {
	delete(got, tracingName)
	delete(want, tracingName)
	at := fmt.Sprintf("tag %s, commit %.12s", tag, commit)
	all := slices.Sorted(maps.Keys(want))
	for name := range got {
		if _, both := want[name]; !both {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for _, name := range all {
		g, there := got[name]
		w, meant := want[name]
		what := ""
		switch {
		case !meant:
			what = "the file is in the source tarball, but not in git"
		case !there:
			what = "the file is in git, but not in the source tarball"
		case g.kind != w.kind || g.hash != w.hash:
			what = "the file has other bytes than in git"
		case g.executable != w.executable:
			what = "the file may be executed in one of the source tarball and git only"
		default:
			continue
		}
		e.add(report.CodeTag, name, at, "", what, "build from a clean checkout of the tag")
	}
}

// git is the program git for one repository.
type git struct {
	ctx        context.Context
	repository string
}

// commit is that of a tag; empty if there is no such tag.
func (g git) commit(tag string) (string, error) {
	// No tag can hold these, and git would take "1.0~1" for the parent of 1.0.
	if strings.ContainsAny(tag, "~^:?*[\\ ") || strings.Contains(tag, "..") || strings.Contains(tag, "@{") {
		return "", nil
	}
	var out limitedBuffer
	status, err := g.run(&out, "rev-parse", "--verify", "--quiet", "--end-of-options", "refs/tags/"+tag+"^{commit}")
	if err != nil || status == 1 {
		return "", err
	}
	hex := strings.TrimSpace(out.String())
	if status != 0 || len(hex) < 40 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", g.broke(fmt.Errorf("gives no commit for the tag %s", tag))
	}
	return hex, nil
}

// archive reads what git archive writes of a commit.
func (g git) archive(commit string, t *tree) error {
	r, w := io.Pipe()
	read := make(chan error, 1)
	go func() {
		err := t.read(r)
		// Whoever stops reading lets git end.
		_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		read <- err
	}()
	status, err := g.run(w, "archive", "--format=tar", commit)
	if err == nil && status != 0 {
		err = g.broke(fmt.Errorf("ended with exit status %d", status))
	}
	_ = w.CloseWithError(err) // nil is the end of the file
	// If nobody could read it on, git broke for that.
	if bad := <-read; errors.Is(bad, archive.ErrLimit) || errors.Is(bad, archive.ErrFormat) {
		err = g.broke(fmt.Errorf("what it archives cannot be read: %w", bad))
	}
	if err == nil && len(t.problems) > 0 {
		err = g.broke(fmt.Errorf("what it archives cannot be unpacked: %s: %s", report.Shown(t.problems[0].Member), t.problems[0].Text))
	}
	return err
}

// run runs git to its end.
func (g git) run(out io.Writer, args ...string) (status int, err error) {
	cmd := exec.CommandContext(g.ctx, "git", append([]string{"--git-dir=" + g.repository}, args...)...)
	var stderr limitedBuffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = out, &stderr, killWait
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1",
	}
	err = cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case g.ctx.Err() != nil && errors.Is(context.Cause(g.ctx), context.Canceled):
		return 0, context.Canceled
	case g.ctx.Err() != nil:
		return 0, g.broke(fmt.Errorf("took longer than %s", gitTimeout))
	case err == nil:
		return 0, nil
	case ended && exit.ExitCode() == 1 && stderr.Len() == 0:
		return 1, nil
	case ended:
		return 0, g.broke(fmt.Errorf("%s: %s", exit.ProcessState, report.Shown(strings.TrimSpace(stderr.String()))))
	}
	return 0, g.broke(err)
}

func (g git) broke(err error) error {
	return &report.Error{
		Stage: "verify", Code: report.CodeSettings, Kind: report.KindUsage, File: g.repository, Err: fmt.Errorf("git %w", err),
		Hint: "the settings of the verifier source name this git repository; it has to be there, and the user that publishes has to be able to read it",
	}
}

// limitedBuffer keeps the first bytes of what is written.
type limitedBuffer struct{ bytes.Buffer }

// Write implements [io.Writer].
func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, gitErrors-b.Len()))])
	return len(p), nil
}
