// Package passwords is a check of the passwords that a factory printed on labels.
//
// # Check passwords
//
// # Batches of default passwords: unique, no counters, not public, not derived, not guessable
//
// It audits every batch in the evidence of kind passwords: one row for each unit,
// with the password and what identifies the unit. A batch NAME.csv speaks of the
// part password/NAME. It states, of that password:
//
//   - whether it is different on every unit (exact comparison of all rows),
//   - whether it is built on a counter or a common stem,
//   - whether it follows from public information or stands in a published list,
//   - whether it follows from an identifier, with the recipe and the number of rows
//     that it explains,
//   - whether it can be guessed.
//
// A finding is stated as soon as a test fires. That there is none is stated only
// where the tests had the power to see it. That passwords do not follow from an
// identifier no list can show: it is stated only with the mechanism that the
// manufacturer declares in NAME.mechanism.yaml beside the batch, and for a keyed
// one with rows that the manufacturer computed anew. Texts and key-sized constants
// of firmware in the same dossier are tried as salts and keys.
//
// It cannot see a weakness that needs more rows than the batch has; the note says
// how many were tried. It does not know whether the password is still in use after
// set-up. Passwords are never put into observations.
//
// Sources: SI 2023/1007 Sch.1 para 1(3), (5); docs/password-audit.md.
package passwords
