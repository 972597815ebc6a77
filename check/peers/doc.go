// Package peers is a check of the records from the bench.
//
// # Whether a unit checks whom it speaks to
//
// It reads the records of sessions in which servers were played for a unit: a person
// led the traffic of the unit to the bench, and said how; each client in the unit was
// shown certificates that must be refused. Each server that was called is stated, as a
// part of its own, by the name that the unit asked for: where it was not seen what the
// unit does there, that is wanted.
//
// That a certificate which nobody signed whom the unit could trust is accepted is
// stated where the unit went on with a self-signed one, or one of an unknown authority:
// it ended the handshake, and sent something or kept the connection open. A handshake
// alone is not enough. That it is not, where each client that called the name refused
// both, and either said that the certificate is the reason (unknown authority, bad or
// unknown certificate) or went on, under the same conditions, with a certificate of an
// authority that it was made to trust.
//
// That a wrong certificate is accepted is stated where it went on with one for another
// name, not valid at the time, for another use, or signed by a certificate that may sign
// none. That it is not, where each client refused all of these and went on with one of
// the same authority in which nothing was wrong.
//
// A unit that refuses everything, the good certificate too, shows nothing: it may know
// its server's certificate by heart, or the set-up may be broken. Nor does one that
// never calls. Hosts other than the unit are counted and not judged.
//
// A withdrawn version of TLS, RC4 or 3DES is stated as weak cryptography where a
// handshake was ended with it. A log-in that the unit sent in clear is stated as a
// secret in clear; other clear text is remarked, also where it came after a refusal.
// What the unit sent is in no record: its kind and a keyed digest are.
//
// It cannot see names that were not asked for while it listened; protocols that begin
// in clear and turn to TLS later; DTLS and QUIC; or the unit's own second thoughts after
// it began to speak. So it never states that all servers were seen.
//
// Sources: ETSI EN 303 645 provisions 5.5-1, 5.5-6; RFC 5280 6.1, RFC 9525, RFC 9325,
// RFC 8996, RFC 7465.
package peers
