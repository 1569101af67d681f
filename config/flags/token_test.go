package flags

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

func keyOf(t *testing.T, r Request, keys ...Key) (key, from string) {
	t.Helper()
	l := liveWith(t, Flag{Endpoint: "context-me", Stage: Passthrough, Rules: []Rule{{"share", Cohort{Share: share(0)}, Dual}}})
	if err := l.SetSettings(Settings{Endpoints: []string{"context-me"}, Keys: keys}); err != nil {
		t.Fatal(err)
	}
	x := l.Explain(r, "context-me")
	return x.Key, x.KeyFrom
}

func TestWhatACallerIsKnownBy(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, row := range []struct {
		name    string
		request Request
		want    string
		from    string
	}{
		{"nothing", request(), "", ""},
		{"legacy token", request("Authorization", "Bearer db-token-"+aUser+"-0a1b2c3d"), aUser, "token"},
		{"legacy token, in capitals", request("Authorization", "bearer db-token-"+strings.ToUpper(aUser)+"-0a1b2c3d"), aUser, "token"},
		{"legacy token without its end", request("Authorization", "Bearer db-token-"+aUser), aUser, "token"},
		{"legacy token with too long a group", request("Authorization", "Bearer db-token-"+aUser+"9-0a1b2c3d"), unreadable, "token"},
		{"legacy token with no uuid", request("Authorization", "Bearer db-token-a-b-c-d-e-0a1b2c3d"), unreadable, "token"},
		{"garbage", request("Authorization", "Bearer garbage"), unreadable, "token"},
		{"other garbage", request("Authorization", "Bearer a.b.c"), unreadable, "token"},
		{"bearer of nothing", request("Authorization", "Bearer  "), "", ""},
		{"another scheme", request("Authorization", "Basic YTpi"), "", ""},
		{"web token", request("Authorization", webToken(`{"sub":"`+aUser+`","exp":1}`)), aUser, "token"},
		{"web token, uuid in capitals", request("Authorization", webToken(`{"sub":"`+strings.ToUpper(aUser)+`"}`)), aUser, "token"},
		{"web token, sub is no uuid", request("Authorization", webToken(` { "a" : [1,{"sub":"x"}] , "sub" : "Auth0|17" } `)), "Auth0|17", "token"},
		{"web token with escapes", request("Authorization", webToken(`{"\u0073ub":"\u00e4\ud83d\ude00\/\n","z":1}`)), "ä😀/\n", "token"},
		{"web token with two subs", request("Authorization", webToken(`{"sub":"first","sub":"second"}`)), "second", "token"},
		{"web token with a number for sub", request("Authorization", webToken(`{"sub":17}`)), unreadable, "token"},
		{"web token with an empty sub", request("Authorization", webToken(`{"sub":""}`)), unreadable, "token"},
		{"web token without sub", request("Authorization", webToken(`{"user":"x"}`)), unreadable, "token"},
		{"web token cut off", request("Authorization", webToken(`{"sub":"x"`)), unreadable, "token"},
		{"web token of a list", request("Authorization", webToken(`["sub","x"]`)), unreadable, "token"},
		{"web token of three kilobytes", request("Authorization", webToken(`{"x":"`+long+`","sub":"s"}`)), "s", "token"},
		{"web token beyond the bound", request("Authorization", webToken(`{"sub":"s","x":"`+long+long+`"}`)), unreadable, "token"},
		{"encrypted web token", request("Authorization", "Bearer a.b.c.d.e"), unreadable, "token"},
		{"user id beside a token", request("Authorization", "Bearer db-token-"+aUser+"-1", "X-User-Id", "u"), aUser, "token"},
		{"user id alone", request("X-User-Id", " u , v"), "u", "user_id"},
		{"user id by an alias", request("User-Id", "u"), "u", "user_id"},
		{"tenant alone", request("X-Client-Account-Id", "t1, t2"), "t1", "tenant"},
		{"tenant whose first item is empty", request("X-Client-Account-Id", ",t1"), "", ""},
	} {
		key, from := keyOf(t, row.request)
		if key != row.want || from != row.from {
			t.Errorf("%s: known by %q from %q, want %q from %q", row.name, key, from, row.want, row.from)
		}
	}
}

func TestChainOfKeys(t *testing.T) {
	r := request("Cookie", "a=1; device=\"d 1\"; device=2", "X-Device", "d2", "X-Engagement-Id", "e1", "X-Client-Account-Id", "t1")
	for _, row := range []struct {
		name       string
		keys       []Key
		want, from string
	}{
		{"cookie", []Key{"cookie:device", "header:x-device"}, "d 1", "cookie:device"},
		{"header", []Key{"cookie:gone", "header:x-device"}, "d2", "header:x-device"},
		{"engagement", []Key{KeyToken, KeyEngagement, KeyTenant}, "e1", "engagement"},
		{"default", nil, "t1", "tenant"},
		{"none of the chain", []Key{KeyToken}, "", ""},
	} {
		if key, from := keyOf(t, r, row.keys...); key != row.want || from != row.from {
			t.Errorf("%s: known by %q from %q, want %q from %q", row.name, key, from, row.want, row.from)
		}
	}
	r.User = "told"
	if key, from := keyOf(t, r); key != "told" || from != "request" {
		t.Errorf("known by %q from %q, want what the request tells", key, from)
	}
}

// FuzzPayload holds the scanner of claims to encoding/json: what it finds in an object is what is there, and what it takes for an
// object mostly is one. It may be more lenient about numbers and the like, never about where a text ends.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{`{}`, `{"sub":"x"}`, `{"a":[1,"]",{"b":"}"}],"sub":"\u00e4\"\\"}`, ` { "sub" : null , "x" : -1.5e3 } `, `{"sub":"\ud800","sub":"y"}`, `[]`, `{"a":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 2000 {
			return
		}
		var p payload
		p.read(base64.RawURLEncoding.EncodeToString(data))
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil || want == nil {
			return
		}
		if len(want) > maxClaims || bytes.Count(data, []byte(`"`)) > 2*maxClaims {
			return
		}
		var sub string
		isText := json.Unmarshal(want["sub"], &sub) == nil && bytes.HasPrefix(bytes.TrimSpace(want["sub"]), []byte(`"`))
		if bytes.ContainsRune(data, '\ufffd') || !json.Valid(data) || strings.ContainsRune(sub, '\ufffd') {
			return // encoding/json puts this in the place of what is no UTF-8
		}
		got := ""
		if p.sub.kind != noClaim {
			got = string(p.buffer[p.sub.start:p.sub.end])
		}
		if uuid := make([]byte, uuidLength); fold(uuid, sub) {
			sub = string(uuid)
		}
		if isText && got != sub || !isText && got != "" {
			t.Fatalf("sub of %s is %q, want %q", data, got, sub)
		}
		for name := range want {
			if _, ok := p.find(name); !ok && !strings.ContainsRune(name, '\ufffd') {
				t.Fatalf("%s has no claim %q", data, name)
			}
		}
	})
}
