package manifest

import "strings"

// similar reports whether one key looks like a misspelling of the other: at most
// two letters differ, are missing, or are too many, whatever the case.
func similar(a, b string) bool {
	const most = 2
	a, b = strings.ToLower(a), strings.ToLower(b)
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return false
	}
	return distance(a, b) <= most
}

// distance is the number of single bytes to change, add or remove (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
