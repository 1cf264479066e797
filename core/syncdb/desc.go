package syncdb

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

// Desc is what decisions need of a desc file.
type Desc struct {
	// FileName is the package's file, a base name.
	FileName string
	Name     string
	// Base is the name of what it was built from; empty if that is not said.
	Base, Version, Arch string
	// Size is that of the file, in bytes.
	Size int64
	// MD5 and SHA256 are of the file: lower-case hexadecimal digits. Either may be
	// missing in an entry that somebody else wrote.
	MD5, SHA256       string
	Depends, Provides []string
	// signature is that of the file as the database has it: base64.
	signature string
}

// Source is the name of what the package was built from.
func (d Desc) Source() string {
	if d.Base != "" {
		return d.Base
	}
	return d.Name
}

// Folder is the name of the entry's folder.
func (d Desc) Folder() string { return d.Name + "-" + d.Version }

// parseDesc reads a desc file. Unknown fields are fine, and the values of those that
// decisions do not need are not looked at.
func parseDesc(text []byte) (Desc, error) {
	var d Desc
	if what, _ := report.Flaw(string(text), "\n\t"); what != "" {
		return d, fmt.Errorf("it holds %s", what)
	}
	seen := map[string]bool{}
	for block := range strings.SplitSeq(strings.Trim(string(text), "\n"), "\n\n") {
		head, rest, _ := strings.Cut(strings.TrimLeft(block, "\n"), "\n")
		if len(head) < 3 || head[0] != '%' || head[len(head)-1] != '%' {
			return d, fmt.Errorf("%s is not a field's name", report.Shown(head))
		}
		name := head[1 : len(head)-1]
		if seen[name] {
			return d, fmt.Errorf("the field %s is there twice", report.Shown(name))
		}
		seen[name] = true
		if err := d.set(name, rest); err != nil {
			return d, err
		}
	}
	return d, d.check()
}

func (d *Desc) set(name, value string) error {
	switch name {
	case "FILENAME":
		d.FileName = value
	case "NAME":
		d.Name = value
	case "BASE":
		d.Base = value
	case "VERSION":
		d.Version = value
	case "ARCH":
		d.Arch = value
	case "MD5SUM":
		d.MD5 = value
	case "SHA256SUM":
		d.SHA256 = value
	case "PGPSIG":
		d.signature = value
	case "DEPENDS":
		d.Depends = strings.Split(value, "\n")
	case "PROVIDES":
		d.Provides = strings.Split(value, "\n")
	case "CSIZE":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("the field CSIZE is %s, not a number of bytes", report.Shown(value))
		}
		d.Size = n
	}
	return nil
}

// check is of what pacman would refuse, or what would lead out of the folder.
func (d *Desc) check() error {
	switch {
	case !alpm.ValidName(d.Name):
		return fmt.Errorf("the field NAME is %s, not a package's name", report.Shown(d.Name))
	case strings.Count(d.Version, "-") != 1 || strings.ContainsAny(d.Version, "/ \n\t") || strings.HasPrefix(d.Version, "."):
		return fmt.Errorf("the field VERSION is %s, not version-release", report.Shown(d.Version))
	case d.FileName == "" || strings.ContainsAny(d.FileName, "/\n") || strings.HasPrefix(d.FileName, "."):
		return fmt.Errorf("the field FILENAME is %s, not a file beside the database", report.Shown(d.FileName))
	case d.Arch == "":
		return errors.New("the field ARCH is missing")
	}
	return nil
}
