package legacy

import (
	"net/http"
	"slices"
	"strings"
)

// origins are the pages that may call the backend from a browser.
func origins() []string {
	return []string{
		"http://localhost:8081",
		"http://localhost:3000",
		"http://localhost:5173",
		"http://localhost:8080",
	}
}

func methods() []string {
	return []string{"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
}

// cors answers preflights itself and adds the CORS headers to every other answer for a page. An uncaught failure
// gets none.
func (b *backend) cors(c *call) (*answer, error) {
	origin := c.Header.Get("Origin")
	if origin == "" {
		return b.gate(c)
	}
	if c.Method == http.MethodOptions && c.Header.Get("Access-Control-Request-Method") != "" {
		return preflight(c, origin), nil
	}
	a, err := b.gate(c)
	if err != nil {
		return nil, err
	}
	// Told to unknown origins, too.
	a.header.Set("Access-Control-Allow-Credentials", "true")
	if slices.Contains(origins(), origin) {
		a.header.Set("Access-Control-Allow-Origin", origin)
		a.header.Add("Vary", "Origin")
	}
	return a, nil
}

func preflight(c *call, origin string) *answer {
	var wrong []string
	known := slices.Contains(origins(), origin)
	if !known {
		wrong = append(wrong, "origin")
	}
	if !slices.Contains(methods(), c.Header.Get("Access-Control-Request-Method")) {
		wrong = append(wrong, "method")
	}
	a := textAnswer(http.StatusOK, "OK")
	if wrong != nil {
		a = textAnswer(http.StatusBadRequest, "Disallowed CORS "+strings.Join(wrong, ", "))
	}
	a.header.Set("Vary", "Origin")
	a.header.Set("Access-Control-Allow-Methods", strings.Join(methods(), ", "))
	a.header.Set("Access-Control-Max-Age", "600")
	a.header.Set("Access-Control-Allow-Credentials", "true")
	if known {
		a.header.Set("Access-Control-Allow-Origin", origin)
	}
	// Any header is allowed: what is asked for is mirrored.
	if asked := c.Header.Get("Access-Control-Request-Headers"); asked != "" {
		a.header.Set("Access-Control-Allow-Headers", asked)
	}
	return a
}
