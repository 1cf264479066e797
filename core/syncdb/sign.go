package syncdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// signs reports whether the databases are signed, as far as is known before somebody has
// signed them.
func (g *gensync) signs() bool { return g.opt.Sign != nil || g.snap.signed }

// sign signs both databases in a folder of the stage. Each signature goes into the folder
// of the databases, so that the same rename switches it; the files to place come back.
func (g *gensync) sign(ctx context.Context, stage, id, folder string, date time.Time) ([]commit.Put, error) {
	if g.opt.Sign == nil {
		if !g.snap.signed {
			return nil, nil
		}
		return nil, &report.Error{
			Stage: "sign", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(g.repo.Path, g.file(DB)),
			Err:  errors.New("is signed, and nothing says with which key the new one is to be"),
			Hint: "write sign: KEY into " + repo.SettingsFile + ", or run mmpush gensync with --sign KEY; --sign= makes databases that are not signed",
		}
	}
	var puts []commit.Put
	for _, k := range []Kind{DB, Files} {
		name := g.file(k) + signatureEnd
		text, err := g.signOne(ctx, path.Join(stage, id, g.file(k)))
		if err != nil || text == nil {
			return nil, err
		}
		if err := g.writeSignature(path.Join(stage, id, name), text, date); err != nil {
			return nil, repo.DiskError("commit", path.Join(g.repo.Path, name), err)
		}
		sum := sha256.Sum256(text)
		puts = append(puts, commit.Put{From: path.Join(id, name), To: path.Join(folder, name), Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])})
	}
	return puts, nil
}

// writeSignature writes a signature, dated as its database: pacman fetches neither if its
// date has not grown.
func (g *gensync) writeSignature(name string, text []byte, date time.Time) error {
	f, err := g.repo.FS.Create(name, repo.FileMode)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = g.repo.FS.Chtimes(name, date)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (g *gensync) signOne(ctx context.Context, name string) ([]byte, error) {
	f, err := g.repo.FS.Open(name)
	if err != nil {
		return nil, repo.DiskError("sign", path.Join(g.repo.Path, name), err)
	}
	defer f.Close()
	text, err := g.opt.Sign(ctx, failingReader{f, path.Join(g.repo.Path, name)})
	if err != nil || text == nil {
		return nil, err
	}
	if len(text) > maxSignature || !binarySignature(text) {
		return nil, &report.Error{Stage: "sign", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(g.repo.Path, path.Base(name)),
			Err: errors.New("what was made for it is not a binary OpenPGP signature"), Hint: "look at the program that signs; nothing was changed"}
	}
	return text, nil
}

// failingReader tells a disk that cannot be read from a program that cannot sign.
type failingReader struct {
	vfs.File
	shown string
}

func (f failingReader) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = repo.DiskError("sign", f.shown, err)
	}
	return n, err
}

// binarySignature looks at the first byte: that of every OpenPGP packet has its highest
// bit set.
func binarySignature(text []byte) bool { return len(text) > 0 && text[0]&0x80 != 0 }

// unlink takes the links of the signatures away behind a generation that has none. Where
// that fails, clients find nothing behind them, as without them.
func (g *gensync) unlink() {
	fsys := g.repo.FS
	if signed, err := g.isSigned(fsys, g.published); err != nil || signed {
		return
	}
	for _, l := range g.links(true)[len(g.links(false)):] {
		if says, err := fsys.Readlink(l[0]); err == nil && says == l[1] {
			_ = fsys.Remove(l[0])
		}
	}
}
