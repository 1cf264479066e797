package vfs

import (
	"errors"
	"os"
	"syscall"
	"time"
)

func cloneFile(_, _ *os.File) error { return errors.ErrUnsupported }

func changeTime(st *syscall.Stat_t) time.Time { return time.Unix(st.Ctimespec.Unix()) }
