// Package pluginpb is the wire between mmpush and its plugins, version 1: the
// messages and services of plugin.proto, which documents each field. The code is
// generated; authors in Go use package plugins, which hides it.
//
// In: protobuf messages. Out: Go structs. It promises that a released field keeps
// its number and its meaning. It imports nothing of ours. This package is public API.
package pluginpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto
