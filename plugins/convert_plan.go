package plugins

import (
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// rawOf is the stanza's bytes where a protobuf string cannot hold them: some tools
// write the index in the machine's own encoding.
func rawOf(formatted string) []byte {
	if utf8.ValidString(formatted) {
		return nil
	}
	return []byte(formatted)
}

func binaryToPB(b index.Binary) *pluginpb.Binary {
	return &pluginpb.Binary{
		Name: clean(b.Name), Version: clean(b.Version), Source: clean(b.Source), Srcsha256: clean(b.SrcSHA256), Ghost: clean(b.Ghost),
		Sumsha256Sums: clean(b.SumSHA256Sums), Depends: clean(b.Depends), Sysdepends: clean(b.SysDepends), Description: clean(b.Description),
		Filename: clean(b.Filename), Size: b.Size, Sha256: clean(b.SHA256), Text: []byte(b.Text), Raw: rawOf(index.FormatBinary(b)),
	}
}

func binaryFromPB(b *pluginpb.Binary) index.Binary {
	if raw := b.GetRaw(); len(raw) > 0 {
		if parsed, err := index.ParseBinary(string(raw)); err == nil {
			parsed.Text = string(b.GetText())
			return parsed
		}
	}
	return index.Binary{
		Name: b.GetName(), Version: b.GetVersion(), Source: b.GetSource(), SrcSHA256: b.GetSrcsha256(), Ghost: b.GetGhost(),
		SumSHA256Sums: b.GetSumsha256Sums(), Depends: b.GetDepends(), SysDepends: b.GetSysdepends(), Description: b.GetDescription(),
		Filename: b.GetFilename(), Size: b.GetSize(), SHA256: b.GetSha256(), Text: string(b.GetText()),
	}
}

func sourceToPB(s index.Source) *pluginpb.Source {
	return &pluginpb.Source{
		Name: clean(s.Name), Version: clean(s.Version), Filename: clean(s.Filename), Size: s.Size, Sha256: clean(s.SHA256),
		Text: []byte(s.Text), Raw: rawOf(index.FormatSource(s)),
	}
}

func sourceFromPB(s *pluginpb.Source) index.Source {
	if raw := s.GetRaw(); len(raw) > 0 {
		if parsed, err := index.ParseSource(string(raw)); err == nil {
			parsed.Text = string(s.GetText())
			return parsed
		}
	}
	return index.Source{
		Name: s.GetName(), Version: s.GetVersion(), Filename: s.GetFilename(), Size: s.GetSize(), SHA256: s.GetSha256(), Text: string(s.GetText()),
	}
}

func selectorToPB(s index.Selector) *pluginpb.Selector {
	return &pluginpb.Selector{Name: clean(s.Name), Version: clean(s.Version), Sha256: clean(s.SHA256)}
}

func selectorFromPB(s *pluginpb.Selector) index.Selector {
	return index.Selector{Name: s.GetName(), Version: s.GetVersion(), SHA256: s.GetSha256()}
}

func keyToPB(k index.SourceKey) *pluginpb.SourceKey {
	return &pluginpb.SourceKey{Name: clean(k.Name), Version: clean(k.Version), Sha256: clean(k.SHA256)}
}

func keyFromPB(k *pluginpb.SourceKey) index.SourceKey {
	return index.SourceKey{Name: k.GetName(), Version: k.GetVersion(), SHA256: k.GetSha256()}
}

func insertBinaryToPB(i index.InsertBinary) *pluginpb.InsertBinary {
	return &pluginpb.InsertBinary{Before: clean(i.Before), Binary: binaryToPB(i.Binary)}
}

func insertBinaryFromPB(i *pluginpb.InsertBinary) index.InsertBinary {
	return index.InsertBinary{Before: i.GetBefore(), Binary: binaryFromPB(i.GetBinary())}
}

func insertSourceToPB(i index.InsertSource) *pluginpb.InsertSource {
	return &pluginpb.InsertSource{Before: keyToPB(i.Before), Source: sourceToPB(i.Source)}
}

func insertSourceFromPB(i *pluginpb.InsertSource) index.InsertSource {
	return index.InsertSource{Before: keyFromPB(i.GetBefore()), Source: sourceFromPB(i.GetSource())}
}

func editToPB(e index.Edit) *pluginpb.Edit {
	return &pluginpb.Edit{
		DropBinaries: convert(e.DropBinaries, clean), DropSources: convert(e.DropSources, keyToPB),
		ReplaceBinaries: convert(e.ReplaceBinaries, binaryToPB),
		InsertBinaries:  convert(e.InsertBinaries, insertBinaryToPB), InsertSources: convert(e.InsertSources, insertSourceToPB),
		AppendBinaries: convert(e.AppendBinaries, binaryToPB), AppendSources: convert(e.AppendSources, sourceToPB),
	}
}

func editFromPB(e *pluginpb.Edit) index.Edit {
	return index.Edit{
		DropBinaries: e.GetDropBinaries(), DropSources: convert(e.GetDropSources(), keyFromPB),
		ReplaceBinaries: convert(e.GetReplaceBinaries(), binaryFromPB),
		InsertBinaries:  convert(e.GetInsertBinaries(), insertBinaryFromPB), InsertSources: convert(e.GetInsertSources(), insertSourceFromPB),
		AppendBinaries: convert(e.GetAppendBinaries(), binaryFromPB), AppendSources: convert(e.GetAppendSources(), sourceFromPB),
	}
}

func plannedToPB(f plan.File) *pluginpb.PlannedFile {
	return &pluginpb.PlannedFile{Name: clean(f.Name), Path: clean(f.Path), Size: f.Size, Sha256: clean(f.SHA256)}
}

func plannedFromPB(f *pluginpb.PlannedFile) plan.File {
	return plan.File{Name: f.GetName(), Path: f.GetPath(), Size: f.GetSize(), SHA256: f.GetSha256()}
}

func droppedToPB(d plan.Dropped) *pluginpb.Dropped {
	out := &pluginpb.Dropped{}
	if d.Binary != nil {
		out.Binary = insertBinaryToPB(*d.Binary)
	}
	if d.Source != nil {
		out.Source = insertSourceToPB(*d.Source)
	}
	return out
}

func droppedFromPB(d *pluginpb.Dropped) plan.Dropped {
	var out plan.Dropped
	if d.GetBinary() != nil {
		b := insertBinaryFromPB(d.GetBinary())
		out.Binary = &b
	}
	if d.GetSource() != nil {
		s := insertSourceFromPB(d.GetSource())
		out.Source = &s
	}
	return out
}

func addedToPB(a plan.Added) *pluginpb.Added {
	return &pluginpb.Added{
		Kind: clean(string(a.Kind)), Name: clean(a.Name), Version: clean(a.Version), Sha256: clean(a.SHA256),
		Source: clean(a.Source), Srcsha256: clean(a.SrcSHA256),
	}
}

func addedFromPB(a *pluginpb.Added) plan.Added {
	return plan.Added{
		Kind: report.PackageKind(a.GetKind()), Name: a.GetName(), Version: a.GetVersion(), SHA256: a.GetSha256(),
		Source: a.GetSource(), SrcSHA256: a.GetSrcsha256(),
	}
}

func planToPB(p plan.Plan) *pluginpb.Plan {
	return &pluginpb.Plan{
		Edit: editToPB(p.Edit), Puts: convert(p.Puts, plannedToPB), Retires: convert(p.Retires, plannedToPB),
		Dropped: convert(p.Dropped, droppedToPB), Packages: convert(p.Packages, reportPackageToPB),
		Findings: convert(p.Findings, findingToPB), Result: clean(string(p.Result)), Added: convert(p.Added, addedToPB),
	}
}

func planFromPB(p *pluginpb.Plan) plan.Plan {
	return plan.Plan{
		Edit: editFromPB(p.GetEdit()), Puts: convert(p.GetPuts(), plannedFromPB), Retires: convert(p.GetRetires(), plannedFromPB),
		Dropped: convert(p.GetDropped(), droppedFromPB), Packages: convert(p.GetPackages(), reportPackageFromPB),
		Findings: convert(p.GetFindings(), findingFromPB), Result: report.Result(p.GetResult()), Added: convert(p.GetAdded(), addedFromPB),
	}
}
