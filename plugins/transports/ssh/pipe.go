package ssh

import "time"

const (
	// pipeBytes is what any user may let a pipe hold, unless the system is set up
	// otherwise.
	pipeBytes = 1 << 20
	// much is how many bytes at once are worth a pause.
	much = 64 << 10
	// moment is the pause. What ssh carries in it on a fast machine is about half of
	// what a pipe holds, so that neither side runs dry.
	moment = time.Millisecond
)
