package law

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	celparser "cel.dev/cel-go/parser"
	"github.com/goccy/go-yaml/ast"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/vocab"
)

// Expr is one CEL expression over the terms of the vocabulary, as written in a
// regime. The language is CEL as parsed and type-checked by its own library; of
// its operators, law uses && || ! == != < <= > >= in, the conditional, and the
// functions date, add_days and add_years. Others are refused when loaded.
//
// It is evaluated over facts of which some are unknown, in CEL's three-valued
// logic, by code of our own that also keeps which facts decided and which are
// wanted; a test holds it to what the CEL library says of the same facts.
type Expr struct {
	Source string

	file  string
	line  int
	code  *code
	err   error         // what the compiler said
	terms []*vocab.Term // bit i of a mask is terms[i]
}

// Empty reports that no expression was written.
func (e *Expr) Empty() bool { return e.Source == "" }

// Terms are the terms that the expression speaks of.
func (e *Expr) Terms() []*vocab.Term { return e.terms }

// UnmarshalYAML keeps where in its file the expression stands.
func (e *Expr) UnmarshalYAML(n ast.Node) error {
	pos := n.GetToken().Position
	e.line = pos.Line
	switch n := n.(type) {
	case *ast.StringNode:
		e.Source = strings.TrimSpace(n.Value)
	case *ast.LiteralNode:
		e.Source = strings.TrimSpace(n.Value.Value)
	case *ast.BoolNode:
		e.Source = n.GetToken().Value
	default:
		return fmt.Errorf("line %d: %w: want an expression", e.line, assay.ErrInvalid)
	}
	return nil
}

// maxTerms is how many terms one expression may speak of: a mask has that many bits.
const maxTerms = 64

// compiler turns CEL text into code, against one vocabulary.
type compiler struct {
	vocabulary *vocab.Vocabulary
	env        *cel.Env
}

func newCompiler(v *vocab.Vocabulary) (*compiler, error) {
	options := []cel.EnvOption{
		cel.Variable("as_at", cel.TimestampType),
		cel.Variable("territory", cel.StringType),
		cel.Function("date", cel.Overload("date_string", []*cel.Type{cel.StringType}, cel.TimestampType,
			cel.UnaryBinding(celDate))),
		cel.Function("add_days", cel.Overload("add_days_timestamp_int", []*cel.Type{cel.TimestampType, cel.IntType}, cel.TimestampType,
			cel.BinaryBinding(celAdd(assay.Date.AddDays)))),
		cel.Function("add_years", cel.Overload("add_years_timestamp_int", []*cel.Type{cel.TimestampType, cel.IntType}, cel.TimestampType,
			cel.BinaryBinding(celAdd(assay.Date.AddYears)))),
	}
	for _, t := range v.Terms() {
		options = append(options, cel.Variable(string(t.ID), celType(t.Type)))
	}
	env, err := cel.NewEnv(options...)
	return &compiler{v, env}, err
}

func celType(t assay.Type) *cel.Type {
	switch t {
	case assay.BoolType:
		return cel.BoolType
	case assay.IntType:
		return cel.IntType
	case assay.DateType:
		return cel.TimestampType
	case assay.SetType:
		return cel.ListType(cel.StringType)
	}
	return cel.StringType
}

func celDate(v ref.Val) ref.Val {
	d, err := assay.ParseDate(string(v.(types.String)))
	if err != nil {
		return types.NewErr("%v", err)
	}
	return types.Timestamp{Time: d.Time()}
}

func celAdd(add func(assay.Date, int) assay.Date) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val {
		return types.Timestamp{Time: add(assay.DateOf(a.(types.Timestamp).Time), int(b.(types.Int))).Time()}
	}
}

// compile checks the expression and makes its code. want is the CEL type it must
// have.
func (c *compiler) compile(e *Expr, want *cel.Type) error {
	if e.Empty() {
		return nil
	}
	checked, issues := c.env.Compile(e.Source)
	if issues.Err() != nil {
		// The library's message holds the text with a caret under the fault.
		return fmt.Errorf("%s:%d: %w: %s", e.file, e.line, assay.ErrInvalid, strings.TrimSpace(issues.String()))
	}
	if !checked.OutputType().IsEquivalentType(want) {
		return fmt.Errorf("%s:%d: %w: %q is a %s, want %s", e.file, e.line, assay.ErrInvalid, e.Source, checked.OutputType(), want)
	}
	b := builder{compiler: c, expr: e, ast: checked.NativeRep()}
	code, err := b.build(b.ast.Expr())
	if err != nil {
		return fmt.Errorf("%s:%d: %w", e.file, e.line, err)
	}
	e.code = code
	return nil
}

// builder makes the code of one expression.
type builder struct {
	*compiler
	expr *Expr
	ast  *celast.AST
}

func (b *builder) build(x celast.Expr) (*code, error) {
	c, err := b.node(x)
	if err != nil {
		return nil, err
	}
	c.text, err = celparser.Unparse(x, b.ast.SourceInfo())
	return c, err
}

func (b *builder) node(x celast.Expr) (*code, error) {
	if r, ok := b.ast.ReferenceMap()[x.ID()]; ok && r.Name != "" {
		return b.variable(r.Name)
	}
	switch x.Kind() {
	case celast.LiteralKind:
		v, err := literal(x.AsLiteral())
		return &code{op: opLiteral, value: v}, err
	case celast.ListKind:
		var words []string
		for _, el := range x.AsList().Elements() {
			if el.Kind() != celast.LiteralKind {
				return nil, fmt.Errorf("%w: a list may hold words only", assay.ErrInvalid)
			}
			v, err := literal(el.AsLiteral())
			if err != nil || v.Type() != assay.TextType {
				return nil, fmt.Errorf("%w: a list may hold words only", assay.ErrInvalid)
			}
			words = append(words, v.Text())
		}
		return &code{op: opLiteral, value: assay.Set(words...)}, nil
	case celast.CallKind:
		return b.call(x.AsCall())
	}
	return nil, fmt.Errorf("%w: law does not use this part of CEL", assay.ErrUnsupported)
}

func (b *builder) variable(name string) (*code, error) {
	switch name {
	case "as_at":
		return &code{op: opAsAt}, nil
	case "territory":
		return &code{op: opTerritory}, nil
	}
	t := b.vocabulary.Term(assay.TermID(name))
	if t == nil {
		return nil, fmt.Errorf("%w: no term %q", assay.ErrInvalid, name)
	}
	for i, known := range b.expr.terms {
		if known == t {
			return &code{op: opTerm, term: t, bit: 1 << i}, nil
		}
	}
	if len(b.expr.terms) == maxTerms {
		return nil, fmt.Errorf("%w: more than %d terms in one expression", assay.ErrInvalid, maxTerms)
	}
	b.expr.terms = append(b.expr.terms, t)
	return &code{op: opTerm, term: t, bit: 1 << (len(b.expr.terms) - 1)}, nil
}

var callOps = map[string]op{
	operators.LogicalAnd: opAnd, operators.LogicalOr: opOr, operators.LogicalNot: opNot,
	operators.Equals: opEqual, operators.NotEquals: opNotEqual,
	operators.Less: opLess, operators.LessEquals: opLessEqual,
	operators.Greater: opGreater, operators.GreaterEquals: opGreaterEqual,
	operators.In: opIn, operators.Conditional: opConditional,
	"add_days": opAddDays, "add_years": opAddYears,
}

func (b *builder) call(x celast.CallExpr) (*code, error) {
	args := make([]*code, len(x.Args()))
	for i, a := range x.Args() {
		arg, err := b.build(a)
		if err != nil {
			return nil, err
		}
		args[i] = arg
	}
	if x.FunctionName() == "date" {
		if args[0].op != opLiteral {
			return nil, fmt.Errorf("%w: date takes a date written out, such as date(\"2024-04-29\")", assay.ErrInvalid)
		}
		d, err := assay.ParseDate(args[0].value.Text())
		return &code{op: opLiteral, value: assay.Day(d)}, err
	}
	o, ok := callOps[x.FunctionName()]
	if !ok || x.IsMemberFunction() {
		return nil, fmt.Errorf("%w: law does not use %q", assay.ErrUnsupported, x.FunctionName())
	}
	c := &code{op: o, args: args}
	return c, c.checkWords()
}

// checkWords refuses a comparison with a word that the term can never have.
func (c *code) checkWords() error {
	if len(c.args) != 2 {
		return nil
	}
	for i, a := range c.args {
		b := c.args[1-i]
		if a.op != opTerm || b.op != opLiteral || len(a.term.Values) == 0 {
			continue
		}
		words := b.value.Set()
		if b.value.Type() == assay.TextType {
			words = []string{b.value.Text()}
		}
		for _, w := range words {
			probe := assay.Text(w)
			if a.term.Type == assay.SetType {
				probe = assay.Set(w)
			}
			if _, err := a.term.Check(probe); err != nil {
				return err
			}
		}
	}
	return nil
}

func literal(v ref.Val) (assay.Value, error) {
	switch v := v.(type) {
	case types.Bool:
		return assay.Bool(bool(v)), nil
	case types.Int:
		return assay.Int(int64(v)), nil
	case types.String:
		return assay.Text(string(v)), nil
	}
	return assay.Value{}, fmt.Errorf("%w: law does not use a %s here", assay.ErrUnsupported, v.Type().TypeName())
}
