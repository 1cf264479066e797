//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// badNetwork passes connections on: late, slowly, and the first ones only for so many
// bytes, then they are reset.
type badNetwork struct {
	to string
	// latency is added to each piece, and rate bounds the bytes per second.
	latency time.Duration
	rate    int
	// resets says after how many bytes the connections are reset, one after the other;
	// those beyond are not.
	resets []int64
	count  atomic.Int64
}

// listen passes on until the test ends.
func (n *badNetwork) listen(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { n.pass(from.(*net.TCPConn)) })
		}
	})
	return l.Addr().String()
}

func (n *badNetwork) pass(from *net.TCPConn) {
	defer from.Close()
	conn, err := net.Dial("tcp", n.to)
	if err != nil {
		return
	}
	to := conn.(*net.TCPConn)
	defer to.Close()
	left := int64(1) << 60
	if i := n.count.Add(1) - 1; int(i) < len(n.resets) {
		left = n.resets[i]
	}
	var both sync.WaitGroup
	var budget atomic.Int64
	budget.Store(left)
	for _, way := range [][2]*net.TCPConn{{from, to}, {to, from}} {
		both.Go(func() {
			if n.carry(way[1], way[0], &budget) {
				// A reset, at both ends, and not an orderly end.
				_, _ = from.SetLinger(0), to.SetLinger(0)
				_, _ = from.Close(), to.Close()
			}
			_ = way[1].CloseWrite()
		})
	}
	both.Wait()
}

// carry copies one way; cut reports whether the budget is used up.
func (n *badNetwork) carry(to io.Writer, from io.Reader, budget *atomic.Int64) (cut bool) {
	buf := make([]byte, 16<<10)
	for {
		k, err := from.Read(buf)
		time.Sleep(n.latency + time.Duration(k)*time.Second/time.Duration(n.rate))
		if budget.Add(-int64(k)) < 0 {
			return true
		}
		if _, werr := to.Write(buf[:k]); err != nil || werr != nil {
			return false
		}
	}
}

// TestPushOverABadNetwork: several real pushes at once, over connections that are late,
// slow and reset again and again: each is published, in the end.
func TestPushOverABadNetwork(t *testing.T) {
	t.Parallel()
	at, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	s := startServing(t, at, users)
	bad := &badNetwork{to: s.addr, latency: time.Millisecond, rate: 4 << 20, resets: []int64{30_000, 60_000, 5_000, 120_000, 4_000, 90_000, 3_000, 150_000}}
	addr := bad.listen(t)
	var all sync.WaitGroup
	for i := range 4 {
		manifest := mpktest.Upload{Name: fmt.Sprintf("far%d", i), Packages: []mpktest.Package{{Name: fmt.Sprintf("far%d", i), Payload: 200_000}}}.In(t, t.TempDir())
		all.Go(func() {
			got := shell{vars: map[string]string{"MMPUSH_PASSWORD": servePassword, "XDG_STATE_HOME": filepath.Dir(manifest)}}.run("push", manifest, "--to", "tupkg://first@"+addr)
			if got.code != exitDone || !strings.Contains(got.stdout, "published far") {
				t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
	all.Wait()
	if int(bad.count.Load()) <= len(bad.resets) {
		t.Errorf("%d connections: not all resets have happened", bad.count.Load())
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}
