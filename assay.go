// Package assay holds the nouns that the whole program shares: terms, values,
// subjects, observations, verdicts, dates, and the kinds of error.
//
// The one idea is: observations + law = verdicts. An observation says one thing
// about one subject; a term is a word of the vocabulary in which it is said; a
// verdict is what a regime of law makes of the facts that the observations fold
// into.
//
// The package holds no behaviour beyond those nouns and imports the standard
// library only. Folding is in vocab, judging in law, gathering in the checks.
package assay

// TermID names a term of the vocabulary, such as "password.unique".
type TermID string

// RegimeID names a body of law held as data, such as "uk-psti".
type RegimeID string

// Cite says where in the law or in a standard something stands, in the short
// form that lawyers use: "SI 2023/1007 Sch.1 para 1(2)".
type Cite string

// Digest is the SHA-256 of a piece of evidence, written "sha256:" and 64
// lower-case hexadecimal digits.
type Digest string
