package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// sockets are what the service manager has opened for us, by what they are for.
type sockets struct{ uploads, http, https, status []net.Listener }

// close closes those that nobody has taken; twice does no harm.
func (s sockets) close() {
	for _, list := range [][]net.Listener{s.uploads, s.http, s.https, s.status} {
		closeAll(list)
	}
}

// inheritSockets takes the sockets over. Their names (FileDescriptorName= of the socket
// unit) say what they are for: http, https and status; any other is for uploads.
func inheritSockets() (s sockets, err error) {
	for _, f := range activation.Files(true) {
		name := f.Name()
		l, err := net.FileListener(f)
		_ = f.Close()
		if err != nil {
			s.close()
			return sockets{}, wrongUsage("mmpush service print mmpush.socket shows a unit that fits", "the service manager has given a socket %s that nobody can connect to: %v", visible(name), err)
		}
		switch name {
		case "http":
			s.http = append(s.http, l)
		case "https":
			s.https = append(s.https, l)
		case "status":
			s.status = append(s.status, l)
		default:
			s.uploads = append(s.uploads, l)
		}
	}
	return s, nil
}

// notify tells the service manager, if one waits for it, that we serve, again and again
// that we are well, and, when ctx ends, that we stop. What it returns ends the telling,
// once ctx has ended.
func (e *enterprise) notify(ctx context.Context) (done func()) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			e.log.Warn("the service manager was not told", "state", state, "error", err)
		}
	}
	tell(fmt.Sprintf("%s\nSTATUS=serving %s", daemon.SdNotifyReady, e.at))
	stopped := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		<-ctx.Done()
		tell(daemon.SdNotifyStopping)
	})
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		e.log.Warn("the watchdog's time cannot be read", "error", err)
	}
	if every > 0 {
		all.Go(func() { e.watchdog(every/2, stopped, tell) })
	}
	return func() {
		close(stopped)
		all.Wait()
	}
}

// watchdog tells that we are well as long as we are. An error of the disk or the settings
// is for people: a restart would not mend it. What it is for is a process that hangs.
func (e *enterprise) watchdog(every time.Duration, stopped <-chan struct{}, tell func(string)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-tick.C:
		case <-stopped:
			return
		}
		now := ""
		if err := e.healthy(); err != nil {
			now = err.Error()
		}
		if now != told {
			told = now
			e.log.Warn("health", "error", now)
		}
		tell(daemon.SdNotifyWatchdog)
	}
}
