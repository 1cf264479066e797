package web

import (
	"net"
	"net/netip"
	"sync"
)

// guests counts the connections of all listeners.
type guests struct {
	limits Limits
	open   sync.WaitGroup

	mu   sync.Mutex
	all  int
	from map[netip.Addr]int
}

func newGuests(l Limits) *guests { return &guests{limits: l, from: map[netip.Addr]int{}} }

// at is a listener whose connections are counted.
func (g *guests) at(l net.Listener) net.Listener { return &counted{l, g} }

// wait returns when all connections are closed.
func (g *guests) wait() { g.open.Wait() }

// enter counts one more; false if there are too many.
func (g *guests) enter(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.limits.Connections || g.from[from] >= g.limits.AddressConnections {
		return false
	}
	g.all++
	g.from[from]++
	g.open.Add(1)
	return true
}

func (g *guests) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.from[from]--; g.from[from] == 0 {
		delete(g.from, from)
	}
	g.open.Done()
}

type counted struct {
	net.Listener
	guests *guests
}

// Accept implements [net.Listener].
func (l *counted) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		var from netip.Addr
		if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			from = at.AddrPort().Addr().Unmap()
		}
		if l.guests.enter(from) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { l.guests.leave(from) })}, nil
		}
		_ = conn.Close()
	}
}

// guest is a connection that is counted until it is closed.
type guest struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *guest) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}
