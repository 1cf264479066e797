package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"github.com/mmpush/mmpush/core/vfs"
)

// figures are the declared bytes of a process that have not come yet, by user.
type figures map[string]int64

// sum is the total of all users.
func (f figures) sum() (n int64) {
	for _, bytes := range f {
		n += bytes
	}
	return n
}

// reservations are those of the other processes together. Under the lock.
func (s *Server) reservations() (figures, error) {
	processes, err := s.peers()
	if err != nil {
		return nil, err
	}
	all := figures{}
	for _, p := range processes {
		text, err := vfs.ReadFile(s.State, s.live(p, "reserved"), recordLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var one figures
		if err == nil {
			err = json.Unmarshal(text, &one)
		}
		if err != nil {
			return nil, fmt.Errorf("the reservations of process %s: %w", p, err)
		}
		for user, n := range one {
			all[user] += n
		}
	}
	return all, nil
}

// covers reports whether every user has as much in f as in others.
func (f figures) covers(others figures) bool {
	for user, n := range others {
		if f[user] < n {
			return false
		}
	}
	return true
}

// figures are this process's reservations.
func (s *Server) figures() figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := figures{}
	for user, a := range s.accounts {
		if a.reserved > 0 {
			now[user] = a.reserved
		}
	}
	return now
}

// tellMore writes this process's reservations down for the others if they were told of
// less. What has become less is told with the next heartbeat.
func (s *Server) tellMore() error {
	s.telling.Lock()
	defer s.telling.Unlock()
	now := s.figures()
	if s.told.covers(now) {
		return nil
	}
	return s.tell(now)
}

// tellFigures writes them down if they have changed.
func (s *Server) tellFigures() error {
	s.telling.Lock()
	defer s.telling.Unlock()
	now := s.figures()
	if maps.Equal(now, s.told) {
		return nil
	}
	return s.tell(now)
}

// tell is called by who holds telling.
func (s *Server) tell(now figures) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	// One name after the other: a reader sees the old figures or the new ones.
	name := s.live(s.self, "reserved")
	f, err := s.State.Append(name+".new", s.fileMode)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.Write(text)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.State.Rename(name+".new", name)
	}
	if err == nil {
		s.told = now
	}
	return err
}
