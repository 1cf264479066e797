package plugins

import (
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// uploadToPB leaves out where the files are: the plugin has them in a folder of its
// own.
func uploadToPB(u upload.Upload, folder string) *pluginpb.Upload {
	return &pluginpb.Upload{
		Kind: clean(string(u.Kind)), Name: clean(u.Name), Folder: folder, Files: convert(u.Files, fileToPB),
		Manifest: manifestToPB(u.Manifest), Received: convert(u.Received, receivedToPB),
	}
}

func uploadFromPB(u *pluginpb.Upload) upload.Upload {
	return upload.Upload{
		Kind: upload.Kind(u.GetKind()), Name: u.GetName(), Files: convert(u.GetFiles(), fileFromPB),
		Manifest: manifestFromPB(u.GetManifest()), Received: convert(u.GetReceived(), receivedFromPB),
	}
}

func fileToPB(f upload.File) *pluginpb.File {
	return &pluginpb.File{Name: clean(f.Name), Size: f.Size, Sha256: clean(f.SHA256)}
}

func fileFromPB(f *pluginpb.File) upload.File {
	return upload.File{Name: f.GetName(), Size: f.GetSize(), SHA256: f.GetSha256()}
}

func manifestToPB(m *manifest.Manifest) *pluginpb.Manifest {
	if m == nil {
		return nil
	}
	return &pluginpb.Manifest{
		Name: clean(m.Name), Version: clean(m.Version), Source: manifestFileToPB(m.Source),
		Binary: convert(m.Binary, func(a manifest.Architecture) *pluginpb.ManifestArchitecture {
			return &pluginpb.ManifestArchitecture{Name: clean(a.Name), Line: int32(a.Line), Packages: convert(a.Packages, manifestPackageToPB)}
		}),
	}
}

func manifestFromPB(m *pluginpb.Manifest) *manifest.Manifest {
	if m == nil {
		return nil
	}
	return &manifest.Manifest{
		Name: m.GetName(), Version: m.GetVersion(), Source: manifestFileFromPB(m.GetSource()),
		Binary: convert(m.GetBinary(), func(a *pluginpb.ManifestArchitecture) manifest.Architecture {
			return manifest.Architecture{Name: a.GetName(), Line: int(a.GetLine()), Packages: convert(a.GetPackages(), manifestPackageFromPB)}
		}),
	}
}

func manifestPackageToPB(p manifest.Package) *pluginpb.ManifestPackage {
	return &pluginpb.ManifestPackage{Name: clean(p.Name), File: manifestFileToPB(p.File), Line: int32(p.Line)}
}

func manifestPackageFromPB(p *pluginpb.ManifestPackage) manifest.Package {
	return manifest.Package{Name: p.GetName(), File: manifestFileFromPB(p.GetFile()), Line: int(p.GetLine())}
}

func manifestFileToPB(f manifest.File) *pluginpb.ManifestFile {
	return &pluginpb.ManifestFile{Name: clean(f.Name), Sha256: clean(f.SHA256), Size: f.Size, Line: int32(f.Line)}
}

func manifestFileFromPB(f *pluginpb.ManifestFile) manifest.File {
	return manifest.File{Name: f.GetName(), SHA256: f.GetSha256(), Size: f.GetSize(), Line: int(f.GetLine())}
}

// receivedToPB leaves out the identity of the uploader's file: it means nothing to
// another process.
func receivedToPB(r upload.Received) *pluginpb.Received {
	return &pluginpb.Received{
		File: fileToPB(r.File), Arch: clean(r.Arch), PackageName: clean(r.PackageName), Found: r.Found,
		ActualSize: r.ActualSize, ActualSha256: clean(r.ActualSHA256), Package: packageToPB(r.Package),
		Findings: convert(r.Findings, findingToPB),
	}
}

func receivedFromPB(r *pluginpb.Received) upload.Received {
	return upload.Received{
		File: fileFromPB(r.GetFile()), Arch: r.GetArch(), PackageName: r.GetPackageName(), Found: r.GetFound(),
		ActualSize: r.GetActualSize(), ActualSHA256: r.GetActualSha256(), Package: packageFromPB(r.GetPackage()),
		Findings: convert(r.GetFindings(), findingFromPB),
	}
}

func packageToPB(p *mpk.Package) *pluginpb.Package {
	if p == nil {
		return nil
	}
	m, i := p.Metadata, p.Info
	return &pluginpb.Package{
		Metadata: &pluginpb.Metadata{
			MetadataVersion: clean(m.MetadataVersion), Name: clean(m.Name), Version: clean(m.Version), Source: clean(m.Source),
			Srcsha256: clean(m.SrcSHA256), Sumsha256Sums: clean(m.SumSHA256Sums),
			PkginfoPath: clean(m.PkginfoPath), SumshaPath: clean(m.SumshaPath),
		},
		Info: &pluginpb.Info{
			Name: clean(i.Name), Version: clean(i.Version), Source: clean(i.Source), Srcsha256: clean(i.SrcSHA256), Ghost: clean(i.Ghost),
			Description: clean(i.Description), Depends: clean(i.Depends), Sysdepends: clean(i.SysDepends),
		},
		SumshaSha256: clean(p.SumshaSHA256), Members: convert(p.Files, memberToPB), DecodedSize: p.DecodedSize,
	}
}

func packageFromPB(p *pluginpb.Package) *mpk.Package {
	if p == nil {
		return nil
	}
	m, i := p.GetMetadata(), p.GetInfo()
	return &mpk.Package{
		Metadata: mpk.Metadata{
			MetadataVersion: m.GetMetadataVersion(), Name: m.GetName(), Version: m.GetVersion(), Source: m.GetSource(),
			SrcSHA256: m.GetSrcsha256(), SumSHA256Sums: m.GetSumsha256Sums(), PkginfoPath: m.GetPkginfoPath(), SumshaPath: m.GetSumshaPath(),
		},
		Info: mpk.Info{
			Name: i.GetName(), Version: i.GetVersion(), Source: i.GetSource(), SrcSHA256: i.GetSrcsha256(), Ghost: i.GetGhost(),
			Description: i.GetDescription(), Depends: i.GetDepends(), SysDepends: i.GetSysdepends(),
		},
		SumshaSHA256: p.GetSumshaSha256(), Files: convert(p.GetMembers(), memberFromPB), DecodedSize: p.GetDecodedSize(),
	}
}

func memberToPB(m archive.Member) *pluginpb.Member {
	return &pluginpb.Member{
		Name: []byte(m.Name), Link: []byte(m.Link), Size: m.Size, Mode: m.Mode, Type: pluginpb.MemberType(m.Type),
	}
}

func memberFromPB(m *pluginpb.Member) archive.Member {
	return archive.Member{
		Name: string(m.GetName()), Link: string(m.GetLink()), Size: m.GetSize(), Mode: m.GetMode(), Type: archive.MemberType(m.GetType()),
	}
}

func progressToPB(p upload.Progress) *pluginpb.Progress {
	return &pluginpb.Progress{
		File: clean(p.File), Done: p.Done, Total: p.Total, Number: int32(p.Number), Files: int32(p.Files), AllDone: p.AllDone, AllTotal: p.AllTotal,
	}
}

func progressFromPB(p *pluginpb.Progress) upload.Progress {
	return upload.Progress{
		File: p.GetFile(), Done: p.GetDone(), Total: p.GetTotal(), Number: int(p.GetNumber()), Files: int(p.GetFiles()),
		AllDone: p.GetAllDone(), AllTotal: p.GetAllTotal(),
	}
}

func sendingToPB(n transport.Sending) *pluginpb.Sending {
	return &pluginpb.Sending{
		Stage: clean(n.Stage), File: clean(n.File), Number: int32(n.Number), Files: int32(n.Files), Done: n.Done, Total: n.Total, Skipped: n.Skipped,
	}
}

func sendingFromPB(n *pluginpb.Sending) transport.Sending {
	return transport.Sending{
		Stage: n.GetStage(), File: n.GetFile(), Number: int(n.GetNumber()), Files: int(n.GetFiles()), Done: n.GetDone(), Total: n.GetTotal(), Skipped: n.GetSkipped(),
	}
}
