package vfs

// Alias returns an FS for whoever only reads: behind each name that is a key it finds
// the file that the value names.
func Alias(fsys FS, names map[string]string) FS { return aliased{fsys, names} }

type aliased struct {
	FS
	names map[string]string
}

func (a aliased) real(name string) string {
	if n, ok := a.names[name]; ok {
		return n
	}
	return name
}

func (a aliased) Open(name string) (File, error) { return a.FS.Open(a.real(name)) }

func (a aliased) Lstat(name string) (Info, error) { return a.FS.Lstat(a.real(name)) }

func (a aliased) Readlink(name string) (string, error) { return a.FS.Readlink(a.real(name)) }
