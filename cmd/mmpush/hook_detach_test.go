package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGitPushDetached: the pusher is let go, the work goes on, and is told by its id.
func TestGitPushDetached(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	w.made("tool", "2.0", "", "../home/built")
	go1 := filepath.Join(w.home, "go")
	w.git("--git-dir", w.bare, "config", "mmpush.testing.build",
		w.script("build", "while ! test -e "+go1+"; do sleep 0.02; done; cp "+w.home+"/built/* \"$1\"\n")+" {out}")
	w.git("--git-dir", w.bare, "config", "mmpush.detach", "300ms")
	w.commit()
	said, ok := w.push("HEAD:refs/heads/testing/a")
	says(t, said, "refs/heads/testing/a -> testing", "(build of ", "the work goes on without you; its id is ", "hint: on the server: mmpush status ")
	if !ok {
		t.Error("refused")
	}
	_, id, _ := strings.Cut(said, "its id is ")
	id = strings.Fields(id)[0]
	status := func() (string, error) { return w.try(w.mmpush, "status", id, "--git-dir", w.bare) }
	if out, err := status(); err == nil || !strings.Contains(out, "running since") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := os.WriteFile(go1, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for {
		out, err := status()
		if err == nil {
			says(t, out, "success: published tool 2.0 as generation 1", "\npublished\n")
			break
		}
		if t.Context().Err() != nil || !strings.Contains(out, "running since") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	// Short work says all of it before it ends.
	w.commit()
	w.git("--git-dir", w.bare, "config", "mmpush.detach", "1m")
	said, _ = w.push("HEAD:refs/heads/testing/a")
	says(t, said, "success: unchanged tool 2.0")
	if _, err := w.try(w.mmpush, "status", "../../x", "--git-dir", w.bare); err == nil {
		t.Error("an id that is a path")
	}
	var doc struct{ Result string }
	if err := json.Unmarshal([]byte(w.run(w.mmpush, "status", id, "--git-dir", w.bare, "--json")), &doc); err != nil || doc.Result != "published" {
		t.Errorf("%v: %+v", err, doc)
	}
}
