package sftp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pkg/sftp"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

const stage = "sftp"

// explain makes an error for the user of what went wrong on the way.
// conn may be nil.
func (t *Transport) explain(ctx context.Context, conn *ssh.Conn, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &report.Error{Stage: stage, Code: report.CodeStopped, File: t.Name, Err: context.Cause(ctx)}
	}
	if _, ok := errors.AsType[*report.Error](err); ok {
		return err
	}
	e := &report.Error{
		Stage: stage, Code: report.CodeConnection, Kind: report.KindTransport, File: t.Name, Err: err,
		Hint: "run the same command again: what has arrived is not sent once more",
	}
	if s, ok := errors.AsType[*sftp.StatusError](err); ok && s.FxCode() == sftp.ErrSSHFxFailure {
		e.Err = fmt.Errorf("the server could not do it and does not say why, perhaps the disk is full: %w", err)
		return e
	}
	if errors.Is(err, fs.ErrPermission) {
		e.Code, e.Kind = report.CodeRights, report.KindDenied
		e.Err = fmt.Errorf("the server refused access to the drop folder: %w", err)
		e.Hint = "ask whoever runs the server for the right to write to it, and to read the folder verdicts in it"
		return e
	}
	if conn == nil {
		return e
	}
	defer conn.Close()
	// ssh knows why its connection ended; the sftp client does not.
	why := conn.Why()
	if told, ok := errors.AsType[*report.Error](why); ok {
		return told
	}
	if why != nil {
		e.Err = why
	}
	if why != nil && strings.Contains(why.Error(), "subsystem request failed") {
		e.Code, e.Kind = report.CodeRemote, report.KindUsage
		e.Hint = "the server has no SFTP: whoever runs it can switch the subsystem sftp on; with mmpush there, ssh:// needs none"
	}
	return e
}
