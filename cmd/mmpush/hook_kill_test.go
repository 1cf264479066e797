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

// TestHookKilledAtEachCall kills the hook ahead of one call to the disk after the
// other: as soon as the push is noted, the next run publishes it.
func TestHookKilledAtEachCall(t *testing.T) {
	t.Parallel()
	program := programtest.Need(t, "mmpush-killed")
	w := newGitWorld(t, "--no-pre-receive")
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	step := 23
	if os.Getenv("MMPUSH_LONG") != "" {
		step = 1
	}
	before, kills := plumbing0, 0
	for k := 1; ; k += step {
		version := fmt.Sprintf("1.%d", k)
		w.git("rm", "-q", "-r", "--ignore-unmatch", ".")
		w.made("foo", version, "", ".")
		w.commit()
		w.push("HEAD:refs/heads/dist")
		now := w.ref("refs/heads/dist")
		cmd := exec.CommandContext(t.Context(), program, "hook", "post-receive", "--git-dir", w.bare)
		cmd.Env, cmd.Stdin = append(slices.Clone(w.env), killAt+"="+strconv.Itoa(k)), strings.NewReader(before+" "+now+" refs/heads/dist\n")
		err := cmd.Run()
		left := w.run(w.mmpush, "hook", "status", "--git-dir", w.bare)
		noted := strings.Contains(left, "not published yet: refs/heads/dist")
		done := strings.Contains(w.published(w.stable), " "+version+" ")
		if err == nil {
			if noted || !done {
				t.Errorf("not killed: noted %v, published %v", noted, done)
			}
			break
		}
		kills++
		if _, err := w.try(w.mmpush, "hook", "post-receive", "--unpublished", "--git-dir", w.bare); err != nil {
			t.Errorf("call %d: %v", k, err)
		}
		if noted && !strings.Contains(w.published(w.stable), " "+version+" ") {
			t.Errorf("call %d: noted and not published:\n%s", k, w.published(w.stable))
		}
		if left := w.run(w.mmpush, "hook", "status", "--git-dir", w.bare); strings.Contains(left, "not published yet") {
			t.Errorf("call %d: still noted", k)
		}
		before = now
		if done || noted {
			continue
		}
		// Too early to be noted: only the first calls are.
		if k > 40 {
			t.Errorf("call %d: lost", k)
		}
		before = plumbing0
	}
	t.Logf("%d kills", kills)
	if kills < 5 {
		t.Errorf("only %d kills", kills)
	}
}

// plumbing0 is the id of no object.
const plumbing0 = "0000000000000000000000000000000000000000"
