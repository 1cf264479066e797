package gitpush

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Announce notes updates that git is about to make, so that a push is known even if its
// post-receive dies before it can note anything. It counts once the ref has moved: git may
// still refuse it.
func (l Ledger) Announce(updates []Update) error {
	if len(updates) == 0 {
		return nil
	}
	return l.edit(func(list []entry) []entry {
		// The same may have been refused before: the order is that of the pushes.
		now := map[entry]bool{}
		for _, u := range updates {
			now[noteOf(u, "")] = true
		}
		list = slices.DeleteFunc(list, func(e entry) bool { return now[e] })
		for _, u := range updates {
			list = append(list, noteOf(u, ""))
		}
		return newest(list, max(maxAnnounced, len(updates)))
	})
}

// maxAnnounced is how many announced updates are kept: where nothing but pre-receive is
// installed, nobody takes them out.
const maxAnnounced = 1000

// newest leaves so many of the announced updates.
func newest(list []entry, most int) []entry {
	surplus := -most
	for _, e := range list {
		if e.announced() {
			surplus++
		}
	}
	return slices.DeleteFunc(list, func(e entry) bool {
		gone := surplus > 0 && e.announced()
		if gone {
			surplus--
		}
		return gone
	})
}

func noteOf(u Update, work string) entry { return entry{u.Ref, u.Old.String(), u.New.String(), work} }

// announced: the push may have come to nothing.
func (e entry) announced() bool { return e.Work == "" }

// pushed leaves out what was announced and did not happen. stands says where refs stand: an
// announced update happened if it led there, or to where one began that happened.
func pushed(list []entry, stands map[string]string) []entry {
	stands = maps.Clone(stands)
	var kept []entry
	for _, e := range slices.Backward(list) {
		if e.announced() && e.New != stands[e.Ref] {
			continue
		}
		stands[e.Ref] = e.Old
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	return kept
}

// before is where the refs of a push stood ahead of it.
func before(updates []Update) map[string]string {
	stood := map[string]string{}
	for _, u := range updates {
		stood[u.Ref] = u.Old.String()
	}
	return stood
}

// refsNow is where the announced refs stand.
func (r *Repository) refsNow(list []entry) (map[string]string, error) {
	wanted, now := map[string]bool{}, map[string]string{}
	for _, e := range list {
		if e.announced() {
			wanted[e.Ref] = true
		}
	}
	if len(wanted) == 0 {
		return now, nil
	}
	cmd := r.git.command(r.ctx, "for-each-ref", "--format=%(objectname) %(refname)")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, ref, _ := strings.Cut(lines.Text(), " "); wanted[ref] {
			now[ref] = id
		}
	}
	// git ends when everything is read, also behind a line that is too long.
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("git for-each-ref: %w", err)
	}
	return now, lines.Err()
}
