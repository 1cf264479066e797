package action

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// Outputs are the outputs of the step.
type Outputs struct {
	// Result is that of the run: with several uploads, what failed before what was
	// done.
	Result report.Result
	// Generation is that of the last publish; 0 is none.
	Generation uint64
	// Published are the packages that the repository serves now and did not before; of a
	// list that is too long for an output nothing is written.
	Published []report.Package
	// IndexSHA256 is the SHA-256 of the binary index after the run; empty if the
	// repository is not on this machine.
	IndexSHA256 string
	// ResultJSON is the path of the document that --output=json would have printed.
	ResultJSON string
}

// outputLimit is how many bytes one output may have: a runner takes 1 MiB, and counts two
// for each.
const outputLimit = 400 << 10

// OutputsOf gathers the outputs that the reports hold.
func OutputsOf(list []Outcome) Outputs {
	out := Outputs{Result: resultOf(list), Published: []report.Package{}}
	for _, o := range list {
		if o.Report.Result != report.Published && o.Report.Result != report.Restored {
			continue
		}
		out.Generation = max(out.Generation, o.Report.Generation)
		for _, p := range o.Report.Packages {
			if p.Action != report.ActionRemove && p.Action != report.ActionKeep && p.Action != report.ActionHeal {
				out.Published = append(out.Published, p)
			}
		}
	}
	return out
}

// String is the text for the file of outputs.
func (o Outputs) String() string {
	published, err := json.Marshal(o.Published)
	if err != nil || len(published) > outputLimit {
		published = nil
	}
	generation := ""
	if o.Generation > 0 {
		generation = strconv.FormatUint(o.Generation, 10)
	}
	var b strings.Builder
	for _, p := range []property{
		{"result", string(o.Result)}, {"generation", generation}, {"published", string(published)},
		{"index-sha256", o.IndexSHA256}, {"result-json", o.ResultJSON},
	} {
		b.WriteString(heredoc(p.name, p.value))
	}
	return b.String()
}

// heredoc is an output that cannot end before its delimiter, which nobody can guess.
func heredoc(name, value string) string {
	delimiter := "mmpush_" + rand.Text()
	return fmt.Sprintf("%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter)
}
