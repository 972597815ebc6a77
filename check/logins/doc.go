// Package logins is a check of the records from the bench.
//
// # Passwords that let one into a unit at the bench
//
// It reads the records of sessions with a unit. A published default password that
// a way in accepted, while it refused random ones before and after, is a password
// of the product in preinstalled software. It is stated as published and guessable,
// and as not different on every unit: what is in a published list is on more than
// one. An empty password that is accepted in this way is stated as a blank that is
// accepted. What an SNMP community is in law is left to a person.
//
// What follows for a unit that is not in its factory state is stated only of what
// was seen there:
//
//   - That the password works after set-up is stated of a unit that was set up as
//     its instructions say. Of one that was as it left the factory, or of which
//     nobody said, nothing follows for later: the user may have to change it. Nor
//     does anything where the way in asks for a new password before all else: such
//     a unit has not been set up to the end.
//   - That the user did not set it is stated where the unit was set up and the
//     person gave the password that was set then, which is another one. Without
//     that the person may have chosen the default value at set-up.
//
// The unit's own printed password is stated as usable after set-up where it was
// accepted then. That it was refused is never stated: another way in may take it.
//
// That a way in asks for a password is use of a password. That published defaults
// were refused is remarked with their number, and says nothing good of a password.
//
// Where a person changed a password, that the change has no effect is stated where
// the old one is accepted beside the new one. That it has one, where only the new one
// is accepted and the person said that the change was simple.
//
// Where that person then tried to set a weak password, that it was refused is stated
// where the person says so, a log-in with it is refused and the password before is
// still accepted; that it was taken, where a log-in with it is accepted and one with a
// random password is not. One value is tried. No provision asks for it by itself.
//
// It cannot see passwords for which no way in was found, and it tries a few values
// only.
//
// Sources: SI 2023/1007 Sch.1 para 1; ETSI EN 303 645 provisions 5.1-1, 5.1-2, 5.1-4.
package logins
