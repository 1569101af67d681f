package proxy

import (
	"fmt"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Record is what is known of a request when it is over: what the access line says and what an
// Observer gets. It has no path, query, header or body of the caller's: only names of the contract
// and measures.
type Record struct {
	RequestID string
	Method    string
	// Endpoint, Route (its template) and Side (session, flow, or both where they share a route)
	// are empty for what is none of the contract's.
	Endpoint string
	Route    string
	Side     string
	// Mode and Reason are the decision; empty when there was none to make.
	Mode   Mode
	Reason Reason
	// Stage, Source, Rule, Bucket and Threshold (both where HasBucket) and Version are what else the Decider said.
	Stage, Source, Rule string
	Bucket, Threshold   uint32
	HasBucket           bool
	Version             int64
	// Status is what the client got; 499 when it left before, 0 when the connection was cut
	// without a head.
	Status  int
	Outcome Outcome
	// Problem is the last word of the problem's type when the answer is one of ours.
	Problem string
	// Bytes of the body that went to the client.
	Bytes int64
	// Duration is the whole time; Upstream the time until the upstream's head was there (and its body,
	// where it was read to be mapped); Transform the time in lenses. Upstream and Transform are 0
	// where there was none.
	Duration, Upstream, Transform time.Duration
	// Fallback and RequestFallback say why the answer, or the request's body, passed unmapped
	// although it should have been mapped; empty when all went well.
	Fallback, RequestFallback Fallback
	// Mapped: the answer's body was changed. Native: it had the flow shape already.
	Mapped, Native bool
	// Messages counts those of a mapped stream that were given to a lens, in both directions;
	// MessagesPassed those of them that could not be mapped and passed as they came.
	Messages, MessagesPassed int
	// Unmapped and Unknown count, over both directions, members that a shape dropped although no
	// operation names them, and words that no table knew.
	Unmapped, Unknown int

	err error // the cause of a problem, fallback or cut; for the log alone
}

// Outcome says how an exchange ended.
type Outcome string

// The outcomes.
const (
	Answered   Outcome = "answered"    // with the upstream's answer, mapped or not
	Refused    Outcome = "refused"     // with an answer of crossfade's own
	Cut        Outcome = "cut"         // in the middle of an answer: the upstream broke off, or a message had no flow shape
	ClientGone Outcome = "client_gone" // the client did not wait
)

// statusClientGone is the status in the log for a client that left; no client ever sees it.
const statusClientGone = 499

// Fallback says in one word why something passed unmapped.
type Fallback string

// The fallbacks. Those of requests begin with "request-".
const (
	FallbackUnmappable    Fallback = "unmappable"     // the lens found something that it cannot map
	FallbackSize          Fallback = "too-large"      // more than Limits.MaxBody, as it came or decoded, or a message than Limits.MaxMessage
	FallbackMediaType     Fallback = "media-type"     // not JSON by its Content-Type
	FallbackCoding        Fallback = "coding"         // a Content-Encoding that is unknown or broken
	FallbackNoTransform   Fallback = "no-transform"   // the upstream forbids it, and the policy heeds that
	FallbackMemory        Fallback = "memory"         // nothing was left of what the Admission gives
	FallbackStatus        Fallback = "status"         // a 206 or 304 that nobody asked for
	FallbackAmbiguous     Fallback = "ambiguous-path" // the path may be an endpoint's, or not
	FallbackRequest       Fallback = "request-unmappable"
	FallbackRequestCoding Fallback = "request-coding"
)

// Observer is told about every exchange when its answer has been handed to the server. Calls
// are concurrent, each on its request's goroutine, which waits: it must not block. A panic in
// it is logged and goes no further.
type Observer interface {
	Observe(Record)
}

// Observers are told one after the other.
type Observers []Observer

// Observe implements Observer.
func (all Observers) Observe(rec Record) {
	for _, o := range all {
		o.Observe(rec)
	}
}

// fallback is the word that the client is told: the answer's, or else the request's.
func (rec *Record) fallback() Fallback {
	if rec.Fallback != "" {
		return rec.Fallback
	}
	return rec.RequestFallback
}

func (rec *Record) describe(r *route, d Decision) {
	rec.Endpoint, rec.Route, rec.Side = r.endpoint.Name, string(r.template), string(r.side)
	rec.Mode, rec.Reason = d.Mode, d.Reason
	rec.Stage, rec.Source, rec.Rule = d.Stage, d.Source, d.Rule
	rec.Bucket, rec.Threshold, rec.HasBucket, rec.Version = d.Bucket, d.Threshold, d.HasBucket, d.Version
}

// The message and the keys of the access line. They are a promise to whoever searches logs.
const (
	accessMessage = "request"

	keyRequestID       = "request_id"
	keyMethod          = "method"
	keyEndpoint        = "endpoint"
	keyRoute           = "route"
	keySide            = "side"
	keyMode            = "mode"
	keyReason          = "reason"
	keyStage           = "stage"
	keySource          = "source"
	keyRule            = "rule"
	keyBucket          = "bucket"
	keyThreshold       = "threshold"
	keyFlagsVersion    = "flags_version"
	keyMapped          = "mapped"
	keyStatus          = "status"
	keyOutcome         = "outcome"
	keyBytes           = "bytes"
	keyDuration        = "duration_ms"
	keyUpstream        = "upstream_ms"
	keyTransform       = "transform_ms"
	keyProblem         = "problem"
	keyFallback        = "fallback"
	keyRequestFallback = "request_fallback"
	keyNative          = "native"
	keyMessages        = "messages"
	keyMessagesPassed  = "messages_passed"
	keyUnmapped        = "unmapped"
	keyUnknown         = "unknown"
	keyError           = "error"
)

// report writes the access line and tells the observer.
func (x *exchange) report() {
	if line := x.proxy.logger.Check(x.record.level(), accessMessage); line != nil {
		rec := x.record // a log may write it later
		line.Write(zap.Inline(&rec))
	}
	if x.proxy.observer == nil {
		return
	}
	defer func() {
		if fault := recover(); fault != nil {
			x.proxy.logger.Error("panic in the observer", zap.String(keyRequestID, x.record.RequestID), zap.Any("panic", fault))
		}
	}()
	x.proxy.observer.Observe(x.record)
}

// level: error when crossfade could not give what it stands for, warn when it gave less or the
// upstream failed by itself, else info.
func (rec *Record) level() zapcore.Level {
	switch {
	case rec.Outcome == ClientGone:
		return zapcore.InfoLevel
	case rec.Outcome == Cut, rec.Outcome == Refused && rec.Status >= 500:
		return zapcore.ErrorLevel
	case rec.fallback() != "", rec.Status >= 500:
		return zapcore.WarnLevel
	}
	return zapcore.InfoLevel
}

// MarshalLogObject writes the fields of the access line.
func (rec *Record) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString(keyRequestID, rec.RequestID)
	enc.AddString(keyMethod, rec.Method)
	if rec.Endpoint != "" {
		enc.AddString(keyEndpoint, rec.Endpoint)
		enc.AddString(keyRoute, rec.Route)
		enc.AddString(keySide, rec.Side)
		enc.AddString(keyMode, string(rec.Mode))
		enc.AddString(keyReason, string(rec.Reason))
		rec.marshalDecision(enc)
		enc.AddBool(keyMapped, rec.Mapped)
	}
	enc.AddInt(keyStatus, rec.Status)
	enc.AddString(keyOutcome, string(rec.Outcome))
	enc.AddInt64(keyBytes, rec.Bytes)
	enc.AddFloat64(keyDuration, milliseconds(rec.Duration))
	if rec.Upstream > 0 {
		enc.AddFloat64(keyUpstream, milliseconds(rec.Upstream))
	}
	if rec.Transform > 0 {
		enc.AddFloat64(keyTransform, milliseconds(rec.Transform))
	}
	for _, word := range [...]struct{ key, value string }{
		{keyProblem, rec.Problem},
		{keyFallback, string(rec.Fallback)},
		{keyRequestFallback, string(rec.RequestFallback)},
	} {
		if word.value != "" {
			enc.AddString(word.key, word.value)
		}
	}
	if rec.Native {
		enc.AddBool(keyNative, true)
	}
	if rec.Messages > 0 {
		enc.AddInt(keyMessages, rec.Messages)
	}
	if rec.MessagesPassed > 0 {
		enc.AddInt(keyMessagesPassed, rec.MessagesPassed)
	}
	if rec.Unmapped > 0 {
		enc.AddInt(keyUnmapped, rec.Unmapped)
	}
	if rec.Unknown > 0 {
		enc.AddInt(keyUnknown, rec.Unknown)
	}
	if rec.err != nil {
		enc.AddString(keyError, fmt.Sprint(rec.err))
	}
	return nil
}

// marshalDecision writes what the Decider said beyond the mode and the reason.
func (rec *Record) marshalDecision(enc zapcore.ObjectEncoder) {
	for _, word := range [...]struct{ key, value string }{
		{keyStage, rec.Stage},
		{keySource, rec.Source},
		{keyRule, rec.Rule},
	} {
		if word.value != "" {
			enc.AddString(word.key, word.value)
		}
	}
	if rec.HasBucket {
		enc.AddUint32(keyBucket, rec.Bucket)
		enc.AddUint32(keyThreshold, rec.Threshold)
	}
	if rec.Version > 0 {
		enc.AddInt64(keyFlagsVersion, rec.Version)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
