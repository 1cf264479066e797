package dir_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		path := t.TempDir()
		folder, err := dir.OpenFolder(path, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { folder.Close() })
		if _, _, err := repo.Init(t.Context(), folder, path, pipeline.Mmpack{}, repo.InitOptions{Arch: transporttest.Arch}); err != nil {
			t.Fatal(err)
		}
		return transporttest.Ground{Repo: folder, New: func(t *testing.T, o transport.Options) transport.Transport {
			return &dir.Transport{FS: folder, Path: path, Options: o}
		}}
	})
}

func TestOpenFolder(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "repo")
	_, err := dir.OpenFolder(missing, false)
	told, ok := errors.AsType[*report.Error](err)
	if !ok || told.Kind != report.KindUsage || !strings.Contains(told.Hint, "mmpush init "+missing) {
		t.Errorf("a missing folder: %#v", err)
	}
	made, err := dir.OpenFolder(missing, true)
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	if _, err := dir.OpenFolder(filepath.Join(missing, "a", "b"), true); err == nil {
		t.Error("parents were made")
	}
}
