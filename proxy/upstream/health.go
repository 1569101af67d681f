package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Health is how addresses are asked whether they are well, apart from the traffic. The zero value
// asks nobody.
type Health struct {
	// Path is what a GET asks for, without the addresses' base path; "" for no checks. A status from
	// 200 to 399 is well.
	Path string
	// Interval is from one check's beginning to the next one's. Default 5 s.
	Interval time.Duration
	// Timeout bounds one check. Default 2 s.
	Timeout time.Duration
	// Fall is how many checks in a row have to fail before an address is down. Default 3.
	Fall int
	// Rise is how many have to succeed before it is up again. Default 2.
	Rise int
}

const (
	defaultHealthInterval = 5 * time.Second
	defaultHealthTimeout  = 2 * time.Second
	defaultFall           = 3
	defaultRise           = 2
	// maxHealthBody is how many bytes of a check's answer are read, so that its connection can be kept.
	maxHealthBody = 64 << 10
)

func (h *Health) complete() {
	h.Interval = orDefault(h.Interval, defaultHealthInterval)
	h.Timeout = orDefault(h.Timeout, defaultHealthTimeout)
	h.Fall = orDefault(h.Fall, defaultFall)
	h.Rise = orDefault(h.Rise, defaultRise)
}

func (h *Health) check() error {
	var errs []error
	if h.Path != "" && h.Path[0] != '/' {
		errs = append(errs, fmt.Errorf("health: path %q does not begin with a slash (want one like /health)", h.Path))
	}
	if h.Fall < 0 || h.Rise < 0 || h.Interval < 0 || h.Timeout < 0 {
		errs = append(errs, errors.New("health: a negative number (want times above 0 and counts of at least 1, or 0 for the default)"))
	}
	return errors.Join(errs...)
}

// CheckHealth checks every address until ctx is done; at once where there is nothing to check. An
// address is up until its checks have said otherwise.
func (t *Transport) CheckHealth(ctx context.Context) {
	if t.health.Path == "" {
		return
	}
	var all sync.WaitGroup
	for _, a := range t.addresses {
		all.Go(func() { t.watch(ctx, a) })
	}
	all.Wait()
}

// watch checks one address.
func (t *Transport) watch(ctx context.Context, a *address) {
	ticker := time.NewTicker(t.health.Interval)
	defer ticker.Stop()
	against := 0 // checks in a row that contradict what is believed
	for {
		err := t.probe(ctx, a)
		if ctx.Err() != nil {
			return
		}
		down := a.down.Load()
		needed := t.health.Fall
		if down {
			needed = t.health.Rise
		}
		if down == (err != nil) {
			against = 0
		} else if against++; against >= needed {
			against = 0
			a.down.Store(!down)
			t.tell(a, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (t *Transport) tell(a *address, err error) {
	if err != nil {
		t.logger.Warn("an upstream address is down by its health checks", zap.String("address", a.name), zap.Error(err))
	} else {
		t.logger.Info("an upstream address is up again", zap.String("address", a.name))
	}
}

// probe is one check.
func (t *Transport) probe(ctx context.Context, a *address) error {
	ctx, cancel := context.WithTimeout(ctx, t.health.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base.Scheme+"://"+t.base.Host+t.health.Path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "crossfade-health")
	res, _, err := a.send(new(Exchange), r, report{}, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxHealthBody)); err != nil {
		return err
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}
