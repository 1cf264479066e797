package action

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Job is what the runner tells the steps of a job about themselves, in the environment.
type Job struct {
	// Runner: a runner reads what we write. Elsewhere secrets must not be written, not
	// even to have them masked.
	Runner bool
	// Workspace is the folder that the paths of annotations are relative to; empty if
	// unknown.
	Workspace string
	// Temp is the folder for files that the job needs until its end; empty is the
	// system's.
	Temp string
	// Output and Summary are the files that take the step's outputs and its summary;
	// empty if there are none.
	Output, Summary string
	// Event names what has started the workflow; EventFile describes it.
	Event, EventFile string
	// Actor is who has caused the event.
	Actor string
}

// JobOf reads the environment.
func JobOf(getenv func(string) string) Job {
	return Job{
		Runner:    getenv("GITHUB_ACTIONS") == "true",
		Workspace: getenv("GITHUB_WORKSPACE"),
		Temp:      getenv("RUNNER_TEMP"),
		Output:    getenv("GITHUB_OUTPUT"),
		Summary:   getenv("GITHUB_STEP_SUMMARY"),
		Event:     getenv("GITHUB_EVENT_NAME"),
		EventFile: getenv("GITHUB_EVENT_PATH"),
		Actor:     getenv("GITHUB_ACTOR"),
	}
}

// event is what is read of the file about an event. Gitea and Forgejo write the same
// fields.
type event struct {
	Repository  repository `json:"repository"`
	PullRequest *struct {
		Head struct {
			Repository *repository `json:"repo"`
		} `json:"head"`
	} `json:"pull_request"`
	WorkflowRun *struct {
		HeadRepository *repository `json:"head_repository"`
	} `json:"workflow_run"`
}

type repository struct {
	FullName string `json:"full_name"`
}

// eventLimit is far above what a runner writes.
const eventLimit = 32 << 20

// Foreign says why what is built here may not be published: it was proposed by somebody
// who has no right to change the repository of the sources. Empty: nothing says so. An
// event that should say where it comes from and does not counts as foreign.
func (j Job) Foreign() (why string) {
	switch j.Event {
	case "pull_request", "pull_request_target", "pull_request_review", "pull_request_review_comment", "workflow_run":
	default:
		return ""
	}
	if j.Actor == "dependabot[bot]" {
		return "a change by Dependabot"
	}
	e, err := readEvent(j.EventFile)
	if err != nil {
		return fmt.Sprintf("a change of unknown origin (%v)", err)
	}
	from := e.origin()
	switch {
	case from == "" || e.Repository.FullName == "":
		return "a change of unknown origin: the event does not name its repository"
	case !strings.EqualFold(from, e.Repository.FullName):
		return "a change from the fork " + from
	}
	return ""
}

// origin is the repository that the change comes from; empty if the event does not say.
func (e event) origin() string {
	var from *repository
	switch {
	case e.PullRequest != nil:
		from = e.PullRequest.Head.Repository
	case e.WorkflowRun != nil:
		from = e.WorkflowRun.HeadRepository
	}
	if from == nil {
		return ""
	}
	return from.FullName
}

func readEvent(file string) (event, error) {
	var e event
	f, err := os.Open(cmp.Or(file, "GITHUB_EVENT_PATH"))
	if err != nil {
		return e, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, eventLimit))
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

// Path is a file of this machine as an annotation names it: relative to the workspace,
// with forward slashes. A file elsewhere keeps its whole path.
func (j Job) Path(file string) string {
	full, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	if within, err := filepath.Rel(j.Workspace, full); err == nil && filepath.IsLocal(within) {
		return filepath.ToSlash(within)
	}
	return filepath.ToSlash(full)
}

// place is Path, but for no file.
func (j Job) place(file string) string {
	if file == "" {
		return ""
	}
	return j.Path(file)
}
