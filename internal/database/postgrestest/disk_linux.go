package postgrestest

import (
	"strconv"
	"syscall"
)

// mount puts a file system of so many bytes, in memory, on a folder.
func mount(dir string, size int64) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+strconv.FormatInt(size, 10))
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
