// Package capture reads recorded network traffic and says, of one device, to whom
// it spoke and who spoke to it, over what, and how well that was protected.
//
// It reads pcap and pcapng, plain or compressed, as a stream: memory is bounded
// whatever the size of the file, and where a bound bit the result says so. What a
// conversation is follows from its content; a port alone decides only where the
// content fits and says nothing else.
//
// It is not for judging. It knows no law, sends nothing, decrypts nothing but what
// is protected by keys that anybody can work out (the first flight of QUIC, the
// discovery frames of some makers, each named as such). A capture shows what
// happened while it ran: that something is not in it says hardly anything, and a
// payload that is not understood is called unknown, neither clear nor encrypted.
package capture
