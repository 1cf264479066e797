// Package config is what the environment, a project, the user and the system have set.
//
// In: the environment and at most three YAML files, strongest first: MMPUSH_*
// variables, the project's .mmpush.yaml, the user's $XDG_CONFIG_HOME/mmpush/config.yaml,
// the system's /etc/mmpush/config.yaml. Out: [Config], which has for each key its value
// and where it comes from, the named targets and the sets of repositories. A flag of
// the command line is stronger than all of them; the caller sees to that.
//
// It promises: an unknown key, or a value that cannot be meant, is an error that names
// file and line, all of them at once. A project's file may be a stranger's pull
// request: a key that names a program, a password or who may log in is an error there,
// and every value tells whether it comes from one. No password stands in any file of
// these: they name a file or a program that has it.
//
// A relative path in a file is below the file's folder, and "~/" is the home folder.
//
// It may import core/report, core/vfs and core/yamlfile. It may change at any release.
package config
