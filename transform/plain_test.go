package transform

// Plain gives a lens that does the same without layouts: it reads every object as if it had seen none before.
func Plain(l *Lens) *Lens {
	plain, err := Compile(l.endpoint, l.side, l.ops)
	if err != nil {
		panic(err) // it was compiled before
	}
	for _, p := range []*program{plain.union, plain.flow, plain.session} {
		if p == nil {
			continue
		}
		for _, o := range p.objects {
			o.layout = -1
		}
	}
	return plain
}
