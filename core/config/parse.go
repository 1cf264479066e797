package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/yamlfile"
)

// layer is what one source has set.
type layer struct {
	values  map[string]Value
	targets map[string]Target
	sets    map[string]Set
}

// fileReader makes a layer of one file.
type fileReader struct {
	yamlfile.Reader
	layer
	file File
	home string
}

func parseFile(f File, home string, text []byte) (layer, error) {
	r := &fileReader{file: f, home: home, layer: layer{map[string]Value{}, map[string]Target{}, map[string]Set{}}}
	keys := r.keys(r.values, func(Key) bool { return true })
	keys = append(keys, yamlfile.Key{Name: "targets", Read: r.readTargets}, yamlfile.Key{Name: "sets", Read: r.readSets})
	// What people may try: there is a reason why it is not a key.
	for _, secret := range []string{"password", "token"} {
		keys = append(keys, r.secret(secret))
	}
	err := r.Read(text, keys...)
	return r.layer, err
}

// keys read the keys that are wanted into a map.
func (r *fileReader) keys(into map[string]Value, wanted func(Key) bool) []yamlfile.Key {
	var list []yamlfile.Key
	for _, k := range Keys() {
		if wanted(k) {
			list = append(list, yamlfile.Key{Name: k.Name, Read: func(v yamlfile.Value, path string) {
				if value, ok := r.readKey(k, v, path); ok {
					into[k.Name] = value
				}
			}})
		}
	}
	return list
}

func (r *fileReader) readKey(k Key, v yamlfile.Value, path string) (Value, bool) {
	if k.Own && r.file.Level == Project {
		r.Wrong(v.Line, path, "must not stand in a project's file, which may be somebody else's: it belongs into your own configuration")
		return Value{}, false
	}
	var text string
	if k.Name == "transports" {
		text = strings.Join(r.Texts(v, path), " ")
	} else {
		text = r.Text(v, path)
	}
	if k.check != nil && v.Kind == yamlfile.Scalar {
		if wrong := k.check(text); wrong != "" {
			r.Wrong(v.Line, path, "%s", wrong)
		}
	}
	if k.Name == "to" {
		r.noPassword(v, path)
	}
	return r.value(text, v.Line), text != ""
}

func (r *fileReader) value(text string, line int) Value {
	return Value{text, r.origin(line), filepath.Dir(r.file.Path), r.home}
}

func (r *fileReader) origin(line int) Origin { return Origin{r.file.Level, r.file.Path, line} }

// secret refuses a key that would hold a password.
func (r *fileReader) secret(name string) yamlfile.Key {
	return yamlfile.Key{Name: name, Read: func(v yamlfile.Value, path string) {
		r.Wrong(v.Line, path, "no password stands in a configuration: put it into a file of its own, which only you can read, and name that as password-file")
	}}
}

func (r *fileReader) readTargets(v yamlfile.Value, path string) {
	r.Each(v, path, "targets", func(e yamlfile.Entry, path string) {
		t := Target{Name: e.Key, values: map[string]Value{}}
		r.checkName(e, path)
		if e.Value.Kind == yamlfile.Scalar {
			t.To = r.readTo(e.Value, path)
		} else {
			keys := r.keys(t.values, func(k Key) bool { return k.Target })
			keys = append(keys, yamlfile.Key{Name: "to", Read: func(v yamlfile.Value, path string) { t.To = r.readTo(v, path) }}, r.secret("password"), r.secret("token"))
			r.Mapping(e.Value, path, keys...)
			if t.To.Text == "" {
				r.Wrong(e.Line, path, "has no to: a folder or a URL")
			}
		}
		r.targets[e.Key] = t
	})
}

func (r *fileReader) readTo(v yamlfile.Value, path string) Value {
	text := r.Text(v, path)
	r.noPassword(v, path)
	return r.value(text, v.Line)
}

func (r *fileReader) noPassword(v yamlfile.Value, path string) {
	if isURL(v.Text) && hasPassword(v.Text) {
		r.Wrong(v.Line, path, "a password must not stand in a target")
	}
}

func (r *fileReader) readSets(v yamlfile.Value, path string) {
	r.Each(v, path, "sets", func(e yamlfile.Entry, path string) {
		r.checkName(e, path)
		r.sets[e.Key] = r.readSet(e, path)
	})
}

func (r *fileReader) readSet(e yamlfile.Entry, path string) Set {
	s := Set{Name: e.Key, Repositories: map[string]string{}, Deadline: DefaultDeadline, Origin: r.origin(e.Line)}
	var expects yamlfile.Value
	r.Mapping(e.Value, path,
		yamlfile.Key{Name: "repositories", Read: func(v yamlfile.Value, path string) {
			r.Each(v, path, "folders", func(e yamlfile.Entry, path string) {
				s.Repositories[e.Key] = r.value(r.Text(e.Value, path), e.Line).Path()
			})
		}},
		yamlfile.Key{Name: "expects", Read: func(v yamlfile.Value, path string) { expects, s.Expects = v, r.Texts(v, path) }},
		yamlfile.Key{Name: "deadline", Read: func(v yamlfile.Value, path string) {
			if s.Deadline = r.Duration(v, path); v.Text == "0" || v.Text == "0s" {
				r.Wrong(v.Line, path, "a deadline is more than nothing")
			}
		}})
	if len(s.Repositories) == 0 {
		r.Wrong(e.Line, path, "has no repositories: a mapping of architectures to folders")
	}
	for i, arch := range s.Expects {
		if _, ok := s.Repositories[arch]; !ok && len(s.Repositories) > 0 {
			r.Wrong(expects.Line, path+".expects", "%q: no repository of the set is for it", arch)
		}
		if slices.Contains(s.Expects[:i], arch) {
			r.Wrong(expects.Line, path+".expects", "%q stands twice", arch)
		}
	}
	return s
}

// checkName wants a name that cannot be taken for a path or a URL, and that no other
// target or set of the file has.
func (r *fileReader) checkName(e yamlfile.Entry, path string) {
	if !validName(e.Key) {
		r.Wrong(e.Line, path, "a name is a letter or digit, then letters, digits and . _ -, at most 64")
	}
	if _, taken := r.targets[e.Key]; taken {
		r.Wrong(e.Line, path, "there is a target of that name")
	}
	if _, taken := r.sets[e.Key]; taken {
		r.Wrong(e.Line, path, "there is a set of that name")
	}
}

func validName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return s != "" && len(s) <= 64 && strings.Trim(s[:1], letters) == "" && strings.Trim(s, letters+"._-") == ""
}

func aTime(text string) string {
	if d, err := time.ParseDuration(text); err != nil || d < 0 {
		return fmt.Sprintf("is %q; expected a time such as 60s or 5m", text)
	}
	return ""
}
