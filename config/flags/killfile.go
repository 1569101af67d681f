package flags

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// WriteKillFile switches everything of the processes that look at path to passthrough, within half a second and
// without store or admin API. The file is whole from its first moment on. Where it cannot be written, as on a full disk, it is
// made without a word in it, which switches as well; the error is that not even this can be done.
func WriteKillFile(path string, k Kill) error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err = writeFile(path, append(data, '\n')); err == nil {
		return nil
	}
	f, failed := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if failed != nil {
		return errors.Join(err, failed)
	}
	return f.Close()
}

// RemoveKillFile takes it back. That there is none is no error.
func RemoveKillFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadKillFile tells what the file says, nil when there is none. A file that cannot be read or understood is a kill switch too:
// somebody may have touched it in a hurry. The error says that it cannot be told whether there is one.
func ReadKillFile(path string) (*Kill, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k Kill
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &k)
	}
	if err != nil {
		k = Kill{At: info.ModTime().UTC(), By: "file " + path, Reason: "the file is there, and gives no reason"}
	}
	return &k, nil
}
