package flags

// decide gives the stage of a request. Nothing in it escapes to the heap.
func (s *snapshot) decide(r *Request, endpoint string) Decision {
	c, ok := s.chains[endpoint]
	if !ok {
		return s.unknown
	}
	if s.override != nil && s.kill == nil {
		if values := r.Header[s.override.header]; len(values) > 0 {
			asked, _, ok := s.overridden(r, endpoint, values[0])
			if ok {
				return asked
			}
			return consultedToo(s.follow(r, c), asked)
		}
	}
	return s.follow(r, c)
}

// consultedToo adds what was looked at for an override that counted for nothing.
func consultedToo(d, asked Decision) Decision {
	d.Consulted = union(d.Consulted, asked.Consulted)
	d.Private = d.Private || asked.Private
	return d
}

// follow goes along a chain until something decides.
func (s *snapshot) follow(r *Request, c *chain) Decision {
	if c.token {
		return s.followToken(r, c)
	}
	who := caller{request: r, rules: s.context, seed: seed(c.journey)}
	return s.along(&who, c)
}

// followToken is follow for a chain with rules about tokens. It is a frame of its own because of the payload, which takes more stack than all
// else that serves a request: the goroutine of a connection that never needs it keeps half the stack.
//
//go:noinline
func (s *snapshot) followToken(r *Request, c *chain) Decision {
	who := caller{request: r, rules: s.context, seed: seed(c.journey), token: bearer(r.Header)}
	if encoded, length, ok := encodedPayload(who.token); ok && length <= maxPayload {
		var p payload // large, and has to be cleared: only those who need it pay for it
		p.read(encoded)
		who.payload = &p
	}
	return s.along(&who, c)
}

// along is follow for a caller of whom everything is known that the chain asks for.
func (s *snapshot) along(who *caller, c *chain) Decision {
	for i := 0; i < len(c.rules); {
		rule := &c.rules[i]
		if rule.lists != nil {
			if j, ok := rule.lists[who.tenantText()]; ok {
				return who.decided(&c.rules[i+j].says)
			}
			i = rule.next
			continue
		}
		switch rule.condition.try(who) {
		case isIn:
			return who.decided(&rule.says)
		case isInWithoutKey:
			d := who.decided(&rule.says)
			d.Stage = s.context.withoutKey
			return d
		case notTenant, notEngagement, notUser, notHeader, notCookie, notClaim, notAgent, notOrigin, notNetwork, notShare, notShareWithoutKey:
			i++
		}
	}
	return s.unknown // not reached: a chain ends with everybody
}

// decided completes a decision by what the request had to do with it.
func (c *caller) decided(says *Decision) Decision {
	d := *says
	if c.compared {
		d.Bucket, d.Threshold, d.HasBucket = c.bucket, c.threshold, true
	}
	return d
}
