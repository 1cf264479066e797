package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
)

// ALPN is the protocol name by which a TLS connection chooses version 2.
const ALPN = tupkg.ALPN

// Serve takes connections from the listeners until ctx ends; listeners of crypto/tls
// give TLS connections. Then it drains: nothing new begins, who does nothing is hung up
// on, uploads may go on sending for Limits.Drain, and what has arrived whole is judged.
// It closes the listeners, and returns when no connection and no goroutine is left; the
// error is of a listener that failed.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	base, cut := context.WithCancelCause(context.Background())
	defer cut(nil)
	var all sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		all.Go(func() {
			if err := s.accept(base, l, &all); err != nil && !s.draining() {
				failed <- err
			}
		})
	}
	chores, stopChores := context.WithCancel(base)
	all.Go(func() { s.runLeft(chores) })
	all.Go(func() { s.sweepNowAndThen(chores) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopChores()
	for _, l := range listeners {
		s.stopOnce.Do(func() { close(s.stopping) })
		_ = l.Close()
	}
	s.stopOnce.Do(func() { close(s.stopping) })
	s.drain()
	all.Wait()
	return err
}

// accept takes connections from one listener.
func (s *Server) accept(ctx context.Context, l net.Listener, all *sync.WaitGroup) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.draining() {
				return nil
			}
			if temporary(err) {
				s.Log.Warn("no connection taken", "error", err)
				select {
				case <-time.After(100 * time.Millisecond):
					continue
				case <-s.stopping:
					return nil
				}
			}
			return err
		}
		all.Go(func() { s.ServeConn(ctx, conn) })
	}
}

// temporary reports whether a listener may work again: it is out of descriptors, not
// closed.
func temporary(err error) bool {
	return !errors.Is(err, net.ErrClosed)
}

// ServeConn has the conversation of one connection, and closes it.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	v := &visit{s: s, id: newID(), from: addressOf(conn.RemoteAddr()), idle: true, hangUp: hangUp}
	v.private = v.isLocal()
	v.log = s.Log.With("id", v.id, "from", v.from.String())
	if why := s.register(v); why != nil {
		v.log.Warn("connection refused", "reason", why.Reason)
		if v.turnedAway == nil {
			return
		}
	}
	defer s.depart(v)
	err := s.converse(ctx, conn, v)
	if v.acc != nil || !errors.Is(err, tupkg.ErrBroken) {
		v.log.Info("closed", "error", err)
	}
}

// depart is deferred by who has a conversation: one conversation's defect does not take
// the others down.
func (s *Server) depart(v *visit) {
	p := recover()
	if v.acc != nil {
		s.leave(v.acc)
	}
	s.unregister(v)
	if p != nil {
		v.log.Error("defect", "panic", p, "stack", string(debug.Stack()))
	}
}

// converse chooses the version of the protocol.
func (s *Server) converse(ctx context.Context, conn net.Conn, v *visit) error {
	p := &paced{Conn: conn, limits: s.Limits}
	if v.turnedAway != nil {
		p.limits.Login = min(p.limits.Login, turnTime)
	}
	o := s.conversation(v, p)
	if t, ok := conn.(*tls.Conn); ok {
		v.private = true
		handshake, cancel := context.WithTimeout(ctx, p.limits.Login)
		err := t.HandshakeContext(handshake)
		cancel()
		if err != nil {
			return err
		}
		if t.ConnectionState().NegotiatedProtocol == ALPN {
			return tupkg.Serve2(ctx, p, v, o)
		}
	}
	return tupkg.Serve(ctx, p, v, o)
}

// conversation is what tupkg is told about one.
func (s *Server) conversation(v *visit, p *paced) tupkg.Options {
	return tupkg.Options{Limits: s.Limits.Wire, Buffers: s.buffers, Version2: true, Agent: s.Agent, AckTime: s.Limits.Ack, DrainTime: s.lastWord, Phase: func(phase tupkg.Phase) {
		p.enter(phase)
		s.phase(v, phase)
	}}
}

// phase notes whether the client is waited for with nothing under way; a server that
// stops does not wait.
func (s *Server) phase(v *visit, phase tupkg.Phase) {
	s.mu.Lock()
	v.idle = phase == tupkg.PhaseLogin || phase == tupkg.PhaseMetadata
	s.mu.Unlock()
	if phase == tupkg.PhaseMetadata && s.draining() {
		v.hangUp(stopping())
	}
}

const (
	// turnedAway is how many clients may be told at once that there are too many
	// connections, and turnTime how long each may take to say who it is.
	turnedAway = 32
	turnTime   = 5 * time.Second
)

// register counts a connection, or says why not. Of those that are too many, some are
// told so in the place of their login, which costs little; the others are not registered.
func (s *Server) register(v *visit) (why *tupkg.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same, turned := 0, 0
	for other := range s.conns {
		switch {
		case other.turnedAway != nil:
			turned++
		case other.from == v.from:
			same++
		}
	}
	switch {
	case s.draining():
		return stopping()
	case len(s.conns)-turned >= s.Limits.Connections:
		why = &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: fmt.Sprintf("the server has its %d connections already; try later", s.Limits.Connections)}
	case same >= s.Limits.AddressConnections:
		why = &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: fmt.Sprintf("your address has its %d connections already; try later", s.Limits.AddressConnections)}
	}
	if why == nil || turned < turnedAway {
		v.turnedAway = why
		s.conns[v] = struct{}{}
	}
	return why
}

func (s *Server) unregister(v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, v)
}

// drain ends the connections: the idle ones at once, those that send after a while. It
// returns at once when there are none.
func (s *Server) drain() {
	s.eachVisit(func(v *visit) {
		if v.idle {
			v.hangUp(stopping())
		}
	})
	over := time.After(s.Limits.Drain)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		sending := 0
		s.eachVisit(func(*visit) { sending++ })
		if sending == 0 {
			return
		}
		select {
		case <-over:
			s.mu.Lock()
			s.drained = true
			s.mu.Unlock()
			s.eachVisit(func(v *visit) {
				if v.current != nil && !v.current.judging {
					v.current.d.Abort(stopping())
				}
			})
			return
		case <-tick.C:
		}
	}
}

// eachVisit calls f for all connections, under mu.
func (s *Server) eachVisit(f func(*visit)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.conns {
		f(v)
	}
}

// addressOf is the address of one end; zero for what is no network.
func addressOf(a net.Addr) netip.Addr {
	if a == nil {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// isLocal reports whether the connection does not leave the machine: loopback, or a
// pipe or socket without an address.
func (v *visit) isLocal() bool { return !v.from.IsValid() || v.from.IsLoopback() }
