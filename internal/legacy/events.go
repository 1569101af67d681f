package legacy

import (
	"context"
	"net/http"
	"time"
)

// events is the progress of an assessment as server-sent events. It has no natural end.
func (b *backend) events(c *call) (any, error) {
	id := c.vars["id"]
	return &answer{
		status: http.StatusOK,
		header: http.Header{
			"Content-Type":      {"text/event-stream; charset=utf-8"},
			"Cache-Control":     {"no-cache"},
			"Connection":        {"keep-alive"},
			"X-Accel-Buffering": {"no"},
		},
		stream: func(ctx context.Context, send func([]byte) error) {
			if send(b.event("connected", id)) != nil {
				return
			}
			beat := time.NewTicker(b.heartbeat)
			defer beat.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-beat.C:
					if send(b.event("heartbeat", id)) != nil {
						return
					}
				}
			}
		},
	}, nil
}

func (b *backend) event(kind, id string) []byte {
	data := encode(object{{"type", kind}, {"flow_id", id}, {"timestamp", naive(b.now())}})
	return append(append([]byte("data: "), data...), "\n\n"...)
}
