package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

// serveReverse is the yardstick: a bare httputil.ReverseProxy with Go's defaults, but for idle connections, of which
// the default of two would measure dialling.
func serveReverse(listen, upstream string) error {
	to, err := url.Parse("http://" + upstream)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns, transport.DisableCompression = 512, 512, true
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}
	return http.ListenAndServe(listen, proxy) //nolint:gosec // a yardstick has no timeouts
}
