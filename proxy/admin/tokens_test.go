package admin

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestNewToken(t *testing.T) {
	for _, tt := range []struct {
		name   string
		token  string
		role   Role
		secret string
		want   string
	}{
		{"good", "jo", Operate, operateSecret, ""},
		{"a short secret", "jo", Operate, "0123456789abcde", `token "jo": the secret has 15 bytes (want at least 16, from a generator)`},
		{"a secret with a line end", "jo", Operate, operateSecret + "\n", `token "jo": the secret has blanks or other bytes that a header cannot carry`},
		{"no name", "", Operate, operateSecret, `token "": want a name of 1 to 100 bytes, for the journal`},
		{"a name with a line end", "j\no", Operate, operateSecret, `token "j\no": want a name of 1 to 100 bytes, for the journal`},
		{"no role", "jo", "", operateSecret, `token "jo": unknown role "" (want read, operate or admin)`},
		{"an unknown role", "jo", "root", operateSecret, `token "jo": unknown role "root" (want read, operate or admin)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewToken(tt.token, tt.role, tt.secret)
			if got := errorText(err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNewRefuses(t *testing.T) {
	ready := func() error { return nil }
	jo, same := token(t, "jo", Operate, operateSecret), token(t, "root", Admin, operateSecret)
	for _, tt := range []struct {
		name    string
		options Options
		want    string
	}{
		{"no readiness", Options{}, "no readiness: who says whether the process takes traffic?"},
		{"no endpoints", Options{Ready: ready, Flags: calm()}, "no endpoints: flags are about those of a contract"},
		{"a token that was not made", Options{Ready: ready, Tokens: []Token{jo, {}}}, `token 2: token "": want a name of 1 to 100 bytes, for the journal`},
		{"two tokens with one secret", Options{Ready: ready, Tokens: []Token{jo, same}}, "tokens jo and root have the same secret: give each one of its own"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := New(tt.options); errorText(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestTokenFile: made once, whole, for its owner alone; all who start at once get the same secret.
func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.token")
	secrets := make([]string, 16)
	makers := make([]bool, len(secrets))
	var all sync.WaitGroup
	for i := range secrets {
		all.Go(func() {
			var err error
			if secrets[i], makers[i], err = EnsureTokenFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	made := 0
	for i := range secrets {
		if makers[i] {
			made++
		}
		if secrets[i] != secrets[0] || len(secrets[i]) != len(tokenPrefix)+43 || !strings.HasPrefix(secrets[i], tokenPrefix) {
			t.Errorf("secret %d: %q", i, secrets[i])
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("left over: %v %v", files, err)
	}
	if _, err := NewToken("admin", Admin, secrets[0]); err != nil {
		t.Error(err)
	}
	again, made2, err := EnsureTokenFile(path)
	if again != secrets[0] || made2 || err != nil {
		t.Errorf("again: %q %t %v", again, made2, err)
	}
}

func TestBadTokenFiles(t *testing.T) {
	dir := t.TempDir()
	open, empty := filepath.Join(dir, "open"), filepath.Join(dir, "empty")
	for path, text := range map[string]string{open: operateSecret, empty: " \n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		open:                       open + " can be read by others (mode 0640): chmod 600 it, or remove it for a new one",
		empty:                      empty + " is empty: want a secret in it",
		filepath.Join(dir, "no/x"): "",
	} {
		_, made, err := EnsureTokenFile(path)
		if made || err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: %t %v", path, made, err)
		}
	}
	if secret, err := ReadTokenFile(open); secret != operateSecret || err != nil {
		t.Errorf("%q %v", secret, err) // a mounted secret belongs to somebody else
	}
}
