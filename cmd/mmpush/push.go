package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

type pushCmd struct {
	Manifests []string `arg:"" name:"manifest" complete:"manifest" help:"The .mmpack-manifest files, with their packages beside them; or pacman packages, for a pacman repository."`

	To             *string `placeholder:"TARGET" complete:"target" help:"Where to publish: the folder of a repository, a server: tupkgs://[USER@]HOST[:PORT], a machine with mmpush: ssh://[USER@]HOST[:PORT]/REPO, a drop folder: sftp://[USER@]HOST[:PORT]/FOLDER, or the name of a target or a set in the configuration. Default: $$MMPUSH_TO."`
	Init           bool    `help:"Make the repository if it is not there; needs --arch."`
	Arch           string  `placeholder:"ARCH" help:"Architecture of the repository that --init makes, such as amd64-debian."`
	Rebuild        bool    `help:"Ask to replace a published version by other bytes."`
	AllowDowngrade bool    `help:"Ask to publish a version that is less than the published one."`
	TakeOver       bool    `help:"Ask to take a package over from another source."`
	Partial        bool    `help:"Publish in a set what is there, and leave out the architectures that are missing."`
	DryRun         bool    `short:"n" help:"Do everything but publish, and show what would happen."`
	findFlags
	PublicURL string `name:"public-url" placeholder:"URL" help:"The folder on a web server that clients of the repository read. With --output=github, what may not be published (a pull request from a fork, no credential) is planned on it."`
	remoteFlags
	sshFlags
	LockWait time.Duration `setting:"lock-wait" default:"60s" placeholder:"DURATION" help:"How long to wait while another program changes the repository. Default: 60s."`

	verifierFlags
	transportFlags
	// remote: the target is not a folder of this machine.
	remote bool
}

// Help is shown by --help.
func (*pushCmd) Help() string {
	return `Each manifest is published on its own, one after the other; the exit code is the worst of them: ` +
		`130, 1, 2, 5, 6, 7, 4, 3, 8, 0 from the worst. Pushing what is published already, byte for byte, is a success ("unchanged"). ` +
		`A server is tupkgs://USER@HOST (TLS), with ?fingerprint=sha256:HEX for a certificate of its own, or tupkg://USER@localhost; ` +
		`?v=1 asks for the old version of the protocol. A lost connection is tried again, and an upload that was cut short goes on where it stopped. ` +
		`ssh:// and sftp:// run your own ssh; in both, /~/ is the home folder there. ` +
		`To a set, all manifests are parts of one source: it is published in all its repositories, as one decision, or in none; where the set expects architectures that are not there, the parts wait (exit code 8). ` +
		`Verifiers in the repository's settings are asked about each upload, and those of --verifier besides.`
}

func (c *pushCmd) run(ctx context.Context, a *app) (doc any, code int) {
	found, err := c.expand(ctx, c.Manifests)
	if err != nil {
		return a.fail(err)
	}
	if c.Manifests = found; len(found) == 0 {
		return a.nothingToDo()
	}
	if why := a.foreign(); why != "" {
		return c.preview(ctx, a, action.Remark{Level: "notice", Text: why + " is not published"})
	}
	doc, code, err = c.publish(ctx, a)
	if a.runner != nil && errors.Is(err, tupkg.ErrNoPassword) {
		return c.preview(ctx, a, action.Remark{Level: "warning", Text: "nothing is published: " + err.Error()})
	}
	if err != nil {
		return a.fail(err)
	}
	return doc, code
}

// publish pushes the manifests; an error is about all of them.
func (c *pushCmd) publish(ctx context.Context, a *app) (doc any, code int, err error) {
	if slices.ContainsFunc(c.Manifests, isPackage) {
		return c.pushPacman(ctx, a)
	}
	if s, ok := c.set(a); ok {
		return c.pushSet(ctx, a, s)
	}
	if c.Partial {
		return nil, 0, wrongUsage("leave it out, or name a set of the configuration as the target", "--partial goes with a set of repositories")
	}
	t, done, err := c.open(ctx, a)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	doc, code = c.each(ctx, a, t)
	return doc, code, nil
}

func (c *pushCmd) each(ctx context.Context, a *app, t opened) (doc any, code int) {
	return a.each(ctx, c.Manifests, func(ctx context.Context, u upload.Upload, shown *progress) (report.Report, error) {
		o := c.options(a, shown)
		first, err := c.verifyFirst(ctx, a, u, o)
		if err != nil || report.Refused(first.Findings) {
			return first, err
		}
		rep, err := c.untilPublic(ctx, a, func() (report.Report, error) { return t(o).Push(ctx, u) })
		rep.Findings = append(first.Findings, rep.Findings...)
		return rep, err
	})
}

func (c *pushCmd) options(a *app, shown *progress) transport.Options {
	return transport.Options{
		Rebuild: c.Rebuild, Downgrade: c.AllowDowngrade, TakeOver: c.TakeOver,
		DryRun: c.DryRun, LockWait: c.LockWait, Program: program("push"), Waiting: a.waiting,
		Progress: shown.tell, Sending: shown.send, Notice: shown.notice,
	}
}

// waiting tells whom the repository is busy with: else a wait looks like a hang.
func (a *app) waiting(holder string) {
	a.err.line("mmpush: waiting for the repository: it is locked by %s", holder)
}

// open checks the arguments and opens the target. The caller calls done at the end.
func (c *pushCmd) open(ctx context.Context, a *app) (t opened, done func(), err error) {
	d, err := c.target(a)
	if err != nil {
		return nil, nil, err
	}
	for flag, wait := range map[string]time.Duration{"lock-wait": c.LockWait, "retry-for": c.RetryFor} {
		if wait < 0 {
			return nil, nil, wrongUsage("give a time such as 60s or 5m", "--%s=%s: a time cannot be negative", flag, wait)
		}
	}
	var init *repo.InitOptions
	if c.Init {
		init = &repo.InitOptions{Arch: c.Arch}
	}
	switch {
	case c.Init && c.Arch == "":
		return nil, nil, wrongUsage("add --arch ARCH, such as --arch amd64-debian", "--init needs the architecture of the repository")
	case !c.Init && c.Arch != "":
		return nil, nil, wrongUsage("leave --arch out, or add --init", "--arch goes with --init: a repository knows its architecture")
	case c.Init && manifest.ValidArch(c.Arch) != nil:
		return nil, nil, wrongArch(c.Arch)
	}
	if err := c.ask(a); err != nil {
		return nil, nil, err
	}
	carriers, err := c.carriers(a)
	if err != nil {
		return nil, nil, err
	}
	c.remote = d.target.Scheme != "dir"
	if !c.remote {
		a.runner.publishesTo(d.target.Path)
	}
	d.init, d.dryRun, d.remote, d.ssh = init, c.DryRun, c.remoteFlags, c.sshFlags
	return a.openTarget(ctx, carriers, d)
}

// verifyFirst asks the verifiers of the command line about an upload that goes to
// another machine: there nobody knows them.
func (c *pushCmd) verifyFirst(ctx context.Context, a *app, u upload.Upload, o transport.Options) (report.Report, error) {
	if !c.remote || len(c.Verifier) == 0 {
		return report.Report{}, nil
	}
	return pipeline.Check(ctx, u, "", pipeline.Options{Progress: o.Progress}, a.askedVerifiers())
}

// target is where to publish: what the flag or the configuration says, which may be the
// name of a target.
func (c *pushCmd) target(a *app) (destination, error) {
	v := a.setting(c.To, "--to", "to")
	if c.To == nil && v.Text == "" {
		return destination{}, wrongUsage("add --to FOLDER, or set MMPUSH_TO; mmpush init FOLDER --arch ARCH makes a new repository",
			"nothing says where to publish")
	}
	var d destination
	if t, ok := a.config.Target(v.Text); ok {
		d.named, v = t, t.To
	} else if err := a.misspelt(v); err != nil {
		return d, err
	}
	var err error
	d.origin = v.Origin
	if d.target, err = transport.ParseTarget(v.Place()); err != nil {
		return d, wrongUsage("give the folder of a repository, or a server such as tupkgs://me@host", "%s: %w", v.Origin, err)
	}
	return d, nil
}

func wrongArch(arch string) error {
	return wrongUsage("an architecture is such as amd64-debian", "--arch %q: %w", visible(arch), manifest.ValidArch(arch))
}
