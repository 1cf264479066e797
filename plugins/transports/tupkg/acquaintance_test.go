package tupkg_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// resetting passes connections on to a server, but for the first ones, which it resets. It
// counts them all.
func resetting(t *testing.T, s *tupkg.Server, first int64) (connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := net.JoinHostPort(s.Host, s.Port)
	s.Port, connections = portOf(l), new(atomic.Int64)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				near := conn.(*net.TCPConn)
				defer near.Close()
				if connections.Add(1) <= first {
					_ = near.SetLinger(0)
					return
				}
				far, err := net.Dial("tcp", to)
				if err != nil {
					t.Error(err)
					return
				}
				pass(near, far.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return connections
}

// pass copies both ways until both have ended.
func pass(a, b *net.TCPConn) {
	defer b.Close()
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			_ = way[1].CloseWrite()
		})
	}
	both.Wait()
}

// TestResetInTheFirstLogin: a connection that the network takes away before the server has
// taken a login is made again, some times; who hangs up is left alone.
func TestResetInTheFirstLogin(t *testing.T) {
	t.Parallel()
	for name, listen := range map[string]func() tupkg.Server{
		"tupkg":  func() tupkg.Server { return newWorld(t).listen(t, false) },
		"tupkgs": func() tupkg.Server { return newWorld(t).listen(t, true) },
		"version 1": func() tupkg.Server {
			s := newOldHost().listen(t, nil)
			s.Version1 = true
			return s
		},
	} {
		for _, resets := range []int64{1, 3, 4} {
			s := listen()
			connections := resetting(t, &s, resets)
			rep, err := transportTo(s, transport.Options{}).Push(t.Context(), open(t, twoPackages()))
			switch {
			case resets > 3 && (report.KindOf(err) != report.KindTransport || connections.Load() != 4):
				t.Errorf("%s, %d resets: %v after %d connections", name, resets, err, connections.Load())
			case resets <= 3 && (err != nil || rep.Result != report.Published && rep.Result != report.Accepted):
				t.Errorf("%s, %d resets: %+v %v", name, resets, rep, err)
			}
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var hung atomic.Int64
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			hung.Add(1)
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	s := tupkg.Server{Host: "127.0.0.1", Port: portOf(l)}
	if _, err := transportTo(s, transport.Options{}).Push(t.Context(), open(t, twoPackages())); report.KindOf(err) != report.KindTransport || hung.Load() != 1 {
		t.Errorf("hung up: %v after %d connections", err, hung.Load())
	}
}
