package plugins

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// The defaults of Options.
const (
	DefaultStartTime = 10 * time.Second
	DefaultCallTime  = 2 * time.Minute
	DefaultMemory    = 1 << 30
)

// Options are how a plugin is run. The zero value is usable.
type Options struct {
	// Config goes to the plugin: a JSON object, or nil.
	Config []byte
	// StartTime is how long a plugin may take to start, CallTime how long to answer
	// one call; a transport, which may take hours, how long without any progress. 0 is
	// the default.
	StartTime, CallTime time.Duration
	// Memory is how much each process of the plugin may have, in bytes, where the
	// system can limit it. 0 is the default.
	Memory uint64
	// Output gets what the plugin prints, as it comes; nil: only the last lines are
	// kept, for the message if the plugin fails.
	Output io.Writer
	// Host is our version, for the plugin to know.
	Host string
}

func (o Options) withDefaults() Options {
	o.StartTime = cmp.Or(o.StartTime, DefaultStartTime)
	o.CallTime = cmp.Or(o.CallTime, DefaultCallTime)
	o.Memory = cmp.Or(o.Memory, DefaultMemory)
	return o
}

// Plugin is one running plugin. It may be used by many goroutines.
type Plugin struct {
	// Name, Version and Kind are what the plugin says of itself.
	Name, Version string
	Kind          Kind
	// Protocol is the version of the protocol that was agreed on.
	Protocol int

	pin      Pin
	options  Options
	says     *pluginpb.DescribeResponse
	folder   *runFolder
	process  *process
	client   *goplugin.Client
	services *services
	printed  *tail
}

// Launch runs the pinned program as a plugin and asks what it is. The caller closes
// it. Nothing of the program runs unless its bytes are the pinned ones: they are
// copied to a private folder, hashed as they are written, and the copy is run.
//
// Errors are a *report.Error with report.CodePlugin that names the plugin. Whatever
// goes wrong, no process and no folder is left.
func Launch(ctx context.Context, pin Pin, o Options) (*Plugin, error) {
	return launch(ctx, pin, o, true)
}

// launch is Launch; a confined program may write to its own folder only, and has its
// home there.
func launch(ctx context.Context, pin Pin, o Options, confined bool) (*Plugin, error) {
	if err := pin.check(); err != nil {
		return nil, unusable(pin, err)
	}
	p := &Plugin{pin: pin, options: o.withDefaults(), printed: &tail{also: o.Output}}
	err := p.start(ctx, confined)
	if err == nil {
		err = p.introduce(ctx)
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// start brings the program to where it answers.
func (p *Plugin) start(ctx context.Context, confined bool) error {
	var err error
	if p.folder, err = newRunFolder(); err != nil {
		return noFolder(p.pin, err)
	}
	program, sum, err := p.folder.program(p.pin.Path)
	switch {
	case err != nil:
		return unusable(p.pin, err)
	case sum != p.pin.SHA256:
		return wrongHash(p.pin, sum)
	}
	p.services = &services{}
	born := make(chan *process, 1)
	config := &goplugin.ClientConfig{
		HandshakeConfig: handshake(), Plugins: goplugin.PluginSet{pluginName: p.services},
		AutoMTLS: true, AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, SkipHostEnv: true,
		StartTimeout: p.options.StartTime, Logger: hclog.NewNullLogger(),
		Stderr: p.printed, SyncStdout: p.printed, SyncStderr: p.printed,
		GRPCDialOptions:  []grpc.DialOption{callLimits()},
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: p.folder.sockets()},
		RunnerFunc: func(_ hclog.Logger, given *exec.Cmd, sockets string) (runner.Runner, error) {
			made := p.newProcess(program, given.Env, sockets, confined)
			born <- made
			return made, nil
		},
	}
	p.client = goplugin.NewClient(config)
	if err := p.connect(ctx, born); err != nil {
		return err
	}
	p.services.tls = config.TLSConfig
	p.Protocol = p.client.NegotiatedVersion()
	if err := p.services.dispense(p.client); err != nil {
		return p.noHandshake(err)
	}
	return nil
}

// newProcess is the program with a clean environment: its own, and what go-plugin
// tells it.
func (p *Plugin) newProcess(program string, told []string, sockets string, confined bool) *process {
	scratch := filepath.Join(p.folder.Path, scratchDir)
	marker := "MMPUSH_PLUGIN_RUN=" + filepath.Base(p.folder.Path)
	l := limits{memory: p.options.Memory, marker: marker}
	home := scratch
	if confined {
		l.writable = []string{scratch, sockets}
	} else if h, err := os.UserHomeDir(); err == nil {
		home = h
	}
	cmd := exec.Command(program)
	cmd.Dir = scratch
	cmd.Env = append([]string{marker, "HOME=" + home, "TMPDIR=" + scratch, "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", searchPath()}, told...)
	return &process{cmd: cmd, sockets: sockets, limits: l}
}

// searchPath is where programs of the system are.
func searchPath() string {
	if runtime.GOOS == "windows" {
		return "PATH=" + os.Getenv("SystemRoot") + `\System32`
	}
	return "PATH=/usr/local/bin:/usr/bin:/bin"
}

// connect starts the program; the end of ctx kills it.
func (p *Plugin) connect(ctx context.Context, born <-chan *process) error {
	result := make(chan error, 1)
	go func() {
		_, err := p.client.Client()
		result <- err
	}()
	for {
		select {
		case p.process = <-born:
		case err := <-result:
			if p.process == nil && len(born) > 0 {
				p.process = <-born
			}
			if err != nil {
				return p.noHandshake(err)
			}
			return nil
		case <-ctx.Done():
			p.stopStarting(born, result)
			return context.Cause(ctx)
		}
	}
}

// stopStarting ends a start that is under way: the program is killed as soon as there
// is one.
func (p *Plugin) stopStarting(born <-chan *process, result <-chan error) {
	for {
		if p.process != nil {
			_ = p.process.Kill(context.Background())
		}
		select {
		case p.process = <-born:
		case <-result:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// introduce asks the plugin what it is, and configures it.
func (p *Plugin) introduce(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.options.StartTime, errTooSlow)
	defer cancel()
	says, err := p.services.plugin.Describe(ctx, &pluginpb.DescribeRequest{MmpushVersion: p.options.Host})
	if err != nil {
		return p.broke(ctx, "Describe", err)
	}
	p.says, p.Name, p.Version, p.Kind = says, says.GetName(), says.GetVersion(), Kind(says.GetKind())
	if p.Name == "" || p.Version == "" || p.Kind != KindVerifier && p.Kind != KindTransport {
		return p.lies("it says that it is the %q %q of version %q", p.Kind, p.Name, p.Version)
	}
	return nil
}

// configure hands the configuration over; it is called once.
func (p *Plugin) configure(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.options.StartTime, errTooSlow)
	defer cancel()
	r, err := p.services.plugin.Configure(ctx, &pluginpb.ConfigureRequest{ConfigJson: p.options.Config})
	if err != nil {
		return p.broke(ctx, "Configure", err)
	}
	if r.GetError() != nil {
		return badConfig(p.pin, errorFromPB(r.GetError()))
	}
	return nil
}

// closeTime is how long a plugin may take to end when it is told to.
const closeTime = time.Second

// Close ends the plugin: it is told to, and killed if it does not.
func (p *Plugin) Close() {
	p.services.close()
	told := make(chan struct{})
	go func() {
		defer close(told)
		p.client.Kill()
	}()
	select {
	case <-p.process.exited:
	case <-time.After(closeTime):
	}
	_ = p.process.Kill(context.Background())
	<-told
	p.folder.remove()
}

// kill ends a plugin that has shown that it cannot be trusted to end by itself.
func (p *Plugin) kill() {
	if p.services != nil {
		p.services.close()
	}
	if p.process != nil {
		_ = p.process.Kill(context.Background())
	}
	if p.client != nil {
		p.client.Kill()
	}
	if p.folder != nil {
		p.folder.remove()
	}
}

// alive reports whether the program still runs.
func (p *Plugin) alive() bool {
	_, ended := p.process.ended()
	return !ended
}

// check sees whether the plugin can do what it is wanted for.
func (p *Plugin) check(want Kind) error {
	if p.Kind != want {
		return unusable(p.pin, fmt.Errorf("is a %s, not a %s", p.Kind, want))
	}
	return nil
}
