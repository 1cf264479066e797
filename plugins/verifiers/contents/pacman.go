package contents

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

var _ alpm.Verifier = (*Verifier)(nil)

// mtreeName is the member that says what the others are.
const mtreeName = ".MTREE"

// VerifyPackage implements [alpm.Verifier]: every member against the package's .MTREE, by
// which `pacman -Qkk` checks what is installed; setuid bits and the machine of programs as
// for mmpack. Links may lead anywhere: pacman installs below /.
func (v *Verifier) VerifyPackage(ctx context.Context, p alpm.Arrived) ([]report.Finding, error) {
	f, err := p.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &tree{scan: scan{v: v, file: p.Name, arch: p.Info.Arch}, are: map[string]attributes{}}
	bad, err := archive.Verdict(t.read(ctx, f, p), "makepkg")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	if bad != nil {
		bad.File = p.Name
		t.Add(*bad)
	}
	return t.All(), nil
}

// tree is one pass over a package of pacman's.
type tree struct {
	scan
	// are are the members, said what .MTREE says; nil: there is none.
	are, said map[string]attributes
	broken    bool
}

func (t *tree) read(ctx context.Context, r io.Reader, p alpm.Arrived) error {
	z, err := alpm.Decode(archive.WithContext(ctx, r), p.Size, p.Compression, t.v.limits)
	if err != nil {
		return err
	}
	defer z.Close()
	t.tar = archive.Tar(z, t.v.limits)
	if err := t.tar.Each(t.member); err != nil {
		return err
	}
	t.compare()
	return nil
}

// member notes one member in the words of .MTREE.
func (t *tree) member(m archive.Member) error {
	name := strings.TrimSuffix(m.Name, "/")
	is := attributes{mode: strconv.FormatUint(uint64(m.Mode), 8)}
	t.bits(m, name)
	switch m.Type {
	case archive.FolderMember:
		is.kind = "dir"
	case archive.SymlinkMember:
		// Nobody looks at the mode of a link.
		is = attributes{kind: "link", link: m.Link}
	case archive.HardlinkMember:
		is = t.are[m.Link]
	case archive.FileMember:
		if name == mtreeName {
			return t.mtree(m)
		}
		is.kind, is.size = "file", strconv.FormatInt(m.Size, 10)
		sum, err := t.sumOf(m, name)
		if err != nil {
			return err
		}
		is.sha256 = sum
	}
	t.are[name] = is
	return nil
}

func (t *tree) sumOf(m archive.Member, name string) (string, error) {
	var head [elfHeader]byte
	n, err := io.ReadFull(t.tar, head[:min(m.Size, elfHeader)])
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(head[:n])
	if _, err := io.Copy(h, t.tar); err != nil {
		return "", err
	}
	t.machine(head[:n], name)
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (t *tree) mtree(m archive.Member) error {
	list, err := readMtree(t.tar, m.Size, t.v.limits)
	switch {
	case err == nil:
		t.said = list
	case errors.Is(err, errMtree) || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit):
		t.broken = true
		t.disagree(mtreeName, "", "", err.Error())
	default:
		return err
	}
	return nil
}

// compare holds the members against .MTREE.
func (t *tree) compare() {
	if t.said == nil {
		if !t.broken {
			t.disagree(mtreeName, "", "", "the package has no list of its files")
		}
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.are)) {
		want, ok := t.said[name]
		if !ok {
			t.disagree(name, "", "", "the member is not in the package's "+mtreeName)
			continue
		}
		t.compareOne(name, want, t.are[name])
	}
	for _, name := range slices.Sorted(maps.Keys(t.said)) {
		if _, ok := t.are[name]; !ok {
			t.disagree(name, t.said[name].kind, "", "is in "+mtreeName+", and not in the package")
		}
	}
}

func (t *tree) compareOne(name string, want, is attributes) {
	if want.kind != is.kind {
		t.disagree(name, want.kind, is.kind, "the member is of another type than "+mtreeName+" says")
		return
	}
	for _, c := range []struct{ what, want, is string }{
		{"size", want.size, is.size}, {"SHA-256", want.sha256, is.sha256},
		{"target", want.link, is.link}, {"mode", mode(want.mode), mode(is.mode)},
	} {
		if c.is != "" && c.want != c.is {
			t.disagree(name, c.want, c.is, "the member has another "+c.what+" than "+mtreeName+" says")
			return
		}
	}
}

// mode is an octal number without zeros ahead.
func mode(text string) string { return strings.TrimLeft(text, "0") }

func (t *tree) disagree(name, want, got, message string) {
	t.add(report.CodeFiles, name, want, got, message, "the package was changed after it was built, or not built by makepkg: build it again")
}
