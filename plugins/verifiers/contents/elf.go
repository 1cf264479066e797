package contents

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
)

// elfHeader is how much of an ELF file says which machine it is for.
const elfHeader = 20

// machine is what the programs of one architecture are.
type machine struct {
	id    elf.Machine
	class elf.Class
	data  elf.Data
}

// machineOf is that of an architecture such as amd64-debian: the part before the '-'
// is the processor, in the words of Debian or of the kernel.
func machineOf(arch string) (machine, bool) {
	cpu, _, _ := strings.Cut(arch, "-")
	m, ok := map[string]machine{
		"amd64":   {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"i386":    {elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB},
		"arm64":   {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"arm":     {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB},
		"riscv64": {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"ppc64el": {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB},
		"s390x":   {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB},
		"loong64": {elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB},
	}[alias(cpu)]
	return m, ok
}

func alias(cpu string) string {
	switch cpu {
	case "x86_64":
		return "amd64"
	case "i486", "i586", "i686", "x86":
		return "i386"
	case "aarch64":
		return "arm64"
	case "armhf", "armel", "armv6l", "armv7l":
		return "arm"
	case "ppc64le":
		return "ppc64el"
	case "loongarch64":
		return "loong64"
	}
	return cpu
}

// String is the machine as people know it from readelf.
func (m machine) String() string {
	order := "little"
	if m.data == elf.ELFDATA2MSB {
		order = "big"
	}
	bits := 64
	if m.class == elf.ELFCLASS32 {
		bits = 32
	}
	return fmt.Sprintf("%s, %d bits, %s-endian", m.id, bits, order)
}

// parseELF reads the first bytes of a file; false if it is not an ELF file of any
// machine.
func parseELF(head []byte) (machine, bool) {
	if len(head) < elfHeader || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return machine{}, false
	}
	m := machine{class: elf.Class(head[elf.EI_CLASS]), data: elf.Data(head[elf.EI_DATA])}
	var order binary.ByteOrder = binary.LittleEndian
	if m.data == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	m.id = elf.Machine(order.Uint16(head[18:]))
	return m, m.id != elf.EM_NONE
}
