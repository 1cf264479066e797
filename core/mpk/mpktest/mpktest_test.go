package mpktest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

func TestEqualOptionsGiveEqualBytes(t *testing.T) {
	t.Parallel()
	u := mpktest.Upload{Packages: []mpktest.Package{{Payload: 1000}, {Name: "bar"}}}
	a, b := u.Build(), u.Build()
	u.Salt = "x"
	salted := u.Build()
	for i, f := range a.Files() {
		if !bytes.Equal(f.Data, b.Files()[i].Data) {
			t.Errorf("%s: two builds differ", f.Name)
		}
		if bytes.Equal(f.Data, salted.Files()[i].Data) {
			t.Errorf("%s: the salt changes nothing", f.Name)
		}
		if f.Name != salted.Files()[i].Name {
			t.Errorf("the salt changes the name %s", f.Name)
		}
	}
}

func TestBuildAndWriteAgree(t *testing.T) {
	t.Parallel()
	u := mpktest.Upload{Name: "foo", Packages: []mpktest.Package{{}, {Name: "foo", Arch: "amd64-windows"}}}
	dir := t.TempDir()
	if got, want := u.In(t, dir), filepath.Join(dir, "foo_1.0.0_amd64-debian.mmpack-manifest"); got != want {
		t.Errorf("manifest %s, want %s", got, want)
	}
	for _, f := range u.Build().Files() {
		data, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil || !bytes.Equal(data, f.Data) {
			t.Errorf("%s: %v, %d bytes on disk, %d in memory", f.Name, err, len(data), len(f.Data))
		}
	}
}
