package plugins

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mmpush/mmpush/core/report"
)

// errTooSlow is the cause of a context that ends because a plugin took too long.
var errTooSlow = errors.New("too slow")

// deathTime is how long the news of a plugin's death may take to come.
const deathTime = 500 * time.Millisecond

// maxShown is how much of a plugin's text a message shows, in bytes.
const maxShown = 300

func pluginError(pin Pin, kind report.Kind, hint string, err error) *report.Error {
	return &report.Error{
		Stage: "plugin", Code: report.CodePlugin, Kind: kind, File: pin.Path,
		Err: fmt.Errorf("the plugin %s %w", pin.Name, err), Hint: hint,
	}
}

// unusable is about a plugin that the configuration names and that cannot be run.
func unusable(pin Pin, err error) error {
	return pluginError(pin, report.KindUsage, "mmpush plugin check PATH shows what a plugin is, and the line that pins it",
		fmt.Errorf("cannot be used: %w", err))
}

func wrongHash(pin Pin, sum string) error {
	return pluginError(pin, report.KindUsage,
		"if you have replaced the program on purpose, mmpush plugin check "+pin.Path+" prints the line that pins it; if not, find out who has",
		fmt.Errorf("is not the program that is pinned, and was not run: its SHA-256 is %s, pinned is %s", sum, pin.SHA256))
}

func badConfig(pin Pin, e *report.Error) error {
	hint := e.Hint
	if hint == "" {
		hint = "correct what stands under config: for it"
	}
	return pluginError(pin, report.KindUsage, hint, fmt.Errorf("refuses its configuration: %s", shorten(e.Err.Error())))
}

func noFolder(pin Pin, err error) error {
	return pluginError(pin, report.KindInternal, "plugins need room in the temporary folder; set TMPDIR to another one",
		fmt.Errorf("has no folder to run in: %w", err))
}

// lies is about an answer that cannot be true.
func (p *Plugin) lies(format string, args ...any) error {
	return p.fault("breaks the plugin protocol: " + fmt.Sprintf(format, args...))
}

// fault is about a plugin that does not work.
func (p *Plugin) fault(text string) error {
	if said := p.printed.String(); said != "" {
		text += "; it printed: " + shorten(said)
	}
	return pluginError(p.pin, report.KindInternal, "repair the plugin, or take it out of the configuration; mmpush plugin check "+p.pin.Path+" tries it out",
		errors.New(text))
}

func shorten(text string) string {
	text = clean(text)
	if len(text) <= maxShown {
		return text
	}
	return clean(text[:maxShown]) + "..."
}

// versionMismatch is how go-plugin says that the two speak different versions.
func versionMismatch() *regexp.Regexp {
	return regexp.MustCompile(`incompatible API version with plugin\. Plugin version: (-?\d+)`)
}

// noHandshake is about a program that did not become a plugin.
func (p *Plugin) noHandshake(err error) error {
	text := err.Error()
	if m := versionMismatch().FindStringSubmatch(text); m != nil {
		return pluginError(p.pin, report.KindUsage, "take a version of the plugin, or of mmpush, that speaks the other's",
			fmt.Errorf("speaks version %s of the plugin protocol; this mmpush speaks version %d", m[1], ProtocolVersion))
	}
	if strings.Contains(text, "timeout while waiting for plugin to start") {
		return p.fault(fmt.Sprintf("did not start within %s and was killed", p.options.StartTime))
	}
	if p.process != nil && p.process.started.Load() {
		if how, ended := p.death(); ended && how != "" && !strings.Contains(how, "killed") {
			return p.fault("ended before it was ready (" + how + ")")
		}
	}
	_, line, garbage := strings.Cut(text, "Unrecognized remote plugin message: ")
	if line = strings.TrimSpace(line); garbage && line == "" {
		return p.fault("said nothing: is it a plugin?")
	}
	if garbage {
		return p.fault(fmt.Sprintf("said %q instead of a handshake: is it a plugin?", shorten(line)))
	}
	return p.fault("could not be started: " + shorten(text))
}

// death waits a moment for the news that the program has ended, and for its last
// words.
func (p *Plugin) death() (how string, ended bool) {
	late := time.After(deathTime)
	for _, news := range []chan struct{}{p.process.exited, p.process.drained} {
		select {
		case <-news:
		case <-late:
			return p.process.ended()
		}
	}
	return p.process.ended()
}

// broke explains a call that failed. ctx is the call's; its cause is errTooSlow if
// the plugin took too long. Unless the caller has ended the call, the plugin is
// killed: who breaks once is not asked again.
func (p *Plugin) broke(ctx context.Context, call string, err error) error {
	if c := status.Code(err); c == codes.DeadlineExceeded || c == codes.Canceled {
		// The other side knows our deadline, and may be a bit ahead of us.
		select {
		case <-ctx.Done():
		case <-time.After(deathTime):
		}
	}
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(cause, errTooSlow) {
		return cause
	}
	told := p.explain(cause, call, err)
	_ = p.process.Kill(context.Background())
	return told
}

func (p *Plugin) explain(cause error, call string, err error) error {
	if _, ok := errors.AsType[*report.Error](err); ok {
		return err
	}
	if cause != nil {
		return p.fault(fmt.Sprintf("gave no answer to %s in time and was killed", call))
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.ResourceExhausted:
		return p.fault(fmt.Sprintf("has an answer to %s that is too large: %s", call, shorten(s.Message())))
	case codes.Unimplemented:
		return p.fault(fmt.Sprintf("does not know the call %s", call))
	}
	if how, ended := p.death(); ended {
		return p.fault(fmt.Sprintf("ended in the middle of %s (%s)", call, how))
	}
	return p.fault(fmt.Sprintf("failed in %s: %s", call, shorten(s.Message())))
}
