// Package pages is a check that reads saved public pages and documents once, for
// the checks that ask what they say.
//
// # Saved public pages and documents, as one text with places
//
// It looks at the evidence of kind pages: WARC files, as `assay test --fetch`
// and web archives write them, and pages saved by hand (HTML, PDF, DOCX, text,
// security.txt). It also reads evidence of kind documents.
//
// In a WARC file the page that product.yaml names for a purpose is found by its
// address, redirects followed; each capture has its date. A page saved by hand is
// for the purpose with which its file name begins, and stood so on the day that
// the name gives: support-2026-03-02.html, security.pdf, statement-K2.docx. The
// purposes are product, security, support and statement. A page without a day
// counts only where none of that purpose has one. Of other pages in a WARC file
// only those of the hosts that product.yaml names count; a file whose name says no
// purpose does not count.
//
// The newest capture of each purpose is what is published; earlier ones are its
// history. It states nothing itself.
//
// What it cannot see: text that appears only by script or in pictures, and
// whether a page saved by hand was ever public.
package pages
