package sets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// Set is several repositories, one for each architecture.
type Set struct {
	Name string
	// Repositories are open, by architecture.
	Repositories map[string]*repo.Repo
	// Expects are the architectures that are published together; none: whatever comes is
	// published at once.
	Expects []string
	// Deadline is how long parts wait for the others.
	Deadline time.Duration
}

// Request is an upload on its way into a set.
type Request struct {
	// Uploads are the manifests of one source.
	Uploads []upload.Upload
	// Partial leaves out what is missing.
	Partial  bool
	Requests plan.Requests
	// Verifiers are those of who sends a part, such as pipeline.Rights; nil: none.
	Verifiers func(who, source, arch string) ([]verify.Named, error)
	pipeline.Options
}

// Check refuses a set whose repositories are for other architectures than it says.
func (s *Set) Check() error {
	for _, arch := range s.Archs() {
		if r := s.Repositories[arch]; r.Arch != arch {
			return &report.Error{
				Stage: "open", Code: report.CodeArch, Kind: report.KindUsage, File: r.Path,
				Err:  fmt.Errorf("is a repository for %s; the set %s names it for %s", r.Arch, s.Name, arch),
				Hint: "correct the set in the configuration; mmpush config shows where that is",
			}
		}
	}
	return nil
}

// Archs are the architectures of the set, in order.
func (s *Set) Archs() []string { return slices.Sorted(maps.Keys(s.Repositories)) }

// Home is the repository in which parts wait: that of the first expected architecture, or
// of the first, by name.
func (s *Set) Home() *repo.Repo {
	if len(s.Expects) > 0 {
		return s.Repositories[slices.Min(s.Expects)]
	}
	return s.Repositories[s.Archs()[0]]
}

// Publish publishes the upload in all repositories that it has packages for, in one
// decision, or takes it as a part that waits for others.
func (s *Set) Publish(ctx context.Context, req Request) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Set: s.Name}
	if err := s.Check(); err != nil {
		return rep, err
	}
	for _, u := range req.Uploads {
		rep.Manifest = strings.TrimPrefix(rep.Manifest+" "+u.Name, " ")
	}
	parts, found := merge(req.Uploads)
	rep.Findings = found
	if report.Refused(found) {
		rep.Result = report.Rejected
		return rep, nil
	}
	rep.Findings = append(rep.Findings, s.fit(parts, req)...)
	if report.Refused(rep.Findings) {
		rep.Result = report.Rejected
		return rep, nil
	}
	maps.DeleteFunc(parts, func(arch string, _ upload.Upload) bool { return s.Repositories[arch] == nil })
	if len(s.Expects) > 0 {
		return s.gather(ctx, req, parts, rep)
	}
	var list []offer
	for _, arch := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, offer{arch: arch, upload: parts[arch], who: req.Who, transport: req.Transport, requests: req.Requests})
	}
	return s.publish(ctx, req, list, rep)
}

// fit compares what has come with what the set has: what is missing refuses, unless
// others are to bring it; what nobody takes is a warning.
func (s *Set) fit(parts map[string]upload.Upload, req Request) []report.Finding {
	var found []report.Finding
	for _, arch := range slices.Sorted(maps.Keys(parts)) {
		if s.Repositories[arch] == nil {
			found = append(found, report.Finding{
				Code: report.CodeArch, Severity: report.SeverityWarning, File: parts[arch].Name, Field: "binpkgs." + arch,
				Message: "no repository of the set " + s.Name + " takes packages for " + arch,
				Hint:    "the set has " + strings.Join(s.Archs(), ", "),
			})
		}
	}
	taken := false
	for _, arch := range s.Archs() {
		if _, ok := parts[arch]; ok {
			taken = true
			continue
		}
		if len(s.Expects) > 0 || req.Partial {
			continue
		}
		found = append(found, report.Finding{
			Code: report.CodeArch, Severity: report.SeverityError, File: req.Uploads[0].Name, Field: "binpkgs." + arch,
			Message: "the set " + s.Name + " has a repository for " + arch + ", and the upload has nothing for it",
			Hint:    "push the manifests of all architectures together; --partial leaves out what is missing",
		})
	}
	if !taken {
		found = append(found, report.Finding{
			Code: report.CodeArch, Severity: report.SeverityError, File: req.Uploads[0].Name, Field: "binpkgs",
			Message: "the upload has nothing for any repository of the set " + s.Name,
			Hint:    "the set has " + strings.Join(s.Archs(), ", "),
		})
	}
	return found
}

// operator is the transport of who works on the repositories' own machine, in their
// folders, and so may do everything.
const operator = "dir"

// offer is what one architecture gets, and from whom.
type offer struct {
	arch           string
	upload         upload.Upload
	who, transport string
	requests       plan.Requests
}

// target is the offer on its way into the line.
func (s *Set) target(req Request, o offer) (pipeline.Target, error) {
	t := pipeline.Target{Repo: s.Repositories[o.arch], Request: pipeline.Request{Upload: o.upload, Requests: o.requests, Options: req.Options}}
	t.Who, t.Transport = o.who, o.transport
	if req.Verifiers == nil || o.transport == operator {
		return t, nil
	}
	var err error
	t.Verifiers, err = req.Verifiers(o.who, o.upload.Manifest.Name, o.arch)
	return t, err
}

// publish runs the line for all offers as one decision.
func (s *Set) publish(ctx context.Context, req Request, offers []offer, rep report.Report) (report.Report, error) {
	var targets []pipeline.Target
	for _, o := range offers {
		t, err := s.target(req, o)
		if err != nil {
			return rep, err
		}
		targets = append(targets, t)
	}
	reports, err := pipeline.PublishAll(ctx, targets)
	return join(rep, reports), err
}

// join makes one report of those of several repositories.
func join(rep report.Report, reports []report.Report) report.Report {
	rank := []report.Result{"", report.Unchanged, report.Restored, report.Planned, report.Published, report.Rejected}
	for _, r := range reports {
		if slices.Index(rank, r.Result) > slices.Index(rank, rep.Result) {
			rep.Result = r.Result
		}
		for _, p := range r.Packages {
			if !slices.Contains(rep.Packages, p) {
				rep.Packages = append(rep.Packages, p)
			}
		}
		for _, f := range r.Findings {
			if !slices.Contains(rep.Findings, f) {
				rep.Findings = append(rep.Findings, f)
			}
		}
		if r.Time.After(rep.Time) {
			rep.Time = r.Time
		}
		rep.BytesAdded += r.BytesAdded
		rep.BytesRetired += r.BytesRetired
	}
	rep.Repositories = reports
	return rep
}
