// Package secrets is a check of the keys and tokens that a firmware holds.
//
// # Private keys, host keys and tokens that every unit shares
//
// It looks through the files of every tree in the firmware, texts and programs
// alike, for private keys, SSH host keys and tokens of services. What stands in an
// image stands in every unit that runs it: it is fixed in the software, and whoever
// reads the storage reads it. A key whose certificate lies in the same tree is an
// identity that all units share.
//
// Left out are the examples of a documentation, the test keys of cryptographic
// libraries and the authorities of a trust store; how many is remarked. A key that
// a pass phrase protects is remarked and not judged. Public keys that may log in to
// every unit, and certificates that are weak or have run out, are remarked.
//
// Nothing of a secret is shown. That none was found is not said to mean that there
// is none.
//
// It cannot see a secret that is split, encrypted or computed, nor tell whether a
// key is still used.
//
// Sources: ETSI EN 303 645 provisions 5.4-1, 5.4-3, 5.4-4.
package secrets
