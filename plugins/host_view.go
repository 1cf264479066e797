package plugins

import (
	"context"
	"iter"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// partSize is how many stanzas one message has.
const partSize = 256

// views answers the questions of one plugin about what is published. Each call of
// VerifyPlan has a view with a number of its own, for as long as it lasts.
type views struct {
	pluginpb.UnimplementedRepositoryServer

	mu   sync.Mutex
	last uint64
	open map[uint64]index.View
}

var _ pluginpb.RepositoryServer = (*views)(nil)

// add opens a view; done closes it.
func (v *views) add(view index.View) (id uint64, done func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open == nil {
		v.open = map[uint64]index.View{}
	}
	v.last++
	id = v.last
	v.open[id] = view
	return id, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.open, id)
	}
}

func (v *views) get(id uint64) (index.View, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	view, ok := v.open[id]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "there is no view %d: it is valid only until the call that named it is answered", id)
	}
	return view, nil
}

func unreadable(err error) error { return status.Error(codes.Internal, err.Error()) }

// Binary implements [pluginpb.RepositoryServer].
func (v *views) Binary(_ context.Context, r *pluginpb.BinaryRequest) (*pluginpb.BinaryResponse, error) {
	view, err := v.get(r.GetView())
	if err != nil {
		return nil, err
	}
	b, ok, err := view.Binary(r.GetName())
	if err != nil {
		return nil, unreadable(err)
	}
	if !ok {
		return &pluginpb.BinaryResponse{}, nil
	}
	return &pluginpb.BinaryResponse{Binary: binaryToPB(b)}, nil
}

// Names implements [pluginpb.RepositoryServer].
func (v *views) Names(_ context.Context, r *pluginpb.NamesRequest) (*pluginpb.NamesResponse, error) {
	view, err := v.get(r.GetView())
	if err != nil {
		return nil, err
	}
	named, err := view.Names(r.GetFilename())
	if err != nil {
		return nil, unreadable(err)
	}
	return &pluginpb.NamesResponse{Named: named}, nil
}

// BinariesOf implements [pluginpb.RepositoryServer].
func (v *views) BinariesOf(r *pluginpb.BinariesOfRequest, to grpc.ServerStreamingServer[pluginpb.BinaryList]) error {
	view, err := v.get(r.GetView())
	if err != nil {
		return err
	}
	list, err := view.BinariesOf(r.GetSource(), r.GetSrcsha256())
	return sendBinaries(to, each(list, err))
}

// Dangerous implements [pluginpb.RepositoryServer].
func (v *views) Dangerous(r *pluginpb.ViewRequest, to grpc.ServerStreamingServer[pluginpb.BinaryList]) error {
	view, err := v.get(r.GetView())
	if err != nil {
		return err
	}
	list, err := view.Dangerous()
	return sendBinaries(to, each(list, err))
}

// All implements [pluginpb.RepositoryServer].
func (v *views) All(r *pluginpb.ViewRequest, to grpc.ServerStreamingServer[pluginpb.BinaryList]) error {
	view, err := v.get(r.GetView())
	if err != nil {
		return err
	}
	return sendBinaries(to, view.All())
}

// Sources implements [pluginpb.RepositoryServer].
func (v *views) Sources(r *pluginpb.SourcesRequest, to grpc.ServerStreamingServer[pluginpb.SourceList]) error {
	view, err := v.get(r.GetView())
	if err != nil {
		return err
	}
	list, err := view.Sources(selectorFromPB(r.GetSelector()))
	return parts(each(list, err), sourceToPB, func(part []*pluginpb.Source) error {
		return to.Send(&pluginpb.SourceList{Sources: part})
	})
}

func sendBinaries(to grpc.ServerStreamingServer[pluginpb.BinaryList], all iter.Seq2[index.Binary, error]) error {
	return parts(all, binaryToPB, func(part []*pluginpb.Binary) error {
		return to.Send(&pluginpb.BinaryList{Binaries: part})
	})
}

// each is a list, or the error that came instead.
func each[T any](list []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, x := range list {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// parts sends a sequence in messages of bounded size.
func parts[A, B any](all iter.Seq2[A, error], one func(A) B, send func([]B) error) error {
	part := make([]B, 0, partSize)
	for x, err := range all {
		if err != nil {
			return unreadable(err)
		}
		if part = append(part, one(x)); len(part) < partSize {
			continue
		}
		if err := send(part); err != nil {
			return err
		}
		part = make([]B, 0, partSize)
	}
	if len(part) == 0 {
		return nil
	}
	return send(part)
}
