package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/procgroup"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

const (
	// defaultTimeout is how long a program may take.
	defaultTimeout = 5 * time.Minute
	// outputLimit is how many bytes it may print, errorLimit how many of its standard
	// error are kept.
	outputLimit = 1 << 20
	errorLimit  = 2 << 10
	// killWait is how long the pipes of a program that has ended may stay open.
	killWait = 2 * time.Second
)

// settings are what the repository says.
type settings struct {
	Run []string `json:"run"`
}

// Verifier runs one program.
type Verifier struct {
	argv    []string
	timeout time.Duration
	// temp is where the private folders are made.
	temp string
}

var _ verify.Verifier = (*Verifier)(nil)

// New makes the verifier; a timeout of 0 is the default, temp the folder where copies of
// uploads are made.
func New(text []byte, timeout time.Duration, temp string) (*Verifier, error) {
	var s settings
	if err := config.Decode(text, &s); err != nil {
		return nil, err
	}
	if len(s.Run) == 0 || !filepath.IsAbs(s.Run[0]) {
		return nil, errors.New("run: is a list of words, the first of which is the absolute path of a program")
	}
	for _, word := range s.Run {
		if strings.ContainsRune(word, 0) {
			return nil, errors.New("run: a word holds a NUL byte")
		}
	}
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &Verifier{s.Run, timeout, temp}, nil
}

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	f, err := newFolder(v.temp)
	if err != nil {
		return nil, err
	}
	defer f.Remove()
	if err := f.show(ctx, u); err != nil {
		return nil, err
	}
	out, status, err := v.run(ctx, f, u)
	if err != nil {
		return nil, err
	}
	findings := newReader(f.files(), u).findings(out, status)
	if status == 0 && report.Refused(findings) {
		return nil, v.broke(errors.New("its exit status is 0, and a line of its output refuses the upload"), "")
	}
	return findings, nil
}

// run runs the program to its end.
func (v *Verifier) run(ctx context.Context, f folder, u upload.Upload) (out []byte, status int, err error) {
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	facts, err := factsOf(u)
	if err != nil {
		return nil, 0, err
	}
	var argv []string
	place := strings.NewReplacer("{folder}", f.files(), "{manifest}", filepath.Join(f.files(), u.Name))
	for _, word := range v.argv[1:] {
		argv = append(argv, place.Replace(word))
	}
	stdout, stderr := &limitedBuffer{limit: outputLimit, over: cancel}, &tail{limit: errorLimit}
	cmd := exec.CommandContext(limited, v.argv[0], argv...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = f.files(), bytes.NewReader(facts), stdout, stderr, killWait
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + f.scratch(), "TMPDIR=" + f.scratch()}
	procgroup.Make(cmd)
	err = cmd.Run()
	procgroup.End(cmd)
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return nil, 0, context.Cause(ctx)
	case stdout.full:
		return nil, 0, v.broke(fmt.Errorf("it printed more than %d bytes", outputLimit), stderr.text())
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		return nil, 0, v.broke(fmt.Errorf("it took longer than %s", v.timeout), stderr.text())
	case err == nil:
		return stdout.data, 0, nil
	case ended && exit.ExitCode() == 1:
		return stdout.data, 1, nil
	case errors.Is(err, exec.ErrWaitDelay):
		return nil, 0, v.broke(errors.New("it has left a process running"), stderr.text())
	case ended:
		return nil, 0, v.broke(fmt.Errorf("it ended with %s", exit.ProcessState), stderr.text())
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return nil, 0, v.broke(fmt.Errorf("it cannot be run: %w", err), "")
}

// broke is about a program that has given no answer.
func (v *Verifier) broke(err error, printed string) error {
	if printed != "" {
		err = fmt.Errorf("%w; it printed: %s", err, printed)
	}
	return &report.Error{
		Stage: "verify", Code: report.CodeExecBroke, Kind: report.KindInternal, File: v.argv[0], Err: err,
		Hint: "nothing is published without an answer of it; run it by hand, or correct the verifier exec in the repository's settings",
	}
}

// facts are what the program is told on its standard input.
type facts struct {
	Schema   int    `json:"schema"`
	Manifest string `json:"manifest"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Files    []fact `json:"files"`
}

type fact struct {
	Name         string `json:"name"`
	Size         int64  `json:"size"`
	SHA256       string `json:"sha256"`
	Architecture string `json:"architecture,omitempty"`
	Package      string `json:"package,omitempty"`
}

func factsOf(u upload.Upload) ([]byte, error) {
	if u.Manifest == nil {
		return nil, fmt.Errorf("an upload of kind %q has no manifest", u.Kind)
	}
	all := facts{report.Schema, u.Name, u.Manifest.Name, u.Manifest.Version, []fact{}}
	for _, r := range u.Received {
		all.Files = append(all.Files, fact{r.Name, r.ActualSize, r.ActualSHA256, r.Arch, r.PackageName})
	}
	return json.Marshal(all)
}
