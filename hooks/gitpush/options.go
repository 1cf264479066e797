package gitpush

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// Wishes are what a pusher asks for with push options (`git push -o`).
type Wishes struct {
	// Skip publishes nothing; DryRun shows what would be published.
	Skip, DryRun bool
	// The others ask for what the repository's settings and the rights have to allow.
	Rebuild, Downgrade, TakeOver bool
	// Hints are about options that nobody knows.
	Hints []string
}

const (
	// maxOptions and maxOption bound what is looked at.
	maxOptions, maxOption = 100, 200
	maxHints              = 3
	optionPrefix          = "mmpush."
)

// ParseOptions reads GIT_PUSH_OPTION_COUNT and GIT_PUSH_OPTION_0 and so on. Options of
// other hooks are left alone.
func ParseOptions(getenv func(string) string) Wishes {
	var w Wishes
	known := map[string]*bool{
		"mmpush.skip": &w.Skip, "mmpush.dry-run": &w.DryRun, "mmpush.rebuild": &w.Rebuild,
		"mmpush.allow-downgrade": &w.Downgrade, "mmpush.take-over": &w.TakeOver,
	}
	count, err := strconv.Atoi(getenv("GIT_PUSH_OPTION_COUNT"))
	if err != nil {
		return w
	}
	for i := range min(count, maxOptions) {
		option := getenv("GIT_PUSH_OPTION_" + strconv.Itoa(i))
		if on, ok := known[option]; ok {
			*on = true
		} else if hint := unknownOption(option, known); hint != "" && len(w.Hints) < maxHints && !slices.Contains(w.Hints, hint) {
			w.Hints = append(w.Hints, hint)
		}
	}
	return w
}

// unknownOption is nothing for what is meant for somebody else.
func unknownOption(option string, known map[string]*bool) string {
	option = option[:min(len(option), maxOption)]
	best, distance := "", 3
	for name := range known {
		d := min(report.Distance(option, name), report.Distance(optionPrefix+option, name))
		if d < distance || d == distance && cmp.Less(name, best) {
			best, distance = name, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("there is no push option %s; did you mean %s?", option, best)
	case strings.HasPrefix(option, optionPrefix):
		return fmt.Sprintf("there is no push option %s; see mmpush hook --help", option)
	}
	return ""
}
