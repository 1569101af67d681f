package proxy

import (
	"net/http"
	"slices"
	"strings"
)

// completeCaching tells caches what the mode depends on, on every answer of an endpoint, whatever its mode:
// a passthrough answer that came out of the same question is a variant like the others.
func (x *exchange) completeCaching(h http.Header) {
	if len(x.decision.Consulted) > 0 {
		addVary(h, x.decision.Consulted...)
	}
	if x.decision.Private {
		keepPrivate(h)
	}
}

// addVary adds fields to Vary that are not there yet. What was there keeps its spelling.
func addVary(h http.Header, names ...string) {
	var missing []string
	for _, name := range names {
		if !varies(h, name) && !slices.ContainsFunc(missing, func(m string) bool { return strings.EqualFold(m, name) }) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		h["Vary"] = append(slices.Clip(h["Vary"]), strings.Join(missing, ", "))
	}
}

// varies says whether Vary names a field, or all there is.
func varies(h http.Header, name string) bool {
	for _, value := range h["Vary"] {
		for part := range elements(value) {
			if part == "*" || strings.EqualFold(part, name) {
				return true
			}
		}
	}
	return false
}

// varyOnRenames adds the names that clients use for fields on which the upstream says its answer
// depends: it knows only its own.
func (x *exchange) varyOnRenames(h http.Header) {
	if len(h["Vary"]) == 0 {
		return
	}
	for _, rename := range x.route.endpoint.Headers {
		if varies(h, rename.To) {
			addVary(h, rename.From)
		}
	}
}

// keepPrivate keeps shared caches from storing an answer whose mode was decided by who asks.
// Private ones may keep it for as long as before.
func keepPrivate(h http.Header) {
	// Caches obey these before Cache-Control (RFC 9213, and what came before it).
	for name := range h {
		if strings.HasSuffix(name, "-Cache-Control") {
			delete(h, name)
		}
	}
	for _, name := range [...]string{"Surrogate-Control", "Edge-Control", "X-Accel-Expires"} {
		delete(h, name)
	}
	if hasDirective(h, "no-store") {
		return
	}
	var kept []string
	var private, public bool
	for _, value := range h["Cache-Control"] {
		for directive := range elements(value) {
			switch name, _, _ := strings.Cut(strings.ToLower(directive), "="); {
			case directive == name && name == "private":
				private = true
			case name == "private", name == "public", name == "s-maxage":
				public = true // private with names behind it is about those fields alone
				continue
			}
			kept = append(kept, directive)
		}
	}
	if !private {
		kept = append(kept, "private")
	}
	if !private || public {
		h["Cache-Control"] = []string{strings.Join(kept, ", ")}
	}
}

// hasDirective says whether Cache-Control has a directive.
func hasDirective(h http.Header, want string) bool {
	for _, value := range h["Cache-Control"] {
		for directive := range elements(value) {
			if name, _, _ := strings.Cut(directive, "="); strings.EqualFold(name, want) {
				return true
			}
		}
	}
	return false
}
