package transporttest

import (
	"context"
	"io"
	"net"
	"sync"
)

// Cutter breaks the first of the connections that are given to it, as a [Ground]'s Cut
// wants it.
type Cutter struct {
	// After is how many bytes the first connection may carry from the pusher.
	After int64

	mu      sync.Mutex
	sent    int64
	dialled int
}

// Conn is a connection that the cutter watches.
func (c *Cutter) Conn(n net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled++
	return &cutConn{Conn: n, c: c, first: c.dialled == 1}
}

// Dialer watches what dial connects, which are a net.Conn each.
func (c *Cutter) Dialer(dial func(context.Context) (io.ReadWriteCloser, error)) func(context.Context) (io.ReadWriteCloser, error) {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		n, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return c.Conn(n.(net.Conn)), nil
	}
}

// Sent is how many bytes of the pusher's all connections have carried.
func (c *Cutter) Sent() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

type cutConn struct {
	net.Conn
	c     *Cutter
	first bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.c.mu.Lock()
	n := int64(len(p))
	if c.first {
		n = min(n, c.c.After)
		c.c.After -= n
	}
	c.c.sent += n
	c.c.mu.Unlock()
	if n == int64(len(p)) {
		return c.Conn.Write(p)
	}
	wrote, _ := c.Conn.Write(p[:n])
	_ = c.Conn.Close()
	return wrote, io.ErrClosedPipe
}

// CloseWrite is what the conversation asks for where it is there.
func (c *cutConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
