// Package report is what mmpush tells people and programs: findings, errors and
// the report of one publish, with stable codes.
//
// In: facts from the other rooms. Out: [Finding] (something is wrong, or worth
// knowing, about what was uploaded), [Error] (the work itself could not go on),
// [Report] (what one publish did). Every [Code] has a text that `mmpush explain
// CODE` prints.
//
// It promises: a code, once released, keeps its meaning; the JSON form of a
// Report carries [Schema] and only ever gains fields.
//
// It imports nothing of ours. This package is public API.
package report
