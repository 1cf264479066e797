package tupkg_test

import (
	"context"
	"io"
	"net"
	"sync"

	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// cutter breaks the first of the connections that are given to it.
type cutter struct {
	mu sync.Mutex
	// left is what the first connection may still carry, sent what all of them did.
	left, sent int64
	dialled    int
}

// conn is a connection that the cutter watches.
func (c *cutter) conn(n net.Conn) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled++
	return &cutConn{Conn: n, c: c, first: c.dialled == 1}
}

func (c *cutter) dialer(dial tupkg.Dial) tupkg.Dial {
	return func(ctx context.Context) (io.ReadWriteCloser, error) {
		n, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return c.conn(n.(net.Conn)), nil
	}
}

func (c *cutter) total() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

type cutConn struct {
	net.Conn
	c     *cutter
	first bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.c.mu.Lock()
	n := int64(len(p))
	if c.first {
		n = min(n, c.c.left)
		c.c.left -= n
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
