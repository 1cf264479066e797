// Command licence is an example of a verifier plugin: each package has to carry a
// licence, below share/licenses/ or share/doc/.
//
// In: uploads, from mmpush. Out: a finding for each package without. It imports the
// plugins room and what its interface speaks of.
package main
