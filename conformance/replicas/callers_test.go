package replicas_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/conformance/replicas"
)

// call starts callers who flip, each every so often and to another stage than before, through a replica that they choose
// anew each time, and readers of each replica, who pause between two reads to leave the processor to others.
func (c *cluster) call(callers int, every time.Duration, readers int, pause time.Duration) {
	var flips atomic.Int64
	for i := range callers {
		c.busy.Go(func() {
			seeded := rand.New(rand.NewPCG(7, uint64(i)))
			ticks := time.NewTicker(every)
			defer ticks.Stop()
			for n := 0; c.goesOn(ticks.C); n++ {
				c.flip(seeded.IntN(len(c.replicas)), stages()[flips.Add(1)%3], fmt.Sprintf("caller %d, %d", i, n))
			}
		})
	}
	for i := range c.replicas {
		for range readers {
			c.busy.Go(func() {
				ticks := time.NewTicker(pause)
				defer ticks.Stop()
				for c.goesOn(ticks.C) {
					c.read(i)
				}
			})
		}
	}
}

func (c *cluster) goesOn(ticks <-chan time.Time) bool {
	select {
	case <-c.stop:
		return false
	case <-ticks:
		return true
	}
}

func (c *cluster) flip(replica int, stage, reason string) {
	r := c.replicas[replica]
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPut, "http://"+r.options.Admin+"/api/v1/flags/"+endpoint,
		strings.NewReader(fmt.Sprintf(`{"reason": %q, "force": true, "flag": {"stage": %q}}`, reason, stage)))
	if err != nil {
		c.t.Error(err)
		return
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "If-Match": "*"} {
		request.Header.Set(name, value)
	}
	w := replicas.Write{Replica: replica, Reason: reason, Outcome: replicas.Unknown}
	w.From = c.now()
	said, err := r.ask(request)
	w.To = c.now()
	var dial *net.OpError
	var done struct {
		Version int64
		Changed bool
	}
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		w.Outcome = replicas.Refused
	case err != nil:
	case said.status == http.StatusOK:
		if err := json.Unmarshal([]byte(said.body), &done); err != nil {
			c.t.Errorf("the answer to a flip: %v: %s", err, said.body)
		}
		// Where the stage is what it was asked to be, nothing is changed.
		w.Outcome, w.Version = replicas.Refused, done.Version
		if done.Changed {
			w.Outcome = replicas.Done
		}
	case said.status == http.StatusServiceUnavailable:
		w.Outcome = replicas.Refused
	case said.status != http.StatusGatewayTimeout:
		c.t.Errorf("a flip was answered by %d: %s", said.status, said.body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history.Writes = append(c.history.Writes, w)
}

func (c *cluster) read(replica int) {
	c.mu.Lock()
	id := fmt.Sprintf("read-%d", len(c.asked))
	c.asked[id] = 0
	c.mu.Unlock()
	r := c.replicas[replica]
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+r.options.Listen+target, nil)
	if err != nil {
		c.t.Error(err)
		return
	}
	request.Header.Set("X-Request-Id", id)
	read := replicas.Read{Replica: replica}
	read.From = c.now()
	said, err := r.ask(request)
	read.To = c.now()
	switch {
	case err != nil:
		read.Failed = err.Error()
	case said.status != http.StatusOK:
		read.Failed = fmt.Sprintf("%d %s", said.status, said.body)
	default:
		// Nothing is added to an answer that is passed through.
		read.Shape, read.Mode = c.shapes[said.body], cmp.Or(said.header.Get("Crossfade-Mode"), "passthrough")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[id] = len(c.history.Reads)
	c.history.Reads = append(c.history.Reads, read)
}

// answer is what a replica said, with all of its body.
type answer struct {
	status int
	header http.Header
	body   string
}

func (r *replica) ask(request *http.Request) (answer, error) {
	response, err := r.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(data)}, err
}

// line takes a line of a replica's log. Access lines tell by which version of the flags a request was decided.
func (c *cluster) line(l process.Line) {
	if l.Text("message") != "request" {
		return
	}
	version := int64(0) // nothing was set yet
	if text := l.Text("flags_version"); text != "" {
		var err error
		if version, err = strconv.ParseInt(text, 10, 64); err != nil {
			c.t.Errorf("an access line: %v", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions[l.Text("request_id")] = version
}

// match gives each read the version that its access line tells. The last ones before a kill may have none.
func (c *cluster) match() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, i := range c.asked {
		r := &c.history.Reads[i]
		version, known := c.versions[id]
		switch {
		case r.Failed != "":
		case known:
			r.Version = version
		default:
			r.Version = replicas.Lost
			if !slices.ContainsFunc(c.history.Harms, func(h replicas.Harm) bool {
				return !h.Store && h.Replica == r.Replica && r.From < h.To && r.To+time.Second > h.From
			}) {
				c.t.Errorf("replica %d wrote no access line for a read at %v", r.Replica, r.From)
			}
		}
	}
}
