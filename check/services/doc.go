// Package services is a check of the records from the bench.
//
// # What a unit offers over the network, as seen at the bench
//
// It reads the records of sessions with a unit. For every service that answered it
// states the protocol; whether the dossier names it, by protocol and port, where
// the dossier names interfaces at all; that it is enabled from the start, where the
// unit was as it left the factory; and whether one gets in without a log-in.
//
// A service that the dossier does not name is an undeclared interface. A port that
// the dossier names under another protocol is remarked, and neither is stated; so
// are several services of a protocol that the dossier names without a port.
//
// Open without a log-in is stated where something was had: a page, a stream, a
// listing, a session; or where any password is accepted. That a log-in is needed is
// stated of SSH, telnet, FTP and MQTT, which have one door, and never of a web
// server or a camera's streams, of which other pages and paths were not looked at.
//
// Outdated encryption is stated where a service accepted it: SSL 3.0, TLS 1.0 and
// 1.1, suites without encryption or authentication, of export strength, with RC4,
// DES or 3DES; certificates signed by MD5 or SHA-1; RSA keys below 2048 bits. So is
// a log-in that takes its password in clear, where one was accepted, or is asked
// for by basic authentication, a form or a prompt.
//
// That guessing is not limited is stated from 101 wrong log-ins without delay or
// lock-out (more than NIST SP 800-63B 5.2.2 allows in a row on one account) after which
// the right password is accepted: a lock-out that the device does not tell shows in
// that alone. That it is limited is stated where a lock-out or a growing delay was
// seen. Between the two nothing is stated.
//
// Where a person named two units, and both prove themselves by the same SSH host
// key or TLS key, the private key is the same on both: a secret fixed in the
// software.
//
// It cannot see radios, physical ports, UDP services that answer only to words that
// were not said, or what a packet filter hides; so it never states that nothing
// undeclared is there.
//
// Sources: ETSI EN 303 645 provisions 5.1-5, 5.4-3, 5.5-1, 5.5-5, 5.6-1, 5.6-4; RFC
// 7568, RFC 8996, RFC 9325.
package services
