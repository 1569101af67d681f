package flows

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// Policy says how the upstream is told that a flow was activated.
type Policy string

// The policies.
const (
	// PolicyAuto switches the session and, where the upstream has no such route or it fails, sets the defaults.
	PolicyAuto Policy = "auto"
	// PolicySwitch calls POST /api/v1/context/session/switch alone.
	PolicySwitch Policy = "session_switch"
	// PolicyDefaults calls PUT /api/v1/context/me/defaults alone.
	PolicyDefaults Policy = "me_defaults"
)

// Options is what a Memory is made of. Store is required.
type Options struct {
	Store  Store
	Policy Policy // "" is PolicyAuto
	// Sources are further lists of the upstream's from which a caller's flows are taken.
	Sources []Source
	// SourceTimeout is how long an answer may wait for them after the upstream's own is there; 0 is 300 ms.
	SourceTimeout time.Duration
	// RecallTimeout is how long an answer may wait for the store; 0 is 250 ms.
	RecallTimeout time.Duration
	// Manage serves the routes of flow management. It makes SourceSessions one of the sources.
	Manage bool
	// Grace is how long the upstream must have ceased to list a flow before it is forgotten; 0 is 30 days.
	Grace time.Duration
	// Lease is how long a create may take before it counts as crashed; 0 is a minute.
	Lease time.Duration
	// Logger is told of what nobody waits for; nil for none.
	Logger *zap.Logger
	// Now is the clock; nil means time.Now. NewID makes ids of intents; nil means random UUIDs.
	Now   func() time.Time
	NewID func() string
}

// Memory is a proxy.Memory. It is safe for concurrent use; several of them may share a Store.
type Memory struct {
	o        Options
	cache    cache
	sweeping sync.WaitGroup
	sweeps   chan struct{} // a token for each sweep that runs
	guesses  guesses
}

var _ proxy.Memory = (*Memory)(nil)

// The endpoints of the contract that have memory.
const (
	endpointContext    = "context-me"
	endpointActivate   = "flow-activate"
	endpointComparison = "flows-comparison"
	endpointList       = "sessions-list"
	endpointCreate     = "session-create"
	endpointGet        = "session-get"
	endpointUpdate     = "session-update"
	endpointPatch      = "session-patch"
	endpointDelete     = "session-delete"
	endpointDeactivate = "session-deactivate"
)

// Managed names the endpoints of flow management, which the contract ships switched off.
func Managed() []string {
	return []string{
		endpointList, endpointCreate, endpointGet, endpointUpdate, endpointPatch, endpointDelete, endpointDeactivate,
	}
}

// New checks the options. It contacts nobody.
func New(o Options) (*Memory, error) {
	var errs []error
	if o.Store == nil {
		errs = append(errs, errors.New("flows: no store"))
	}
	switch o.Policy {
	case "":
		o.Policy = PolicyAuto
	case PolicyAuto, PolicySwitch, PolicyDefaults:
	default:
		errs = append(errs, fmt.Errorf("flows: unknown policy %q (want %s, %s or %s)", string(o.Policy), PolicyAuto, PolicySwitch, PolicyDefaults))
	}
	for _, s := range o.Sources {
		errs = append(errs, s.check())
	}
	for _, d := range []*struct {
		given    *time.Duration
		standard time.Duration
		name     string
	}{
		{&o.SourceTimeout, 300 * time.Millisecond, "source timeout"},
		{&o.RecallTimeout, 250 * time.Millisecond, "recall timeout"},
		{&o.Grace, 30 * 24 * time.Hour, "grace"},
		{&o.Lease, time.Minute, "lease"},
	} {
		if *d.given < 0 {
			errs = append(errs, fmt.Errorf("flows: %s %s is below 0", d.name, *d.given))
		}
		if *d.given == 0 {
			*d.given = d.standard
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o.Sources = sources(o.Sources, o.Manage)
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = randomID
	}
	return &Memory{o: o, sweeps: make(chan struct{}, maxSweeps)}, nil
}

// Close waits for what runs behind answers.
func (m *Memory) Close() { m.sweeping.Wait() }

// Serves implements proxy.Memory.
func (m *Memory) Serves(endpoint string) bool { return m.handler(endpoint) != nil }

// handler is what answers calls of an endpoint; nil where nothing does.
func (m *Memory) handler(endpoint string) func(*call) proxy.MemoryReply {
	if endpoint == endpointActivate {
		return (*call).activate
	}
	if !m.o.Manage {
		return nil
	}
	switch endpoint {
	case endpointList:
		return (*call).list
	case endpointCreate:
		return (*call).create
	case endpointGet:
		return (*call).get
	case endpointUpdate, endpointPatch:
		return (*call).update
	case endpointDelete:
		return (*call).remove
	case endpointDeactivate:
		return (*call).deactivate
	}
	return nil
}

// Serve implements proxy.Memory.
func (m *Memory) Serve(ctx context.Context, c proxy.MemoryCall) proxy.MemoryReply {
	if c.Method != http.MethodGet && c.Method != http.MethodHead {
		// What has begun is finished, also when the caller does not wait for it. Half of the lease: who comes
		// after it finds nobody at work.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), m.o.Lease/2)
		defer cancel()
	}
	return m.handler(c.Endpoint)(&call{MemoryCall: c, memory: m, ctx: ctx})
}

// Accompanies implements proxy.Memory. While nothing is remembered for anybody, and no other list is asked, nothing
// depends on it.
func (m *Memory) Accompanies(endpoint string) bool {
	switch endpoint {
	case endpointContext:
		return len(m.o.Sources) > 0 || !m.o.Store.Empty()
	case endpointComparison:
		return !m.o.Store.Empty()
	}
	return false
}

// Accompany implements proxy.Memory.
func (m *Memory) Accompany(ctx context.Context, c proxy.MemoryCall) proxy.Companion {
	k := &call{MemoryCall: c, memory: m, ctx: ctx}
	if c.Endpoint == endpointComparison {
		return proxy.Companion{Filters: true, Complete: k.compare}
	}
	return k.accompanyContext()
}

// call is one request while it is worked on.
type call struct {
	proxy.MemoryCall
	memory *Memory
	ctx    context.Context //nolint:containedctx // a call lives as long as its request
}
