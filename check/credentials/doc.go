// Package credentials is a check of what a firmware's settings let in.
//
// # Passwords in a firmware's settings files and programs
//
// It looks through the files of every tree in the firmware for the passwords that
// files other than passwd and shadow give: htpasswd files, web servers, brokers,
// settings of the maker's own in INI, XML, JSON and nvram form, hostapd. In the
// program of a microcontroller it looks for strings that name what they hold.
//
// What it finds is one of four things, and only the first two are passwords of
// the product:
//
//   - the log-in of a user of the product: an account of a server's own password
//     file, or a user name such as admin with its password in a settings file that
//     is not about an account elsewhere (mail, dial-in, dynamic DNS, proxies);
//   - the pass phrase of the product's own access point, in a settings file of
//     hostapd, or in a program right after the name of the access point and made
//     from the same word;
//   - a credential for something else, or a value whose use is not known: a lead,
//     which is remarked and not judged;
//   - a placeholder or an example, which is passed over.
//
// A value in the image is the same in every unit and was not chosen by its user.
// That it is so, and that it works after set-up, is stated only where
//
//   - the tree was read whole,
//   - no script in it writes the file that gives the value, and
//   - no text in it speaks of making somebody choose a password (a name such as
//     first_login, a message such as "please set a password").
//
// A value in a published list of default passwords is stated as such and as
// guessable. An empty password of a named user is a blank that is accepted, under
// the same conditions and where that pair is itself published. Stored hashes are tried
// against the published list, within a bound. No value is ever shown. That no
// published value fits says nothing good of a password, so nothing is stated then.
//
// It cannot see whether the service that would ask for a password runs, what a
// program does with a value, or what is written into a partition of settings in
// production.
//
// Sources: SI 2023/1007 Sch.1 para 1; the file formats' own documents.
package credentials
