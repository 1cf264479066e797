package plugins

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// services is the host's side of the go-plugin set: the services of one plugin, and
// the one that it is offered.
type services struct {
	goplugin.NetRPCUnsupportedPlugin
	plugin    pluginpb.PluginClient
	verifier  pluginpb.VerifierClient
	transport pluginpb.TransportClient

	views views
	tls   *tls.Config

	mu     sync.Mutex
	broker *goplugin.GRPCBroker
	// id is the broker's number of the service Repository; 0: it is not offered yet.
	id     uint32
	server *grpc.Server
	closed bool
}

var _ goplugin.GRPCPlugin = (*services)(nil)

// GRPCServer implements [goplugin.GRPCPlugin].
func (*services) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host is no plugin")
}

// GRPCClient implements [goplugin.GRPCPlugin].
func (s *services) GRPCClient(_ context.Context, broker *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	s.plugin, s.verifier, s.transport = pluginpb.NewPluginClient(conn), pluginpb.NewVerifierClient(conn), pluginpb.NewTransportClient(conn)
	s.broker = broker
	return s, nil
}

// dispense fills in the services.
func (s *services) dispense(from *goplugin.Client) error {
	protocol, err := from.Client()
	if err != nil {
		return err
	}
	_, err = protocol.Dispense(pluginName)
	return err
}

// repository offers the service Repository to the plugin, once, and returns its
// number.
func (s *services) repository(ctx context.Context) (uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, errors.New("it was closed")
	case s.id != 0:
		return s.id, nil
	}
	id := s.broker.NextId()
	offered := make(chan error, 1)
	go func() { offered <- s.offer(id) }()
	select {
	case err := <-offered:
		if err == nil {
			s.id = id
		}
		return id, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// offer listens and has the broker tell the plugin where.
func (s *services) offer(id uint32) error {
	l, err := s.broker.Accept(id)
	if err != nil {
		return err
	}
	s.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(s.tls)))
	pluginpb.RegisterRepositoryServer(s.server, &s.views)
	go func() {
		// It ends when the server is stopped, which closes the listener.
		_ = s.server.Serve(l)
	}()
	return nil
}

// close takes the offer back.
func (s *services) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.server != nil {
		s.server.Stop()
	}
}
