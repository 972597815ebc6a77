// Package statement is a check of statements of compliance.
//
// # What statements of compliance hold
//
// It looks among saved pages and documents for statements of compliance that name
// this product: the page that product.yaml names, files whose name begins with
// "statement", and any other document that declares compliance in the words of
// the Act. With one statement it speaks of the product; with several, of
// statement/NAME, by file.
//
// It states what it finds: that the type and batch are named (as product.yaml
// writes them), the manufacturer with an address, an authorised representative,
// by whom it was prepared, what it declares, the standard with version and date,
// the support period with its end date, the function of the signatory, and the
// date of issue. That an item is lacking is stated only of a document that was
// read whole and is clearly a statement.
//
// What it cannot see: a signature or name that is a picture; whether every
// manufacturer is named; whether the statement goes with the product; whether the
// period is the one at first supply. A scan has no text: a person must read it.
//
// Sources: PSTI Act 2022 s.9; SI 2023/1007 Sch.4.
package statement
