package flows

import (
	"context"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// compare completes the list of flows to compare: each row is joined with what is remembered of its flow, and then
// filtered by the call's parameters. (The lens would filter before.)
func (c *call) compare(ctx context.Context, _, mapped []byte) ([]byte, error) {
	root, ok := members(mapped)
	if !ok {
		return mapped, nil
	}
	var failed error
	var puts []put
	if data, ok := named(root, "data"); ok && data.value.IsObject() {
		inside, _ := membersOf(data.value.Raw)
		changed, err := c.compareIn(ctx, inside)
		if failed = err; len(changed) > 0 {
			puts = append(puts, put{"data", with([]byte(data.value.Raw), inside, changed...)})
		}
	}
	changed, err := c.compareIn(ctx, root)
	if err != nil {
		failed = err
	}
	puts = append(puts, changed...)
	if len(puts) == 0 {
		return mapped, failed
	}
	return with(mapped, root, puts...), failed
}

// compareIn gives the new list, and total, of an object that has a list of flows.
func (c *call) compareIn(ctx context.Context, object []member) ([]put, error) {
	list, ok := named(object, "flows")
	if !ok || !list.value.IsArray() {
		return nil, nil
	}
	rows := list.value.Array()
	var wanted []string
	for _, row := range rows {
		of, _ := membersOf(row.Raw)
		if id, ok := uuid(textOf(of, "flow_id")); ok {
			wanted = append(wanted, id)
		}
	}
	slices.Sort(wanted)
	bounded, cancel := context.WithTimeout(ctx, c.memory.o.RecallTimeout)
	defer cancel()
	known, err := c.memory.o.Store.Details(bounded, slices.Compact(wanted))
	var kept [][]byte
	for _, row := range rows {
		if text, keep := c.compared([]byte(row.Raw), known); keep {
			kept = append(kept, text)
		}
	}
	puts := []put{{"flows", array(kept)}}
	// In dual the total is the session shape's, which stays as it is.
	_, session := named(object, "sessions")
	if total, ok := named(object, "total"); ok && total.value.Type == gjson.Number && !session {
		puts = append(puts, put{"total", []byte(strconv.Itoa(len(kept)))})
	}
	return puts, err
}

// compared is a row as it is remembered, and whether it is asked for.
func (c *call) compared(row []byte, known map[string]Details) (text []byte, keep bool) {
	list, ok := members(row)
	if !ok {
		return row, len(c.Query) == 0
	}
	id, _ := uuid(textOf(list, "flow_id"))
	if d, ok := known[id]; ok {
		puts := []put{{"flow_type", quoted(d.Type)}, {"status", quoted(d.Status)}}
		if d.Metadata != nil {
			puts = append(puts, put{"metadata", d.Metadata})
		}
		if _, there := named(list, "engagement_id"); !there {
			puts = append(puts, put{"engagement_id", quoted(d.Engagement)})
		}
		row = with(row, list, puts...)
		list, _ = members(row)
	}
	for _, name := range [...]string{"engagement_id", "flow_type", "status"} {
		if want, asked := c.Query[name]; asked && textOf(list, name) != want {
			return row, false
		}
	}
	return row, true
}
