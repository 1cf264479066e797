// Package action is what a runner of GitHub Actions, Gitea or Forgejo reads and what it
// tells: with --output=github the program speaks to it by this package. The action itself
// is action.yml and the shell shims beside this file; they turn inputs into a command
// line and decide nothing.
//
// In: the runner's environment ([Job]), what became of each upload ([Outcome]), the
// patterns that name manifests. Out: workflow commands that mask secrets, keep foreign
// text from being taken for commands and annotate files ([Log]); the outputs of the step
// ([Outputs]); a summary in Markdown ([Summary]); the manifests ([Find]); whether a change
// comes from somebody who may not publish ([Job.Foreign]).
//
// It promises: whatever a name, a version or a message holds, it is shown and does
// nothing else. A text in a command is escaped as the runner takes the escapes back, an
// output stands between random delimiters, a text in the summary is no Markdown and no
// HTML.
//
// The sources are GitHub's documentation of workflow commands, and the runner's own code
// where that is silent: it takes white space ahead of "::" as nothing, and "##[" anywhere
// in a line as a command of its older form.
//
// It imports core/report.
package action
