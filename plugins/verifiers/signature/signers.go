package signature

import (
	"slices"
	"strings"
)

// different is how many different signers have signed, of those signatures that count. Keys
// that have a name in common are of one signer, who may have an old and a new one, or one for
// each program: nobody is two people by having two keys.
func different(all []sign) int {
	var signers [][]string
	for _, s := range all {
		if s.code != "" {
			continue
		}
		var names []string
		for _, n := range s.owners.names() {
			names = append(names, strings.ToLower(n))
		}
		others := slices.Clone(signers)[:0]
		for _, o := range signers {
			if slices.ContainsFunc(o, func(n string) bool { return slices.Contains(names, n) }) {
				names = append(names, o...)
			} else {
				others = append(others, o)
			}
		}
		signers = append(others, names)
	}
	return len(signers)
}
