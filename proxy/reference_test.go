package proxy

import "testing"

// TestReferences: any text is put together as it was taken apart.
func TestReferences(t *testing.T) {
	for text, want := range map[string]reference{
		"":                              {},
		"/a/b?c#d":                      {path: "/a/b", query: "?c", fragment: "#d"},
		"a":                             {path: "a"},
		"?":                             {query: "?"},
		"#?":                            {fragment: "#?"},
		"//h":                           {hasAuthority: true, authority: "h"},
		"//":                            {hasAuthority: true},
		"//h/p?//x":                     {hasAuthority: true, authority: "h", path: "/p", query: "?//x"},
		"https://u:p@h:1/a%2Fb":         {scheme: "https", hasAuthority: true, authority: "u:p@h:1", path: "/a%2Fb"},
		"HTTP://[::1]:8/":               {scheme: "HTTP", hasAuthority: true, authority: "[::1]:8", path: "/"},
		"mailto:a@b":                    {scheme: "mailto", path: "a@b"},
		"javascript://h/%0aalert":       {scheme: "javascript", hasAuthority: true, authority: "h", path: "/%0aalert"},
		"1a:b":                          {path: "1a:b"},
		":b":                            {path: ":b"},
		"a/b:c":                         {path: "a/b:c"},
		"h2+x-y.z:q":                    {scheme: "h2+x-y.z", path: "q"},
		"/a:b":                          {path: "/a:b"},
		"http:/a":                       {scheme: "http", path: "/a"},
		"/\\evil":                       {path: "/\\evil"},
		"\x00é":                         {path: "\x00é"},
		"https://h?x=https://other/api": {scheme: "https", hasAuthority: true, authority: "h", query: "?x=https://other/api"},
	} {
		got := parseReference(text)
		if got != want || got.String() != text {
			t.Errorf("%q: got %+v, %q", text, got, got.String())
		}
	}
}

// TestResolvePath: RFC 3986 section 5.4, as far as it is about paths.
func TestResolvePath(t *testing.T) {
	for relative, want := range map[string]string{
		"g": "/b/c/g", "./g": "/b/c/g", "g/": "/b/c/g/", ".": "/b/c/", "./": "/b/c/", "..": "/b/", "../": "/b/", "../g": "/b/g",
		"../..": "/", "../../": "/", "../../g": "/g", "../../../g": "/g", "g.": "/b/c/g.", ".g": "/b/c/.g", "g..": "/b/c/g..",
		"./../g": "/b/g", "./g/.": "/b/c/g/", "g/./h": "/b/c/g/h", "g/../h": "/b/c/h", "g;x=1/../y": "/b/c/y", "a%2Fb": "/b/c/a%2Fb",
	} {
		if got := resolvePath("/b/c/d;p", relative); got != want {
			t.Errorf("%s: got %s, want %s", relative, got, want)
		}
	}
}
