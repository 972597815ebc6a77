// Package support is a check of what is published about the support period.
//
// # What is published about the period of security updates
//
// It reads the newest saved copy of the page that product.yaml names for
// support, and every other saved page of the manufacturer, and looks in each for
// the support period of this product: the row of a table that lists one of its
// models, by number, pattern or series, else a statement for all products. It
// states how the end is written, and the last day where one is fixed: a day, or a
// month, which ends with its last day. A year alone, "at least 3 years", "3 years
// from purchase" and "lifetime" fix none.
//
// That no period is published is stated only where the page named for it was
// read whole, in English, and no other saved page has one for this product. A row
// for a number that only resembles the product's says nothing: a person must
// judge it. Where pages contradict each other no end is stated; where both list the
// product itself, that is stated as not clear.
//
// It compares the dated copies of each page, the oldest first. An earlier last
// day in the place of a later one, for the same product in the same way, is a
// period that was shortened; a later one is a period that was extended. That a
// period was never shortened it cannot tell, since it has not seen all that was
// ever published.
//
// What it cannot see: for which parts of the product the period is meant,
// whether it is otherwise clear and in plain words, whether an extension was published in
// time, and how prominent it is on the page.
//
// Sources: SI 2023/1007 reg 2 and Sch.1 para 3.
package support
