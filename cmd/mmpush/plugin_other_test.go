//go:build !unix

package main

func playPlugin() bool { return false }
