package watch

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/vfs"
)

// What uploads that are not whole, or have a trouble, may take of what is looked at
// in one scan, if there is more than that: the rest is for others.
const (
	stuckUploads = uploadsAtOnce * 3 / 4
	stuckFiles   = filesAtOnce * 3 / 4
)

// gather reads the manifests that are there, the oldest first, and forgets those
// that are not. all is false if there are more than are looked at.
func (s *Scanner) gather(ctx context.Context, entries listing, leaving map[string]bool) (list []*arrival, all bool) {
	var found []vfs.Info
	for name, info := range entries {
		if s.declares(name) && !leaving[name] && s.ordinary(info) {
			found = append(found, info)
		}
	}
	slices.SortFunc(found, older)
	known, files := map[string]*arrival{}, 0
	for _, info := range s.inTurn(found) {
		if len(list) == uploadsAtOnce || files > filesAtOnce || ctx.Err() != nil {
			break
		}
		if s.arrivals[info.Name] == nil {
			s.turn = info
		}
		a := s.load(info)
		known[a.name] = a
		list = append(list, a)
		files += a.files()
	}
	slices.SortFunc(list, func(a, b *arrival) int { return older(entries[a.name], entries[b.name]) })
	s.arrivals = known
	for name := range s.odd {
		if _, there := entries[name]; !there {
			delete(s.odd, name)
		}
	}
	return list, len(list) == len(found)
}

func older(a, b vfs.Info) int {
	return cmp.Or(a.ModTime.Compare(b.ModTime), strings.Compare(a.Name, b.Name))
}

func (a *arrival) files() int { return len(a.wants) + len(a.others) }

// inTurn puts the manifests in the order in which they get one of the places, so
// that those that cannot be published do not keep the others out: first what is
// followed already and may be published soon, then the oldest of what is stuck, as
// much as may be, then those that have not been read, the next one first, then the
// rest.
func (s *Scanner) inTurn(found []vfs.Info) []vfs.Info {
	var good, stuck, later, next, rest []vfs.Info
	files := 0
	for _, info := range found {
		a := s.arrivals[info.Name]
		switch {
		case a == nil && older(info, s.turn) > 0:
			next = append(next, info)
		case a == nil:
			later = append(later, info)
		case !a.stuck && !a.done && a.fails == 0 && a.fault == nil:
			good = append(good, info)
		case len(stuck) < stuckUploads && files+a.files() <= stuckFiles:
			stuck, files = append(stuck, info), files+a.files()
		default:
			rest = append(rest, info)
		}
	}
	return slices.Concat(good, stuck, next, later, rest)
}
