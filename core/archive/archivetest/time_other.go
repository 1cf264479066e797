//go:build !unix

package archivetest

import "time"

// processorTime is not known here; the time of day stands for it.
func processorTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
