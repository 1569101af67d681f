package legacy

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

const tokenPrefix = "db-token-"

// Token returns a bearer token of a user: db-token-<user uuid>-<8 hex>. Nobody signs it and it never expires.
func Token(userID string) string { return tokenPrefix + userID + "-0a1b2c3d" }

// bearer returns the token of an Authorization header; ok is false for no or another scheme. The token may be empty.
func bearer(h http.Header) (token string, ok bool) {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	return token, strings.EqualFold(scheme, "bearer")
}

// userIDOf returns the uuid in a token, or "" if there is none.
func userIDOf(token string) string {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return ""
	}
	groups := strings.Split(rest, "-")
	digits := strings.ToLower(strings.Join(groups[:min(5, len(groups))], ""))
	if id, err := hex.DecodeString(digits); err != nil || len(id) != 16 {
		return ""
	}
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

// caller returns who a token stands for. Whoever cannot be told is the demo user.
func (s *store) caller(token string) *user {
	if u := s.users[userIDOf(token)]; u != nil {
		return u
	}
	return s.users[DemoUser]
}

func loginSchema() check {
	return schema(required("email", anyText), required("password", anyText))
}

func (b *backend) login(c *call) (any, error) {
	in := c.input()
	i := slices.IndexFunc(b.store.signups, func(u *user) bool { return u.email == in.text("email") })
	if i < 0 || in.text("password") != Password {
		return nil, fail(http.StatusUnauthorized, "Invalid email or password")
	}
	u := b.store.signups[i]
	role := "user"
	if u.platformAdmin() || u.role == "client_admin" {
		role = "admin"
	}
	associations := make([]any, len(u.access))
	for i, a := range u.access {
		associations[i] = object{{"id", a.id}, {"client_account_id", a.client}, {"role", a.role}}
	}
	name, _, _ := strings.Cut(u.email, "@")
	return object{
		{"status", "success"},
		{"message", "Login successful"},
		{"user", object{
			{"id", u.id},
			{"username", name},
			{"email", u.email},
			{"full_name", u.name},
			{"role", role},
			{"status", "approved"},
			{"associations", associations},
		}},
		{"token", object{
			{"access_token", tokenPrefix + u.id + "-" + b.newID()[:8]},
			{"token_type", "bearer"},
		}},
	}, nil
}
