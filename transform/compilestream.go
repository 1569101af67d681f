package transform

// stream says whether what the program puts into a body all stands at the end of its root, and notes the lists
// whose elements can be mapped one by one.
func (p *program) stream() bool {
	if p == nil || p.root.object == nil || len(p.root.object.last) == 0 {
		return false
	}
	root := p.root.object
	for _, o := range p.objects {
		if !o.union {
			continue // written aside
		}
		if o != root && len(o.last) > 0 {
			return false
		}
		for i := range o.fields {
			if o.fields[i].lit != "" || len(o.fields[i].behind) > 0 {
				return false
			}
		}
	}
	for i := range root.fields {
		f := &root.fields[i]
		f.rows = len(f.uses) == 1 && f.uses[0].list && f.node == nil && f.text == nil && (f.want == 0 || f.want == '[')
	}
	for _, g := range p.globals {
		if g.object == root {
			root.fields[g.field].rows = false // its bytes are needed
		}
	}
	for i := range root.last {
		if a := &root.last[i]; a.from >= 0 && a.use == nil {
			root.fields[a.from].rows = false
		}
	}
	return true
}
