package legacy

import "net/http"

// On paper only: checking an upload before it is stored.

func uploadSchema() check {
	return schema(required("filename", anyText), optional("category", anyText))
}

func (b *backend) validateUpload(*call) (any, error) {
	s := object{{"session_id", b.newID()}, {"status", "completed"}, {"created_at", zoned(b.now())}}
	b.store.validations = append(b.store.validations, s)
	return object{
		{"success", true},
		{"validation_session_id", s.get("session_id")},
		{"validation_session", s},
	}, nil
}

func (b *backend) validationSession(c *call) (any, error) {
	for _, s := range b.store.validations {
		if s.text("session_id") == c.vars["id"] {
			return object{{"success", true}, {"validation_session", s}}, nil
		}
	}
	return nil, fail(http.StatusNotFound, "Validation session not found")
}
