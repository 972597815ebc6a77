// Package image is a check that takes firmware apart for the other checks.
//
// # Firmware taken apart: byte ranges, file trees, what is in them
//
// It opens every item of the kind firmware: an image, an archive or a folder. Of
// each it makes the map of byte ranges and the file trees; of each tree the
// accounts and the start-up of every root file system in it, the credentials,
// keys, certificates and update clients in its files, and the software it is made
// of. Ranges that belong to no tree, such as the program of a microcontroller or
// a boot loader, are looked through for strings that name a credential and for
// versions.
//
// It states nothing by itself: the checks that require it do. What it could not
// read it says, once for all of them.
//
// It cannot see into what is encrypted or packed in an unknown way, and of a
// program it sees texts, not what it does.
//
// Sources: the formats' own descriptions, as package firmware names them.
package image
