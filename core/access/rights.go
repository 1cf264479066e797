package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoRight: the user has no such right. Behind a report.Error of kind KindUsage.
var ErrNoRight = errors.New("no such right")

// AddRights returns the rights with more of them: one over patterns that are there
// already adds the actions that are missing, the others come at the end. What is
// given stays as it is.
func AddRights(have, more []Right) []Right {
	rights := cloneRights(have)
	for _, r := range more {
		i := samePatterns(rights, r)
		if i < 0 {
			rights = append(rights, cloneRights([]Right{r})...)
			continue
		}
		for _, a := range r.Actions {
			if !slices.Contains(rights[i].Actions, a) {
				rights[i].Actions = append(rights[i].Actions, a)
			}
		}
	}
	return rights
}

// RemoveRights returns the rights without those that the texts name, in the form of
// [ParseRight]: with actions only these, without actions all that there are over
// exactly these patterns. A text that names nothing is an error: patterns are
// compared as text, so "libfoo" cannot be taken out of "lib*".
func RemoveRights(have []Right, texts []string) ([]Right, error) {
	rights := cloneRights(have)
	for _, text := range texts {
		gone, err := ParseRight(text)
		if err != nil {
			return nil, usersError("", err)
		}
		if strings.Count(text, ":") < 2 {
			gone.Actions = Actions()
		}
		i := samePatterns(rights, gone)
		if i < 0 || !slices.ContainsFunc(gone.Actions, func(a Action) bool { return slices.Contains(rights[i].Actions, a) }) {
			return nil, noRight(have, text)
		}
		rights[i].Actions = slices.DeleteFunc(rights[i].Actions, func(a Action) bool { return slices.Contains(gone.Actions, a) })
		if len(rights[i].Actions) == 0 {
			rights = slices.Delete(rights, i, i+1)
		}
	}
	return rights, nil
}

// samePatterns is the place of the right over the same patterns, or -1.
func samePatterns(rights []Right, r Right) int {
	return slices.IndexFunc(rights, func(o Right) bool { return o.Source == r.Source && o.Arch == r.Arch })
}

func noRight(have []Right, text string) error {
	err := usersError("", fmt.Errorf("%w: %s", ErrNoRight, shorten(text)))
	texts := make([]string, len(have))
	for i, r := range have {
		texts[i] = r.String()
	}
	err.Hint = "there is no right at all"
	if len(texts) > 0 {
		err.Hint = "the rights are: " + strings.Join(texts, " ")
	}
	return err
}
