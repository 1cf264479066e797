package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
)

// databaseSignTime is how long gpg may take, its agent's question for a passphrase
// included; the repository is locked meanwhile.
const databaseSignTime = 2 * time.Minute

// databaseSigner signs pacman databases with a key, as repo-add --sign does: with the
// user's own gpg, which asks its agent. Nobody else sees the key or its passphrase. No key
// is nil.
func (a *app) databaseSigner(key string) syncdb.Signer {
	if key == "" {
		return nil
	}
	return func(ctx context.Context, text io.Reader) ([]byte, error) {
		ctx, stop := context.WithTimeout(ctx, databaseSignTime)
		defer stop()
		var out, told bytes.Buffer
		cmd := exec.CommandContext(ctx, "gpg", "--batch", "--no-tty", "--no-armor", "--detach-sign", "--local-user", key, "--output", "-")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = text, &out, &told
		cmd.Env = withoutSecrets(a.Environ)
		cmd.WaitDelay = time.Second
		err := cmd.Run()
		if err == nil {
			return out.Bytes(), nil
		}
		if disk, ok := errors.AsType[*report.Error](err); ok {
			return nil, disk
		}
		return nil, cannotSign(key, strings.TrimSpace(told.String()), err)
	}
}

func cannotSign(key, told string, err error) error {
	e := &report.Error{Stage: "sign", Code: report.CodeSettings, Kind: report.KindUsage, Err: fmt.Errorf("gpg could not sign the database with the key %s: %w", visible(key), err),
		Hint: "nothing was changed; try: gpg --detach-sign --local-user " + quote(key)}
	if told != "" {
		// Its last line says why.
		e.Err = fmt.Errorf("%w: %s", e.Err, visible(told[strings.LastIndexByte(told, '\n')+1:]))
	}
	if errors.Is(err, exec.ErrNotFound) {
		e.Hint = "install gpg, which signs the databases of this repository"
	}
	return e
}

// signerOf is the signer that a flag asks for; nil is no flag, and an empty key none.
func (a *app) signerOf(flag *string) syncdb.Signer {
	switch {
	case flag == nil:
		return nil
	case *flag == "":
		return syncdb.Unsigned
	}
	return a.databaseSigner(*flag)
}
