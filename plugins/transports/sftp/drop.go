package sftp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pkg/sftp"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/watch"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// drop is a drop folder on the other side, and one upload for it.
type drop struct {
	t *Transport
	c *sftp.Client
	u upload.Upload
	// met: a connection has succeeded. verified is what is known of the files.
	met      bool
	verified *report.Report
	// name is the manifest's name there, or that of the list of packages, text what is
	// in it, sum its SHA-256.
	name, sum string
	text      []byte
	// arch is the repository's architecture; empty if the folder does not say.
	arch string
	// before is the final verdict on this manifest that was there at the start.
	before *string
	// placing: everything was there under its temporary name, and renaming began.
	placing bool
	told    sending
}

// open logs in.
func (d *drop) open() (*ssh.Conn, error) {
	conn, err := d.t.Subsystem("sftp")
	if err != nil {
		return nil, err
	}
	d.c, err = sftp.NewClientPipe(conn, conn, sftp.MaxConcurrentRequestsPerFile(inFlight))
	return conn, err
}

// at is a name in the folder.
func (d *drop) at(name string) string { return path.Join(d.t.Target.Path, name) }

// look reads what there is to know before anything is sent.
func (d *drop) look() error {
	info, err := d.c.Stat(d.at("."))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.usage("there is no such folder", "ask whoever runs the server for the name of the drop folder")
	case err != nil:
		return err
	case !info.IsDir():
		return d.usage("it is not a folder", "a drop folder is what mmpush watch looks after")
	}
	if err := d.declare(); err != nil {
		return &report.Error{Stage: stage, Code: report.CodeDisk, File: d.u.Name, Err: err}
	}
	var about watch.About
	there, err := d.read(watch.AboutFile, &about)
	if err != nil {
		return err
	}
	if there {
		if err := d.suits(about.Kind); err != nil {
			return err
		}
	}
	if manifest.ValidArch(about.Architecture) == nil {
		d.arch = about.Architecture
	}
	if d.before != nil {
		return nil
	}
	v, err := d.final()
	if err == nil && v == nil {
		v = &watch.Verdict{}
	}
	if err == nil {
		d.before = &v.ID
	}
	return err
}

// declare makes what comes last: the manifest, or the list of packages.
func (d *drop) declare() (err error) {
	if d.packages() {
		d.name, d.text, err = watch.NewList(d.u.Files)
	} else {
		d.name = manifestName(d.u)
		d.text, err = vfs.ReadFile(d.u.FS, path.Join(d.u.Dir, d.u.Name), manifest.MaxSize)
	}
	sum := sha256.Sum256(d.text)
	d.sum = hex.EncodeToString(sum[:])
	return err
}

// packages reports whether the upload is of pacman's packages, which have no manifest.
func (d *drop) packages() bool { return d.u.Kind == upload.Pacman }

// suits refuses to bring what the folder's watcher does not look at.
func (d *drop) suits(kind string) error {
	switch pacman := kind == string(upload.Pacman); {
	case d.packages() && !pacman:
		return d.usage("its watcher takes manifests, not packages of pacman's", "ask for a drop folder whose watcher publishes in a pacman repository")
	case pacman && !d.packages():
		return d.usage("its watcher takes packages of pacman's, not manifests", "ask for a drop folder whose watcher publishes in an mmpack repository")
	}
	return nil
}

func (d *drop) usage(message, hint string) error {
	return &report.Error{Stage: stage, Code: report.CodeUsage, Kind: report.KindUsage, File: d.t.Name, Err: errors.New(message), Hint: hint}
}

const manifestSuffix = ".mmpack-manifest"

// manifestName is a name that a watcher takes for a manifest's.
func manifestName(u upload.Upload) string {
	if strings.HasSuffix(u.Name, manifestSuffix) && !strings.HasPrefix(u.Name, ".") {
		return u.Name
	}
	return u.Manifest.Name + "_" + u.Manifest.Version + manifestSuffix
}

// file is one file to bring.
type file struct {
	upload.File
	// text is the content of the manifest or of a signature.
	text []byte
}

// files are those that the repository wants, the signatures and the manifest, or the list,
// last.
func (d *drop) files() []file {
	var list []file
	add := func(m manifest.File) {
		if !slices.ContainsFunc(list, func(other file) bool { return other.Name == m.Name }) {
			list = append(list, file{File: upload.File{Name: m.Name, Size: m.Size, SHA256: m.SHA256}})
		}
	}
	if d.packages() {
		for _, f := range d.u.Files {
			list = append(list, file{File: f})
		}
	} else {
		add(d.u.Manifest.Source)
		for _, a := range d.u.Manifest.Binary {
			for _, p := range a.Packages {
				if d.arch == "" || a.Name == d.arch {
					add(p.File)
				}
			}
		}
	}
	for _, s := range d.u.Signatures {
		sum := sha256.Sum256(s.Text)
		name := d.name + strings.TrimPrefix(s.Name, d.u.Name)
		list = append(list, file{upload.File{Name: name, Size: int64(len(s.Text)), SHA256: hex.EncodeToString(sum[:])}, s.Text})
	}
	return append(list, file{upload.File{Name: d.name, Size: int64(len(d.text)), SHA256: d.sum}, d.text})
}

// answerBytes is far above what a verdict takes.
const answerBytes = 64 << 20

// read reads one of the watcher's files; false if it is not there, or makes no sense.
func (d *drop) read(name string, into any) (bool, error) {
	f, err := d.c.Open(d.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, answerBytes))
	if err != nil {
		return false, err
	}
	return json.Unmarshal(text, into) == nil, nil
}
