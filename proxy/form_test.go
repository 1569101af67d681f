package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/transform"
)

const urlencoded = "application/x-www-form-urlencoded"

// TestForms: fields in the flow shape reach the upstream under the names and with the words of the session
// shape; all else of the form keeps its bytes.
func TestForms(t *testing.T) {
	for _, tc := range []struct{ name, form, want string }{
		{"a name", "flow_id=a%20b+c", "session_id=a%20b+c"},
		{"an escaped name", "a=1&flow%5Fid=1&b=2", "a=1&session_id=1&b=2"},
		{"a name without a value", "flow_id", "session_id"},
		{"repeated", "flow_id=1&flow_id=2", "session_id=1&session_id=2"},
		{"the session shape", "session_id=1&sort=session_name", "session_id=1&sort=session_name"},
		{"both that agree", "flow_id=a%62&session_id=ab", "session_id=a%62"},
		{"both that agree, the session's first", "session_id=1&x&flow_id=1", "session_id=1&x"},
		{"dots", "context.flow_id=1", "context.session_id=1"},
		{"brackets", "context%5Bflow_id%5D=1&context[flow_id]=2", "context%5Bsession_id%5D=1&context%5Bsession_id%5D=2"},
		{"a word", "sort=-flow_name", "sort=-session_name"},
		{"a word that the table keeps", "sort=created%5Fat", "sort=created%5Fat"},
		{"what the flow shape alone has", "flow_type=discovery&flow_id=1", "session_id=1"},
		{"JSON in a field", `context={"flow_id":1.0,"x":"flow_id"}`, "context=%7B%22session_id%22%3A1.0%2C%22x%22%3A%22flow_id%22%7D"},
		{"a text where JSON may be", "context=flow_id", "context=flow_id"},
		{"cut JSON in a field", `context={"flow_id":`, `context={"flow_id":`},
		{"a URL", "callback=/api/flows/7", "callback=%2Fapi%2Fsessions%2F7"},
		{"near names", "Flow_id=1&flow_ids=1&x.flow_id=1&flow_id.x=1&context.x.flow_id=1", "Flow_id=1&flow_ids=1&x.flow_id=1&flow_id.x=1&context.x.flow_id=1"},
		{"raw", "a=%zz&&b;flow_id=1&=&%&+", "a=%zz&&b;flow_id=1&=&%&+"},
	} {
		for _, mode := range allModes() {
			for _, target := range []string{"/api/flows", "/api/sessions"} {
				t.Run(tc.name+"/"+string(mode)+target, func(t *testing.T) {
					got := newRig(t, mode, echo(t, "Content-Type"), requestsContract(t)).do("POST", target, tc.form, "Content-Type", "", "Content-Type", urlencoded+"; charset=utf-8")
					switch {
					case mode == Passthrough:
						got.want(t, http.StatusOK, "POST "+target+" Content-Type="+urlencoded+"; charset=utf-8 "+tc.form)
					case mode == FlowOnly && target == "/api/sessions":
						got.wantProblem(t, problemGone)
					default:
						got.want(t, http.StatusOK, "POST /api/sessions Content-Type="+urlencoded+"; charset=utf-8 "+tc.want)
					}
				})
			}
		}
	}
}

// formFaults are forms with a conflict in them, or without a session shape.
func formFaults() []struct{ name, form, field, message string } {
	const both = `both shapes are there and differ: \"session_id\" and \"flow_id\"`
	const json = "a form cannot hold it in this shape: send the body as JSON"
	return []struct{ name, form, field, message string }{
		{"both that differ", "flow_id=1&session_id=2", "flow_id", both},
		{"both, one of them twice", "flow_id=1&flow_id=1&session_id=1", "flow_id", both},
		{"both whose values only run together the same", "flow_id=ab&flow_id=c&session_id=a&session_id=bc", "flow_id", both},
		{"both below a name", "context[flow_id]=1&context[session_id]=2", "context[flow_id]", `both shapes are there and differ: \"context[session_id]\" and \"context[flow_id]\"`},
		{"both in JSON in a field", `context={"flow_id":1,"session_id":2}`, "context.flow_id", both},
		{"an object of the flow shape", "current_flow=x", "current_flow", json},
		{"a member of an object of the flow shape", "current_flow.id=x", "current_flow.id", json},
	}
}

// TestFormFaults are told in the backend's own shape, before anything is sent.
func TestFormFaults(t *testing.T) {
	upstream := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the upstream was asked") })
	for _, tc := range formFaults() {
		for _, mode := range []Mode{Dual, FlowOnly} {
			r := newRig(t, mode, upstream, requestsContract(t))
			for media, form := range map[string]string{urlencoded: tc.form, `multipart/form-data; boundary="x y"`: asMultipart(tc.form, "x y")} {
				t.Run(tc.name+"/"+string(mode)+"/"+media[:3], func(t *testing.T) {
					got := r.do("POST", "/api/flows", form, "Content-Type", "", "Content-Type", media)
					if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `[{"field":"`+tc.field+`","message":"`+tc.message+`",`) {
						t.Errorf("got %d %s", got.StatusCode, got.body)
					}
				})
			}
		}
	}
}

// TestFormsThatAreLeftAlone: what is no form by its media type, or cannot be read as one, goes on as it is, as
// does a form where no lens is about it.
func TestFormsThatAreLeftAlone(t *testing.T) {
	for _, tc := range []struct{ name, target, media, form string }{
		{"another media type", "/api/flows", "text/plain", "flow_id=1"},
		{"no media type", "/api/flows", "", "flow_id=1"},
		{"a media type that is none", "/api/flows", "a/b/c", "flow_id=1"},
		{"a multipart of another kind", "/api/flows", "multipart/mixed; boundary=b", asMultipart("flow_id=1", "b")},
		{"a multipart without a boundary", "/api/flows", "multipart/form-data", asMultipart("flow_id=1", "b")},
		{"a multipart with another boundary", "/api/flows", "multipart/form-data; boundary=c", asMultipart("flow_id=1", "b")},
		{"a multipart with a boundary that is none", "/api/flows", `multipart/form-data; boundary="b\n"`, asMultipart("flow_id=1", "b")},
		{"no endpoint", "/api/elsewhere", urlencoded, "flow_id=1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := newRig(t, Dual, echo(t), requestsContract(t)).do("POST", tc.target, tc.form, "Content-Type", "", "Content-Type", tc.media)
			got.want(t, http.StatusOK, "POST "+strings.Replace(tc.target, "flows", "sessions", 1)+" "+tc.form)
		})
	}
}

// asMultipart writes the fields of an urlencoded form, which has no escapes, as a multipart.
func asMultipart(form, boundary string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(part, "=")
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary, name, value)
	}
	return b.String() + "--" + boundary + "--\r\n"
}

// part is a part of a multipart body as a test tells it.
type part struct{ disposition, media, text string }

// echoParts is an upstream that answers with the parts of the form it got.
func echoParts(tb testing.TB) string {
	tb.Helper()
	return serve(tb, func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			tb.Errorf("the upstream reads: %v", err)
			return
		}
		var text strings.Builder
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					tb.Errorf("the upstream reads: %v", err)
				}
				break
			}
			body, err := io.ReadAll(p)
			if err != nil {
				tb.Errorf("the upstream reads: %v", err)
			}
			fmt.Fprintf(&text, "%s|%s|%s\n", p.Header.Get("Content-Disposition"), p.Header.Get("Content-Type"), body)
		}
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, text.String())
	})
}

func multipartOf(tb testing.TB, parts []part) (body, media string) {
	tb.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {p.disposition}}
		if p.media != "" {
			h.Set("Content-Type", p.media)
		}
		out, err := w.CreatePart(h)
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = io.WriteString(out, p.text)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// TestMultipart: fields are mapped as in other forms, and files go by as they are: in short forms, which
// are read whole, and in long ones, which stream.
func TestMultipart(t *testing.T) {
	for _, tc := range []struct {
		name       string
		part, want []part
	}{
		{"fields", []part{{`form-data; name="flow_id"`, "", "1"}, {`form-data; name="a"`, "", "2"}, {`form-data; name="context[flow_id]"`, "", "3"}},
			[]part{{`form-data; name="session_id"`, "", "1"}, {`form-data; name="a"`, "", "2"}, {`form-data; name="context[session_id]"`, "", "3"}}},
		{"the session shape", []part{{`form-data; name="session_id"`, "", "1"}}, []part{{`form-data; name="session_id"`, "", "1"}}},
		{"a file under a name of the flow shape", []part{{`form-data; filename="a;\"name=b.csv"; name=flow_file; x=y`, "text/csv", "flow_id,1\r\n\x00\xff--"}},
			[]part{{`form-data; filename="a;\"name=b.csv"; name="session_file"; x=y`, "text/csv", "flow_id,1\r\n\x00\xff--"}}},
		{"another file", []part{{`form-data; name="data"; filename="flow_id"`, "application/json", `{"flow_id":1}`}}, []part{{`form-data; name="data"; filename="flow_id"`, "application/json", `{"flow_id":1}`}}},
		{"words", []part{{`form-data; name="sort"`, "", "flow_name"}}, []part{{`form-data; name="sort"`, "", "session_name"}}},
		{"JSON in a field", []part{{`form-data; name="context"`, "", ` {"flow_id":1}`}}, []part{{`form-data; name="context"`, "", ` {"session_id":1}`}}},
		{"JSON that a script sent", []part{{`form-data; name="context"; filename="blob"`, "application/json", `{"flow_id":1}`}}, []part{{`form-data; name="context"; filename="blob"`, "application/json", `{"session_id":1}`}}},
		{"a file where JSON may be", []part{{`form-data; name="context"; filename="a.bin"`, "", `{"flow_id":1}`}}, []part{{`form-data; name="context"; filename="a.bin"`, "", `{"flow_id":1}`}}},
		{"both that agree", []part{{`form-data; name="flow_id"`, "", "1"}, {`form-data; name="session_id"`, "", "1"}}, []part{{`form-data; name="session_id"`, "", "1"}}},
		{"files of both names that agree", []part{{`form-data; name="session_file"; filename=a`, "", "1"}, {`form-data; name="flow_file"; filename=b`, "", "1"}}, []part{{`form-data; name="session_file"; filename=a`, "", "1"}}},
		{"what the flow shape alone has", []part{{`form-data; name="flow_type"`, "", "x"}, {`form-data; name="flow_id"`, "", ""}}, []part{{`form-data; name="session_id"`, "", ""}}},
		{"empty", nil, nil},
	} {
		for _, long := range []bool{false, true} {
			for _, mode := range allModes() {
				t.Run(fmt.Sprintf("%s/%t/%s", tc.name, long, mode), func(t *testing.T) {
					parts, want := tc.part, tc.want
					if mode == Passthrough {
						want = tc.part
					}
					if long {
						file := part{`form-data; name="upload"; filename="x"`, "application/octet-stream", strings.Repeat("flow_id\r\n--", 50_000)}
						parts = append([]part{file}, parts...)
						want = append([]part{file}, want...)
					}
					body, media := multipartOf(t, parts)
					got := newRig(t, mode, echoParts(t), requestsContract(t)).do("POST", "/api/flows", body, "Content-Type", "", "Content-Type", media)
					var text strings.Builder
					for _, p := range want {
						fmt.Fprintf(&text, "%s|%s|%s\n", p.disposition, p.media, p.text)
					}
					if got.StatusCode != http.StatusOK || got.body != text.String() {
						t.Errorf("got %d %.300q\nwant %.300q", got.StatusCode, got.body, text.String())
					}
					if known := got.Header.Get("X-Length") != "-1"; known != (mode == Passthrough || !long) {
						t.Errorf("length %s", got.Header.Get("X-Length"))
					}
				})
			}
		}
	}
}

// TestLongMultipartFaults: in a form that streams a conflict is told as well; the upstream never sees
// the form's end.
func TestLongMultipartFaults(t *testing.T) {
	upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the upstream got a whole form")
		}
	})
	file := part{`form-data; name="upload"; filename="x"`, "", strings.Repeat("x", 1<<20)}
	for _, tc := range formFaults() {
		t.Run(tc.name, func(t *testing.T) {
			parts := []part{file}
			for p := range strings.SplitSeq(tc.form, "&") {
				name, value, _ := strings.Cut(p, "=")
				parts = append(parts, part{`form-data; name="` + name + `"`, "", value})
			}
			body, media := multipartOf(t, parts)
			got := newRig(t, Dual, upstream, requestsContract(t)).do("POST", "/api/flows", body, "Content-Type", "", "Content-Type", media)
			if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"field":"`+tc.field+`"`) {
				t.Errorf("got %d %s", got.StatusCode, got.body)
			}
		})
	}
	for name, tc := range map[string]struct {
		body string
		want problem
	}{
		"cut off":              {strings.TrimSuffix(asMultipart("upload="+file.text, "b"), "--b--\r\n"), problemUnreadable},
		"a bad header":         {strings.TrimSuffix(asMultipart("upload="+file.text, "b"), "--b--\r\n") + "--b\r\nnonsense\r\n\r\n--b--\r\n", problemUnreadable},
		"a large head":         {strings.TrimSuffix(asMultipart("upload="+file.text, "b"), "--b--\r\n") + "--b\r\nX-A: " + strings.Repeat("x", 2*maxPartHead) + "\r\n\r\n\r\n--b--\r\n", problemUnreadable},
		"a large preamble":     {strings.Repeat("x", 2*heldForm) + "\r\n" + asMultipart("upload=1", "b"), problemUnreadable},
		"a text that is large": {asMultipart("upload="+file.text+"&context="+strings.Repeat("x", 2<<20), "b"), problemTooLarge},
		"a name written twice": {strings.Replace(asMultipart("upload="+file.text+"&flow_id=1", "b"), `name="flow_id"`, `name="flow_id"; name="flow_id"`, 1), problemUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Dual, upstream, requestsContract(t), func(o *Options) { o.Limits.MaxBody = 1 << 20 })
			r.do("POST", "/api/flows", tc.body, "Content-Type", "", "Content-Type", "multipart/form-data; boundary=b").wantProblem(t, tc.want)
		})
	}
}

// budget is an Admission of so many bytes.
type budget struct{ left atomic.Int64 }

func (*budget) Enter() bool { return true }
func (*budget) Leave()      {}

func (b *budget) Take(bytes int64) bool {
	if b.left.Add(-bytes) < 0 {
		b.left.Add(bytes)
		return false
	}
	return true
}

func (b *budget) Give(bytes int64) { b.left.Add(bytes) }

// TestMultipartMemory: a text that is held takes memory while it is, and what finds none is a 503; it all comes
// back, whatever became of the form.
func TestMultipartMemory(t *testing.T) {
	const all = 4 * heldForm * perByte // for the beginning, and one text at a time
	text := strings.Repeat("x", 2*heldForm)
	for name, tc := range map[string]struct {
		form   string
		status int
	}{
		"one after the other": {"upload=" + text + "&context=" + text + "&a=1&context=" + text, http.StatusOK},
		"too much":            {"upload=" + text + "&context=" + strings.Repeat("x", all), http.StatusServiceUnavailable},
		"short":               {"context=x", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			var b budget
			b.left.Store(all)
			upstream := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
			r := newRig(t, Dual, upstream, requestsContract(t), func(o *Options) { o.Admission = &b })
			got := r.do("POST", "/api/flows", asMultipart(tc.form, "b"), "Content-Type", "", "Content-Type", "multipart/form-data; boundary=b")
			if got.StatusCode != tc.status {
				t.Errorf("got %d %s", got.StatusCode, got.body)
			}
			r.observed.last(t, 1)
			for deadline := time.Now().Add(patience); b.left.Load() != all; { // the transport closes the body in its own time
				if time.Now().After(deadline) {
					t.Fatalf("%d bytes are not given back", all-b.left.Load())
				}
				runtime.Gosched()
			}
		})
	}
}

// TestMultipartStreams: the upstream sees the beginning of a form before the client has sent its end.
func TestMultipartStreams(t *testing.T) {
	began := make(chan struct{})
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadFull(r.Body, make([]byte, heldForm)); err != nil {
			t.Error(err)
		}
		close(began)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n > 0, err)
	})
	r := newRig(t, Dual, upstream, requestsContract(t))
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	form := asMultipart("flow_id=1&upload="+strings.Repeat("x", 2*heldForm), "b")
	half := heldForm * 3 / 2
	fmt.Fprintf(c, "POST /api/flows HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", len(form), form[:half])
	<-began
	_, _ = io.WriteString(c, form[half:])
	answer, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) || !bytes.Contains(answer, []byte("true <nil>")) {
		t.Errorf("%v %s", err, answer)
	}
}

// TestFormErrorsSpeakAsTheClient: a form in flow words is answered in them, also one that streamed.
func TestFormErrorsSpeakAsTheClient(t *testing.T) {
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"session_error":1}`)
	})
	r := newRig(t, Dual, upstream, requestsContract(t))
	for form, want := range map[string]string{"flow_id=1": `{"flow_error":1}`, "session_id=1": `{"session_error":1}`} {
		r.do("POST", "/api/sessions", form, "Content-Type", "", "Content-Type", urlencoded).want(t, http.StatusUnprocessableEntity, want)
		for _, more := range []string{"", "&upload=" + strings.Repeat("x", 1<<20)} {
			r.do("POST", "/api/sessions", asMultipart(form+more, "b"), "Content-Type", "", "Content-Type", "multipart/form-data; boundary=b").
				want(t, http.StatusUnprocessableEntity, want)
		}
	}
}

// TestRenamed: of a Content-Disposition only the name changes.
func TestRenamed(t *testing.T) {
	for disposition, want := range map[string]string{
		`form-data; name="a"`:                        `form-data; name="b\"c"`,
		`form-data;name=a;filename="x;name=\"y\""`:   `form-data;name="b\"c";filename="x;name=\"y\""`,
		`form-data; filename="name=a" ; NAME = "a" `: `form-data; filename="name=a" ; NAME = "b\"c" `,
		`form-data; name=a; name=a`:                  "",
		`form-data; name*=utf-8''a`:                  "",
		`form-data; filename=a`:                      "",
		`form-data; name`:                            "",
		`form-data; ; name=a`:                        "",
		`form-data; name="a`:                         `form-data; name="b\"c"`,
		``:                                           "",
	} {
		got, ok := renamed(disposition, `b"c`)
		if ok != (want != "") || got != want {
			t.Errorf("%s: got %s, %t, want %s", disposition, got, ok, want)
		}
	}
}

// FuzzForms: whatever a form is, it is mapped, refused, or left alone; what has no name of the lens in
// it keeps its bytes.
func FuzzForms(f *testing.F) {
	f.Add("flow_id=1&session_id=1&context={\"flow_id\":1}&sort=flow_name")
	f.Add("a=%zz&&b;c&=")
	f.Add(asMultipart("flow_id=1&x=2", "b"))
	lens, err := transform.Compile("form", transform.Request, []transform.Op{
		transform.Rename{At: transform.Path{"session_id"}, To: "flow_id", Optional: true},
		transform.Rename{At: transform.Path{"context", "session_id"}, To: "flow_id", Optional: true},
	})
	if err != nil {
		f.Fatal(err)
	}
	fields := lens.Fields()
	f.Fuzz(func(t *testing.T, body string) {
		for name, mapper := range map[string]bodyMapper{
			"urlencoded": func(b []byte) (transform.Result, error) { return formToSession(fields, b, transform.Job{}) },
			"multipart":  func(b []byte) (transform.Result, error) { return multipartToSession(fields, "b", b, transform.Job{}) },
		} {
			result, err := mapper([]byte(body))
			if err == nil && !result.Changed && string(result.Body) != body {
				t.Errorf("%s: not changed, and another body: %q", name, result.Body)
			}
			if err != nil || !result.Changed {
				continue
			}
			again, err := mapper(result.Body)
			if err != nil || again.Changed {
				t.Errorf("%s: %q is mapped again: %q (%v)", name, result.Body, again.Body, err)
			}
		}
	})
}
