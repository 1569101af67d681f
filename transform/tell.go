package transform

import "fmt"

// The operations' names are their words in the contract language.

func (Rename) Name() string   { return "rename" }
func (Project) Name() string  { return "project" }
func (Collect) Name() string  { return "collect" }
func (Add) Name() string      { return "add" }
func (Copy) Name() string     { return "copy" }
func (Words) Name() string    { return "words" }
func (Prefixes) Name() string { return "prefixes" }
func (Text) Name() string     { return "text" }
func (Route) Name() string    { return "route" }
func (URL) Name() string      { return "url" }
func (Wrap) Name() string     { return "wrap" }
func (Filter) Name() string   { return "filter" }
func (Drop) Name() string     { return "drop" }

func (o Rename) String() string  { return fmt.Sprintf("rename %s to %s", o.At, o.To) }
func (o Project) String() string { return fmt.Sprintf("project %s to %s", o.At, o.To) }
func (o Collect) String() string { return fmt.Sprintf("collect %s to %s", o.At, o.To) }
func (o Add) String() string {
	if len(o.In) == 0 {
		return "add " + o.Member
	}
	return fmt.Sprintf("add %s.%s", o.In, o.Member)
}
func (o Copy) String() string     { return fmt.Sprintf("copy %s to %s", o.At, o.To) }
func (o Words) String() string    { return fmt.Sprintf("words %s", o.At) }
func (o Prefixes) String() string { return fmt.Sprintf("prefixes %s", o.At) }
func (o Text) String() string     { return fmt.Sprintf("text %s", o.At) }
func (o Route) String() string    { return fmt.Sprintf("route %s", o.At) }
func (o URL) String() string      { return fmt.Sprintf("url %s", o.At) }
func (o Wrap) String() string     { return "wrap as " + o.List }
func (o Filter) String() string   { return fmt.Sprintf("filter %s", o.List) }
func (o Drop) String() string     { return fmt.Sprintf("drop %s", o.At) }

func (Rename) op()   {}
func (Project) op()  {}
func (Collect) op()  {}
func (Add) op()      {}
func (Copy) op()     {}
func (Words) op()    {}
func (Prefixes) op() {}
func (Text) op()     {}
func (Route) op()    {}
func (URL) op()      {}
func (Wrap) op()     {}
func (Filter) op()   {}
func (Drop) op()     {}
