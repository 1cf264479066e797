package plugins

import "syscall"

func (p *process) prepare() { p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// confine, restrict and killStragglers: this system has no means for us.
func (p *process) confine() error  { return nil }
func (p *process) restrict() error { return nil }
func (p *process) killStragglers() {}

// reap waits until the program has ended and kills what is left of its group.
func (p *process) reap() {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
	p.killGroup()
}
