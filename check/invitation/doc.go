// Package invitation is a check of how the support period stands on the page that
// offers the product.
//
// # How the support period stands on the page that offers the product
//
// It reads what a browser measured of the product's page, as `assay test --fetch
// --render` keeps it in evidence/pages: the page after its scripts ran, a picture,
// and where title, price, buying, characteristics and support period stand.
//
// It states that the page shows a price and lets the consumer buy where both show
// when the page opens. The period is stated to stand beside the characteristics
// where both are in the same list or table and show when the page opens; to be as
// prominent where it is at least as large, as heavy and as strong in contrast as
// they are, less than half a window away. That it is neither is stated where the
// page was read whole and has no period and no large pictures, or only inside a
// fold that is closed. In all other cases it says what was measured, and a person
// decides.
//
// What it cannot see: text in pictures, what shows after a click, other sizes of
// window, whose page it is, and whether the list that it took for the
// characteristics is that.
//
// Sources: SI 2023/1007 Sch.1 para 3(5), (7); SI 2008/1277 reg 2(1); DMCC Act 2024
// s.230(10). The measures are ours.
package invitation
