package framing

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestSSEFrames(t *testing.T) {
	for _, tc := range []struct {
		name, stream string
		want         []string
	}{
		{"an event", "data: {}\n\n", []string{`message  "{}"`}},
		{"an event with everything", "event: moved\nid: 7\nretry: 10\n: hello\ndata: {}\n\n", []string{
			`other "event: moved\n"`, `other "id: 7\n"`, `other "retry: 10\n"`, `other ": hello\n"`, `message moved "{}"`,
		}},
		{"fields behind the data are held with it", "data: {}\nid: 7\nevent: moved\n\n", []string{`message moved "{}"`}},
		{"the last name counts, and only for its event", "event: a\nevent: b\ndata: 1\n\ndata: 2\n\n", []string{
			`other "event: a\n"`, `other "event: b\n"`, `message b "1"`, `message  "2"`,
		}},
		{"a name without data is forgotten", "event: a\n\ndata: 1\n\n", []string{`other "event: a\n"`, `other "\n"`, `message  "1"`}},
		{"data in several lines", "data: {\ndata:  \"a\": 1\ndata: }\n\n", []string{`message  "{\n \"a\": 1\n}"`}},
		{"only the first space goes", "data:x\n\ndata:  x\n\ndata:\tx\n\n", []string{`message  "x"`, `message  " x"`, `message  "\tx"`}},
		{"CRLF", "data: 1\r\ndata: 2\r\n\r\n", []string{`message  "1\n2"`}},
		{"CR", "data: 1\rdata: 2\r\rid: 3\r", []string{`message  "1\n2"`, `other "id: 3\r"`}},
		{"mixed line ends", "data: 1\r\n\ndata: 2\n\r\ndata: 3\r\n\r", []string{`message  "1"`, `message  "2"`, `message  "3"`}},
		{"a byte order mark", "\ufeffdata: 1\n\n\ufeffdata: 2\n\n", []string{`message  "1"`, `other "\ufeffdata: 2\n"`, `other "\n"`}},
		{"a byte order mark before another line", "\ufeffevent: a\ndata: 1\n\n", []string{`other "\ufeffevent: a\n"`, `message a "1"`}},
		{"no data", "id: 1\n\n:\n\n\n", []string{`other "id: 1\n"`, `other "\n"`, `other ":\n"`, `other "\n"`, `other "\n"`}},
		{"empty data", "data\n\ndata:\n\n", []string{`other "data\n\n"`, `other "data:\n\n"`}},
		{"empty data in two lines", "data: \ndata\n\n", []string{`other "data: \ndata\n\n"`}},
		{"a line without a colon among others", "data: a\ndata\ndata: b\n\n", []string{`message  "a\n\nb"`}},
		{"names that are no names", "Data: 1\ndata : 2\ndatabase: 3\n data: 4\n\n", []string{
			`other "Data: 1\n"`, `other "data : 2\n"`, `other "database: 3\n"`, `other " data: 4\n"`, `other "\n"`,
		}},
		{"an event that the stream's end breaks off", "data: 1\ndata: 2", []string{`message  "1\n2"`}},
		{"and one behind its line", "data: 1\n", []string{`message  "1"`}},
		{"a line that the stream's end breaks off", "data: 1\n\nid: 2", []string{`message  "1"`, `other "id: 2"`}},
		{"nothing", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cutAll(NewSSE(1000, nil), tc.stream, len(tc.stream))
			want(t, "frames", got.frames, tc.want)
			if got.joined != tc.stream {
				t.Errorf("joined: %q", got.joined)
			}
			for size := range 4 {
				if small := cutAll(NewSSE(1000, nil), tc.stream, size+1); small.joined != tc.stream ||
					strings.Join(small.messages, "|") != strings.Join(got.messages, "|") {
					t.Errorf("in pieces of %d: %q", size+1, small.frames)
				}
			}
		})
	}
}

// What can be given is given, whatever comes later.
func TestSSEGivesAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name   string
		pieces []string
		want   [][]string // for each piece
	}{
		{"an event with its last byte", []string{"data: 1\n", "\n"}, [][]string{nil, {`message  "1"`}}},
		{"an event that ends with CR, and then its LF", []string{"data: 1\r\n\r", "\n", "data: 2\r\r"},
			[][]string{{`message  "1"`}, {`other "\n"`}, {`message  "2"`}}},
		{"a CRLF in two pieces inside an event", []string{"data: 1\r", "\ndata: 2\r", "\n\r\n"}, [][]string{nil, nil, {`message  "1\n2"`}}},
		{"a heartbeat that is only a comment line", []string{": still here\n", ":\n"}, [][]string{{`other ": still here\n"`}, {`other ":\n"`}}},
		{"a heartbeat in two pieces", []string{": still", " here\n"}, [][]string{nil, {`other ": still here\n"`}}},
		{"an id before the data", []string{"id: 1\n", "data: 1\n\n"}, [][]string{{`other "id: 1\n"`}, {`message  "1"`}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := NewSSE(1000, nil)
			for i, piece := range tc.pieces {
				var got []string
				s.Feed([]byte(piece))
				for f, ok := s.Next(); ok; f, ok = s.Next() {
					if f.Kind == Message {
						got = append(got, fmt.Sprintf("message %s %q", f.Event, f.Data))
					} else {
						got = append(got, fmt.Sprintf("%s %q", f.Kind, f.Raw))
					}
				}
				want(t, fmt.Sprintf("piece %d", i), got, tc.want[i])
			}
		})
	}
}

func TestSSETooLarge(t *testing.T) {
	long := strings.Repeat("x", 30)
	for _, tc := range []struct {
		name, stream string
		sizes        []int
		want         []string
	}{
		{"an event of exactly the limit", "data: 123456789012\n\n", []int{100}, []string{`message  "123456789012"`}},
		{"one byte more", "data: 1234567890123\n\n", []int{100}, []string{`too large "data: 1234567890123\n"`, `rest "\n"`}},
		{"one byte more, byte by byte", "data: 1234567890123\n\ndata: 1\n\n", []int{20, 1, 100},
			[]string{`too large "data: 1234567890123\n"`, `rest "\n"`, `message  "1"`}},
		{"in one piece", "data: " + long + "\ndata: 2\n\ndata: 3\n\n", []int{100},
			[]string{`too large "data: ` + long + `\n"`, `rest "data: 2\n"`, `rest "\n"`, `message  "3"`}},
		{"in a line that comes in pieces", "data: " + long + "\n\r\ndata: 3\n\n", []int{15},
			[]string{`too large "data: 123456789"`, `rest`, `message  "3"`}},
		{"in many lines", strings.Repeat("data: 1\n", 4) + "\nevent: a\ndata: 1\n\n", []int{100},
			[]string{`too large "data: 1\ndata: 1\n"`, `rest "data: 1\n"`, `rest "data: 1\n"`, `rest "\n"`, `other "event: a\n"`, `message a "1"`}},
		{"a name does not outlive it", "event: a\ndata: " + long + "\n\ndata: 1\n\n", []int{100},
			[]string{`other "event: a\n"`, `too large "data: ` + long + `\n"`, `rest "\n"`, `message  "1"`}},
		{"with CRLF in two pieces", "data: " + long + "\r\n\r\ndata: 1\n\n", []int{37, 2, 100},
			[]string{`too large "data: ` + long + `\r"`, `rest "\n"`, `rest "\r"`, `other "\n"`, `message  "1"`}},
		{"a whole comment needs no holding", ":" + long + "\ndata: 1\n\n", []int{100}, []string{`other ":` + long + `\n"`, `message  "1"`}},
		{"a comment that comes in pieces is held", ":" + long + "\n\ndata: 1\n\n", []int{15},
			[]string{`too large ":` + long[:14] + `"`, `rest "` + long[:15] + `"`, `rest "x\n"`, `rest "\n"`, `message  "1"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := cutAll(NewSSE(20, nil), tc.stream, tc.sizes...)
			if got.joined != tc.stream {
				t.Errorf("joined: %q", got.joined)
			}
			if tc.name == "in a line that comes in pieces" { // the pieces between do not matter
				want(t, "messages", got.messages, []string{` "3"`})
				return
			}
			want(t, "frames", got.frames, tc.want)
		})
	}
}

func TestSSEAppend(t *testing.T) {
	for _, tc := range []struct{ name, stream, data, want string }{
		{"one line for one", "id: 1\ndata: old\n: c\n\n", "new", "id: 1\ndata: new\n: c\n\n"},
		{"as it was written", "data:old\r\n\r\n", "new", "data:new\r\n\r\n"},
		{"several lines, each in its place", "data: 1\nid: x\ndata: 2\n\n", "a\nb", "data: a\nid: x\ndata: b\n\n"},
		{"more lines go behind the last", "data: 1\r\nid: x\r\n\r\n", "a\nb\nc", "data: a\r\ndata: b\r\ndata: c\r\nid: x\r\n\r\n"},
		{"fewer lines", "data: 1\nid: x\ndata: 2\ndata: 3\n\n", "a", "data: a\nid: x\n\n"},
		{"line ends of any kind", "data: 1\n\n", "a\r\nb\rc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
		{"a space that has to count", "data:1\n\n", " a", "data:  a\n\n"},
		{"a line that had no value", "data\ndata:1\n\n", "a\nb", "data: a\ndata:b\n\n"},
		{"an empty line of data", "data:1\ndata:2\n\n", "\nb", "data:\ndata:b\n\n"},
		{"no line end because the stream ended", "data: 1", "a\nb", "data: a\ndata: b"},
		{"behind a byte order mark", "\ufeffdata: 1\n\n", "a", "\ufeffdata: a\n\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, size := range []int{1, 100} {
				got := replaced(NewSSE(100, nil), tc.stream, func([]byte) []byte { return []byte(tc.data) }, size)
				if got != tc.want {
					t.Errorf("in pieces of %d: got %q, want %q", size, got, tc.want)
				}
			}
		})
	}
}

// readSSE reads a stream as the HTML standard says, in another way than the cutter; an event that is
// broken off counts.
func readSSE(stream string) (events []string) {
	stream = strings.TrimPrefix(stream, "\ufeff")
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	name, data := "", ""
	for _, line := range append(strings.Split(stream, "\n"), "") {
		field, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimPrefix(value, " "); {
		case line == "":
			if strings.Trim(data, "\n") != "" {
				events = append(events, fmt.Sprintf("%s %q", name, strings.TrimSuffix(data, "\n")))
			}
			name, data = "", ""
		case field == "data":
			data += value + "\n"
		case field == "event":
			name = value
		}
	}
	return events
}

// Whatever the chunks, the pieces are the stream, the messages are the standard's, and a message with
// other data says that and nothing else.
func FuzzSSE(f *testing.F) {
	for _, seed := range []string{
		"data: {}\n\n", "event: a\r\nid: 1\r\ndata: 1\r\ndata: 2\r\n\r\n", "\ufeff: c\rdata\rdata:x\r\r", "data: 1\n\n\ndata: 2", ":\n:\r\n\r\ndata: \n",
	} {
		f.Add(seed, []byte{1, 2, 100}, "a\nb", 1000)
		f.Add(seed, []byte{7}, " x\r\n", 10)
	}
	f.Fuzz(func(t *testing.T, stream string, chunks []byte, data string, limit int) {
		sizes := []int{1}
		for _, c := range chunks {
			sizes = append(sizes, int(c))
		}
		if limit = max(limit&0xffff, 1); limit < 0x8000 {
			if got := cutAll(NewSSE(limit, nil), stream, sizes...); got.joined != stream {
				t.Fatalf("limit %d, joined: %q", limit, got.joined)
			}
		}
		limit = len(stream) + 1
		got := cutAll(NewSSE(limit, nil), stream, sizes...)
		if got.joined != stream {
			t.Fatalf("joined: %q", got.joined)
		}
		events := readSSE(stream)
		want(t, "messages", got.messages, events)

		plain := strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
		if strings.Trim(plain, "\n") == "" {
			return
		}
		changed := readSSE(replaced(NewSSE(limit, nil), stream, func([]byte) []byte { return []byte(data) }, sizes...))
		for i, e := range events {
			name, _, _ := strings.Cut(e, ` "`)
			events[i] = fmt.Sprintf("%s %q", name, plain)
		}
		want(t, "with other data", changed, events)
		same := replaced(NewSSE(limit, nil), stream, bytes.Clone, sizes...)
		want(t, "with the same data", readSSE(same), readSSE(stream))
	})
}
