package sftp

import (
	"testing"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/upload"
)

// Signatures go under the manifest's name there, ahead of it: the watcher finds them when
// it finds the manifest.
func TestSignaturesAheadOfTheManifest(t *testing.T) {
	t.Parallel()
	d := &drop{name: "foo_1_x.mmpack-manifest", text: []byte("m"), sum: "s", u: upload.Upload{
		Name: "odd", Manifest: &manifest.Manifest{Source: manifest.File{Name: "src"}},
		Signatures: []upload.Signature{{Name: "odd.sig", Text: []byte("one")}, {Name: "odd.minisig", Text: []byte("three")}},
	}}
	var got []string
	for _, f := range d.files() {
		got = append(got, f.Name+"="+string(f.text))
	}
	want := []string{"src=", "foo_1_x.mmpack-manifest.sig=one", "foo_1_x.mmpack-manifest.minisig=three", "foo_1_x.mmpack-manifest=m"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
}
