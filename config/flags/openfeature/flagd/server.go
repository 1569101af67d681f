package flagd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"buf.build/gen/go/open-feature/flagd/grpc/go/flagd/sync/v1/syncv1grpc"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// asksAgain is the pause before a flagd is asked again, whose stream has ended or which did not answer.
const asksAgain = 500 * time.Millisecond

// Bounds of making a connection: gRPC's own lets two minutes pass between attempts, in which nobody would know that flagd is back.
const (
	longestPause  = 5 * time.Second
	connectWithin = 5 * time.Second
)

// followServer takes what a flagd sends.
func (p *Provider) followServer(ctx context.Context, address string, secure bool) {
	encryption := insecure.NewCredentials()
	if secure {
		encryption = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(encryption),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: asksAgain, Multiplier: 1.6, Jitter: 0.2, MaxDelay: longestPause}, MinConnectTimeout: connectWithin,
		}),
		// Go's own dialer sees within minutes that a machine is gone, gRPC's within hours.
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		p.fail(fmt.Errorf("flagd at %s: %w", address, err))
		return
	}
	defer conn.Close() //nolint:errcheck // nobody is left to tell
	client := syncv1grpc.NewFlagSyncServiceClient(conn)
	for {
		came, err := p.receive(ctx, client, address)
		if ctx.Err() != nil {
			return
		}
		// That a stream ends is no sign that flagd is away, and its flags are as new as they were: only when it cannot be asked again is
		// there something to tell.
		if !came {
			p.fail(fmt.Errorf("flagd at %s: %s", address, status.Convert(err).Message()))
		}
		timer := time.NewTimer(asksAgain)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// receive takes what comes until the stream ends, and tells whether anything came.
func (p *Provider) receive(ctx context.Context, client syncv1grpc.FlagSyncServiceClient, address string) (came bool, err error) {
	stream, err := client.SyncFlags(ctx, &syncv1.SyncFlagsRequest{ProviderId: "crossfade"})
	if err != nil {
		return false, err
	}
	for {
		flags, err := stream.Recv()
		if err != nil {
			return came, err
		}
		came = true
		p.take("flagd at "+address, flags.GetFlagConfiguration())
	}
}
