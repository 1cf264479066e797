package programtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Required is the environment variable that lists the programs no test may go
// without.
const Required = "MMPUSH_REQUIRE"

// Need returns the path of a program, looked for in PATH and then where daemons
// are installed (/usr/sbin, /usr/lib/openssh …).
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := find(name)
	if err == nil {
		return path
	}
	Missing(t, name, err)
	return ""
}

// Missing ends a test that cannot have what it needs, a program or something else of
// the machine with that name: as a failure if [Required] names it, else as a skip.
func Missing(t testing.TB, name string, err error) {
	t.Helper()
	if required(os.Getenv(Required), name) {
		t.Fatalf("there is no %s, and %s says that there has to be: %v", name, Required, err)
	}
	t.Skipf("there is no %s; %s=%s makes this a failure: %v", name, Required, name, err)
}

// Check is Need for what is not a program, such as a library or an ability of the
// kernel: err is why it cannot be used, nil if it can.
func Check(t testing.TB, name string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case required(os.Getenv(Required), name):
		t.Fatalf("%s cannot be used, and %s says that it has to be: %v", name, Required, err)
	default:
		t.Skipf("%s cannot be used (%v); %s=%s makes this a failure", name, err, Required, name)
	}
}

func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/lib/openssh", "/usr/local/sbin"} {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p, nil
		}
	}
	return "", err
}

func required(list, name string) bool {
	return slices.Contains(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), name)
}
