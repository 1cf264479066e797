package transporttest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// PacmanName is the name of the repository of a Ground for pacman's packages.
const PacmanName = "demo"

// release is what pacman's versions have at their end.
const release = "-1"

// buildPackages is the same upload as pacman's packages: there is no manifest and no source.
func buildPackages(t *testing.T, u mpktest.Upload) made {
	t.Helper()
	dir := t.TempDir()
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	name, version := cmp.Or(u.Name, "foo"), cmp.Or(u.Version, "1.0.0")
	up := upload.Upload{Kind: upload.Pacman, FS: folder, Dir: "."}
	list := u.Packages
	if len(list) == 0 {
		list = []mpktest.Package{{}}
	}
	for _, p := range list {
		p.Name = cmp.Or(p.Name, name)
		data := packageOf(p, name, version, u.Salt)
		file := fmt.Sprintf("%s-%s%s-any.pkg.tar.gz", p.Name, version, release)
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		up.Files = append(up.Files, upload.File{Name: file, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	}
	up.Name = up.Files[0].Name
	return made{up, dir, version}
}

// packageOf is one package; what a hostile metadata would be elsewhere is a .PKGINFO here.
func packageOf(p mpktest.Package, base, version, salt string) []byte {
	info := p.Metadata
	if info == "" {
		info = fmt.Sprintf("pkgname = %s\npkgbase = %s\npkgver = %s%s\npkgdesc = a package\nsize = 10\nbuilddate = 1700000000\narch = any\n", p.Name, base, version, release)
	}
	// Nothing that shrinks.
	payload := make([]byte, p.Payload)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(p.Name + version + salt))).Read(payload)
	return archivetest.Pack(archivetest.Gzip, archivetest.TarBytes(
		archivetest.Member{Name: ".PKGINFO", Body: info}, archivetest.Member{Name: "usr/share/payload", Body: salt + string(payload)}))
}

// servedPackages reads the database, and holds each file that it names to its hash.
func servedPackages(t *testing.T, g Ground) []string {
	t.Helper()
	r, err := syncdb.Open(g.Repo, PacmanName)
	if err != nil {
		t.Fatal(err)
	}
	list, err := syncdb.Published(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, d.Name+" "+strings.TrimSuffix(d.Version, release))
		checkFile(t, g, d.FileName, d.SHA256)
	}
	return got
}

// checkFile holds a published file to its hash.
func checkFile(t *testing.T, g Ground, name, sum string) {
	t.Helper()
	text, err := vfs.ReadFile(g.Repo, name, 1<<30)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if is := sha256.Sum256(text); hex.EncodeToString(is[:]) != sum {
		t.Errorf("%s has other bytes than is published", name)
	}
}
