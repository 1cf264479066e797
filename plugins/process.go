package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// pipeGrace is how long what a dead plugin has printed may take to be read.
const pipeGrace = 200 * time.Millisecond

// process runs a plugin's program, in a process group of its own, with limits, and
// leaves none of its processes behind.
type process struct {
	cmd *exec.Cmd
	// sockets is the folder that the plugin's socket has to be in.
	sockets string
	limits  limits

	stdout, stderr *os.File
	// alive is the other end of the plugin's standard input: it is closed when we die.
	alive *os.File

	started atomic.Bool
	// exited is closed when the program has ended and was reaped; then state says how.
	exited chan struct{}
	// drained is closed when all that it has printed was read.
	drained chan struct{}
	state   *os.ProcessState

	mu     sync.Mutex
	reaped bool
}

var _ runner.Runner = (*process)(nil)

// limits are what the system holds a plugin to.
type limits struct {
	// memory is the bytes of memory that each of its processes may have; 0: no limit.
	memory uint64
	// writable are the only folders that it may write to; empty: no limit.
	writable []string
	// marker stands in the environment of all its processes.
	marker string
}

// Start implements [runner.Runner].
func (p *process) Start(context.Context) error {
	stdin, alive, err := os.Pipe()
	if err != nil {
		return err
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		closeAll(stdin, alive)
		return err
	}
	stderr, errOut, err := os.Pipe()
	if err != nil {
		closeAll(stdin, alive, stdout, out)
		return err
	}
	p.alive, p.stdout, p.stderr = alive, stdout, stderr
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, out, errOut
	p.exited, p.drained = make(chan struct{}), make(chan struct{})
	running := make(chan error, 1)
	go p.live(running)
	err = <-running
	closeAll(stdin, out, errOut)
	if err != nil {
		closeAll(alive, stdout, stderr)
		return err
	}
	p.started.Store(true)
	return nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// live starts the program and stays until it has ended.
func (p *process) live(running chan<- error) {
	defer close(p.exited)
	p.prepare()
	err := p.confine()
	if err == nil {
		err = p.cmd.Start()
	}
	if err == nil {
		if err = p.restrict(); err != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	}
	running <- err
	if err != nil {
		return
	}
	p.reap()
	p.killStragglers()
	// Whoever reads what it printed gets all of it, and does not wait for a process
	// that has got away with the other end.
	for _, f := range []*os.File{p.stdout, p.stderr} {
		_ = f.SetReadDeadline(time.Now().Add(pipeGrace))
	}
}

// wait reaps the program that has ended, or waits for its end.
func (p *process) wait() {
	// How it ended is in the state.
	_ = p.cmd.Wait()
	p.state = p.cmd.ProcessState
}

// Wait implements [runner.AttachedRunner]; it is called once, when nothing more can be
// read.
func (p *process) Wait(context.Context) error {
	close(p.drained)
	<-p.exited
	closeAll(p.alive, p.stdout, p.stderr)
	if p.state.Success() {
		return nil
	}
	return errors.New(p.state.String())
}

// Kill implements [runner.AttachedRunner]: it ends all processes of the plugin and
// waits for that.
func (p *process) Kill(context.Context) error {
	if !p.started.Load() {
		return nil
	}
	p.mu.Lock()
	if !p.reaped {
		p.killGroup()
	}
	p.mu.Unlock()
	<-p.exited
	return nil
}

// ended reports whether the program has ended, and how.
func (p *process) ended() (how string, ok bool) {
	select {
	case <-p.exited:
		if p.state == nil {
			return "", true
		}
		return p.state.String(), true
	default:
		return "", false
	}
}

// Stdout implements [runner.Runner].
func (p *process) Stdout() io.ReadCloser { return p.stdout }

// Stderr implements [runner.Runner].
func (p *process) Stderr() io.ReadCloser { return p.stderr }

// Name implements [runner.Runner].
func (p *process) Name() string { return filepath.Base(p.cmd.Path) }

// ID implements [runner.AttachedRunner].
func (p *process) ID() string {
	if !p.started.Load() {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose implements [runner.Runner]; our own messages say more.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost implements [runner.AddrTranslator]. We connect to nothing but the
// socket of our own plugin, whatever it says.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	if err := p.checkAddress(network, address); err != nil {
		return "", "", fmt.Errorf("the plugin listens on %s %q: %w", network, address, err)
	}
	return network, address, nil
}

// HostToPlugin implements [runner.AddrTranslator].
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
