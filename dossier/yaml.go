package dossier

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/assay-psti/assay"
)

// Bounds of a YAML file of a dossier. Anchors, aliases, merges, tags and
// explicit keys are not used at all, so nothing can be made to grow.
const (
	maxYAMLBytes  = 1 << 20
	maxYAMLTokens = 200_000
	maxYAMLKeys   = 64
	maxYAMLDepth  = 16  // brackets within brackets
	maxYAMLColumn = 100 // at which a list item or the first word of a line may stand: bounds the nesting
)

// yamlFile is a YAML file that has been read strictly.
type yamlFile struct {
	name string
	file *ast.File
}

// scalars says which keys of a file hold something else than a text.
type scalars struct {
	whole map[string]bool // may hold whole numbers
	truth map[string]bool // may hold true or false
	dates map[string]bool // hold a date or nothing
	plain map[string]bool // may hold a word only where no one could take it for a truth value
}

// readYAML decodes one file into v: no unknown key, no key twice, no second
// document, and no number or truth value where a text is wanted, since YAML would
// change how it is written (1.10 would become 1.1).
func readYAML(name string, data []byte, v any, allowed scalars) (f *yamlFile, err error) {
	f = &yamlFile{name: name}
	defer func() {
		if r := recover(); r != nil { // the parser's own mistake must not end the program
			err = f.problem(0, 0, "cannot be read as YAML", "simplify how it is written")
		}
	}()
	if len(data) > maxYAMLBytes {
		return nil, f.problem(0, 0, "is larger than 1 MiB", "move what is evidence into the evidence folder")
	}
	if i := notText(data); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		return nil, f.problem(line, 0, "holds bytes that are not UTF-8 text, or steer the screen", "save it as plain UTF-8")
	}
	if err := f.checkTokens(string(data)); err != nil {
		return nil, err
	}
	if f.file, err = parser.ParseBytes(data, 0); err != nil {
		return nil, f.convert(err)
	}
	if len(f.file.Docs) > 1 && f.file.Docs[1].Body != nil {
		line, column := position(f.file.Docs[1].Body.GetToken())
		return nil, f.problem(line, column, "a second document begins", "remove the line ---")
	}
	for _, doc := range f.file.Docs {
		if err := f.checkScalars(doc.Body, "", allowed); err != nil {
			return nil, err
		}
	}
	if err := yaml.UnmarshalWithOptions(data, v, yaml.Strict()); err != nil {
		return nil, f.convert(err)
	}
	return f, nil
}

// hidden reports characters that would steer a screen, or turn what it shows
// round, instead of standing there.
func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' || unicode.Is(unicode.Bidi_Control, r)
}

// notText is where the data cease to be text in UTF-8 that shows what it says; -1
// where they do not.
func notText(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 || hidden(r) {
			return i
		}
		i += n
	}
	return -1
}

// checkTokens bounds the nesting before the recursive parser sees the text, and
// the size of each mapping, with whose square the parser's time grows.
func (f *yamlFile) checkTokens(text string) error {
	depth, line, count := 0, 0, 0
	var keys keyCount
	for _, t := range lexer.Tokenize(text) {
		at, column := position(t)
		count++
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.MappingKeyType:
			return f.problem(at, column, fmt.Sprintf("%q is an anchor, alias, merge, tag or explicit key", clip(t.Value)), "write the value itself, in quotes if it is a text")
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		outer := at != line || t.Type == token.SequenceEntryType
		if depth > maxYAMLDepth || (outer && column > maxYAMLColumn && t.Type != token.CommentType) {
			return f.problem(at, column, "is nested too deeply", "write it as the template does")
		}
		if count > maxYAMLTokens {
			return f.problem(at, column, "holds too much", "move what is evidence into the evidence folder")
		}
		if keys.add(t, depth, outer) > maxYAMLKeys {
			return f.problem(at, column, fmt.Sprintf("a group holds more than %d keys", maxYAMLKeys), "write it as the template does")
		}
		line = at
	}
	return nil
}

// keyCount counts the keys of the mappings that are open: in brackets by their
// depth, else by the column of the key.
type keyCount struct {
	flow  [maxYAMLDepth + 2]int
	block [maxYAMLColumn + 2]int
}

// add takes the next token and gives the number of keys of the mapping it is in.
func (k *keyCount) add(t *token.Token, depth int, outer bool) int {
	_, column := position(t)
	depth = max(depth, 0)
	if depth == 0 && outer && t.Type != token.CommentType {
		clear(k.block[min(column+1, len(k.block)):]) // what stood further in has ended
	}
	switch {
	case t.Type == token.MappingStartType || t.Type == token.SequenceStartType:
		k.flow[depth] = 0
	case t.Type != token.MappingValueType:
	case depth > 0:
		k.flow[depth]++
		return k.flow[depth]
	case t.Prev != nil:
		_, key := position(t.Prev)
		key = min(max(key, 0), maxYAMLColumn+1)
		k.block[key]++
		return k.block[key]
	}
	return 0
}

var plainInt = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// truthWords are truth values to older YAML and to people, but not to YAML 1.2.
var truthWords = map[string]bool{"yes": true, "no": true, "on": true, "off": true, "y": true, "n": true}

func (f *yamlFile) checkScalars(node ast.Node, key string, allowed scalars) error {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			if err := f.checkScalars(v, key, allowed); err != nil {
				return err
			}
		}
	case *ast.MappingValueNode:
		return f.checkScalars(n.Value, n.Key.String(), allowed)
	case *ast.SequenceNode:
		for _, v := range n.Values {
			if err := f.checkScalars(v, key, allowed); err != nil {
				return err
			}
		}
	case *ast.StringNode:
		line, column := position(n.GetToken())
		if i := strings.IndexFunc(n.Value, hidden); i >= 0 { // written with an escape
			r, _ := utf8.DecodeRuneInString(n.Value[i:])
			return f.problem(line, column, fmt.Sprintf("holds the character %U, which no screen can show", r), "write words only")
		}
		if allowed.dates[key] {
			if _, err := assay.ParseDate(n.Value); err != nil && n.Value != "" {
				return f.problem(line, column, fmt.Sprintf("%s: %q is not a day of the calendar", key, clip(n.Value)), "write it as 2026-04-29")
			}
		}
		if allowed.plain[key] && n.GetToken().Type == token.StringType && truthWords[strings.ToLower(n.Value)] {
			return f.problem(line, column, fmt.Sprintf("%s: %s could be a word or a truth value", key, n.Value), "write true or false, or put the word in quotes")
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		line, column := position(node.GetToken())
		written := strings.TrimSpace(node.GetToken().Value)
		_, isInt := node.(*ast.IntegerNode)
		_, isBool := node.(*ast.BoolNode)
		switch {
		case isInt && allowed.whole[key] && plainInt.MatchString(written):
		case isBool && allowed.truth[key]:
		case allowed.whole[key]:
			return f.problem(line, column, fmt.Sprintf("%s: %s is not a whole number", key, clip(written)), "write digits only")
		default:
			return f.problem(line, column, fmt.Sprintf("%s: %s would be read as a number or a truth value", key, clip(written)),
				fmt.Sprintf("put it in quotes: %q", clip(written)))
		}
	}
	return nil
}

// convert turns the library's error into one line.
func (f *yamlFile) convert(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return f.problem(0, 0, oneLine(err.Error()), "write it as the template does")
	}
	line, column := position(ye.GetToken())
	what := oneLine(ye.GetMessage())
	switch {
	case strings.HasPrefix(what, "unknown field"):
		return f.problem(line, column, strings.Replace(what, "unknown field", "unknown key", 1), "correct its spelling or remove it")
	case strings.Contains(what, "unmarshal"), strings.Contains(what, "was used where"):
		return f.problem(line, column, "a list, a text or a group of keys stands where another is wanted", "write it as the template does")
	}
	return f.problem(line, column, what, "mend the YAML there")
}

// at locates a value by its path, such as "$.passwords[1].id", and makes a problem of it.
func (f *yamlFile) at(path, what, do string) error {
	line, column := f.locate(path)
	return f.problem(line, column, what, do)
}

func (f *yamlFile) locate(path string) (line, column int) {
	for {
		if p, err := yaml.PathString(path); err == nil && f.file != nil {
			if node, err := p.FilterFile(f.file); err == nil && node != nil {
				return first(node)
			}
		}
		i := strings.LastIndexAny(path, ".[")
		if i <= 0 {
			return 0, 0
		}
		path = path[:i] // what is missing is missing from what holds it
	}
}

// first is where the first word of a node stands.
func first(node ast.Node) (line, column int) {
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return first(n.Values[0])
		}
	case *ast.MappingValueNode:
		return position(n.Key.GetToken())
	}
	return position(node.GetToken())
}

func (f *yamlFile) problem(line, column int, what, do string) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: f.place(line, column), What: what, Do: do}
}

// place writes file:line:column as far as these are known.
func (f *yamlFile) place(line, column int) string {
	where := f.name
	if line > 0 {
		where += fmt.Sprintf(":%d", line)
		if column > 0 {
			where += fmt.Sprintf(":%d", column)
		}
	}
	return where
}

func position(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return clip(s)
}

// clip shortens what a message quotes of a file and leaves out what would not print.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "..."
	}
	return s
}
