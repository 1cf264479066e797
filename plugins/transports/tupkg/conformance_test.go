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

func (w *world) piped(t testing.TB, o transport.Options, around func(tupkg.Dial) tupkg.Dial) piped {
	return piped{around(w.dialer(t)), tupkg.Options{Options: o, Login: login(user), Target: "pipe", Patience: quickly()}}
}

func TestConversationConforms(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		w := newWorld(t)
		return transporttest.Ground{
			Repo: w.disk, Chunk: chunk,
			New: func(t *testing.T, o transport.Options) transport.Transport {
				return w.piped(t, o, func(d tupkg.Dial) tupkg.Dial { return d })
			},
			Cut: func(t *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
				c := &cutter{left: after}
				return w.piped(t, o, c.dialer), c.total
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
						c := &cutter{left: after}
						way := transportTo(s, o)
						way.Wrap = func(n net.Conn) net.Conn { return c.conn(n) }
						return way, c.total
					},
				}
			})
		})
	}
}
