package contract

import (
	"slices"

	"github.com/crossfade-proxy/crossfade/transform"
)

// query reads what an endpoint does with query parameters.
func (r *resolver) query(e *Endpoint, p part) {
	for _, v := range p.list("query") {
		o, ok := v.object()
		if !ok {
			continue
		}
		o.one("rename", "words", "filter")
		rename, isRename := o.get("rename")
		words, isWords := o.get("words")
		filter, isFilter := o.get("filter")
		o.done()
		switch {
		case isRename:
			if o, ok := rename.object(); ok {
				q := QueryParam{Session: o.needStr("session"), Flow: o.needStr("flow"), Words: r.vocabulary(o, "words"), List: o.listStyle("words")}
				o.done()
				if q.Session == q.Flow {
					v.fail("both names are %q", q.Flow)
				} else {
					e.addQueryParam(v, q)
				}
			}
		case isWords:
			if o, ok := words.object(); ok {
				name := o.needStr("name")
				o.need("table")
				q := QueryParam{Session: name, Flow: name, Words: r.vocabulary(o, "table"), List: o.listStyle("table")}
				o.done()
				e.addQueryParam(v, q)
			}
		case isFilter:
			if o, ok := filter.object(); ok {
				f := QueryFilter{Param: o.needStr("name"), UUID: o.flag("uuid"), Forward: o.flag("forward")}
				o.one("uuid", "enum")
				if name, ok := o.get("enum"); ok {
					if d := r.enums.find(name, name.str()); d != nil {
						f.Words = readEnum(d)
					}
				}
				o.done()
				e.addFilter(v, f)
			}
		default:
			v.fail("want rename, words or filter")
		}
	}
}

// vocabulary reads the name of a word table, nil where the key is absent.
func (r *resolver) vocabulary(o *object, key string) *transform.Vocabulary {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	if t := (&reader{resolver: r}).wordTable(v); t != nil {
		return transform.NewVocabulary(t)
	}
	return nil
}

// listStyle reads how several values stand in a parameter; table is the key that makes that matter.
func (o *object) listStyle(table string) ListStyle {
	v, ok := o.get("list")
	if !ok {
		return ListNone
	}
	styles := []string{string(ListComma), string(ListRepeat)}
	style := v.str()
	if !slices.Contains(styles, style) {
		v.fail("unknown list style %q%s", style, hint(style, styles))
	}
	if !o.has(table) {
		v.fail("list goes with a table of words: other values stay as they are")
	}
	return ListStyle(style)
}

func (e *Endpoint) addQueryParam(v value, q QueryParam) {
	for _, o := range e.Query {
		if o.Session == q.Session || o.Flow == q.Flow || o.Session == q.Flow || o.Flow == q.Session {
			if q.Session == q.Flow {
				v.fail("%q is mapped already (words of a renamed parameter go with its rename)", q.Flow)
			} else {
				v.fail("%q or %q is mapped already", q.Session, q.Flow)
			}
			return
		}
	}
	for _, f := range e.Filters {
		checkFilterWords(v, q, f)
	}
	e.Query = append(e.Query, q)
}

func (e *Endpoint) addFilter(v value, f QueryFilter) {
	if slices.ContainsFunc(e.Filters, func(o QueryFilter) bool { return o.Param == f.Param }) {
		v.fail("parameter %q is filtered by already", f.Param)
		return
	}
	for _, q := range e.Query {
		checkFilterWords(v, q, f)
	}
	e.Filters = append(e.Filters, f)
}

// checkFilterWords complains about a parameter that crossfade compares itself and that has words for
// the backend: it would be asked for in two vocabularies.
func checkFilterWords(v value, q QueryParam, f QueryFilter) {
	if q.Words != nil && q.Flow == f.Param {
		v.fail("parameter %q is filtered by crossfade itself, in the flow's words; its words for the backend have no use", f.Param)
	}
}
