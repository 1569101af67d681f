package conformance

import (
	"strings"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// overloaded fails the test unless an answer is a 503 that says when to come again.
func overloaded(t *testing.T, a raw.Answer) {
	t.Helper()
	refused(t, a, 503)
	if a.Fields.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
}

func requestsAreShed(t *testing.T, mode string) {
	arrived, release := make(chan raw.Request, 8), make(chan struct{})
	h := before(t, mode, raw.Serve(t, raw.Loop(raw.Take(), raw.Pick(func(r raw.Request) []raw.Step {
		if strings.Contains(r.Target, "hold") {
			return []raw.Step{raw.Tell(arrived), raw.Await(release), raw.Send(raw.JSON(context))}
		}
		return []raw.Step{raw.Send(raw.JSON(context))}
	}))), "CROSSFADE_LIMITS_MAX_REQUESTS=4")
	var running []*raw.Client
	for range 4 {
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", me+"?hold"))
		<-arrived
		running = append(running, c)
	}
	for _, target := range []string{me, other} {
		overloaded(t, h.ask("GET", target))
	}
	close(release)
	for _, c := range running {
		whole(t, c.Answer("GET"), 200, shaped(mode))
	}
	h.upstream.Script(answering(raw.JSON(context)))
	for h.ask("GET", me).Status == 503 { // until the last of them has given its place back
	}
	whole(t, h.ask("GET", me), 200, shaped(mode))
}

func memoryIsShed(t *testing.T, mode string) {
	const size = 900 << 10
	body := contextWith(`,"pad":"`+strings.Repeat("x", size)+`"`, "1")
	arrived, release := make(chan raw.Request, 16), make(chan struct{})
	answer := raw.JSON(body)
	h := before(t, mode, raw.Serve(t, raw.Loop(raw.TakeHead(), raw.Drain(), raw.Pick(func(r raw.Request) []raw.Step {
		if strings.Contains(r.Target, "hold") {
			return []raw.Step{raw.Anyway(raw.Send(answer[:len(answer)-9])), raw.Tell(arrived), raw.Await(release), raw.Send(answer[len(answer)-9:])}
		}
		return []raw.Step{raw.Send(raw.JSON(context))}
	}))), "CROSSFADE_LIMITS_MAX_MEMORY=4MiB", "CROSSFADE_LIMITS_MAX_BODY=1MiB")
	var running []*raw.Client
	for range 8 {
		c := raw.Dial(t, h.Address)
		c.Send(request("GET", me+"?hold", takesTrailers()...))
		<-arrived
		running = append(running, c)
	}
	// Who has no body to be mapped is served.
	whole(t, h.ask("GET", other), 200, context)
	// A request's body that finds no room is refused before the upstream is asked.
	sent := `{"flow_id":"` + strings.Repeat("x", size) + `"}`
	if a := h.post(activate, sent); mode == passthrough {
		whole(t, a, 200, context)
	} else {
		overloaded(t, a)
	}
	close(release)
	mappedOnes := 0
	for _, c := range running {
		switch a := c.Answer("GET"); {
		case a.Status == 200 && !fellBack(a):
			mapped(t, mode, a, body)
			mappedOnes++
		default:
			unmapped(t, mode, a, 200, body)
		}
	}
	if mode != passthrough && (mappedOnes == 0 || mappedOnes == len(running)) {
		t.Errorf("%d of %d bodies were mapped, want as many as find room", mappedOnes, len(running))
	}
	if peak := h.PeakMemory(); peak > 100<<20 {
		t.Errorf("crossfade took %d MiB", peak>>20)
	}
	whole(t, h.ask("GET", me), 200, shaped(mode))
}
