package flagd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// lookEvery is how often a file is read. It is read rather than watched: that is the same for a file that is written in place,
// replaced by a rename, swapped behind a symbolic link, or on a network file system.
const lookEvery = 250 * time.Millisecond

// maxFile bounds what a mistaken path can cost, in bytes. It is what gRPC takes for a message too.
const maxFile = 4 << 20

// followFile takes what the file has, first as it is, then each time that it has changed and stands still.
func (p *Provider) followFile(ctx context.Context, path string) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var before, taken []byte // at the look before; what is evaluated, or is known to be wrong
	told := ""
	for first := true; ; first = false {
		data, err := readFile(path)
		switch {
		case err != nil:
			if err.Error() != told {
				p.fail(err)
			}
			taken, told = nil, err.Error()
		case bytes.Equal(data, taken):
		case first || bytes.Equal(data, before): // else it may be that it is being written
			p.takeFile(path, data)
			taken, told = data, ""
		}
		before = data
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *Provider) takeFile(path string, data []byte) {
	if isYAML(path) {
		var err error
		if data, err = yaml.YAMLToJSON(data); err != nil {
			p.fail(fmt.Errorf("%s: %w", path, err))
			return
		}
	}
	p.take(path, string(data))
}

func isYAML(path string) bool {
	extension := strings.ToLower(filepath.Ext(path))
	return extension == ".yaml" || extension == ".yml"
}

// readFile reads a file that is not empty and not too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s: more than %d bytes: these are no flags", path, maxFile)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("%s: it is empty", path)
	}
	return data, nil
}
