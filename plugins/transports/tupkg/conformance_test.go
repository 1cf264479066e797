package tupkg_test

import (
	"context"
	"net"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// chunk is what one DATA message carries.
const chunk = 256 << 10

// piped is the conversation alone, on a stream that is nothing but a stream.
type piped struct {
	dial tupkg.Dial
	o    tupkg.Options
}

func (p piped) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	return tupkg.Resume(ctx, p.dial, u, p.o)
}

// piped is one to the server; a cutter, if there is one, watches its connections.
func (w *world) piped(t testing.TB, o transport.Options, c *transporttest.Cutter) piped {
	dial := w.dialer(t)
	if c != nil {
		dial = c.Dialer(dial)
	}
	return piped{dial, tupkg.Options{Options: o, Login: login(user), Target: "pipe", Patience: quickly()}}
}

func TestConversationConforms(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		w := newWorld(t)
		return transporttest.Ground{
			Repo: w.disk, Chunk: chunk,
			New: func(t *testing.T, o transport.Options) transport.Transport {
				return w.piped(t, o, nil)
			},
			Cut: func(t *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
				c := &transporttest.Cutter{After: after}
				return w.piped(t, o, c), c.Sent
			},
		}
	})
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for scheme, secure := range map[string]bool{"tupkg": false, "tupkgs": true} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
				w := newWorld(t)
				s := w.listen(t, secure)
				return transporttest.Ground{
					Repo: w.disk, Chunk: chunk,
					New: func(_ *testing.T, o transport.Options) transport.Transport { return transportTo(s, o) },
					Cut: func(_ *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
						c := &transporttest.Cutter{After: after}
						way := transportTo(s, o)
						way.Wrap = func(n net.Conn) net.Conn { return c.Conn(n) }
						return way, c.Sent
					},
				}
			})
		})
	}
}
