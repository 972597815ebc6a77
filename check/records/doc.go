// Package records is a check of the evidence from the bench.
//
// # Records of sessions with a unit at the bench
//
// It reads the records that the commands assay device and assay peer wrote into the
// evidence of kind device, so that other checks can look at what was seen. It states
// nothing.
//
// A record of another product is left out, and said: of a model or make that
// product.yaml does not name, or of a hardware address that no unit has where
// product.yaml lists those of all. Of two records of one unit in the same state both
// count, and that is said.
//
// A record that cannot be read is said; other files in the folder, such as photos
// and notes, are passed over.
package records
