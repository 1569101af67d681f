package legacy

import "errors"

func (b *backend) health(*call) (any, error) {
	return object{{"status", "healthy"}, {"service", "legacy-platform-api"}, {"version", "1.0.0"}}, nil
}

// debug is meant to tell the caller's session. The attribute went away and the code stayed.
func (b *backend) debug(failure string) handler {
	return func(*call) (any, error) {
		return object{
			{"error", "'RequestContext' object has no attribute 'session_id'"},
			{"status", failure},
		}, nil
	}
}

// failure is the one route that nobody catches.
func (b *backend) failure(*call) (any, error) {
	return nil, errors.New("this route always fails")
}

// clearCache speaks of the database's session.
func (b *backend) clearCache(*call) (any, error) {
	return object{
		{"status", "success"},
		{"message", "Caches cleared, sqlalchemy_session expired"},
		{"cleared", []any{"query_cache", "sqlalchemy_session"}},
	}, nil
}
