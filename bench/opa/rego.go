// Package opa is for benchmarks alone: it writes a regime as a Rego policy for
// the Open Policy Agent, so that both can be held to the same facts in one run.
//
// Rego has no unknowns: an undefined fact is silently false. So the two agree,
// and are compared, on facts that are all known.
package opa

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

const prelude = `package regime

import rego.v1

all_of(vs) := "FAIL" if "FAIL" in vs
else := "INCONCLUSIVE" if "INCONCLUSIVE" in vs
else := "PASS" if "PASS" in vs
else := "NOT APPLICABLE"

any_of(vs) := "PASS" if "PASS" in vs
else := "INCONCLUSIVE" if "INCONCLUSIVE" in vs
else := "FAIL" if "FAIL" in vs
else := "NOT APPLICABLE"

widest(vs) := "PASS" if "PASS" in vs
else := "INCONCLUSIVE" if "INCONCLUSIVE" in vs
else := "NOT APPLICABLE"

add_days(d, n) := d + n

add_years(d, n) := time.add_date(d * 86400000000000, n, 0, 0) / 86400000000000
`

// writer writes one regime as it stood on one date.
type writer struct {
	b     strings.Builder
	at    assay.Date
	env   *cel.Env
	n     int
	steps map[string]string // step or outcome to the Rego that gives its outcome
}

// Policy writes the regime as it stood on a date. The result is data.regime.result:
// scope, and the verdict of each requirement.
func Policy(r *law.Regime, at assay.Date) (string, error) {
	env, err := cel.NewEnv()
	if err != nil {
		return "", err
	}
	w := &writer{at: at, env: env, steps: map[string]string{}}
	w.b.WriteString(prelude)
	if err := w.scope(r.Scope); err != nil {
		return "", err
	}
	var fields []string
	for _, n := range r.Requirements {
		if !w.inForce(n.From, n.Until) {
			continue
		}
		f, err := w.node(n)
		if err != nil {
			return "", err
		}
		fields = append(fields, fmt.Sprintf("%q: %s(input.product)", n.ID, f))
	}
	fmt.Fprintf(&w.b, "\nresult := {\"scope\": scope, \"requirements\": {%s}}\n", strings.Join(fields, ", "))
	return w.b.String(), nil
}

func (w *writer) inForce(from, until assay.Date) bool {
	return (from.Zero() || !w.at.Before(from)) && (until.Zero() || !w.at.After(until))
}

func (w *writer) name(prefix string) string {
	w.n++
	return fmt.Sprintf("%s%d", prefix, w.n)
}

func (w *writer) scope(t *law.Tree) error {
	for _, o := range t.Outcomes {
		w.steps[o.ID] = fmt.Sprintf("%q", o.Verdict)
	}
	for i, s := range t.Steps {
		w.steps[s.ID] = fmt.Sprintf("step%d(p)", i)
	}
	for i, s := range t.Steps {
		if !w.inForce(s.From, s.Until) {
			fmt.Fprintf(&w.b, "step%d(p) := %s\n", i, w.steps[s.No])
			continue
		}
		e, err := w.expr(s.When.Source)
		if err != nil {
			return fmt.Errorf("step %s: %w", s.ID, err)
		}
		fmt.Fprintf(&w.b, "step%d(p) := %s if %s(p)\nelse := %s\n", i, w.steps[s.Yes], e, w.steps[s.No])
	}
	fmt.Fprintf(&w.b, "start(p) := %s\n", w.steps[t.Start])
	fmt.Fprintf(&w.b, "units := [object.union(input.product, q) | some q in input.parts[%q]]\n", t.ForEach)
	fmt.Fprintf(&w.b, "scope := widest({start(object.union(p, {\"territory\": t})) | some p in units; some t in %s})\n", list(t.Territories))
	return nil
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, s := range words {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// node writes a node as a function of the facts at hand and gives its name.
func (w *writer) node(n *law.Node) (string, error) {
	body, err := w.body(n)
	if err != nil {
		return "", fmt.Errorf("%s: %w", n.ID, err)
	}
	if kind := n.ForEach + n.ForAny; kind != "" {
		combine := "all_of"
		if n.ForAny != "" {
			combine = "any_of"
		}
		f := w.name("parts")
		fmt.Fprintf(&w.b, "%s(p) := %s({%s(object.union(p, q)) | some q in input.parts[%q]})\n", f, combine, body, kind)
		body = f
	}
	if n.Gate == nil && n.When.Empty() {
		return body, nil
	}
	f := w.name("node")
	head, open := fmt.Sprintf("%s(p) := ", f), "" // what a point of law in the gate leaves open
	if n.Gate != nil {
		gate, err := w.node(n.Gate)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&w.b, "%s\"NOT APPLICABLE\" if %s(p) in {\"FAIL\", \"NOT APPLICABLE\"}\n", head, gate)
		head = "else := "
		open = fmt.Sprintf("%s\"INCONCLUSIVE\" if { %s(p) == \"INCONCLUSIVE\"; %s(p) != \"NOT APPLICABLE\" }\n", head, gate, body)
	}
	if !n.When.Empty() {
		e, err := w.expr(n.When.Source)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&w.b, "%s\"NOT APPLICABLE\" if not %s(p)\n", head, e)
		head = "else := "
	}
	fmt.Fprintf(&w.b, "%s%s%s(p)\n", open, head, body)
	return f, nil
}

func (w *writer) body(n *law.Node) (string, error) {
	content, err := w.content(n)
	if err != nil {
		return "", err
	}
	type condition struct{ text, verdict string }
	var conditions []condition
	if !n.Where.Empty() {
		e, err := w.expr(n.Where.Source)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, condition{"not " + e + "(p)", "NOT APPLICABLE"})
	}
	if !n.FailsWhen.Empty() {
		e, err := w.expr(n.FailsWhen.Source)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, condition{e + "(p)", "FAIL"})
	}
	for _, q := range n.Unsettled {
		text := "true"
		if !q.When.Empty() {
			e, err := w.expr(q.When.Source)
			if err != nil {
				return "", err
			}
			text = e + "(p)"
		}
		conditions = append(conditions, condition{text, "INCONCLUSIVE"})
	}
	if len(conditions) == 0 {
		return content, nil
	}
	f := w.name("body")
	head := f + "(p) := "
	for _, c := range conditions {
		fmt.Fprintf(&w.b, "%s%q if %s\n", head, c.verdict, c.text)
		head = "else := "
	}
	fmt.Fprintf(&w.b, "%s%s(p)\n", head, content)
	return f, nil
}

func (w *writer) content(n *law.Node) (string, error) {
	if !n.Holds.Empty() {
		e, err := w.expr(n.Holds.Source)
		if err != nil {
			return "", err
		}
		f := w.name("limb")
		fmt.Fprintf(&w.b, "%s(p) := \"PASS\" if %s(p)\nelse := \"FAIL\"\n", f, e)
		return f, nil
	}
	if p := n.ProvisionNode(); p != nil {
		return w.node(p)
	}
	children, combine := n.All, "all_of"
	if n.Any != nil {
		children, combine = n.Any, "any_of"
	}
	var calls []string
	for _, child := range children {
		if !w.inForce(child.From, child.Until) {
			continue
		}
		f, err := w.node(child)
		if err != nil {
			return "", err
		}
		calls = append(calls, f+"(p)")
	}
	f := w.name("group")
	fmt.Fprintf(&w.b, "%s(p) := %s({%s})\n", f, combine, strings.Join(calls, ", "))
	return f, nil
}

// expr writes a boolean expression as a function and gives its name.
func (w *writer) expr(source string) (string, error) {
	parsed, issues := w.env.Parse(source)
	if issues.Err() != nil {
		return "", issues.Err()
	}
	return w.truth(parsed.NativeRep().Expr())
}

func (w *writer) truth(x celast.Expr) (string, error) {
	if x.Kind() == celast.CallKind {
		c := x.AsCall()
		var parts []string
		switch c.FunctionName() {
		case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
			for _, a := range c.Args() {
				f, err := w.truth(a)
				if err != nil {
					return "", err
				}
				parts = append(parts, f)
			}
		}
		f := ""
		switch c.FunctionName() {
		case operators.LogicalAnd:
			f = w.name("e")
			fmt.Fprintf(&w.b, "%s(p) if { %s(p); %s(p) }\n", f, parts[0], parts[1])
		case operators.LogicalOr:
			f = w.name("e")
			fmt.Fprintf(&w.b, "%s(p) if %s(p)\n%s(p) if %s(p)\n", f, parts[0], f, parts[1])
		case operators.LogicalNot:
			f = w.name("e")
			fmt.Fprintf(&w.b, "%s(p) if not %s(p)\n", f, parts[0])
		case operators.Conditional:
			f = w.name("e")
			fmt.Fprintf(&w.b, "%s(p) if { %s(p); %s(p) }\n%s(p) if { not %s(p); %s(p) }\n", f, parts[0], parts[1], f, parts[0], parts[2])
		}
		if f != "" {
			return f, nil
		}
	}
	v, err := w.value(x)
	if err != nil {
		return "", err
	}
	f := w.name("e")
	fmt.Fprintf(&w.b, "%s(p) if %s\n", f, v)
	return f, nil
}

var infix = map[string]string{operators.Equals: "==", operators.NotEquals: "!=", operators.Less: "<", operators.LessEquals: "<=",
	operators.Greater: ">", operators.GreaterEquals: ">=", operators.In: "in"}

func (w *writer) value(x celast.Expr) (string, error) {
	switch x.Kind() {
	case celast.LiteralKind:
		if s, ok := x.AsLiteral().(types.String); ok {
			return fmt.Sprintf("%q", string(s)), nil
		}
		return fmt.Sprint(x.AsLiteral().Value()), nil
	case celast.ListKind:
		var parts []string
		for _, e := range x.AsList().Elements() {
			v, err := w.value(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, v)
		}
		return "{" + strings.Join(parts, ", ") + "}", nil
	case celast.IdentKind, celast.SelectKind:
		name := dotted(x)
		if name == "as_at" {
			return fmt.Sprint(w.at.Days()), nil
		}
		return fmt.Sprintf("p[%q]", name), nil
	case celast.CallKind:
		c := x.AsCall()
		var parts []string
		for _, a := range c.Args() {
			v, err := w.value(a)
			if err != nil {
				return "", err
			}
			parts = append(parts, v)
		}
		if c.FunctionName() == "date" {
			d, err := assay.ParseDate(strings.Trim(parts[0], `"`))
			return fmt.Sprint(d.Days()), err
		}
		if op, ok := infix[c.FunctionName()]; ok {
			return parts[0] + " " + op + " " + parts[1], nil
		}
		return c.FunctionName() + "(" + strings.Join(parts, ", ") + ")", nil
	}
	return "", fmt.Errorf("no Rego for this expression")
}

func dotted(x celast.Expr) string {
	if x.Kind() == celast.IdentKind {
		return x.AsIdent()
	}
	s := x.AsSelect()
	return dotted(s.Operand()) + "." + s.FieldName()
}
