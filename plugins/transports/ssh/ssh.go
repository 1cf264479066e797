package ssh

import (
	"context"
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// RemoteProgram is what the other side runs if nothing else is named.
const RemoteProgram = "mmpush"

// Transport pushes to one repository on another machine.
type Transport struct {
	Dialer
	// Remote is the program that the other side runs; empty: [RemoteProgram]. A name
	// with a slash in it that does not begin with one is in the home folder.
	Remote string
	// Name is the target as the user wrote it, for messages.
	Name string
	// Agent names this program to the other side, such as "mmpush/1.0".
	Agent    string
	Options  transport.Options
	Patience tupkg.Patience
}

var _ transport.Transport = (*Transport)(nil)

// Push implements [transport.Transport].
func (t *Transport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	o := tupkg.Options{Options: t.Options, Target: t.Name, Patience: t.Patience}
	o.Reach = fmt.Sprintf("see whether ssh %[1]s logs in, and what ssh %[1]s mmpush version prints: it should be this version; then run the same command again", t.Target)
	o.Login.Start, o.Login.Agent = wire.StartSession, t.Agent
	return tupkg.Resume(ctx, t.dial, u, o)
}

func (t *Transport) dial(context.Context) (io.ReadWriteCloser, error) {
	program := t.Remote
	if program == "" {
		program = RemoteProgram
	}
	words := []string{program, "receive"}
	if t.Target.Path != "" {
		words = append(words, t.Target.Path)
	}
	return t.Run(words...)
}
