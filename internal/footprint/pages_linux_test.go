package footprint

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const someMaps = `00400000-012c5000 r-xp 00000000 fe:00 123 /usr/bin/cross fade
Size:              15124 kB
Rss:               12652 kB
Anonymous:             0 kB
012c5000-02268000 r--p 00ec5000 fe:00 123 /usr/bin/cross fade
Rss:               10764 kB
Anonymous:             0 kB
02268000-02390000 rw-p 01e68000 fe:00 123 /usr/bin/cross fade
Anonymous:             0 kB
02390000-03390000 r--p 01f68000 fe:00 123 /usr/bin/cross fade
Anonymous:             4 kB
1b2dae000000-1b2daf000000 r--p 00000000 00:00 0 
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 9 /usr/lib/libc.so
Anonymous:             0 kB
`

// TestMappings: what is the file's own and cannot be written to, and nothing else.
func TestMappings(t *testing.T) {
	want := []mapping{{0x400000, 0x12c5000 - 0x400000}, {0x12c5000, 0x2268000 - 0x12c5000}}
	if got := mappings([]byte(someMaps), "/usr/bin/cross fade"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestGiveBack: less of the program is resident behind it, and all of it is still there.
func TestGiveBack(t *testing.T) {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before := resident(t, name)
	GiveBack()
	if after := resident(t, name); after >= before {
		t.Errorf("%d kB resident, before %d", after, before)
	}
	if got := strings.ToUpper("still here"); got != "STILL HERE" {
		t.Error(got)
	}
}

// resident is how much of a file is, by what the system says.
func resident(t *testing.T, file string) (kB int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	ours := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case !strings.HasSuffix(fields[0], ":"):
			ours = strings.Contains(line, file)
		case fields[0] == "Rss:" && ours:
			n := 0
			for _, c := range fields[1] {
				n = 10*n + int(c-'0')
			}
			kB += n
		}
	}
	return kB
}
