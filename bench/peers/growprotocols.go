package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// protocols is what TLS and HTTP/2 add.
func (g *growing) protocols() error {
	cert, key, err := certificate()
	if err != nil {
		return err
	}
	fmt.Fprintf(g.out, "\n| to the client | CPU of a request, dual, 1 KB |\n|---|---|\n")
	secure := "server: {listen: '127.0.0.1:{port}', tls: {cert_file: cert.pem, key_file: key.pem}}\nmode: dual\n"
	for _, row := range []struct {
		name, config string
		http2, tls   bool
	}{
		{"HTTP/1.1", plain + "mode: dual\n", false, false},
		{"HTTP/1.1 over TLS", secure, false, true},
		{"HTTP/2 over TLS", secure, true, true},
	} {
		p, port, err := g.serve(row.config, map[string]string{"cert.pem": cert, "key.pem": key})
		if err != nil {
			return err
		}
		cost, err := p.underGo(port, row.tls, row.http2)
		p.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		fmt.Fprintf(g.out, "| %s | %s |\n", row.name, round(cost))
	}
	return nil
}

// underGo loads the process with Go's client, since wrk knows neither HTTP/2 nor our certificate.
func (p *process) underGo(port int, secure, http2 bool) (time.Duration, error) {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16, Protocols: &protocols, DisableCompression: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own certificate, of this minute
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	scheme := "http"
	if secure {
		scheme = "https"
	}
	at := scheme + strings.TrimPrefix(address(port, "1k"), "http")
	ask := func(times int) error {
		var all sync.WaitGroup
		errs := make(chan error, 16)
		for range 16 {
			all.Go(func() {
				for range times {
					res, err := client.Get(at) //nolint:noctx // it has a timeout
					if err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						res.Body.Close()
					}
					if err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(errs)
		return <-errs
	}
	var err error
	for range 100 { // until it listens
		if err = ask(10); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, p.output())
	}
	var costs []time.Duration
	for range 3 {
		const times = 1000
		before, err := p.cpu()
		if err = errors.Join(err, ask(times)); err != nil {
			return 0, err
		}
		after, err := p.cpu()
		if err != nil {
			return 0, err
		}
		costs = append(costs, (after-before)/(16*times))
	}
	return median(costs), nil
}

// certificate makes one for 127.0.0.1, in PEM.
func certificate() (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	var c, k bytes.Buffer
	err = errors.Join(pem.Encode(&c, &pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.Encode(&k, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	return c.String(), k.String(), err
}
