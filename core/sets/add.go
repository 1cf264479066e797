package sets

import (
	"context"
	"encoding/json"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// add puts a part on the shelf, durably; nil if the same one is there.
func (s *Set) add(ctx context.Context, home shelf, key string, req Request, arch string, u upload.Upload, published bool) (*part, []report.Finding, error) {
	sums := sumsOf(texts(u))
	p := &part{
		Arch: arch, Manifest: u.Name, Sum: sums[u.Name], Who: req.Who, Transport: req.Transport,
		Requests: req.Requests, Published: published,
	}
	there, err := home.parts(key)
	if err != nil {
		return nil, nil, err
	}
	if !published {
		p.Texts = sums
	}
	for _, o := range there {
		if same, err := home.same(ctx, o, *p); err != nil || same {
			return nil, nil, err
		}
	}
	if err := home.prepare(); err != nil {
		return nil, nil, err
	}
	stage, err := home.repo.NewStage()
	if err != nil {
		return nil, nil, err
	}
	defer stage.Discard()
	dir := path.Join(stage.Dir, "part")
	if err := home.prepare(dir); err != nil {
		return nil, nil, err
	}
	if !published {
		refused, err := home.copy(ctx, req, u, dir, p)
		if err != nil || report.Refused(refused) {
			return nil, refused, err
		}
	}
	refused, err := s.shelve(home, key, u.Manifest, dir, p)
	return p, refused, err
}

// copy brings the files of a part into a folder of the stage.
func (s shelf) copy(ctx context.Context, req Request, u upload.Upload, dir string, p *part) ([]report.Finding, error) {
	staged, err := upload.Stage(ctx, u, s.repo.FS, dir, p.Arch, upload.Options{Limits: req.Limits, Progress: req.Progress})
	if err != nil {
		return nil, err
	}
	found, err := verify.Run(ctx, staged, p.Arch, nil)
	if err != nil || report.Refused(found) {
		return found, err
	}
	p.Files = map[string]string{}
	for _, f := range staged.Received {
		p.Size += f.ActualSize
		p.Files[f.Name] = f.ActualSHA256
	}
	for name, text := range texts(u) {
		if err := vfs.CreateSynced(s.repo.FS, path.Join(dir, name), s.repo.PrivateFileMode(), text); err != nil {
			return nil, s.repo.Tell("parts", err)
		}
	}
	return nil, nil
}

// texts are the manifest and its signatures, by their names.
func texts(u upload.Upload) map[string][]byte {
	list := map[string][]byte{u.Name: u.Text}
	for _, sig := range u.Signatures {
		list[sig.Name] = sig.Text
	}
	return list
}

// shelve gives a part that is ready its place, durably.
func (s *Set) shelve(home shelf, key string, m *manifest.Manifest, dir string, p *part) ([]report.Finding, error) {
	if err := home.prepare(repo.PartsDir); err != nil {
		return nil, err
	}
	unlock, err := home.lock(partsLock, time.Minute)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Somebody else may have begun in between.
	if refused, err := s.stranger(home, key, m); err != nil || refused != nil {
		return refused, err
	}
	if g, err := home.group(key); err != nil {
		return nil, err
	} else if g != nil && g.SHA256 != m.Source.SHA256 {
		// Nothing in it waits: else it would have been refused.
		if err := home.discard(groupDir(key)); err != nil {
			return nil, err
		}
	}
	if err := home.prepare(groupDir(key)); err != nil {
		return nil, err
	}
	p.Time = home.repo.Now().UTC()
	p.dir = path.Join(groupDir(key), p.Arch+"-"+home.repo.NewID())
	if err := s.place(home, key, m, dir, p); err != nil {
		return nil, home.repo.Tell("parts", err)
	}
	return nil, nil
}

func (s *Set) place(home shelf, key string, m *manifest.Manifest, dir string, p *part) error {
	fsys, mode := home.repo.FS, home.repo.PrivateFileMode()
	g, err := home.group(key)
	if err != nil {
		return err
	}
	if g == nil {
		g = &group{Set: s.Name, Source: m.Name, Version: m.Version, SHA256: m.Source.SHA256, Expects: s.Expects, Since: p.Time, Until: p.Time.Add(s.Deadline)}
		text, err := json.Marshal(g)
		if err != nil {
			return err
		}
		name := path.Join(groupDir(key), groupFile)
		if err := vfs.ReplaceFile(fsys, name, name+".new", mode, text); err != nil {
			return err
		}
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = vfs.CreateSynced(fsys, path.Join(dir, partFile), mode, text)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err == nil {
		err = fsys.Rename(dir, p.dir)
	}
	folders := []string{groupDir(key), repo.PartsDir, repo.MetaDir}
	if home.repo.MadeFolders() || !home.repo.Adopted() {
		// Its own entry may be as new, also if somebody else has made it.
		folders = append(folders, ".")
	}
	for _, dir := range folders {
		if err == nil {
			err = fsys.SyncDir(dir)
		}
	}
	return err
}

// takeBack removes parts that have just been added.
func (s shelf) takeBack(key string, added []part) error {
	if len(added) == 0 {
		return nil
	}
	return s.remove(key, added)
}
