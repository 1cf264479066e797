package tupkg

import "time"

// Limits bound what the other side can make us read, keep or count. A zero field
// takes the default that it documents.
type Limits struct {
	// LoginBytes is the longest message taken before the login passed: 4,000.
	LoginBytes int
	// MessageBytes is the longest message of version 2, over all of its frames,
	// after the login: 8 MiB. A message of version 1 has at most 65,535 bytes by
	// its form.
	MessageBytes int
	// ValueBytes is the longest value of one key in version 1, as sent: 1,024.
	ValueBytes int
	// SessionFiles is the greatest number of files in one session of version 1:
	// 1,024.
	SessionFiles int
	// UploadFiles is the greatest number of files in one upload of version 2:
	// 20,000.
	UploadFiles int
	// FileBytes is the greatest size of one file: 64 GiB.
	FileBytes int64
	// UploadBytes is the greatest sum of the sizes of one declaration: 256 GiB.
	UploadBytes int64
}

// ALPN is the name of version 2 in the negotiation of TLS.
const ALPN = "tupkg/2"

// nameBytes is the longest file name, as every file system has it.
const nameBytes = 255

// WithDefaults fills the zero fields in.
func (l Limits) WithDefaults() Limits {
	setDefault(&l.LoginBytes, 4000)
	setDefault(&l.MessageBytes, 8<<20)
	setDefault(&l.ValueBytes, 1024)
	setDefault(&l.SessionFiles, 1024)
	setDefault(&l.UploadFiles, 20_000)
	setDefault(&l.FileBytes, 64<<30)
	setDefault(&l.UploadBytes, 256<<30)
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Options are what both ends can be told. The zero value is usable.
type Options struct {
	Limits Limits
	// Version2 lets [Serve] take the step to version 2 that a login can ask for.
	Version2 bool
	// Buffers is shared by the conversations of one server; nil: no bound.
	Buffers *Buffers
	// Agent names the program to the other side of version 2, such as "mmpush/1.0".
	Agent string
	// Phase is called with each change of phase, before the first byte of the new
	// one is read or written, by the goroutine that runs the conversation: there
	// the caller sets the connection's deadlines. A client reads while it sends: in
	// its PhaseData a read deadline would have to last as long as the data. nil is
	// allowed.
	Phase func(Phase)
	// AckTime bounds the server's waiting for the client's ack: 10 seconds.
	AckTime time.Duration
	// DrainTime and DrainBytes bound the reading that lets a last message arrive
	// before the connection closes: 2 seconds, 16 MiB; from who has not logged in at
	// most 64 KiB.
	DrainTime  time.Duration
	DrainBytes int64
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.WithDefaults()
	setDefault(&o.AckTime, 10*time.Second)
	setDefault(&o.DrainTime, 2*time.Second)
	setDefault(&o.DrainBytes, 16<<20)
	if o.Phase == nil {
		o.Phase = func(Phase) {}
	}
	return o
}

// Phase is a part of a conversation, the same for both ends.
type Phase int

// The phases in their order. In version 2, PhaseMetadata is also the waiting
// between two uploads, and there is no PhaseAck.
const (
	// PhaseLogin: the login, until its answer was sent.
	PhaseLogin Phase = iota
	// PhaseMetadata: waiting for, or sending, the declaration.
	PhaseMetadata
	// PhaseOffers: the server looks for what it holds, and says so.
	PhaseOffers
	// PhaseData: the bytes of the files.
	PhaseData
	// PhaseVerdict: the server judges, and tells the verdict.
	PhaseVerdict
	// PhaseAck: the client confirms that it has read the verdict.
	PhaseAck
	// PhaseClose: the last bytes drain, then the connection closes.
	PhaseClose
)

// String is the phase in words that fit "the connection broke during …".
func (p Phase) String() string {
	names := [...]string{
		"the login", "the declaration of the files", "the offers of bytes already held",
		"the file data", "the verdict", "the ack", "the close",
	}
	if p < 0 || int(p) >= len(names) {
		return "an unknown phase"
	}
	return names[p]
}
