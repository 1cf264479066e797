package plugins

import "errors"

func (p *process) prepare()        {}
func (p *process) confine() error  { return nil }
func (p *process) restrict() error { return nil }
func (p *process) killStragglers() {}

// reap waits until the program has ended.
func (p *process) reap() {
	p.wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaped = true
}

func (p *process) killGroup() { _ = p.cmd.Process.Kill() }

// checkAddress takes what go-plugin uses on this system.
func (p *process) checkAddress(network, _ string) error {
	if network != "tcp" {
		return errors.New("it must be a TCP socket of this machine")
	}
	return nil
}
