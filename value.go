package assay

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Type is the type of a term's values.
type Type uint8

// The types a term may have.
const (
	NoType   Type = iota // no value
	BoolType             // true or false
	IntType              // a whole number, in the term's unit
	DateType             // a civil date
	TextType             // a word or a text; a term may list the words allowed
	SetType              // a set of words
)

var typeNames = [...]string{"none", "bool", "int", "date", "text", "set"}

func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type(" + strconv.Itoa(int(t)) + ")"
}

// UnmarshalText reads a type's name as written in the vocabulary.
func (t *Type) UnmarshalText(text []byte) error {
	i := slices.Index(typeNames[1:], string(text))
	if i < 0 {
		return fmt.Errorf("type %q: %w: want bool, int, date, text or set", text, ErrInvalid)
	}
	*t = Type(i + 1)
	return nil
}

// MarshalText writes the type's name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Value is what an observation says of a term. The zero value is no value, which
// is not the same as false.
type Value struct {
	typ  Type
	num  int64 // bool as 0 or 1, int, date as days since 1970
	text string
	set  []string // sorted, without repeats
}

// Bool makes a truth value.
func Bool(b bool) Value {
	v := Value{typ: BoolType}
	if b {
		v.num = 1
	}
	return v
}

// Int makes a whole number.
func Int(n int64) Value { return Value{typ: IntType, num: n} }

// Day makes a date value.
func Day(d Date) Value { return Value{typ: DateType, num: d.Days()} }

// Text makes a text value.
func Text(s string) Value { return Value{typ: TextType, text: s} }

// Set makes a set of words; order and repeats do not matter.
func Set(words ...string) Value {
	set := slices.Clone(words)
	slices.Sort(set)
	return Value{typ: SetType, set: slices.Compact(set)}
}

// Type is the value's type; NoType for no value.
func (v Value) Type() Type { return v.typ }

// Bool is the truth value; false unless the type is BoolType.
func (v Value) Bool() bool { return v.typ == BoolType && v.num == 1 }

// Int is the number, for a date the days since 1970.
func (v Value) Int() int64 { return v.num }

// Date is the date; zero unless the type is DateType.
func (v Value) Date() Date {
	if v.typ != DateType {
		return Date{}
	}
	return DateOfDays(v.num)
}

// Text is the text; empty unless the type is TextType.
func (v Value) Text() string { return v.text }

// Set is the words in order; nil unless the type is SetType. The caller must not
// change it.
func (v Value) Set() []string { return v.set }

// Has reports whether a set holds the word.
func (v Value) Has(word string) bool {
	_, found := slices.BinarySearch(v.set, word)
	return found
}

// Equal reports whether both have the same type and say the same.
func (v Value) Equal(w Value) bool {
	return v.typ == w.typ && v.num == w.num && v.text == w.text && slices.Equal(v.set, w.set)
}

// String writes the value as people read it: yes, no, 12, 2029-12-31.
func (v Value) String() string {
	switch v.typ {
	case BoolType:
		if v.num == 1 {
			return "yes"
		}
		return "no"
	case IntType:
		return strconv.FormatInt(v.num, 10)
	case DateType:
		return v.Date().String()
	case TextType:
		return v.text
	case SetType:
		if len(v.set) == 0 {
			return "none"
		}
		return strings.Join(v.set, ", ")
	}
	return "not known"
}

// MarshalJSON writes true, 12, "2029-12-31", "text" or ["a","b"]; null for no value.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.Any()) }

// Any is the value as plain Go: bool, int64, string or []string; nil for none.
func (v Value) Any() any {
	switch v.typ {
	case BoolType:
		return v.num == 1
	case IntType:
		return v.num
	case DateType:
		return v.Date().String()
	case TextType:
		return v.text
	case SetType:
		if v.set == nil {
			return []string{}
		}
		return v.set
	}
	return nil
}

// UnmarshalJSON reads a value by its shape. A date cannot be told from a text by
// shape, so a reader that knows the term's type must pass it through As.
func (v *Value) UnmarshalJSON(data []byte) error {
	var x any
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		return err
	}
	w, err := ValueOf(x)
	if err != nil {
		return err
	}
	*v = w
	return nil
}

// ValueOf makes a value from what a JSON or YAML decoder returns.
func ValueOf(x any) (Value, error) {
	switch x := x.(type) {
	case nil:
		return Value{}, nil
	case bool:
		return Bool(x), nil
	case int:
		return Int(int64(x)), nil
	case int64:
		return Int(x), nil
	case uint64:
		if x > 1<<62 {
			return Value{}, fmt.Errorf("number %d: %w: too large", x, ErrInvalid)
		}
		return Int(int64(x)), nil
	case json.Number:
		n, err := x.Int64()
		if err != nil {
			return Value{}, fmt.Errorf("number %s: %w: want a whole number", x, ErrInvalid)
		}
		return Int(n), nil
	case string:
		return Text(x), nil
	case []any:
		words := make([]string, len(x))
		for i, w := range x {
			s, ok := w.(string)
			if !ok {
				return Value{}, fmt.Errorf("list item %v: %w: want words only", w, ErrInvalid)
			}
			words[i] = s
		}
		return Set(words...), nil
	}
	return Value{}, fmt.Errorf("value %v: %w: want true, false, a number, a text or a list of words", x, ErrInvalid)
}

// As turns a value into the type wanted where the two say the same: a text that
// is a date into a date. It is an error where they do not.
func (v Value) As(t Type) (Value, error) {
	if v.typ == t {
		return v, nil
	}
	if v.typ == TextType && t == DateType {
		d, err := ParseDate(v.text)
		if err != nil {
			return Value{}, err
		}
		return Day(d), nil
	}
	return Value{}, fmt.Errorf("%s %q: %w: want %s", v.typ, v, ErrInvalid, t)
}
