// Package archivetest writes tar, zstd, gzip and xz for tests, well-formed or
// hostile. Equal input gives equal bytes. No product code imports it.
//
// It writes tar headers itself, so that a test can say what no honest writer
// would; [Member] is the whole of it:
//
//	var buf bytes.Buffer
//	z := archivetest.Zstd(&buf)
//	err := archivetest.Tar(z, archivetest.Member{Name: "./a", Body: "text"})
//	err = z.Close()
package archivetest
