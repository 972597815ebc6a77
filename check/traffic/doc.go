// Package traffic is a check of captures of a product's network traffic.
//
// # What units of the product say on the network
//
// It reads the captures in the evidence and looks at what the units that
// product.yaml lists under units: are an end of, by hardware address and by IP
// address, addresses learnt from DHCP, ARP and neighbour discovery included. Where a person
// read a capture with assay capture --device --dossier, the record of that reading
// says which addresses in that very capture are the unit's, and is cited. What
// phones, routers and other devices in the capture do among themselves is left
// out; so is what a unit that forwards passes on for others.
//
// It states
//
//   - the protocol of each service that a unit offered: it answered on a port of
//     its own,
//   - that an interface can be used without a log-in, where a unit let somebody in
//     so: MQTT, RTSP, FTP, a shell over telnet, commands of TP-Link's local protocol,
//   - that a secret was sent in clear: by a unit, or to a unit that accepted it; and
//     that this left the local network, where the peer's address is a public one,
//   - that weak cryptography was in use: a version of TLS that was withdrawn, RC4,
//     DES, 3DES, export-grade or no encryption, a certificate signed with MD5 or
//     SHA-1 or with an RSA key below 2048 bits, where the handshake was seen to its
//     end; a log-in in clear that was accepted,
//   - that a password is used, where a unit accepted one, that its value is in a
//     published list of defaults, and that a blank one is accepted. Who set it, the
//     capture does not show,
//   - the protocol by which a unit fetched what looks like firmware,
//   - which servers a unit calls under TLS, by the names that it asks for. How it takes
//     their certificates a capture does not show.
//
// It never states that something is not so: a capture shows what happened while it
// ran. Refused log-ins, log-ins by a value meant for everybody, cookies, obfuscation,
// lack of forward secrecy, self-signed certificates, pictures in clear, opened
// ports, services that product.yaml does not list and payloads that nobody
// understands are remarked. Where no unit is listed, or none is in a capture, it
// states nothing and says what is wanted. Secrets are never shown: they are found
// in the capture by packet number.
//
// Sources: ETSI EN 303 645 V2.1.1 provisions 5.1-1, 5.3-7, 5.5-1, 5.5-6, 5.5-7,
// 5.6-1; RFC 8996, RFC 7568, RFC 7465 for what was withdrawn.
package traffic
