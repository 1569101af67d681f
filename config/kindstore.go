package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
)

// Words of store.url that are no addresses.
const (
	storeInData = "sqlite" // crossfade.db in the data directory
	storeNone   = "none"
)

// storeURL takes where things are kept. Its errors do not repeat what may have a password in it.
func storeURL() kind {
	const want = "sqlite, sqlite:PATH, postgres://user:password@host/database, or none"
	return kind{name: "store", want: want, parse: func(text string) (any, error) {
		if text == storeInData || text == storeNone {
			return text, nil
		}
		if path, ok := strings.CutPrefix(text, "sqlite:"); ok && path != "" && !hasControls(path) && !strings.Contains(path, "?") {
			return text, nil
		}
		if u, err := url.Parse(text); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
			return text, nil
		}
		return nil, errors.New("want " + want)
	}}
}

// storeAt is the address that a word of store.url means; "" for none.
func storeAt(word, dataDir string) string {
	switch {
	case word == storeNone, word == storeInData && dataDir == "":
		return ""
	case word == storeInData:
		return "sqlite:" + filepath.Join(dataDir, "crossfade.db")
	}
	return word
}

// withoutPassword is a store's address as it may be shown.
func withoutPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}
