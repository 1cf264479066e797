package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// tier is how many of something a test takes: a few, or all of them with MMPUSH_LONG.
func tier(few, all int) int {
	if long() {
		return all
	}
	return few
}

// loaded is a server process that tells how it is.
type loaded struct {
	*serving
	status, users string
}

func startLoaded(t *testing.T, args ...string) *loaded {
	t.Helper()
	users := filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	s := startServing(t, newRepo(t), users, append([]string{"--status", ":0", "--max-connections=4000", "--max-address-connections=4000", "--max-user-sessions=4000"}, args...)...)
	return &loaded{s, "http://" + s.addressOf(t, "telling the status"), users}
}

// figure is one of the server's metrics.
func (s *loaded) figure(t *testing.T, name string) float64 {
	t.Helper()
	r, err := http.Get(s.status + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	http.DefaultClient.CloseIdleConnections()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if err != nil || m == nil {
		t.Fatalf("no figure %s: %v", name, err)
	}
	f, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// peak is the most memory that the process has had, in kB.
func (s *loaded) peak(t *testing.T) (kb int) {
	t.Helper()
	text := mustRead(t, fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	_, after, _ := strings.Cut(text, "VmHWM:")
	if _, err := fmt.Sscan(after, &kb); err != nil {
		t.Fatal(err)
	}
	return kb
}

// calms waits until the server has as many goroutines and descriptors as it had.
func (s *loaded) calms(t *testing.T, goroutines, files float64) {
	t.Helper()
	until(t, "the server's goroutines and descriptors", func() bool {
		return s.figure(t, "mmpush_connections") == 0 && s.figure(t, "go_goroutines") <= goroutines+2 && s.figure(t, "process_open_fds") <= files+2
	})
}

// client has one connection, of the user that there is.
func (s *loaded) client(ctx context.Context) (*tupkg.Client, error) {
	return s.clientFrom(ctx, "127.0.0.1", tupkg.Credentials{User: "first", Password: servePassword})
}

// clientFrom comes from an address of this machine.
func (s *loaded) clientFrom(ctx context.Context, addr string, c tupkg.Credentials) (*tupkg.Client, error) {
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return tupkg.Connect(ctx, conn, tupkg.ConnectOptions{Credentials: c})
}

// uploadOf is an upload with a package of some size.
func uploadOf(name string, size int64) (set tupkg.Set) {
	for i, f := range (mpktest.Upload{Name: name, Packages: []mpktest.Package{{Name: name, Payload: size}}}).Build().Files() {
		sum := sha256.Sum256(f.Data)
		set.Files = append(set.Files, tupkg.File{Name: f.Name, Size: int64(len(f.Data)), SHA256: hex.EncodeToString(sum[:]), Content: bytes.NewReader(f.Data)})
		if strings.HasSuffix(f.Name, ".mmpack-manifest") {
			set.Manifest, set.ManifestFile = f.Data, i
		}
	}
	return set
}

// publish pushes a set and wants it published.
func publishSet(ctx context.Context, c *tupkg.Client, set tupkg.Set) error {
	r, err := c.Push(ctx, set)
	if err == nil && r.Report.Result != report.Published {
		err = fmt.Errorf("%s: %+v", r.Reason, r.Report)
	}
	return err
}

// TestServeLoad: many sockets with small uploads and some with large ones, all at once:
// all are published, with far fewer writes of the index than there are uploads; memory is
// bounded, and nothing is left when they have gone.
func TestServeLoad(t *testing.T) {
	if long() {
		// Nothing beside it: what is measured is the server.
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	} else {
		t.Parallel()
	}
	small, large := tier(60, 1000), tier(4, 100)
	s := startLoaded(t)
	goroutines, files := s.figure(t, "go_goroutines"), s.figure(t, "process_open_fds")
	errs := make([]error, small+large)
	begin := make(chan struct{})
	var ready, all sync.WaitGroup
	ready.Add(len(errs))
	for i := range errs {
		all.Go(func() {
			size := int64(100_000)
			if i >= small {
				size = 10_000_000
			}
			set := uploadOf(fmt.Sprintf("load%d", i), size)
			c, err := s.client(t.Context())
			ready.Done()
			if errs[i] = err; err != nil {
				return
			}
			defer c.Close()
			<-begin
			errs[i] = publishSet(t.Context(), c, set)
		})
	}
	ready.Wait()
	from := time.Now()
	close(begin)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	took, commits, uploads := time.Since(from), s.figure(t, "mmpush_commit_uploads_count"), s.figure(t, "mmpush_commit_uploads_sum")
	s.calms(t, goroutines, files)
	t.Logf("%d uploads of 100 kB and %d of 10 MB in %s: %.0f writes of the index, peak memory %d kB", small, large, took.Round(time.Millisecond), commits, s.peak(t))
	if int(uploads) != len(errs) || commits > float64(len(errs))/2 {
		t.Errorf("%.0f uploads were published by %.0f commits", uploads, commits)
	}
	if s.peak(t) >= 200_000 {
		t.Errorf("peak memory %d kB", s.peak(t))
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	if got := len(strings.Split(strings.TrimSpace(shell{}.run("list", "-R", s.cmd.Args[3]).stdout), "\n")); got < len(errs) {
		t.Errorf("%d packages are listed", got)
	}
}

// usual is the median time of a publish, each on a connection of its own.
func (s *loaded) usual(t *testing.T, name string, times int) time.Duration {
	t.Helper()
	var list []time.Duration
	for i := range times {
		set := uploadOf(fmt.Sprintf("%s%d", name, i), 100_000)
		from := time.Now()
		c, err := s.client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := publishSet(t.Context(), c, set); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		list = append(list, time.Since(from))
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// TestServeSlow: sockets at one byte a second, and logins with wrong passwords, disturb
// nobody; the slow ones are closed, and little is read of who has not logged in.
func TestServeSlow(t *testing.T) {
	if !long() {
		t.Parallel()
	}
	sockets, logins := tier(100, 1000), tier(60, 40_000)
	s := startLoaded(t, "--login-time=1s")
	usual := s.usual(t, "alone", tier(3, 9))
	compare := func(beside string, got time.Duration) {
		t.Logf("a publish takes %s alone, %s beside %s", usual.Round(time.Millisecond), got.Round(time.Millisecond), beside)
		// Others' tests run beside the ordinary ones; there, it only has to be no hang.
		if long() && got > 2*usual || got > usual+20*time.Second {
			t.Errorf("%s disturb a publish", beside)
		}
	}
	var all sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var open, closed atomic.Int64
	for range sockets {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		open.Add(1)
		all.Go(func() {
			defer conn.Close()
			// Half of a login's frame, byte by byte.
			for _, b := range append([]byte{0, 200}, bytes.Repeat([]byte("x"), 100)...) {
				if _, err := conn.Write([]byte{b}); err != nil {
					break
				}
				_ = conn.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					break
				}
			}
			closed.Add(1)
		})
	}
	compare(fmt.Sprintf("%d sockets at a byte a second", sockets), s.usual(t, "slow", tier(2, 5)))
	all.Wait()
	if closed.Load() != open.Load() {
		t.Errorf("%d of %d slow sockets were closed", closed.Load(), open.Load())
	}

	var tried, in atomic.Int64
	addresses := tier(2, 20)
	for i := range 20 * addresses {
		all.Go(func() {
			from, wrong := fmt.Sprintf("127.0.0.%d", 100+i%addresses), tupkg.Credentials{User: fmt.Sprintf("nobody%d", i%addresses), Password: "wrong"}
			for ctx.Err() == nil && tried.Add(1) <= int64(logins) {
				if c, err := s.clientFrom(ctx, from, wrong); err == nil {
					in.Add(1)
					_ = c.Close()
				}
			}
		})
	}
	until(t, "bad logins", func() bool { return tried.Load() > int64(logins)/10 })
	compare(fmt.Sprintf("%d bad logins", logins), s.usual(t, "bad", tier(2, 5)))
	all.Wait()
	if in.Load() > 0 || s.figure(t, "mmpush_login_failures_total") < 1 {
		t.Errorf("%d wrong passwords were taken; %.0f refusals are counted", in.Load(), s.figure(t, "mmpush_login_failures_total"))
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}

// TestServeReadsLittle: of who has not logged in, a few thousand bytes are read and no
// more, however many are announced.
func TestServeReadsLittle(t *testing.T) {
	t.Parallel()
	s := startLoaded(t)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte{0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	answer, err := io.ReadAll(io.LimitReader(conn, 64<<10))
	if err != nil || len(answer) == 0 {
		t.Errorf("a message of 65,535 bytes is waited for ahead of the login: %q %v", answer, err)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}
