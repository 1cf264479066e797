package plugins

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// Opener makes the transport to a target, for one push. An error that is a
// *report.Error keeps its kind, and so the exit code of mmpush.
type Opener func(ctx context.Context, t transport.Target, o transport.Options) (transport.Transport, error)

// ServeVerifier plays a verifier plugin: call it from main. It returns when mmpush
// does not need the plugin any more. If v is a [verify.PlanVerifier] besides, it is
// asked about plans too. What the program prints goes into mmpush's messages if it
// fails.
func ServeVerifier(info Info, v verify.Verifier) {
	serve(&server{info: info, verifier: v})
}

// ServeTransport plays a transport plugin in the same way.
func ServeTransport(info Info, open Opener) {
	serve(&server{info: info, open: open})
}

// serve is a function of the process: it uses its standard streams and environment.
func serve(s *server) {
	go endWithHost(os.Stdin)
	goplugin.Serve(serveConfig(s))
}

func serveConfig(s *server) *goplugin.ServeConfig {
	return &goplugin.ServeConfig{
		HandshakeConfig: handshake(), Plugins: goplugin.PluginSet{pluginName: &served{repository: &s.repository, register: s.register}},
		GRPCServer: newServer, Logger: hclog.NewNullLogger(),
	}
}

// newServer is a gRPC server of a plugin.
func newServer(options []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(options, grpc.MaxRecvMsgSize(maxRequest))...)
}

// endWithHost ends a plugin whose host has died, however it did: then the other end
// of standard input is closed. A plugin that was started by hand goes on to say so.
func endWithHost(stdin io.Reader) {
	if os.Getenv(handshake().MagicCookieKey) == "" {
		return
	}
	_, _ = io.Copy(io.Discard, stdin)
	os.Exit(1)
}

// register registers what the plugin can do.
func (s *server) register(at *grpc.Server) {
	pluginpb.RegisterPluginServer(at, s)
	if s.verifier != nil {
		pluginpb.RegisterVerifierServer(at, s)
	} else {
		pluginpb.RegisterTransportServer(at, s)
	}
}

// served is the plugin's side of the go-plugin set.
type served struct {
	goplugin.NetRPCUnsupportedPlugin
	repository *repository
	register   func(*grpc.Server)
}

var _ goplugin.GRPCPlugin = (*served)(nil)

// GRPCServer implements [goplugin.GRPCPlugin].
func (p *served) GRPCServer(broker *goplugin.GRPCBroker, s *grpc.Server) error {
	p.repository.dial = func(id uint32) (*grpc.ClientConn, error) { return broker.Dial(id) }
	p.register(s)
	return nil
}

// GRPCClient implements [goplugin.GRPCPlugin].
func (*served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("a plugin is no host")
}
