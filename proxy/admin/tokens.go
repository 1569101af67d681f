package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Role says what a token may do. Each one may also do what the ones before it may.
type Role string

// The roles.
const (
	Read    Role = "read"    // look, ask for explanations
	Operate Role = "operate" // move flags, use the kill switch, undo
	Admin   Role = "admin"   // announce and lift freezes, see the configuration

	nobody Role = "" // no token is needed
)

// Check says what is wrong with a role, nil if nothing is.
func (r Role) Check() error {
	if r == nobody || r.level() == 0 {
		return fmt.Errorf("unknown role %q (want %s, %s or %s)", string(r), Read, Operate, Admin)
	}
	return nil
}

func (r Role) level() int {
	switch r {
	case nobody:
	case Read:
		return 1
	case Operate:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// Token is somebody who may use the API. Its secret is kept as a hash.
type Token struct {
	name string
	role Role
	sum  [sha256.Size]byte
}

// minSecret is how many bytes a secret has at least: too many to guess, also when it is written in hexadecimal.
const minSecret = 16

// NewToken makes a token. name is who the journal says changed something. secret has at least 16 bytes of printable
// ASCII without blanks.
func NewToken(name string, role Role, secret string) (Token, error) {
	if len(secret) < minSecret {
		return Token{}, fmt.Errorf("token %q: the secret has %d bytes (want at least %d, from a generator)", name, len(secret), minSecret)
	}
	if strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return Token{}, fmt.Errorf("token %q: the secret has blanks or other bytes that a header cannot carry", name)
	}
	t := Token{name, role, sha256.Sum256([]byte(secret))}
	return t, t.check()
}

func (t Token) check() error {
	if t.name == "" || len(t.name) > 100 || strings.ContainsFunc(t.name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return fmt.Errorf("token %q: want a name of 1 to 100 bytes, for the journal", t.name)
	}
	if err := t.role.Check(); err != nil {
		return fmt.Errorf("token %q: %w", t.name, err)
	}
	return nil
}

var (
	errNoToken    = errors.New("want one Authorization header, with a bearer token")
	errWrongToken = errors.New("the bearer token is none of those that are known here")
)

// authenticate finds whose token a request has. How long that takes does not depend on the tokens.
func (a *api) authenticate(r *http.Request) (Token, error) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return Token{}, errNoToken
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Token{}, errNoToken
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	found := -1
	for i := range a.Tokens {
		if subtle.ConstantTimeCompare(sum[:], a.Tokens[i].sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return Token{}, errWrongToken
	}
	return a.Tokens[found], nil
}

// authorize authenticates, and says whether the role is enough.
func (a *api) authorize(r *http.Request, need Role) (Token, error) {
	if need == nobody {
		return Token{}, nil
	}
	t, err := a.authenticate(r)
	if err != nil {
		return Token{}, fail(problemUnauthorized, "%v", err)
	}
	if t.role.level() < need.level() {
		return t, fail(problemForbidden, "token %s has the role %s; this needs %s", t.name, t.role, need)
	}
	return t, nil
}

// behind serves a handler of somebody else's to those with a role.
func (a *api) behind(need Role, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, err := a.authorize(r, need); err != nil {
			a.refuse(w, r, token, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}
