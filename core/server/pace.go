package server

import (
	"net"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
)

// paced is a connection with the deadlines of its phase: a time for the login, one for
// silence, and in the data a least rate.
type paced struct {
	net.Conn
	limits Limits

	mu    sync.Mutex
	phase tupkg.Phase
	// fixed: the conversation has set a deadline itself, which stays.
	fixed bool
	// since and bytes measure the data.
	since time.Time
	bytes int64
}

// enter sets the deadline of a phase.
func (p *paced) enter(phase tupkg.Phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.fixed = phase, false
	now := time.Now()
	switch phase {
	case tupkg.PhaseLogin:
		_ = p.Conn.SetReadDeadline(now.Add(p.limits.Login))
	case tupkg.PhaseOffers, tupkg.PhaseVerdict:
		// The client waits for us. In version 2 it may cancel meanwhile.
		_ = p.Conn.SetReadDeadline(time.Time{})
	case tupkg.PhaseData:
		p.since, p.bytes = now, 0
		p.move(now)
	default:
		_ = p.Conn.SetReadDeadline(now.Add(p.limits.Idle))
	}
}

// move sets the deadline of the data after what has come, under mu.
func (p *paced) move(now time.Time) {
	if p.fixed {
		return
	}
	earned := p.since.Add(p.limits.RateGrace + time.Duration(float64(p.bytes)/float64(p.limits.Rate)*float64(time.Second)))
	if silent := now.Add(p.limits.Idle); silent.Before(earned) {
		earned = silent
	}
	_ = p.Conn.SetReadDeadline(earned)
}

// Read implements net.Conn.
func (p *paced) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if n > 0 {
		p.mu.Lock()
		p.bytes += int64(n)
		if p.phase == tupkg.PhaseData {
			p.move(time.Now())
		}
		p.mu.Unlock()
	}
	return n, err
}

// Write implements net.Conn: who does not read for the idle time is gone.
func (p *paced) Write(b []byte) (int, error) {
	_ = p.Conn.SetWriteDeadline(time.Now().Add(p.limits.Idle))
	return p.Conn.Write(b)
}

// SetReadDeadline is the conversation's own wish.
func (p *paced) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fixed = true
	return p.Conn.SetReadDeadline(t)
}

// CloseWrite closes our half where the connection can.
func (p *paced) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
