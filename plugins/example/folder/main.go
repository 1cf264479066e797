package main

import (
	"context"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

type folder struct {
	path    string
	options transport.Options
}

// Push implements transport.Transport.
func (f folder) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	repo, err := dir.OpenFolder(f.path, false)
	if err != nil {
		return report.Report{}, err
	}
	defer repo.Close()
	t := dir.Transport{FS: repo, Path: f.path, Who: "folder plugin", Options: f.options}
	return t.Push(ctx, u)
}

func open(_ context.Context, t transport.Target, o transport.Options) (transport.Transport, error) {
	return folder{t.URL.Path, o}, nil
}

func main() {
	plugins.ServeTransport(plugins.Info{Name: "folder", Version: "1.0.0"}, open)
}
