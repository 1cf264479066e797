//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// TestHookKilledAtEachCall kills pre-receive and then post-receive ahead of one call to the
// disk after the other. A push that git was kept from counts for nothing; one that git took
// is noted, whatever is killed, and the next run publishes it.
func TestHookKilledAtEachCall(t *testing.T) {
	t.Parallel()
	program := programtest.Need(t, "mmpush-killed")
	w := newGitWorld(t, "--no-pre-receive")
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	first, step := []int{1, 9}, 23
	if os.Getenv("MMPUSH_LONG") != "" {
		first, step = nil, 1
	}
	before, kills := plumbing0, 0
	hook := func(name, update string, k int) error {
		cmd := exec.CommandContext(t.Context(), program, "hook", name, "--git-dir", w.bare)
		cmd.Env, cmd.Stdin = append(slices.Clone(w.env), killAt+"="+strconv.Itoa(k)), strings.NewReader(update)
		return cmd.Run()
	}
	noted := func() bool {
		return strings.Contains(w.run(w.mmpush, "hook", "status", "--git-dir", w.bare), "not published yet: refs/heads/dist")
	}
	unpublished := func(k int) {
		if _, err := w.try(w.mmpush, "hook", "post-receive", "--unpublished", "--git-dir", w.bare); err != nil {
			t.Errorf("call %d: %v", k, err)
		}
	}
	for at, whole := 0, false; !whole; at++ {
		k := 1 + step*(at-len(first))
		if at < len(first) {
			k = first[at]
		}
		version := fmt.Sprintf("1.%d", at)
		w.git("rm", "-q", "-r", "--ignore-unmatch", ".")
		w.made("foo", version, "", ".")
		w.commit()
		// The objects are there ahead of the push, as they are in git's quarantine.
		w.push("+HEAD:refs/heads/objects")
		now := w.ref("refs/heads/objects")
		update := before + " " + now + " refs/heads/dist\n"
		_ = hook("pre-receive", update, k)
		if unpublished(k); noted() || strings.Contains(w.published(w.stable), " "+version+" ") {
			t.Errorf("call %d of pre-receive: a push that has not happened", k)
		}
		if err := hook("pre-receive", update, 0); err != nil {
			t.Fatal(err)
		}
		w.push("HEAD:refs/heads/dist")
		err := hook("post-receive", update, k)
		whole = err == nil
		if done := strings.Contains(w.published(w.stable), " "+version+" "); whole && (noted() || !done) || !done && !noted() {
			t.Errorf("call %d of post-receive (%v): noted %v, published %v", k, err, noted(), done)
		}
		if unpublished(k); noted() || !strings.Contains(w.published(w.stable), " "+version+" ") {
			t.Errorf("call %d of post-receive: lost:\n%s", k, w.published(w.stable))
		}
		before = now
		kills++
	}
	t.Logf("%d kills", kills)
	if kills < 5 {
		t.Errorf("only %d kills", kills)
	}
}

// plumbing0 is the id of no object.
const plumbing0 = "0000000000000000000000000000000000000000"
