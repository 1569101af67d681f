package transform_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"
)

// One lens maps bodies of many goroutines, each its own: every body has a mark of its own
// in each of its values, and no result has another one's.
func TestBodiesStayApart(t *testing.T) {
	const workers, rounds = 8, 200
	lenses := map[string]*Lens{}
	for _, fixed := range fixedOps() {
		lenses[fixed.name] = compile(t, fixed.ops)
	}
	marked := func(worker, round int) (bodies map[string]string, mark string) {
		mark = fmt.Sprintf("%c%03d", 'A'+worker, round)
		row := strings.ReplaceAll(`{"id":"@","name":"Admin Session - @","x":"@"}`, "@", mark)
		rows := row + strings.Repeat(","+row, round%7)
		return map[string]string{
			"context": `{"session":` + row + `,"available_sessions":[` + rows + `],"user":{"id":"` + mark + `"}}`,
			"legacy":  `{"session":` + row + `}`,
			"keep":    `{"data":{"rows":[` + rows + `]}}`,
			"rows":    `{"owner":"` + mark + `","data":{"sessions":[` + rows + `]}}`,
			"wrap":    `[` + rows + `]`,
		}, mark
	}
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for round := range rounds {
				bodies, mark := marked(worker, round)
				for name, body := range bodies {
					for _, form := range []Form{Union, Replace} {
						res, err := lenses[name].Map(nil, []byte(body), Job{Form: form})
						if err != nil {
							t.Errorf("%s: %v", name, err)
							return
						}
						if other := stranger(res.Body, mark); other != "" {
							t.Errorf("%s of %s has %s in it: %s", name, mark, other, res.Body)
							return
						}
					}
					// A body that is refused in its middle leaves its values nowhere.
					if _, err := lenses[name].Map(nil, []byte(body[:len(body)/2]), Job{Form: Replace}); err == nil {
						t.Errorf("%s: half a body is mapped", name)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// stranger finds a mark that is not the body's own.
func stranger(body []byte, mark string) string {
	for i := 0; i+4 <= len(body); i++ {
		c := body[i : i+4]
		if c[0] >= 'A' && c[0] <= 'H' && len(bytes.Trim(c[1:], "0123456789")) == 0 && string(c) != mark {
			return string(c)
		}
	}
	return ""
}
