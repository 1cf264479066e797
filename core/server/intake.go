package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// file is one declared file and what became of it.
type file struct {
	tupkg.Declared
	key string
	// sha is the SHA-256 of a file that is whole and right; empty before.
	sha string
	// begun: a part of it lies here since an earlier session.
	begun bool
	// inHand: it is whole and right, and still where it was received. loose: nobody has
	// made it durable yet. See hand.go.
	inHand, loose bool
	// wrong says why the file is none that was declared.
	wrong *report.Finding
	// counted is the SHA-256 under which the account counts on the file; promised:
	// this intake will run it, a manifest.
	counted  string
	promised bool
}

// intake is one declaration on its way to the verdict.
type intake struct {
	// id names the upload among all processes.
	id  string
	s   *Server
	v   *visit
	acc *account
	who access.Identity
	d   tupkg.Declaration
	// manifest is the declared one, and what its parser says.
	manifest *manifest.Manifest
	findings []report.Finding
	files    []file
	held     []int64
	// named are the files, by their SHA-256, that wait for the verdict over the manifest.
	named map[string]bool
	// told is the verdict over the packages in the incoming folder, of who takes them out
	// of it.
	told *report.Report
	// delivered are the files that are in the incoming folder, completions what was
	// published, and notes what is told besides; for the verdict.
	delivered   []*file
	completions []Completion
	notes       []report.Finding
	// faulty is the first file that was not brought to the incoming folder.
	faulty *file
	// looks are into the packages that come, nil before the first; seen is what was seen
	// of the files of this upload, by their names in the area.
	looks *upload.Looks
	seen  map[string]*arrived

	// Under the server's mu.
	judging, closed bool
	// judgingOwn: its own manifests are not judged yet, and the account counts it.
	judgingOwn bool
	reserved   int64
	released   chan struct{}
}

var _ tupkg.Intake = (*intake)(nil)

func newIntake(v *visit, who access.Identity, d tupkg.Declaration) *intake {
	in := &intake{id: newID(), s: v.s, v: v, acc: v.acc, who: who, d: d, files: make([]file, len(d.Files)), held: make([]int64, len(d.Files)), seen: map[string]*arrived{}, released: make(chan struct{})}
	keys := map[string]bool{}
	for i, f := range d.Files {
		key := keyOf(f)
		if keys[key] {
			// The same content under another name is another file on the wire.
			key = sumOf(key+"\x00"+f.Name) + "-twin"
		}
		keys[key] = true
		in.files[i] = file{Declared: f, key: key}
	}
	if d.Manifest != nil {
		in.manifest, in.findings = manifest.Parse(d.Manifest)
		for i := range in.findings {
			in.findings[i].File = d.Files[d.ManifestFile].Name
		}
	}
	in.named = in.waiting()
	return in
}

// look finds what is held of each file: whole, published, or a part.
func (in *intake) look(ctx context.Context) error {
	if err := in.s.makeFolder(in.s.path("partial", in.acc.name)); err != nil {
		return err
	}
	var public map[string]place
	if in.manifest != nil {
		var err error
		if public, err = in.s.atHand(ctx, in.acc.name, in.manifest); err != nil {
			return err
		}
	}
	var before map[int]string
	for i := range in.files {
		f := &in.files[i]
		if in.goAhead(f) {
			if err := gone(in.s.State.Remove(in.partial(f))); err != nil {
				return err
			}
			continue
		}
		sha, err := in.whole(ctx, f)
		if sha == "" && err == nil && f.SHA256 == "" {
			if before == nil {
				before, err = in.repetition(ctx)
			}
			sha = before[i]
		}
		if err != nil {
			return err
		}
		if p, there := public[f.SHA256]; sha == "" && there && p.size == f.Size {
			sha = f.SHA256
			if err := in.forgetPart(f); err != nil {
				return err
			}
		}
		if sha != "" {
			f.sha, in.held[i] = sha, f.Size
			continue
		}
		if in.held[i], err = in.part(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// goAhead reports whether a file is never held: the client may be verifying the others
// while it sends them, and says with the manifest's bytes that they are right.
func (in *intake) goAhead(f *file) bool {
	return in.v.version == 2 && isManifest(f.Name) && !in.d.DryRun
}

// part is the size of a partial file.
func (in *intake) part(ctx context.Context, f *file) (int64, error) {
	info, err := in.s.State.Lstat(in.partial(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case info.Size > f.Size:
		return 0, in.s.State.Remove(in.partial(f))
	}
	f.begun = true
	if info.Links > 1 && !in.d.DryRun {
		// A process was killed that was about to publish it.
		return info.Size, in.s.detach(ctx, in.partial(f))
	}
	return info.Size, nil
}

// forgetPart deletes what lies here of a file that is public: a process was killed that
// had published it.
func (in *intake) forgetPart(f *file) error {
	if in.d.DryRun {
		return nil
	}
	return gone(in.s.State.Remove(in.partial(f)))
}

// Held implements [tupkg.Intake].
func (in *intake) Held() []int64 { return in.held }

// Receive implements [tupkg.Intake].
func (in *intake) Receive(ctx context.Context, i int, r io.Reader) error {
	f := &in.files[i]
	w := in.witness(ctx, f)
	defer w.look.End()
	to, err := in.resume(ctx, f, in.held[i], w)
	if err != nil {
		return in.v.failure("receiving", noRoom(err))
	}
	disk, flushed := w.disk(to, f, in.held[i])
	err, ours := in.copy(disk, r, w)
	if ferr := flushed(); err == nil && ferr != nil {
		err, ours = ferr, true
	}
	if err == nil {
		err, ours = in.finish(ctx, f, to, w), true
	} else {
		_ = to.Close()
	}
	if err != nil && ours {
		return in.v.failure("receiving", noRoom(err))
	}
	return err
}

// resume opens a partial at its end, and the witness sees what is there.
func (in *intake) resume(ctx context.Context, f *file, held int64, w *witness) (vfs.File, error) {
	if held > 0 {
		if err := hashFile(ctx, in.s.State, in.partial(f), held, w); err != nil {
			return nil, err
		}
	}
	return in.s.State.Append(in.partial(f), in.s.fileMode)
}

// storing is the way of a file's bytes to the disk.
type storing struct {
	in *intake
	to io.Writer
	w  *witness
	// err is the disk's.
	err error
}

// Write implements [io.Writer].
func (s *storing) Write(p []byte) (int, error) {
	if s.err = s.w.store(s.to, p); s.err != nil {
		return 0, s.err
	}
	s.in.s.came(s.in, int64(len(p)))
	s.in.s.Meter.Received(int64(len(p)))
	return len(p), nil
}

// copy stores what comes. ours: the error is not the connection's.
func (in *intake) copy(to io.Writer, r io.Reader, w *witness) (err error, ours bool) {
	s := &storing{in: in, to: to, w: w}
	var buf []byte
	if _, direct := r.(io.WriterTo); !direct {
		buf = make([]byte, 32<<10)
	}
	_, err = io.CopyBuffer(s, r, buf)
	return err, s.err != nil
}

// finish makes a file that is there to its last byte durable, if that is due yet, closes
// it, and judges it.
func (in *intake) finish(ctx context.Context, f *file, to vfs.File, w *witness) error {
	var err error
	if f.loose = in.mayWait(f); !f.loose {
		err = to.Sync()
	}
	info, serr := to.Stat()
	if err = errors.Join(err, serr, to.Close()); err != nil {
		return err
	}
	return in.settle(ctx, f, w, info)
}

// settle judges a file by what was seen of it: into the area, or away, or to be kept in
// hand.
func (in *intake) settle(ctx context.Context, f *file, w *witness, info vfs.Info) error {
	inside := w.look.End()
	if w.matches(f.Declared) {
		sha, at := w.sha(), in.partial(f)
		if f.inHand = f.loose && !isManifest(f.Name); !f.inHand {
			var err error
			if at, err = in.store(ctx, f, sha); err != nil {
				return err
			}
		}
		f.sha = sha
		in.seen[at] = &arrived{upload.Seen{Size: f.Size, SHA256: sha, Package: inside}, info}
		return nil
	}
	what, want := "SHA-256", f.SHA256
	if want == "" {
		what, want = "MD5", f.MD5
	}
	f.wrong = &report.Finding{
		Code: report.CodeHash, Severity: report.SeverityError, File: f.Name, Expected: want,
		Message: fmt.Sprintf("the file arrived with another %s than was declared, and was deleted", what), Hint: "send it again",
	}
	in.v.log.Warn("wrong file", "file", f.Name, "hash", what)
	f.loose = false
	return in.s.State.Remove(in.partial(f))
}

// settleRest judges the files that had no byte to receive: empty ones, and those whose
// last byte came just ahead of a crash.
func (in *intake) settleRest(ctx context.Context) error {
	for i := range in.files {
		f := &in.files[i]
		if f.sha != "" || f.wrong != nil {
			continue
		}
		if err := in.settleOne(ctx, f, in.held[i]); err != nil {
			return noRoom(err)
		}
	}
	return nil
}

// settleOne judges one of them.
func (in *intake) settleOne(ctx context.Context, f *file, held int64) error {
	w := in.witness(ctx, f)
	defer w.look.End()
	to, err := in.resume(ctx, f, held, w)
	if err != nil {
		return err
	}
	return in.finish(ctx, f, to, w)
}

// Close implements [tupkg.Intake].
func (in *intake) Close() error {
	// What was not judged is kept.
	if err := in.putAside(context.Background()); err != nil {
		in.v.log.Error("failed", "during", "end of an upload", "error", err)
	}
	in.doneLooking()
	in.v.end()
	in.s.release(in)
	return nil
}
