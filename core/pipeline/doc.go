// Package pipeline is the line that the program is: an upload comes in at one end,
// a report goes out at the other.
//
//	bytes -upload.Open-> Upload -upload.Stage-> what it really is
//	      -verify.Run-> findings -plan.Run(View)-> Plan -verify.RunPlan-> findings
//	      -(lock, recover, plan again)- commit -> Report
//
// In: a repository and a [Request]. Out: a report.Report, also for an upload that
// is refused; an error only if the work could not be done. Everything that reads
// big files happens before the lock is taken; a dry run ends before it. Under the lock
// everything that the plan follows from is looked at again (even if the indexes have not
// moved, files may have come and gone); if any of it is another, the plan is made again.
//
// [PublishAll] is the line for several repositories as one decision; one repository is a
// set of one.
//
// [Rights] is the verifier that holds a plan against what somebody may do.
//
// [Undo] is the same line with a plan that comes from the history. What another program
// has made of the indexes since the last generation is recorded first, by whatever
// changes them next; [Trace] tells whose a published package is.
//
// [Prepare] and [CommitGroup] are Publish in two halves, for who has many uploads at once:
// what waits for the lock is committed together, each upload a change of its own. With
// [Views] they look into indexes that are opened once for all of them.
//
// A [ChangeSet] stacks several additions and removals and commits them as one change. The
// files of the next additions can be read while one is planned.
//
// It also knows what ties the rooms of the mmpack format together: [Mmpack] is its
// repo.Format, and a change that a dead process has decided is planned again here.
//
// It imports the rooms of the line, access for the rights, and upkeep. It may change at any release.
package pipeline
