package syncdb

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// signatureEnd is the end of the name of a package's signature, and maxSignature the
// largest that pacman's databases hold, in bytes.
const (
	signatureEnd = ".sig"
	maxSignature = 16 << 10
)

// Source is a package's file, before it is published. Its signature, if it has one,
// lies beside it.
type Source struct {
	// FS and Path are where it is.
	FS   vfs.FS
	Path string
	// SignatureFS and SignaturePath are where its signature is, if it does not lie beside
	// it.
	SignatureFS   vfs.FS
	SignaturePath string
	// Shown is the path as the user knows it, for messages.
	Shown string
	// Who brings it; empty is whoever runs the program.
	Who string
	// Alone: if it is refused, the others are published without it.
	Alone bool
	// Declared, if it is not nil, is what the files have to be.
	Declared *Declared
}

// Declared is what somebody has said of a package ahead of it.
type Declared struct {
	// Size is in bytes, SHA256 64 lower-case hexadecimal digits.
	Size   int64
	SHA256 string
	// Signature is the same of the signature beside it; nil: one that lies there is not
	// the package's.
	Signature *Signature
}

// Name is the file's base name.
func (s Source) Name() string { return path.Base(s.Path) }

// Candidate is a package that was read, and that somebody wants published.
type Candidate struct {
	Entry
	// Signature is of the signature's file; nil if there is none.
	Signature *Signature `json:",omitempty"`
	// Apart is the folder of the stage in which its files are, if another file of the name
	// came before it.
	Apart string `json:",omitempty"`
	Who   string `json:",omitempty"`
	Alone bool   `json:",omitempty"`
}

// Signature is a detached signature's file.
type Signature struct {
	Size   int64
	SHA256 string
}

// Inspect reads packages as [Publish] does, and keeps nothing: what is wrong with them are
// findings, and who carries them elsewhere knows their files.
func Inspect(ctx context.Context, sources []Source, l archive.Limits) ([]Candidate, []report.Finding, error) {
	var list []Candidate
	var findings []report.Finding
	for _, s := range sources {
		a, err := take(ctx, nil, "", s, l)
		if err != nil {
			return nil, findings, err
		}
		findings = append(findings, a.findings...)
		if a.candidate != nil {
			list = append(list, *a.candidate)
		}
	}
	return list, findings, nil
}

// arrival is what became of a source: its candidate, or why there is none.
type arrival struct {
	Source
	candidate *Candidate
	findings  []report.Finding
	// identity and signature are of the files that were read.
	identity, signature repo.Identity
	// read is what the package says, and signed its signature.
	read   *alpm.Package
	signed []byte
}

// take reads a source once, from its beginning to its end, into the folder of to; a nil
// to keeps nothing. What is wrong with it are findings.
func take(ctx context.Context, to vfs.FS, folder string, s Source, l archive.Limits) (arrival, error) {
	a := arrival{Source: s}
	c, ok := alpm.IsFileName(s.Name())
	if !ok {
		a.refuse(report.CodeName, "the file is not called as a package is", "NAME-VERSION-ARCH.pkg.tar.zst, .gz, .xz or .bz2", s.Name())
		return a, nil
	}
	f, info, err := openRegular(s.FS, s.Path)
	if err != nil {
		return a, a.absent(unopened{a.unreadable(err)})
	}
	defer f.Close()
	a.identity = repo.IdentityOf(info)
	signature, err := a.takeSignature(to, folder)
	if err != nil {
		return a, a.absent(err)
	}
	sums, read, err := a.copy(ctx, to, folder, f, info.Size, c, l)
	if err != nil {
		return a, err
	}
	a.compare("", info.Size, sums[1])
	if want := read.Info.FileName(c); len(a.findings) == 0 && want != s.Name() {
		a.refuse(report.CodeMismatch, "the file has another name than the package in it", want, s.Name())
	}
	if len(a.findings) > 0 {
		return a, nil
	}
	a.read, a.signed = read, signature
	a.candidate = &Candidate{Who: s.Who, Alone: s.Alone, Entry: NewEntry(read, File{
		Name: s.Name(), Size: info.Size, MD5: sums[0], SHA256: sums[1], Signature: signature,
	})}
	if signature != nil {
		sum := sha256.Sum256(signature)
		a.candidate.Signature = &Signature{int64(len(signature)), hex.EncodeToString(sum[:])}
	}
	return a, nil
}

// copy reads the package and hashes, parses and keeps what it reads.
func (a *arrival) copy(ctx context.Context, to vfs.FS, folder string, f io.Reader, size int64, c alpm.Compression, l archive.Limits) (sums [2]string, p *alpm.Package, err error) {
	weak, strong, count := md5.New(), sha256.New(), &counter{}
	out := []io.Writer{weak, strong, count}
	var kept vfs.File
	if to != nil {
		at := path.Join(folder, a.Name())
		if kept, err = to.Create(at, repo.FileMode); err != nil {
			return sums, nil, repo.DiskError("stage", a.Shown, err)
		}
		defer kept.Close()
		out = append(out, failing{kept, a.Shown})
	}
	p, found, err := alpm.Read(ctx, io.TeeReader(io.LimitReader(f, size+1), io.MultiWriter(out...)), size, c, l)
	switch told, ok := errors.AsType[*report.Error](err); {
	case ok:
		return sums, nil, told
	case err != nil:
		return sums, nil, a.unreadable(err)
	}
	for _, one := range found {
		one.File = a.Shown
		a.findings = append(a.findings, one)
	}
	if count.n != size {
		a.refuse(report.CodeSize, "the file has changed while it was read", fmt.Sprintf("%d bytes", size), "another number")
	}
	if kept != nil {
		if err := kept.Sync(); err != nil {
			return sums, nil, repo.DiskError("stage", a.Shown, err)
		}
	}
	return [2]string{hex.EncodeToString(weak.Sum(nil)), hex.EncodeToString(strong.Sum(nil))}, p, nil
}

// takeSignature reads the signature beside the package, if there is one.
func (a *arrival) takeSignature(to vfs.FS, folder string) ([]byte, error) {
	if a.Declared != nil && a.Declared.Signature == nil {
		return nil, nil
	}
	from, name := a.signaturePlace()
	f, info, err := openRegular(from, name)
	if errors.Is(err, fs.ErrNotExist) && a.Declared == nil {
		return nil, nil
	}
	if err != nil {
		return nil, unopened{a.unreadable(err)}
	}
	defer f.Close()
	a.signature = repo.IdentityOf(info)
	text, err := io.ReadAll(io.LimitReader(f, maxSignature+1))
	if err != nil {
		return nil, a.unreadable(err)
	}
	sum := sha256.Sum256(text)
	a.compare(signatureEnd, info.Size, hex.EncodeToString(sum[:]))
	switch {
	case len(text) > maxSignature:
		a.refuse(report.CodeLimit, "the signature is larger than pacman takes", fmt.Sprintf("at most %d bytes", maxSignature), fmt.Sprintf("%d bytes or more", len(text)))
	case !binarySignature(text):
		a.refuse(report.CodeText, "the signature is not a binary one; pacman takes no armor", "gpg --detach-sign, without --armor", "")
	case to != nil:
		if err := vfs.CreateSynced(to, path.Join(folder, a.Name()+signatureEnd), repo.FileMode, text); err != nil {
			return nil, repo.DiskError("stage", a.Shown+signatureEnd, err)
		}
	}
	return text, nil
}

// compare sees that a file that was read is the one that was declared; end is behind the
// package's name in its own.
func (a *arrival) compare(end string, size int64, sum string) {
	if a.Declared == nil {
		return
	}
	wantSize, wantSum := a.Declared.Size, a.Declared.SHA256
	if end != "" {
		wantSize, wantSum = a.Declared.Signature.Size, a.Declared.Signature.SHA256
	}
	f := report.Finding{Severity: report.SeverityError, File: a.Shown + end, Hint: "bring the file again: it was changed on its way"}
	switch {
	case size != wantSize:
		f.Code, f.Message = report.CodeSize, "the file has another size than declared"
		f.Expected, f.Actual = fmt.Sprintf("%d bytes", wantSize), fmt.Sprintf("%d bytes", size)
	case sum != wantSum:
		f.Code, f.Message, f.Expected, f.Actual = report.CodeHash, "the file has another SHA-256 than declared", wantSum, sum
	default:
		return
	}
	a.findings = append(a.findings, f)
}

// signaturePlace is where the signature is, if there is one.
func (s Source) signaturePlace() (vfs.FS, string) {
	if s.SignatureFS != nil {
		return s.SignatureFS, s.SignaturePath
	}
	return s.FS, s.Path + signatureEnd
}

// unopened is the error of a source that could not be opened.
type unopened struct{ error }

// absent is what an error comes to if it is of the opening of a source that stands for itself:
// somebody else has taken it meanwhile, or it cannot be read; the others can.
func (a *arrival) absent(err error) error {
	u, is := errors.AsType[unopened](err)
	if !is {
		return err
	}
	told, ok := errors.AsType[*report.Error](u.error)
	if !a.Alone || !ok || told.Code == report.CodeStopped {
		return u.error
	}
	if told.Code != report.CodeMissing {
		a.findings = []report.Finding{{Code: told.Code, Severity: report.SeverityError, File: told.File, Message: told.Err.Error(), Hint: told.Hint}}
	}
	return nil
}

func (a *arrival) refuse(code report.Code, message, expected, actual string) {
	a.findings = append(a.findings, report.Finding{
		Code: code, Severity: report.SeverityError, File: a.Shown, Message: message, Expected: expected, Actual: actual,
		Hint: "give the file as makepkg has made it",
	})
}

func (a *arrival) unreadable(err error) error {
	e := &report.Error{Stage: "stage", Code: report.CodeDisk, Kind: report.KindInternal, File: a.Shown, Err: err,
		Hint: "nothing was changed; run the same command again when the cause is gone"}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Code, e.Kind, e.Hint = report.CodeMissing, report.KindUsage, "look at the path"
	case errors.Is(err, errNoFile):
		e.Code, e.Kind, e.Hint = report.CodeMember, report.KindUsage, "give ordinary files: what a link leads to can change"
	case errors.Is(err, context.Canceled):
		e.Code, e.Kind = report.CodeStopped, report.KindBusy
	}
	return e
}

// errNoFile is about a link, a folder, a pipe.
var errNoFile = errors.New("is not an ordinary file")

// openRegular opens what is a file itself, and still is the one that was looked at. What
// has no inode, as the files of a git tree, cannot be exchanged.
func openRegular(fsys vfs.FS, name string) (vfs.File, vfs.Info, error) {
	looked, err := fsys.Lstat(name)
	if err != nil {
		return nil, looked, err
	}
	if !looked.IsRegular() {
		return nil, looked, fmt.Errorf("%w but a %s", errNoFile, vfs.TypeName(looked.Mode))
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, looked, err
	}
	info, err := f.Stat()
	if err == nil && looked.Ino != 0 && (info.Ino != looked.Ino || info.Dev != looked.Dev) {
		err = fmt.Errorf("%w any more", errNoFile)
	}
	if err != nil {
		return nil, info, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// counter counts bytes.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// failing tells a disk that cannot be written from a package that cannot be read.
type failing struct {
	w     io.Writer
	shown string
}

func (f failing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		err = repo.DiskError("stage", f.shown, err)
	}
	return n, err
}
