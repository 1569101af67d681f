//go:build !linux

package postgrestest

import "errors"

func mount(string, int64) error { return errors.New("it is done on Linux only") }

func unmount(string) error { return nil }
