// Package updates is a check of how a firmware updates itself.
//
// # How the device is updated, and whether anything checks the update
//
// It looks through the files of every tree for update clients and for scripts that
// fetch an image and write it: which client, from where, over what protocol, whether
// something in the same place checks a signature, and whether the check of the
// server's certificate is switched off.
//
// An update client in the image is a way to have the software updated, and that is
// stated. That a signature is checked is stated where the place says how; that none
// is checked only of a script that fetches and writes, in which nothing that could
// check one stands. A program may check what its script does not: a test of the
// device decides.
//
// It cannot see what a program of the maker's own does inside, and it does not ask
// the server.
//
// Sources: ETSI EN 303 645 provisions 5.3-1, 5.3-2, 5.3-9, 5.3-10.
package updates
