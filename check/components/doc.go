// Package components is a check of the software that a firmware is made of.
//
// # The software components of a firmware and the end of their maintenance
//
// It takes the components of every tree, and of kernels, boot loaders and programs
// that lie outside of trees: from package databases where there are any, else from
// the version that a program carries as text. For each it states the version, with
// the file and the offset where it stands, and the day on which those who make it
// stop to mend it, where that is known.
//
// No component is guessed. One that carries no version is not seen, and a
// distribution may mend a version that its makers no longer do: the end of
// maintenance is that of the original.
//
// Known vulnerabilities are matched by assay firmware --vulns, against records that
// the user keeps; they are no observation, since tomorrow's records differ.
//
// Sources: package databases of dpkg, opkg and apk; the makers' announcements, as
// package component dates them.
package components
