package contract

import "testing"

func TestCompareTemplates(t *testing.T) {
	tests := []struct {
		a, b string
		want relation
	}{
		{"/a", "/a", same},
		{"/a", "/b", apart},
		{"/a", "/a/", apart},
		{"/a/{x}", "/a/{y}", same},
		{"/a/{x}", "/a/b", wider},
		{"/a/b", "/a/{x}", narrower},
		{"/a/{x}", "/a/", apart}, // a variable is never empty
		{"/a/", "/a/{x}", apart},
		{"/a/{x}/c", "/a/b/{y}", ambiguous},
		{"/a/{x}/c", "/a/b/d", apart},
		{"/a/{x}/{y}", "/a/b/{y}", wider},
		{"/", "/{x}", apart},
	}
	for _, tt := range tests {
		if got := compare(tt.a, tt.b); got != tt.want {
			t.Errorf("%s and %s: got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestHint(t *testing.T) {
	known := []string{"rename", "project", "collect"}
	tests := []struct{ name, want string }{
		{"renam", ` (did you mean "rename"?)`},
		{"RENAME", ` (did you mean "rename"?)`},
		{"colect", ` (did you mean "collect"?)`},
		{"x", ` (want collect, project, rename)`},
		{"something else", ` (want collect, project, rename)`},
	}
	for _, tt := range tests {
		if got := hint(tt.name, known); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := hint("x", nil); got != "" {
		t.Errorf("nothing is known, and still %q", got)
	}
}
