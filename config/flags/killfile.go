package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// WriteKillFile switches everything of the processes that look at path to passthrough, within half a second and
// without store or admin API. The file is whole from its first moment on.
func WriteKillFile(path string, k Kill) error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return writeFile(path, append(data, '\n'))
}

// RemoveKillFile takes it back. That there is none is no error.
func RemoveKillFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadKillFile tells what the file says, nil when there is none. A file that cannot be understood is a kill
// switch too, that says so: somebody may have touched it in a hurry.
func ReadKillFile(path string) (*Kill, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k Kill
	if err := json.Unmarshal(data, &k); err != nil {
		info, statErr := os.Stat(path)
		if statErr != nil {
			return nil, statErr
		}
		k = Kill{At: info.ModTime().UTC(), By: "file " + path, Reason: fmt.Sprintf("the file is there, without a reason (%d bytes)", len(data))}
	}
	return &k, nil
}
