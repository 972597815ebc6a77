// Package accounts is a check of a firmware's root file system.
//
// # Accounts and start-up services of a firmware's root file system
//
// It looks for root file systems in the evidence of kind firmware: images,
// archives and unpacked folders. In each it reads etc/passwd and etc/shadow, and
// follows what starts at boot.
//
// For every account in use it states its state, whether its shell gives a
// session, its user number and the scheme of its hash. An account that can log in
// by a password which is fixed in the image is a password of every unit, in
// preinstalled software (SI 2023/1007 Sch.1 para 1(2)). That it is the same in
// every unit, not set by the user and usable outside the factory default state is
// stated only where
//
//   - the tree was read whole,
//   - something started at boot without condition asks for such a password, and
//   - nothing was found that could put another password in its place: a script
//     that changes passwords or writes the account files, a mount over /etc or /,
//     and, on a file system that can be written or whose kind is not known, a
//     program that names the file of hashes, or names /etc/passwd and
//     could write it.
//
// An empty password is a blank that is accepted, under the same conditions. The
// hash is tried against a published list of default passwords, within a bound. A
// password that is found is never shown. That no password of the list fits says
// nothing good of a password, so nothing is stated then.
//
// For every network service that lets somebody in and is started at boot it
// states protocol, that it is enabled at boot when nothing makes its start depend
// on the device's state, and that it is unauthenticated when it asks for nothing
// or takes an empty password.
//
// Where there is a root file system it states whether the firmware was read
// whole: every part of every image identified, every tree complete.
//
// A locked account is no password. Files that are kept as samples or backups, and
// accounts whose shell gives no session, are mentioned and not judged. Where
// there is no root file system nothing is stated.
//
// It cannot see accounts that a program of the maker's own keeps elsewhere, what
// lies on other partitions of the device, what a program other than a script does
// on a file system that only reads, or whether a service can be reached through
// the device's packet filter.
//
// Sources: passwd(5), shadow(5), crypt(5); inittab(5) of BusyBox and System V;
// systemd.unit(5).
package accounts
