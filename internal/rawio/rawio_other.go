//go:build !linux || 386

// Package rawio reads and writes sockets without the scheduler. On this system it cannot be done.
package rawio

import "syscall"

// Supported says whether this is a system on which it can be done.
const Supported = false

// Read fails.
func Read(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

// Write fails.
func Write(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

// MaxBuffers is how many buffers go out in one call.
const MaxBuffers = 4

// WriteBuffers fails.
func WriteBuffers(uintptr, [][]byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }

// Peek fails.
func Peek(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.ENOSYS }
