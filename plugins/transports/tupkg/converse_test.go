package tupkg_test

import (
	"context"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// piped is the conversation alone, on a stream that is nothing but a stream.
type piped struct {
	dial tupkg.Dial
	o    tupkg.Options
}

func (p piped) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	return tupkg.Resume(ctx, p.dial, u, p.o)
}

// chunk is what one DATA message carries.
const chunk = 256 << 10

func TestConversationConforms(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		w := newWorld(t)
		return transporttest.Ground{Repo: w.disk, Cut: cutting(w.dialer), Chunk: chunk, New: func(t *testing.T, o transport.Options) transport.Transport {
			return piped{w.dialer(t), tupkg.Options{Options: o, Login: login(user), Target: "pipe", Patience: quickly()}}
		}}
	})
}
