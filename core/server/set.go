package server

import (
	"context"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// recogniseSet takes the architectures from the set, if there is one.
func (s *Server) recogniseSet() error {
	if s.Set == nil {
		return nil
	}
	repositories, err := s.repositories()
	if err != nil {
		return err
	}
	s.archs = nil
	for _, r := range repositories {
		s.archs = append(s.archs, r.Arch)
	}
	return nil
}

// openSet opens the set for one publish. Each of its repositories has its settings still.
func (s *Server) openSet() (*sets.Set, error) {
	set, err := s.Set()
	if err == nil {
		err = set.Check()
	}
	if err != nil {
		return nil, err
	}
	for _, r := range set.Repositories {
		if !r.Adopted() {
			return nil, s.vanished(r, "")
		}
	}
	return set, nil
}

// repositories are those that uploads are published in, in the order of their
// architectures.
func (s *Server) repositories() ([]*repo.Repo, error) {
	if s.Set == nil {
		r, err := s.open()
		return []*repo.Repo{r}, err
	}
	set, err := s.openSet()
	if err != nil {
		return nil, err
	}
	var list []*repo.Repo
	for _, arch := range set.Archs() {
		list = append(list, set.Repositories[arch])
	}
	return list, nil
}

// arch names the architecture in reports, if there is only one.
func (s *Server) arch() string {
	if len(s.archs) > 1 {
		return ""
	}
	return s.archs[0]
}

// declaredNeeds are the rights that a manifest asks for by what it says.
func (s *Server) declaredNeeds(m *manifest.Manifest) []access.Need {
	archs := s.archs
	if s.Set != nil {
		archs = slices.DeleteFunc(slices.Clone(archs), func(a string) bool { return len(m.Packages(a)) == 0 })
	}
	var list []access.Need
	for _, arch := range archs {
		list = append(list, pipeline.DeclaredNeeds(m.Name, arch)...)
	}
	return list
}

// verifiers are those of an upload of one architecture, with the rights that its sender
// has now; who has sent it may have another session, or none any more.
func (in *intake) verifiers(sender, source, arch string) ([]verify.Named, error) {
	who := in.who
	if sender != who.Name {
		var err error
		if who, err = in.s.identity(sender); err != nil {
			who = access.NewIdentity(sender, nil)
		}
	}
	rights := verify.Named{Name: "rights", Verifier: pipeline.Rights{Who: who, Source: source, Arch: arch}}
	return append([]verify.Named{rights}, in.s.Verifiers...), nil
}

// publishInSet publishes an upload in the set, or takes it as a part.
func (in *intake) publishInSet(ctx context.Context, req pipeline.Request) (report.Report, error) {
	free, err := slot(ctx, in.s.slots)
	if err != nil {
		return report.Report{}, err
	}
	defer free()
	set, err := in.s.openSet()
	if err != nil {
		return report.Report{}, err
	}
	began := time.Now()
	rep, err := set.Publish(ctx, sets.Request{
		Uploads: []upload.Upload{req.Upload}, Requests: req.Requests, Verifiers: in.verifiers, Options: req.Options,
	})
	if err == nil && rep.Result == report.Published {
		in.s.Meter.Committed(1, time.Since(began))
	}
	return rep, err
}

// waits reports whether an upload was taken as a part that waits for others.
func waits(r report.Report) bool { return r.Result == report.Accepted && r.Waiting != nil }

// partsOf finds the files of a manifest in parts that the user has waiting, by SHA-256.
func (s *Server) partsOf(user string, m *manifest.Manifest) (map[string]place, error) {
	if s.Set == nil {
		return nil, nil
	}
	set, err := s.openSet()
	if err != nil {
		return nil, err
	}
	home, names, err := set.Held(user, m)
	found := map[string]place{}
	for _, f := range needed(m, s.archs) {
		if name := names[f.SHA256]; name != "" {
			found[f.SHA256] = place{fs: home.FS, name: name, size: f.Size}
		}
	}
	return found, err
}
