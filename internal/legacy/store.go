package legacy

import (
	"slices"
	"time"
)

// store is the backend's memory, where the legacy build has a database. Lists keep the order of arrival.
type store struct {
	clients     []*client
	engagements []*engagement
	signups     []*user
	users       map[string]*user // signups by id
	imports     []*dataImport
	flows       []*flow
	validations []object
	sessions    []*session
}

type client struct {
	id, name    string
	description string // "": none
	created     time.Time
	updated     time.Time // zero: never
}

type engagement struct {
	id, name    string
	client      string
	description any // nil or text
	phase       string
	scope       string
	cloud       string
	budget      float64
	created     time.Time
	updated     time.Time // zero: never
}

type user struct {
	id, email, name string
	role            string // "": none
	access          []access
	home            string // the client that a platform admin works in; others need access

	defaultClient, defaultEngagement string
}

// access is a user's association with a client.
type access struct {
	id, client, role string
}

func (u *user) platformAdmin() bool { return u.role == "platform_admin" }

type dataImport struct {
	id, flow       string
	filename, kind string
	stored         time.Time
	rows           []any
}

type flow struct {
	id, kind, name string
	client, owner  string
	configuration  object
	created        time.Time
}

func (s *store) client(id string) *client {
	for _, c := range s.clients {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (s *store) engagement(id string) *engagement {
	for _, e := range s.engagements {
		if e.id == id {
			return e
		}
	}
	return nil
}

func (s *store) flow(id string) *flow {
	for _, f := range s.flows {
		if f.id == id {
			return f
		}
	}
	return nil
}

// flowsOf returns the flows of a client.
func (s *store) flowsOf(client string) []*flow {
	var found []*flow
	for _, f := range s.flows {
		if f.client == client {
			found = append(found, f)
		}
	}
	return found
}

// reachable returns the clients that a user may work in, the preferred one first.
func (s *store) reachable(u *user) []string {
	var ids []string
	switch {
	case !u.platformAdmin():
		for _, a := range u.access {
			ids = append(ids, a.client)
		}
	case u.home != "":
		ids = append(ids, u.home)
		for _, c := range s.clients {
			ids = append(ids, c.id)
		}
	}
	if slices.Contains(ids, u.defaultClient) {
		ids = append([]string{u.defaultClient}, ids...)
	}
	return ids
}

// place returns the client and engagement that a user's context shows; nil without access to any.
func (s *store) place(u *user) (*client, *engagement) {
	reachable := s.reachable(u)
	if e := s.engagement(u.defaultEngagement); e != nil {
		if slices.Contains(reachable, e.client) {
			return s.client(e.client), e
		}
	}
	for _, id := range reachable {
		for _, e := range s.engagements {
			if e.client == id {
				return s.client(id), e
			}
		}
	}
	return nil, nil
}
