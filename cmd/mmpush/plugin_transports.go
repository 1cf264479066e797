package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/plugins"
)

// transportFlags are for the verbs that push.
type transportFlags struct {
	Transport []string `sep:"none" placeholder:"SCHEME=PATH@sha256:HEX" help:"Push to SCHEME:// by this plugin; may be given several times. Default: $$MMPUSH_TRANSPORTS, by white space, or the configuration."`
}

// pins are the plugins of the flags or, without one, of the configuration.
func (f transportFlags) pins(a *app) ([]plugins.Pin, error) {
	if len(f.Transport) > 0 {
		return parsePins("--transport", f.Transport)
	}
	v := a.config.Value("transports")
	return parsePins(v.Origin.String(), strings.Fields(v.Text))
}

// carriers are the ways to a repository that are plugins, by scheme.
func (f transportFlags) carriers(a *app) (map[string]opener, error) {
	pins, err := f.pins(a)
	if err != nil {
		return nil, err
	}
	all := map[string]opener{}
	for _, pin := range pins {
		if _, taken := transports()[pin.Name]; taken {
			return nil, wrongUsage("give it another scheme", "the transport %s: %s:// is built in", pin.Name, pin.Name)
		}
		all[pin.Name] = openCarrier(pin)
	}
	return all, nil
}

// openCarrier opens a target by a plugin.
func openCarrier(pin plugins.Pin) opener {
	return func(_ context.Context, a *app, d destination) (opened, func(), error) {
		if flag := cmp.Or(d.remote.given(), d.ssh.given()); flag != "" {
			return nil, nil, wrongUsage("leave it out", "%s goes with a server; the target is a plugin's", flag)
		}
		carrier := plugins.NewTransport(pin, a.pluginOptions(pin.Name))
		a.plugins.mu.Lock()
		defer a.plugins.mu.Unlock()
		a.plugins.carriers = append(a.plugins.carriers, carrier)
		target := d.target.URL.String()
		return func(o transport.Options) transport.Transport { return carrier.To(target, o) }, func() {}, nil
	}
}
