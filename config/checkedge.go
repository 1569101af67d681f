package config

import "slices"

// checkEdge checks what the keys of the listener and the limits must have in common.
func (l *loader) checkEdge() {
	cert, key, authorities := l.values["server.tls.cert_file"], l.values["server.tls.key_file"], l.values["server.tls.client_ca_file"]
	switch {
	case cert.text != "" && key.text == "" && !l.failed("server.tls.key_file"):
		l.fail(cert.source, "server.tls.cert_file", "a certificate without its key: give server.tls.key_file too")
	case cert.text == "" && key.text != "" && !l.failed("server.tls.cert_file"):
		l.fail(key.source, "server.tls.key_file", "a key without its certificate: give server.tls.cert_file too")
	case cert.text == "" && authorities.text != "" && !l.failed("server.tls.cert_file"):
		l.fail(authorities.source, "server.tls.client_ca_file", "clients show certificates over TLS alone: give server.tls.cert_file and key_file too")
	}
	if h2c := l.values["server.h2c"]; h2c.parsed == true && cert.text != "" {
		l.fail(h2c.source, "server.h2c", "HTTP/2 without TLS beside server.tls (%s): with TLS there is HTTP/2 anyway, leave it out", cert.source)
	}
	l.checkCORS()
	memory, body := l.values["limits.max_memory"], l.values["limits.max_body"]
	m, b := memory.parsed.(Size), body.parsed.(Size)
	if m < 4*b && !l.failed("limits.max_memory") && !l.failed("limits.max_body") {
		l.fail(memory.source, "limits.max_memory", "%s has no room for one body of limits.max_body %s (%s): want at least four times that, %s",
			memory.text, body.text, body.source, 4*b)
	}
}

func (l *loader) checkCORS() {
	origins, credentials := l.values["cors.allowed_origins"], l.values["cors.allow_credentials"]
	list, _ := origins.parsed.([]string)
	switch {
	case !slices.Contains(list, "*"):
	case len(list) > 1:
		l.fail(origins.source, "cors.allowed_origins", `"*" beside others: it is every page, so write it alone or leave it out`)
	case credentials.parsed == true:
		l.fail(origins.source, "cors.allowed_origins", `"*" with cors.allow_credentials true (%s): every page could act for whoever looks at it; name the origins, or set allow_credentials: false`,
			credentials.source)
	}
}
