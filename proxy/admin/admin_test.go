package admin

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealth(t *testing.T) {
	draining := errors.New("stopping")
	for _, tt := range []struct {
		name, method, target string
		ready                error
		status               int
		body                 string
	}{
		{"alive", "GET", "/livez", nil, 200, "ok\n"},
		{"alive while it stops", "GET", "/livez", draining, 200, "ok\n"},
		{"alive by the older name", "GET", "/healthz", nil, 200, "ok\n"},
		{"alive by the oldest name", "GET", "/-/healthy", nil, 200, "ok\n"},
		{"ready", "GET", "/readyz", nil, 200, "ok\n"},
		{"ready by the older name", "GET", "/-/ready", nil, 200, "ok\n"},
		{"not ready while it stops", "GET", "/readyz", draining, 503, "stopping\n"},
		{"told at length", "GET", "/readyz?verbose", draining, 503, "readyz: stopping\n"},
		{"HEAD as GET", "HEAD", "/readyz", nil, 200, "ok\n"},
		{"nothing changes by POST", "POST", "/livez", nil, 405, "Method Not Allowed\n"},
		{"nothing else is here", "GET", "/", nil, 404, "404 page not found\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h, err := New(Options{Ready: func() error { return tt.ready }})
			if err != nil {
				t.Fatal(err)
			}
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.target, http.NoBody))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.target, w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}
