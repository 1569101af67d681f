package admin

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenPrefix lets people and secret scanners see what it is that they have found.
const tokenPrefix = "crossfade_"

// EnsureTokenFile gives the secret in a file, and makes one with a new random secret when there is none: readable by its
// owner alone, in a directory that has to be there. Of several processes that start at once, one makes it and all get the
// same. A file that others can read is refused.
func EnsureTokenFile(path string) (secret string, made bool, err error) {
	secret, err = readOwnToken(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, false, err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	err = createWhole(path, secret+"\n")
	if errors.Is(err, fs.ErrExist) {
		secret, err = readOwnToken(path)
		return secret, false, err
	}
	return secret, err == nil, err
}

// ReadTokenFile gives the secret in a file that somebody else made, without the white space around it.
func ReadTokenFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", fmt.Errorf("%s is empty: want a secret in it", path)
	}
	return secret, nil
}

func readOwnToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it, or remove it for a new one", path, info.Mode().Perm())
	}
	return ReadTokenFile(path)
}

// createWhole makes a file that is there with all of its text or not at all, unless there is one.
func createWhole(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Link(f.Name(), path) // fails where rename would replace
	}
	return errors.Join(err, os.Remove(f.Name()))
}
