package web

import (
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// apiView is the description of the interface, for people.
type apiView struct {
	BaseURL    string
	Operations []apiOperation
	Types      []apiType
}

// apiType is what answers are made of.
type apiType struct {
	Name   string
	Fields []apiInput
}

type apiOperation struct {
	ID, Method, Path, Summary, Description string
	Inputs                                 []apiInput
	Answer                                 []apiInput // fields of the answer
}

type apiInput struct {
	Name, Where, Type, Doc string
	Must                   bool
}

// describe reads what the page of the interface says out of its OpenAPI document.
func describe(doc *huma.OpenAPI, base string) (apiView, error) {
	v := apiView{BaseURL: base}
	for path, item := range doc.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			o := apiOperation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Description: op.Description}
			for _, p := range op.Parameters {
				o.Inputs = append(o.Inputs, apiInput{p.Name, map[string]string{"path": "in the address", "query": "after the ?"}[p.In], typeWords(doc, p.Schema), p.Description, p.Required})
			}
			if op.RequestBody != nil {
				o.Inputs = append(o.Inputs, fields(doc, op.RequestBody.Content["application/json"], "in the body")...)
			}
			if ok := op.Responses["200"]; ok != nil {
				o.Answer = fields(doc, ok.Content["application/json"], "")
			}
			if o.Summary == "" {
				return v, fmt.Errorf("the interface does not say what %s %s is for", method, path)
			}
			v.Operations = append(v.Operations, o)
		}
	}
	for name, schema := range doc.Components.Schemas.Map() {
		t := apiType{name, schemaFields(schema, doc, "")}
		if len(t.Fields) > 0 && !slices.Contains([]string{"Results", "Matches", "Changes", "Categories", "Log", "ErrorDetail", "Problem"}, name) && !strings.HasSuffix(name, "Body") {
			v.Types = append(v.Types, t)
		}
	}
	slices.SortFunc(v.Types, func(a, b apiType) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(v.Operations, func(a, b apiOperation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return v, nil
}

func resolve(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func fields(doc *huma.OpenAPI, m *huma.MediaType, where string) []apiInput {
	if m == nil {
		return nil
	}
	return schemaFields(resolve(doc, m.Schema), doc, where)
}

func schemaFields(s *huma.Schema, doc *huma.OpenAPI, where string) []apiInput {
	if s == nil {
		return nil
	}
	var out []apiInput
	for name, p := range s.Properties {
		out = append(out, apiInput{name, where, typeWords(doc, p), p.Description, slices.Contains(s.Required, name)})
	}
	slices.SortFunc(out, func(a, b apiInput) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// typeWords says what a value is, in a few words.
func typeWords(doc *huma.OpenAPI, s *huma.Schema) string {
	if s == nil {
		return ""
	}
	if s.Ref != "" {
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	}
	switch {
	case s.Type == huma.TypeArray:
		return "list of " + typeWords(doc, s.Items)
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, e := range s.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, ", ")
	case s.Format == "date" || s.Format == "date-time":
		return s.Format
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%s, %.0f to %.0f", s.Type, *s.Minimum, *s.Maximum)
	}
	return s.Type
}
