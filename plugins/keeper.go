package plugins

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// keeper has one plugin running from its first use to its end, and starts it anew
// after it has failed.
type keeper struct {
	pin     Pin
	options Options
	kind    Kind

	warmed  atomic.Bool
	cooling atomic.Pointer[context.CancelFunc]

	// failures counts the starts that have failed by the plugin's own fault.
	failures atomic.Int64

	mu     sync.Mutex
	plugin *Plugin
	// failed is the error of the last of them.
	failed error
	closed bool
}

// Warm starts the program in the background, once, so that it is there when it is
// asked. If it cannot be started, whoever asks is told.
func (k *keeper) Warm() {
	if k.warmed.Swap(true) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.cooling.Store(&cancel)
	go func() {
		defer cancel()
		_, _ = k.running(ctx)
	}()
}

// Close ends the program. Calls that are under way fail.
func (k *keeper) Close() {
	if cool := k.cooling.Load(); cool != nil {
		(*cool)()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.plugin != nil {
		k.plugin.Close()
		k.plugin = nil
	}
}

// running returns the plugin, started and configured. Who has waited for a start that failed
// is told of that: if each began another one, many would wait for a program that hangs one
// after the other.
func (k *keeper) running(ctx context.Context) (*Plugin, error) {
	before := k.failures.Load()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failures.Load() != before {
		return nil, k.failed
	}
	p, err := k.started(ctx)
	if err != nil && ctx.Err() == nil {
		k.failed = err
		k.failures.Add(1)
	}
	return p, err
}

// started is running, under mu.
func (k *keeper) started(ctx context.Context) (*Plugin, error) {
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
