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

// TestLedgerDoneLate: a push that a later one has done with takes nothing out that came
// after both.
func TestLedgerDoneLate(t *testing.T) {
	t.Parallel()
	r := newBare(t).open()
	defer r.Close()
	l, refs := r.Ledger(), map[string]bool{"refs/heads/dist": true}
	for _, step := range []string{"+a", "+b", "-b", "+c", "-a"} {
		work := step[1:]
		err := error(nil)
		if step[0] == '+' {
			_, err = l.Begin(work, []Update{{New: plumbing.NewHash(strings.Repeat(work, 40)), Ref: "refs/heads/dist"}})
		} else {
			err = l.Done(work, refs)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	left, err := l.Unpublished()
	if err != nil || len(left) != 1 || left[0].New.String() != strings.Repeat("c", 40) {
		t.Errorf("%v %v", left, err)
	}
}
