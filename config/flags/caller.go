package flags

import "strings"

// The fields that name a tenant and the rest, in the order in which the backend asks for them; a comma list means its first item.
func tenantFields() []string {
	return []string{"X-Client-Account-Id", "X-Context-Client-Id", "Client-Account-Id", "X-Client-Id"}
}

func engagementFields() []string {
	return []string{"X-Engagement-Id", "X-Context-Engagement-Id", "Engagement-Id"}
}

func userFields() []string {
	return []string{"X-User-Id", "X-Context-User-Id", "User-Id"}
}

// caller is a request while it is decided, with what has been found out about it. It lives on the stack: whatever points into it is
// made anew by its methods and never kept in it.
type caller struct {
	request *Request
	rules   *ruleContext
	seed    seed // of the endpoint's journey

	token     string   // the bearer token, where a rule may look at it
	payload   *payload // of a JSON web token; nil when there is none
	tenant    string
	hasTenant bool // tenant has been looked up

	keyKind   keyKind
	keySource int // index in the chain, -1 for the request's own
	keyText   string
	folded    [uuidLength]byte

	hashed    bool
	bucket    uint32
	threshold uint32 // that was compared last; see compared
	compared  bool
}

// keyKind says where the text of a caller's key is.
type keyKind uint8

const (
	keyUnasked keyKind = iota
	keyNone
	keyInText
	keyFolded
	keyInPayload
)

// keySource is one link of the chain, ready for use.
type keySource struct {
	key    Key
	token  bool
	cookie string   // the name of a cookie, or ""
	fields []string // of the header, the first that has something counts
}

// tenantText gives the client account, "" for none.
func (c *caller) tenantText() string {
	if !c.hasTenant {
		c.tenant, c.hasTenant = firstItem(c.request.Header, c.rules.tenantFields), true
	}
	return c.tenant
}

// firstItem gives the first item of the first of some fields that has one.
func firstItem(header map[string][]string, fields []string) string {
	for _, field := range fields {
		for _, value := range header[field] {
			if i := strings.IndexByte(value, ','); i >= 0 {
				value = value[:i]
			}
			if value = strings.Trim(value, " \t"); value != "" {
				return value
			}
		}
	}
	return ""
}

// key gives what the caller is known by; an empty text when there is nothing.
func (c *caller) key() text {
	if c.keyKind == keyUnasked {
		c.findKey()
	}
	switch c.keyKind {
	case keyInText:
		return text{s: c.keyText}
	case keyFolded:
		return text{b: c.folded[:]}
	case keyInPayload:
		return text{b: c.payload.buffer[c.payload.sub.start:c.payload.sub.end]}
	case keyUnasked, keyNone:
	}
	return text{}
}

func (c *caller) findKey() {
	if c.request.User != "" {
		c.keyKind, c.keyText, c.keySource = keyInText, c.request.User, -1
		return
	}
	for i := range c.rules.keys {
		source := &c.rules.keys[i]
		c.keySource = i
		if source.token {
			if c.findUser() {
				return
			}
			continue
		}
		if source.cookie != "" {
			c.keyText, _ = cookie(c.request.Header, source.cookie)
		} else {
			c.keyText = firstItem(c.request.Header, source.fields)
		}
		if c.keyText != "" {
			c.keyKind = keyInText
			return
		}
	}
	c.keyKind = keyNone
}

// findUser looks for the user behind the token. There is one for every bearer token, and it proves nothing.
func (c *caller) findUser() bool {
	if c.token == "" {
		return false
	}
	if uuid, ok := legacyUser(c.token); ok && fold(c.folded[:], uuid) {
		c.keyKind = keyFolded
	} else if c.payload != nil && c.payload.sub.kind != noClaim {
		c.keyKind = keyInPayload
	} else {
		c.keyKind, c.keyText = keyInText, unreadable
	}
	return true
}

// bucketOf gives the caller's bucket in the endpoint's journey; false when it has no key.
func (c *caller) bucketOf() (uint32, bool) {
	if !c.hashed {
		key := c.key()
		if key.empty() {
			return 0, false
		}
		c.bucket, c.hashed = c.seed.bucket(key), true
	}
	return c.bucket, true
}

// cookie gives the value of the first cookie with a name.
func cookie(header map[string][]string, name string) (value string, ok bool) {
	for _, line := range header["Cookie"] {
		for line != "" {
			pair, rest, _ := strings.Cut(line, ";")
			line = rest
			key, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if key == name {
				if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
					value = value[1 : n-1]
				}
				return value, true
			}
		}
	}
	return "", false
}
