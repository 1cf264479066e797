package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// candidate is a manifest in the user's area; own: this intake has declared it.
type candidate struct {
	name, sha string
	own       bool
	// signatures are those that have come with it.
	signatures []signature
}

// judge runs one manifest if everything is there. The caller holds the account's run, but
// for its own manifest of version 2, which no other session runs.
func (in *intake) judge(ctx context.Context, c candidate, tell func(tupkg.Progress)) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: c.name, Architecture: in.s.arch()}
	at, err := in.s.inArea(in.acc.name, c.sha)
	if err != nil {
		return rep, err
	}
	if at == "" && c.own && in.v.version == 1 {
		at = in.s.sentManifest(in.acc.name, c.sha)
	}
	if at == "" {
		return in.ranBefore(c, rep)
	}
	text, m, found := in.declared(c)
	if text == nil {
		text, m, found, err = in.readManifest(at, c.name)
	}
	if err == nil {
		c.signatures, err = in.signatures(c)
	}
	if err != nil {
		return rep, err
	}
	if !c.own && !c.intact(text) {
		return rep, in.s.discard(ctx, in.acc, []string{c.sha}, in.counts)
	}
	var refused bool
	if rep.Findings, refused = in.refuses(c, m, found); refused {
		err = in.reject(ctx, c, at, &rep)
		return rep, err
	}
	files, missing, err := in.find(ctx, c, m)
	if err != nil {
		return rep, err
	}
	if len(missing) > 0 {
		rep.Findings = append(rep.Findings, in.missing(c, missing)...)
		if in.v.version == 1 || !c.own {
			in.v.log.Info("waiting", "manifest", c.name, "missing", len(missing))
			return rep, nil
		}
		err = in.reject(ctx, c, at, &rep)
		return rep, err
	}
	published, err := in.publish(ctx, in.request(c, text, m, files, tell))
	if err != nil {
		return rep, err
	}
	published.Findings = append(rep.Findings, published.Findings...)
	err = in.conclude(ctx, c, at, m, &published)
	return published, err
}

// refuses judges what is declared, with what reading the manifest has found.
func (in *intake) refuses(c candidate, m *manifest.Manifest, found []report.Finding) (findings []report.Finding, refused bool) {
	if report.Refused(found) {
		return found, true
	}
	if denied := access.Check(in.who, in.s.declaredNeeds(m)); report.Refused(denied) {
		return denied, true
	}
	if wrong := in.wrong(); c.own && in.v.version == 2 && len(wrong) > 0 {
		// A set is one upload: with a part of it wrong, nothing of it is published.
		return append(found, wrong...), true
	}
	return found, false
}

// conclude keeps what is to be known of a manifest that was tried, and clears away the rest.
func (in *intake) conclude(ctx context.Context, c candidate, at string, m *manifest.Manifest, published *report.Report) error {
	if !public(published.Result) && !waits(*published) {
		return in.reject(ctx, c, at, published)
	}
	in.s.remember(in.acc, c.sha, *published)
	if public(published.Result) {
		in.accepted(*published)
	}
	in.v.log.Info("published", "manifest", c.name, "result", string(published.Result), "generation", published.Generation)
	if in.v.version == 1 {
		in.keepSent(c, at)
	}
	in.tidy(ctx, c, m)
	return nil
}

// find locates the files of a manifest. What a set of version 2 lacks, it has to bring
// itself.
func (in *intake) find(ctx context.Context, c candidate, m *manifest.Manifest) (map[string]place, []wanted, error) {
	files, missing, err := in.locate(ctx, m)
	if err != nil || len(missing) == 0 || c.own && in.v.version == 2 {
		return files, missing, err
	}
	some, err := in.gather(ctx, missing)
	if err != nil || !some {
		return files, missing, err
	}
	return in.locate(ctx, m)
}

// wrong is what is wrong with the files of this upload.
func (in *intake) wrong() (list []report.Finding) {
	for _, f := range in.files {
		if f.wrong != nil {
			list = append(list, *f.wrong)
		}
	}
	return list
}

// declared is a manifest that came with the declaration, too; nil if it did not. Its file
// has been held to the same hash.
func (in *intake) declared(c candidate) ([]byte, *manifest.Manifest, []report.Finding) {
	if !c.own || in.d.Manifest == nil || !c.intact(in.d.Manifest) || in.d.Files[in.d.ManifestFile].Name != c.name {
		return nil, nil, nil
	}
	return in.d.Manifest, in.manifest, slices.Clone(in.findings)
}

// readManifest reads a manifest of the area and says what is wrong with it.
func (in *intake) readManifest(at, name string) ([]byte, *manifest.Manifest, []report.Finding, error) {
	info, err := in.s.State.Lstat(at)
	if err != nil {
		return nil, nil, nil, err
	}
	if info.Size > manifest.MaxSize {
		return nil, nil, []report.Finding{{
			Code: report.CodeLimit, Severity: report.SeverityError, File: name, Actual: fmt.Sprint(info.Size),
			Message: fmt.Sprintf("a manifest has at most %d bytes", manifest.MaxSize),
		}}, nil
	}
	text, err := vfs.ReadFile(in.s.State, at, manifest.MaxSize)
	if err != nil {
		return nil, nil, nil, err
	}
	m, found := manifest.Parse(text)
	for i := range found {
		found[i].File = name
	}
	return text, m, found, nil
}

func (in *intake) missing(c candidate, files []wanted) []report.Finding {
	var list []report.Finding
	for _, f := range files {
		told := report.Finding{
			Code: report.CodeMissing, Severity: report.SeverityError, File: c.name, Line: f.Line, Expected: f.Name,
			Message: fmt.Sprintf("the declared file %s has not arrived", f.Name), Hint: "send it; what has arrived is kept",
		}
		list = append(list, told)
	}
	return list
}

// request is the upload on its way into the line.
func (in *intake) request(c candidate, text []byte, m *manifest.Manifest, files map[string]place, tell func(tupkg.Progress)) pipeline.Request {
	u := upload.Upload{Kind: upload.Mmpack, Name: c.name, Manifest: m, Text: text, FS: shelf{in.s.State, files, in.seen}, Dir: "."}
	for _, s := range c.signatures {
		u.Signatures = append(u.Signatures, s.Signature)
	}
	u.Files = append(u.Files, upload.File{Name: m.Source.Name, Size: m.Source.Size, SHA256: m.Source.SHA256})
	for _, a := range m.Binary {
		for _, p := range a.Packages {
			u.Files = append(u.Files, upload.File{Name: p.File.Name, Size: p.File.Size, SHA256: p.File.SHA256})
		}
	}
	req := pipeline.Request{
		Upload: u,
		Options: pipeline.Options{
			Who: in.who.Name, Transport: in.s.Transport, DryRun: in.d.DryRun, LockWait: in.s.Limits.LockWait, Program: in.s.Program,
			Required: in.s.Required,
			Progress: func(p upload.Progress) {
				tell(tupkg.Progress{Stage: "verify", File: p.File, Done: p.AllDone, Total: p.AllTotal})
			},
		},
	}
	if c.own {
		w := in.d.Wishes
		req.Requests = plan.Requests{Rebuild: w.Rebuild, Downgrade: w.Downgrade, TakeOver: w.TakeOver}
	}
	return req
}

// publish takes an upload through the line: verified in one of the slots, then committed
// with whatever else waits by then. In a set it is committed by itself.
func (in *intake) publish(ctx context.Context, req pipeline.Request) (report.Report, error) {
	in.s.queued.Add(1)
	defer in.s.queued.Add(-1)
	if in.s.Set != nil {
		return in.publishInSet(ctx, req)
	}
	gone := in.s.committer.expect()
	defer gone()
	upload, rep, err := in.prepareDurably(ctx, req)
	if upload == nil {
		return rep, err
	}
	defer upload.Discard()
	return in.s.committer.commit(ctx, upload, gone)
}

// prepareDurably takes an upload through the line up to the commit. What is staged becomes
// durable outside of the slot, together with that of others.
func (in *intake) prepareDurably(ctx context.Context, req pipeline.Request) (*pipeline.Prepared, report.Report, error) {
	req.Later, req.Views, req.Stages = true, &in.s.views, &in.s.stages
	upload, rep, err := in.prepare(ctx, req)
	if upload == nil {
		return nil, rep, err
	}
	free, err := slot(ctx, in.s.settling)
	if err == nil {
		err = upload.Settle()
		free()
	}
	if err == nil {
		return upload, rep, nil
	}
	upload.Discard()
	if !vfs.IsFull(err) {
		return nil, rep, err
	}
	req.Later = false
	return in.prepare(ctx, req)
}

func (in *intake) prepare(ctx context.Context, req pipeline.Request) (*pipeline.Prepared, report.Report, error) {
	free, err := slot(ctx, in.s.slots)
	if err != nil {
		return nil, report.Report{}, err
	}
	defer free()
	r, err := in.s.open()
	if err != nil {
		return nil, report.Report{}, err
	}
	if req.Verifiers, err = in.verifiers(in.who.Name, req.Upload.Manifest.Name, r.Arch); err != nil {
		return nil, report.Report{}, err
	}
	return pipeline.Prepare(ctx, r, req)
}

// tidy deletes what was published from the area, unless another manifest or session
// counts on it; that is parted from what is published. What cannot be deleted expires.
func (in *intake) tidy(ctx context.Context, c candidate, m *manifest.Manifest) {
	keep := in.awaited(c.sha)
	list := append([]string{c.sha}, c.signatureSums()...)
	in.needNotLast(c.sha)
	var lies []string
	var errs []error
	for _, f := range needed(m, in.s.archs) {
		was, err := in.letGo(ctx, f.SHA256, keep[f.SHA256])
		if errs = append(errs, err); was && !keep[f.SHA256] {
			continue
		}
		if lies = append(lies, f.SHA256); !keep[f.SHA256] {
			list = append(list, f.SHA256)
		}
	}
	errs = append(errs, in.s.discard(ctx, in.acc, list, in.counts), in.detach(ctx, lies))
	if err := errors.Join(errs...); err != nil {
		in.v.log.Warn("not deleted", "manifest", c.name, "error", err)
	}
}

// counts is how often this intake counts on a file.
func (in *intake) counts(sha string) (n int) {
	for _, f := range in.files {
		if f.counted == sha {
			n++
		}
	}
	return n
}
