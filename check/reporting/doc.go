// Package reporting is a check of what is published about reporting security
// issues.
//
// # What is published about reporting security issues
//
// It reads the newest saved copy of the page that product.yaml names for
// security, the security.txt of its hosts (RFC 9116) with the policy to which it
// leads, and any other saved page that gives a mail address or telephone number
// for security reports. It looks for a point of contact, the
// time until a report is acknowledged, the time or interval of status updates
// until the issue is resolved, the language, and what stands between a reader and
// the text: a login, a payment, a question who one is.
//
// That something is not published is stated only where the page named for it was
// read whole, in English, and no other saved page has it. A page that cannot be
// read, that shows its text by script only, or that is in a language this check
// does not read, says nothing either way. That the text can be read without
// asking, paying or saying who one is is stated of pages that were fetched with
// neither cookie nor credential, not of pages saved by hand.
//
// That it can be found and opened is stated where another saved page of the
// manufacturer links to it; that it cannot, where the address that product.yaml
// names answers that there is no such page.
//
// What it cannot see: for which parts of the product the contact is meant,
// whether the text is clear, whether the page of another company covers this
// brand, and whether what is promised is kept. A time said with a reserve ("we
// aim to") counts as stated, and the note says so.
//
// Sources: SI 2023/1007 Sch.1 para 2; RFC 9116.
package reporting
