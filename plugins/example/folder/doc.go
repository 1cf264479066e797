// Command folder is an example of a transport plugin: folder:///srv/repo publishes in
// a repository in a folder of this machine.
//
// In: uploads and targets, from mmpush. Out: reports. It imports the plugins room and
// the transport that it hands on to; one of your own would go to the network here.
package main
