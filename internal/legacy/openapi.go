package legacy

import (
	"slices"
	"strings"
)

// openAPI describes the routes that are served, and by name the two schemas that the session shape is made of.
func (b *backend) openAPI(*call) (any, error) {
	paths := object{}
	for _, r := range b.routes {
		if r.path == "/openapi.json" {
			continue
		}
		operation := member{strings.ToLower(r.method), object{
			{"responses", object{{"200", object{{"description", "Successful Response"}}}}},
		}}
		i := slices.IndexFunc(paths, func(m member) bool { return m.name == r.path })
		if i < 0 {
			paths = append(paths, member{r.path, object{operation}})
			continue
		}
		paths.set(r.path, append(paths.at(r.path), operation))
	}
	return object{
		{"openapi", "3.1.0"},
		{"info", object{{"title", "Legacy Platform API"}, {"version", "1.0.0"}}},
		{"paths", paths},
		{"components", object{{"schemas", object{
			{"SessionBase", described("id", "name", "description", "engagement_id", "is_default", "created_by",
				"created_at", "updated_at", "metadata")},
			{"UserContext", described("user", "client", "engagement", "session", "available_sessions")},
		}}}},
	}, nil
}

func described(properties ...string) object {
	members := object{}
	for _, name := range properties {
		members = append(members, member{name, object{}})
	}
	return object{{"type", "object"}, {"properties", members}}
}
