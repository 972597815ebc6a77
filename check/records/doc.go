// Package records is a check of the evidence from the bench.
//
// # Records of sessions with a unit at the bench
//
// It reads the records that the command assay device wrote into the evidence of
// kind device, so that other checks can look at what was seen. It states nothing.
//
// A record that cannot be read is said; other files in the folder, such as photos
// and notes, are passed over.
package records
