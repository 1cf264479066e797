package server

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// Several processes may use one folder: a server, and one for each session that comes
// by SSH. Each has a folder below live, whose file "alive" it holds locked; when it
// dies, the kernel lets go of that, and whoever looks next clears its folder away.
//
// All of this is true only under the folder's lock, and nothing of it needs to outlive
// the machine: it is never synced.

// recordLimit is above what a claim on the most files that an upload may have needs.
const recordLimit = 64 << 20

// live is a name in the folder of a process, this one's if none is given.
func (s *Server) live(process string, elements ...string) string {
	return s.path(append([]string{"live", process}, elements...)...)
}

// join makes this process known to the others.
func (s *Server) join(ctx context.Context) error {
	return s.exclusively(ctx, func() error {
		for _, dir := range []string{s.live(s.self), s.live(s.self, "claims"), s.live(s.self, "asked")} {
			if err := s.makeFolder(dir); err != nil {
				return err
			}
		}
		f, err := s.State.OpenLock(s.live(s.self, "alive"), s.fileMode)
		if err != nil {
			return err
		}
		if err := f.TryLock(); err != nil {
			f.Close()
			return err
		}
		s.alive = f
		return nil
	})
}

// part takes it away again. Who could not do that is cleared away by the next one.
func (s *Server) part() error {
	clear := s.exclusively(context.Background(), func() error { return vfs.RemoveAll(s.State, s.live(s.self)) })
	return errors.Join(clear, s.alive.Close())
}

// peers are the other processes that live, by their names. Those that have died are
// cleared away. Under the lock.
func (s *Server) peers() ([]string, error) {
	entries, err := s.State.ReadDir(s.path("live"))
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if e.Name == s.self || !e.Mode.IsDir() {
			continue
		}
		lives, err := s.lives(e.Name)
		if err != nil {
			return nil, err
		}
		if lives {
			list = append(list, e.Name)
		}
	}
	return list, nil
}

// lives reports whether a process holds its lock, and clears it away if not.
func (s *Server) lives(process string) (bool, error) {
	f, err := s.State.OpenLock(s.live(process, "alive"), s.fileMode)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = f.TryLock()
	if errors.Is(err, vfs.ErrLocked) {
		return true, nil
	}
	if err == nil {
		err = vfs.RemoveAll(s.State, s.live(process))
		s.Log.Info("a process that died is forgotten", "process", process)
	}
	return false, err
}

// claim is what another process is doing for a user: one upload of it.
type claim struct {
	process, id string
	// keys are the partials that it may write, sums the whole files that it counts
	// on, runs the manifests that it will run, by their SHA-256.
	keys, sums, runs map[string]bool
}

// claims are those of a user in other processes. Under the lock.
func (s *Server) claims(user string) ([]claim, error) {
	processes, err := s.peers()
	if err != nil {
		return nil, err
	}
	var list []claim
	for _, p := range processes {
		entries, err := s.State.ReadDir(s.live(p, "claims"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			id, whose, _ := strings.Cut(e.Name, "-")
			if whose != user {
				continue
			}
			c, err := s.readClaim(p, e.Name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			c.process, c.id = p, id
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *Server) readClaim(process, name string) (claim, error) {
	text, err := vfs.ReadFile(s.State, s.live(process, "claims", name), recordLimit)
	c := claim{keys: map[string]bool{}, sums: map[string]bool{}, runs: map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		kind, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if into := map[string]map[string]bool{"key": c.keys, "sum": c.sums, "run": c.runs}[kind]; into != nil {
			into[value] = true
		}
	}
	return c, err
}

// record is the name of the intake's claim on the disk.
func (in *intake) record() string { return in.s.live(in.s.self, "claims", in.id+"-"+in.acc.name) }

// note adds lines to the intake's claim. Under the lock.
func (in *intake) note(lines string) error {
	if lines == "" {
		return nil
	}
	f, err := in.s.State.Append(in.record(), in.s.fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(lines))
	return errors.Join(err, f.Close())
}

// claimed is the claim's lines about a file that the intake counts on.
func (f *file) claimed() string {
	lines := ""
	if f.counted != "" {
		lines = "sum " + f.counted + "\n"
	}
	if f.promised {
		lines += "run " + f.counted + "\n"
	}
	return lines
}

// ask tells another process that a newer session wants the files of an upload of it.
func (s *Server) ask(c claim) error {
	f, err := s.State.Create(s.live(c.process, "asked", c.id), s.fileMode)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// heed ends the uploads that other processes have asked for.
func (s *Server) heed() error {
	asked, err := s.State.ReadDir(s.live(s.self, "asked"))
	for _, e := range asked {
		s.mu.Lock()
		in := s.intakes[e.Name]
		s.mu.Unlock()
		if in != nil {
			s.dismiss(in)
		}
		err = errors.Join(err, s.State.Remove(s.live(s.self, "asked", e.Name)))
	}
	return err
}

// beat is how often a process with uploads looks for what others ask of it, and tells
// them its figures.
const beat = 300 * time.Millisecond

// heartbeat does both, again and again while uploads are under way. Then nothing is kept for
// the next one.
func (s *Server) heartbeat() {
	err := errors.Join(s.heed(), s.tellFigures())
	if !s.beatOn(err) {
		s.rest()
	}
}

// beatOn sees to the next beat, if there is to be one.
func (s *Server) beatOn(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beating = len(s.intakes) > 0 && !s.closed; !s.beating {
		return false
	}
	// A full disk is told once, not three times a second.
	if err != nil && !s.failing {
		s.Log.Error("failed", "during", "talk with other processes", "error", err)
	}
	s.failing = err != nil
	time.AfterFunc(beat, s.heartbeat)
	return true
}

// startHeartbeat lets it run, under mu.
func (s *Server) startHeartbeat() {
	if !s.beating {
		s.beating = true
		time.AfterFunc(beat, s.heartbeat)
	}
}
