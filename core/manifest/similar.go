package manifest

import (
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// similar reports whether one key looks like a misspelling of the other: at most
// two letters differ, are missing, or are too many, whatever the case.
func similar(a, b string) bool {
	const most = 2
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return false
	}
	return report.Distance(a, b) <= most
}
