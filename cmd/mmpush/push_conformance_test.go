//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// pacmanGround is an empty repository of pacman's.
func pacmanGround(t *testing.T) (g transporttest.Ground, at string) {
	t.Helper()
	at = filepath.Join(t.TempDir(), "repo")
	mustRun(t, "init", at, "--kind", "pacman", "--name", transporttest.PacmanName)
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return transporttest.Ground{Repo: folder, Kind: upload.Pacman}, at
}

// pushes is the command line as a transport of pacman's packages.
type pushes struct {
	to string
	o  transport.Options
}

func (p pushes) Push(ctx context.Context, u upload.Upload) (rep report.Report, err error) {
	args := []string{"push", "--json", "--to", p.to}
	for flag, given := range map[string]bool{"--dry-run": p.o.DryRun, "--allow-downgrade": p.o.Downgrade, "--take-over": p.o.TakeOver} {
		if given {
			args = append(args, flag)
		}
	}
	if p.o.LockWait > 0 {
		args = append(args, "--lock-wait="+p.o.LockWait.String())
	}
	folder, err := u.FS.(vfs.Neighbour).Abs()
	if err != nil {
		return rep, err
	}
	for _, f := range u.Files {
		args = append(args, filepath.Join(folder, f.Name))
	}
	got := shell{ctx: ctx}.run(args...)
	if err := json.Unmarshal([]byte(got.stdout), &rep); err != nil || rep.Result == resultError {
		return rep, errors.Join(err, errors.New(got.stderr))
	}
	return rep, nil
}

// TestConformancePacman: what a pusher of manifests may rely on, one of pacman's packages
// may, too.
func TestConformancePacman(t *testing.T) {
	t.Parallel()
	t.Run("dir", func(t *testing.T) {
		t.Parallel()
		transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
			g, at := pacmanGround(t)
			g.New = func(_ *testing.T, o transport.Options) transport.Transport { return pushes{at, o} }
			return g
		})
	})
	t.Run("tupkg", func(t *testing.T) {
		t.Parallel()
		transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
			g, at := pacmanGround(t)
			way := pacmanServer(t, at)
			g.Chunk = 256 << 10
			g.New = func(_ *testing.T, o transport.Options) transport.Transport { return way(o) }
			g.Cut = func(_ *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
				c, way := &transporttest.Cutter{After: after}, way(o)
				way.Wrap = c.Conn
				return way, c.Sent
			}
			return g
		})
	})
}

// pacmanServer serves a repository in a process of its own; way leads to it.
func pacmanServer(t *testing.T, at string) (way func(transport.Options) *tupkg.Transport) {
	t.Helper()
	users := filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	if err := os.WriteFile(users, []byte(strings.Replace(mustRead(t, users), "rights=*", "rights=*:*:publish,downgrade", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, at, users)
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return func(o transport.Options) *tupkg.Transport {
		return &tupkg.Transport{
			Server: tupkg.Server{Host: host, Port: port}, Credentials: wire.Credentials{User: "first", Password: servePassword}, Options: o,
			Patience: tupkg.Patience{First: time.Millisecond, Longest: 10 * time.Millisecond, For: 10 * time.Second},
			Memory:   tupkg.Memory{FS: vfs.NewMem(time.Now)},
		}
	}
}
