package footprint

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropPages takes the pages of the program's file out of the process where they are the file's own and nobody can write to them. What
// a debugger or a loader has changed is not the file's any more, and stays.
func dropPages() {
	name, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range mappings(maps, name) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.begin, m.length, syscall.MADV_DONTNEED) // what cannot be given back stays
	}
}

// mapping is a part of the address space.
type mapping struct{ begin, length uintptr }

// mappings finds the parts that are of a file, cannot be written to, and have no page that is not the file's, in what smaps says
// (man 5 proc_pid_smaps).
func mappings(smaps []byte, file string) []mapping {
	var found []mapping
	var m mapping // that is being read; zero where it is none of those
	for line := range bytes.Lines(smaps) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) == 0:
		case !strings.HasSuffix(fields[0], ":"):
			m = mapping{}
			if len(fields) < 6 || strings.Join(fields[5:], " ") != file || fields[1] != "r-xp" && fields[1] != "r--p" {
				continue
			}
			from, to, _ := strings.Cut(fields[0], "-")
			begin, err := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			if err == nil && err2 == nil && begin < end {
				m = mapping{uintptr(begin), uintptr(end - begin)}
			}
		case fields[0] == "Anonymous:" && m.length > 0 && len(fields) > 1 && fields[1] == "0":
			found = append(found, m)
		}
	}
	return found
}
