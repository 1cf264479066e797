package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// sumsKept bounds how many files' hashes are remembered: some 15 MB of them.
	sumsKept = 1 << 16
	// sumsAtOnce is how many files are read for their hash at once: asking costs a
	// reader nothing.
	sumsAtOnce = 2
)

// sums are the SHA-256 of files, each taken once.
type sums struct {
	once sync.Once
	turn chan struct{}

	mu    sync.Mutex
	known map[identity]string
}

// identity is what another content of a file changes.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64
}

func identityOf(i vfs.Info) identity {
	return identity{i.Dev, i.Ino, i.Size, nanoseconds(i.ModTime), nanoseconds(i.ChangeTime)}
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// of is the SHA-256 of an open file, in hex; empty if somebody writes to it right now.
func (s *sums) of(ctx context.Context, f vfs.File, info vfs.Info) (string, error) {
	s.once.Do(func() { s.turn, s.known = make(chan struct{}, sumsAtOnce), map[identity]string{} })
	id := identityOf(info)
	if sum := s.remembered(id); sum != "" {
		return sum, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	// Many may have waited for the same file, such as a new index.
	if sum := s.remembered(id); sum != "" {
		return sum, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, vfs.WithContext(ctx, io.NewSectionReader(f, 0, info.Size))); err != nil {
		return "", err
	}
	now, err := f.Stat()
	if err != nil || identityOf(now) != id {
		return "", err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	s.remember(id, sum)
	return sum, nil
}

func (s *sums) remembered(id identity) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[id]
}

func (s *sums) remember(id identity, sum string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= sumsKept {
		clear(s.known)
	}
	s.known[id] = sum
}
