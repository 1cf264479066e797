package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// repository is a plugin's one connection to the host's Repository, made when it is
// first needed.
type repository struct {
	dial func(id uint32) (*grpc.ClientConn, error)

	mu   sync.Mutex
	conn *grpc.ClientConn
}

func (r *repository) client(id uint32) (pluginpb.RepositoryClient, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == nil {
		conn, err := r.dial(id)
		if err != nil {
			return nil, fmt.Errorf("the way back to mmpush: %w", err)
		}
		r.conn = conn
	}
	return pluginpb.NewRepositoryClient(r.conn), nil
}

// remoteView is the published state as a plugin sees it: each question goes to the
// host. It is good for one call of VerifyPlan.
type remoteView struct {
	ctx    context.Context
	client pluginpb.RepositoryClient
	id     uint64
}

var _ index.View = (*remoteView)(nil)

// viewError is about a question that got no answer.
func viewError(err error) error {
	return fmt.Errorf("the repository was asked, and did not answer: %s", status.Convert(err).Message())
}

// Binary implements [index.View].
func (v *remoteView) Binary(name string) (index.Binary, bool, error) {
	r, err := v.client.Binary(v.ctx, &pluginpb.BinaryRequest{View: v.id, Name: name})
	if err != nil {
		return index.Binary{}, false, viewError(err)
	}
	if r.GetBinary() == nil {
		return index.Binary{}, false, nil
	}
	return binaryFromPB(r.GetBinary()), true, nil
}

// Names implements [index.View].
func (v *remoteView) Names(filename string) (bool, error) {
	r, err := v.client.Names(v.ctx, &pluginpb.NamesRequest{View: v.id, Filename: filename})
	if err != nil {
		return false, viewError(err)
	}
	return r.GetNamed(), nil
}

// BinariesOf implements [index.View].
func (v *remoteView) BinariesOf(source, srcsha256 string) ([]index.Binary, error) {
	return collect(binaries(v.ctx, func(ctx context.Context) (grpc.ServerStreamingClient[pluginpb.BinaryList], error) {
		return v.client.BinariesOf(ctx, &pluginpb.BinariesOfRequest{View: v.id, Source: source, Srcsha256: srcsha256})
	}))
}

// Dangerous implements [index.View].
func (v *remoteView) Dangerous() ([]index.Binary, error) {
	return collect(binaries(v.ctx, func(ctx context.Context) (grpc.ServerStreamingClient[pluginpb.BinaryList], error) {
		return v.client.Dangerous(ctx, &pluginpb.ViewRequest{View: v.id})
	}))
}

// All implements [index.View].
func (v *remoteView) All() iter.Seq2[index.Binary, error] {
	return binaries(v.ctx, func(ctx context.Context) (grpc.ServerStreamingClient[pluginpb.BinaryList], error) {
		return v.client.All(ctx, &pluginpb.ViewRequest{View: v.id})
	})
}

// Sources implements [index.View].
func (v *remoteView) Sources(sel index.Selector) ([]index.Source, error) {
	stream, err := v.client.Sources(v.ctx, &pluginpb.SourcesRequest{View: v.id, Selector: selectorToPB(sel)})
	if err != nil {
		return nil, viewError(err)
	}
	var all []index.Source
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, viewError(err)
		}
		all = append(all, convert(part.GetSources(), sourceFromPB)...)
	}
}

// binaries yields what a stream has; the stream ends with the loop.
func binaries(ctx context.Context, open func(context.Context) (grpc.ServerStreamingClient[pluginpb.BinaryList], error)) iter.Seq2[index.Binary, error] {
	return func(yield func(index.Binary, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := open(ctx)
		for err == nil {
			var part *pluginpb.BinaryList
			if part, err = stream.Recv(); err != nil {
				break
			}
			for _, b := range part.GetBinaries() {
				if !yield(binaryFromPB(b), nil) {
					return
				}
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(index.Binary{}, viewError(err))
		}
	}
}

// collect makes a list of a sequence; nil if it is empty or breaks.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for x, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}
