package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"
)

// Breaker stops asking an address that fails, so that callers are told at once and an upstream that
// comes up again is not met by all of them together. Each address has its own. The zero value is
// none.
type Breaker struct {
	// Failures in a row that open the breaker; 0 for no breaker.
	Failures int
	// OpenFor is how long nobody asks the address then. After it one request may; if that one
	// fails too, it begins anew. Default 1 s.
	OpenFor time.Duration
	// Counts says what is a failure. Default CountConnect.
	Counts Counts
}

// Counts is what a Breaker takes for a failure. Each includes the ones before it. A request that its
// caller gave up is none.
type Counts string

const (
	// CountConnect is that no connection could be made.
	CountConnect Counts = "connect"
	// CountNoAnswer is that no head of an answer came, in time or at all. One slow route can open the
	// breaker for all when nobody else asks meanwhile.
	CountNoAnswer Counts = "no_answer"
	// CountServerError is an answer with a status of 500 or above.
	CountServerError Counts = "server_error"
)

const defaultOpenFor = time.Second

func (b *Breaker) complete() {
	b.OpenFor = orDefault(b.OpenFor, defaultOpenFor)
	b.Counts = orDefault(b.Counts, CountConnect)
}

func (b *Breaker) check() error {
	if b.Failures < 0 {
		return fmt.Errorf("breaker: failures %d is negative (want how many in a row, or 0 for none)", b.Failures)
	}
	switch b.Counts {
	case CountConnect, CountNoAnswer, CountServerError:
		return nil
	}
	return fmt.Errorf("breaker: unknown word %q for what counts (want %s, %s or %s)",
		string(b.Counts), CountConnect, CountNoAnswer, CountServerError)
}

// breaker is the one of an address. A nil breaker lets everything through.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	counts  Counts
	until   atomic.Int64 // when the address is asked again, in nanoseconds of Unix time
}

var (
	errCounted    = errors.New("a failure")
	errNotCounted = errors.New("neither a failure nor a success")
)

func newBreaker(o Breaker, name string, logger *zap.Logger) *breaker {
	if o.Failures == 0 {
		return nil
	}
	b := &breaker{counts: o.Counts}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     o.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int64(c.ConsecutiveFailures) >= int64(o.Failures) },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotCounted) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				b.until.Store(time.Now().Add(o.OpenFor).UnixNano())
				logger.Warn("an upstream address is suspended", zap.String("address", name), zap.Duration("for", o.OpenFor))
			case gobreaker.StateClosed:
				logger.Info("an upstream address is asked again", zap.String("address", name))
			case gobreaker.StateHalfOpen:
			}
		},
	})
	return b
}

// admit asks whether a request may go out. The report must be made.
func (b *breaker) admit() (report, error) {
	if b == nil {
		return report{}, nil
	}
	done, err := b.circuit.Allow()
	if err != nil {
		wait := max(time.Until(time.Unix(0, b.until.Load())), 0)
		return report{}, &Error{Kind: Suspended, RetryAfter: wait, Err: fmt.Errorf("every upstream address is suspended: %w", err)}
	}
	return report{b, done}, nil
}

// report tells a breaker how a request went, at the moment that settles it. The zero report tells nobody.
type report struct {
	breaker *breaker
	done    func(error) // nil when it has been called
}

func (r *report) tell(outcome error) {
	if r.done != nil {
		r.done(outcome)
		r.done = nil
	}
}

func (r *report) connected() {
	if r.breaker != nil && r.breaker.counts == CountConnect {
		r.tell(nil)
	}
}

func (r *report) answered(status int) {
	if r.breaker != nil && r.breaker.counts == CountServerError && status >= http.StatusInternalServerError {
		r.tell(errCounted)
	}
	r.tell(nil)
}

// failed gets the error of a trip. Where a body was sent, that may have been what broke off.
func (r *report) failed(err error, body bool) {
	switch kind := kindOf(err); {
	case kind == Unreachable, kind == Late, kind == Broken && !body:
		r.tell(errCounted)
	default:
		r.tell(errNotCounted)
	}
}
