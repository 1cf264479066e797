package gitpush

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mmpush/mmpush/core/vfs"
)

// TestCheckoutLinks: no link of a checkout leads out of it, by way of other links either.
func TestCheckoutLinks(t *testing.T) {
	t.Parallel()
	b := newBare(t)
	r := b.open()
	defer r.Close()
	for target, good := range map[string]bool{
		"file": true, "./file": true, "dir/file": true, "dir//file": true,
		"": false, "/etc/passwd": false, "..": false, "../x": false, "dir/../../x": false,
		"dot/..": false, "dot/dot/../../etc/passwd": false, "dir/../file": false,
	} {
		tree := fmt.Sprintf("120000 blob %s\tdot\n120000 blob %s\tlink\n", b.blob([]byte(".")), b.blob([]byte(target)))
		id := plumbing.NewHash(b.git(strings.NewReader(tree), "mktree"))
		dir := t.TempDir()
		to, err := vfs.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Checkout(context.Background(), id, to)
		_ = to.Close()
		if refusal, ok := errors.AsType[*Refusal](err); ok == good || !ok && err != nil {
			t.Errorf("link to %q: %v %v", target, refusal, err)
		}
	}
}
