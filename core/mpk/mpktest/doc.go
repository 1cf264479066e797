// Package mpktest writes mmpack packages, source tarballs, manifests and whole
// uploads for tests, well-formed or hostile. No product code imports it.
//
// Everything has a default, and equal options give equal bytes. The smallest
// upload, in a folder:
//
//	manifest := mpktest.Upload{Name: "foo", Version: "1.0.0"}.In(t, t.TempDir())
//
// One with three packages, the same version built again with other bytes, one
// package that lies:
//
//	u := mpktest.Upload{Name: "foo", Version: "1.1.0", Packages: []mpktest.Package{
//		{Name: "foo", Depends: "libfoo1 (= 1.1.0)"},
//		{Name: "libfoo1", Description: "Shared library.\nSecond line"},
//		{Name: "foo-doc", SrcSHA256: strings.Repeat("0", 64)},
//	}}
//	u.Salt = "rebuild"
//
// In memory: [Upload.Build], [Package.Bytes]. Large: [Package.Payload] with
// [Package.Write] or [Upload.Write], which stream. Hostile: [Package.Extra],
// [Package.Metadata], [Package.Pkginfo], [Package.Edit], [Upload.EditManifest].
package mpktest
