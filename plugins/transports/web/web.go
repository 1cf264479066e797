package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// limits are how many bytes the files may have: an index of a million packages is below.
func limits() map[string]int64 {
	return map[string]int64{repo.MetadataFile: 64 << 10, index.SourceFile: 256 << 20, index.BinaryFile: 512 << 20}
}

// readTime is how long all of them may take.
const readTime = 5 * time.Minute

// Transport plans on one public repository.
type Transport struct {
	// Public is a copy of what the server shows, as [Server.Read] makes it; Name is the
	// repository's for messages.
	Public    vfs.FS
	Name      string
	Verifiers []verify.Named
	Options   transport.Options
}

var _ transport.Transport = (*Transport)(nil)

// Push implements [transport.Transport]; the options have to ask for a dry run.
func (t *Transport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	o := t.Options
	if !o.DryRun {
		return report.Report{}, ReadOnly(t.Name)
	}
	r, err := pipeline.Open(t.Public, t.Name)
	if err != nil {
		return report.Report{}, err
	}
	return pipeline.Preview(ctx, r, pipeline.Request{
		Upload: u, Verifiers: t.Verifiers,
		Requests: plan.Requests{Rebuild: o.Rebuild, Downgrade: o.Downgrade, TakeOver: o.TakeOver},
		Options:  pipeline.Options{Transport: "web", Program: o.Program, Progress: o.Progress},
	})
}

// ReadOnly is the answer to who wants to publish this way.
func ReadOnly(name string) error {
	return &report.Error{
		Stage: "open", Code: report.CodeUsage, Kind: report.KindUsage, File: name,
		Err:  errors.New("a repository can only be read over HTTP"),
		Hint: "add --dry-run, or publish by another way, such as tupkgs:// or ssh://",
	}
}

// Server shows a repository.
type Server struct {
	// Base is the folder that clients read, as http:// or https://.
	Base *url.URL
	// Agent names us to the server.
	Agent string
}

// Read copies the public files into memory.
func (s Server) Read(ctx context.Context) (vfs.FS, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	fsys := vfs.NewMem(time.Now)
	for _, name := range slices.Sorted(maps.Keys(limits())) {
		if err := s.copy(ctx, fsys, name, limits()[name]); err != nil {
			return nil, s.failed(name, err)
		}
	}
	return fsys, nil
}

// errStatus is an answer that is not the file.
type errStatus int

func (e errStatus) Error() string {
	return fmt.Sprintf("the server answers %d %s", int(e), http.StatusText(int(e)))
}

func (s Server) copy(ctx context.Context, fsys vfs.FS, name string, limit int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Base.JoinPath(name).String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", s.Agent)
	// The index is compressed already; a client that asks for more would get it unpacked.
	req.Header.Set("Accept-Encoding", "identity")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errStatus(answer.StatusCode)
	}
	f, err := fsys.Create(name, repo.FileMode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(answer.Body, limit+1))
	if err == nil && n > limit {
		err = fmt.Errorf("has more than %d bytes", limit)
	}
	return errors.Join(err, f.Close())
}

// failed is about a file that could not be read. That it is not there means that this is
// no repository; everything else, that the way there failed.
func (s Server) failed(name string, err error) error {
	e := &report.Error{
		Stage: "open", Code: report.CodeConnection, Kind: report.KindTransport, File: s.Base.JoinPath(name).Redacted(), Err: err,
		Hint: "name the folder that clients read, in which binary-index.gz lies",
	}
	if status, ok := errors.AsType[errStatus](err); ok && (status == http.StatusNotFound || status == http.StatusForbidden || status == http.StatusGone) {
		e.Code, e.Kind = report.CodeNoRepo, report.KindUsage
	}
	return e
}
