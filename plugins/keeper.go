package plugins

import (
	"context"
	"errors"
	"sync"
)

// keeper has one plugin running from its first use to its end, and starts it anew
// after it has failed.
type keeper struct {
	pin     Pin
	options Options
	kind    Kind

	mu     sync.Mutex
	plugin *Plugin
	closed bool
}

// Close ends the program. Calls that are under way fail.
func (k *keeper) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.plugin != nil {
		k.plugin.Close()
		k.plugin = nil
	}
}

// running returns the plugin, started and configured.
func (k *keeper) running(ctx context.Context) (*Plugin, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return nil, unusable(k.pin, errors.New("it was closed"))
	}
	if k.plugin != nil && k.plugin.alive() {
		return k.plugin, nil
	}
	if k.plugin != nil {
		k.plugin.kill()
		k.plugin = nil
	}
	// Code that only has to look is confined; a transport works for the user, with the
	// user's own means.
	p, err := launch(ctx, k.pin, k.options, k.kind == KindVerifier)
	if err != nil {
		return nil, err
	}
	if err = p.check(k.kind); err == nil {
		err = p.configure(ctx)
	}
	if err != nil {
		p.kill()
		return nil, err
	}
	k.plugin = p
	return p, nil
}
