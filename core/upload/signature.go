package upload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// SignatureSize is how large a file of signatures may be, in bytes: far above what
// several of them take.
const SignatureSize = 64 << 10

// Signature is a file beside the manifest with detached signatures over the manifest's
// exact bytes. Whether any of them is good is not known here.
type Signature struct {
	// Name is a base name, one of [SignatureNames].
	Name string
	Text []byte
}

// SignatureNames are the names that files of signatures have, by the name of the
// manifest: those that gpg, ssh-keygen -Y and minisign give them. A .sig may be of gpg
// or of ssh-keygen.
func SignatureNames(manifest string) []string {
	return []string{manifest + ".sig", manifest + ".asc", manifest + ".minisig"}
}

// readSignatures reads the files of signatures that are there. One that is there and
// cannot be taken is a finding: whoever put it there counts on it.
func readSignatures(fsys vfs.FS, dir, manifest string) ([]Signature, []report.Finding, error) {
	var list []Signature
	var findings []report.Finding
	for _, name := range SignatureNames(manifest) {
		text, problem, err := readSignature(fsys, path.Join(dir, name))
		switch {
		case err != nil:
			return nil, nil, diskError(Upload{FS: fsys, Dir: dir}.displayPath(name), err, "the disk refused to read the file; try again, or copy the file again")
		case problem != "":
			findings = append(findings, report.Finding{
				Code: report.CodeSignature, Severity: report.SeverityError, File: name,
				Message: "the signature beside the manifest " + problem, Hint: "sign the manifest again, or take the file away",
			})
		case text != nil:
			list = append(list, Signature{name, text})
		}
	}
	return list, findings, nil
}

// readSignature returns the content of one file, nil if there is none.
func readSignature(fsys vfs.FS, name string) (text []byte, problem string, err error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		// A link that leads to nothing is there.
		switch info, lerr := fsys.Lstat(name); {
		case lerr != nil && !errors.Is(lerr, fs.ErrNotExist):
			return nil, "", lerr
		case lerr != nil || info.Mode&fs.ModeSymlink == 0:
			return nil, "", nil
		}
	}
	if err != nil {
		if problem := unusable(fsys, name, err); problem != "" {
			return nil, problem, nil
		}
		return nil, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", err
	}
	if !info.IsRegular() {
		return nil, "is a " + vfs.TypeName(info.Mode) + ", not a file", nil
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(f, SignatureSize+1)); err != nil {
		return nil, "", err
	}
	if b.Len() > SignatureSize {
		return nil, fmt.Sprintf("has more than %d bytes", SignatureSize), nil
	}
	return append([]byte{}, b.Bytes()...), "", nil
}
