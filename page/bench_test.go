package page

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/net/html"
)

// bigPage is a page of about n bytes as shops and makers publish them: menus, paragraphs, tables of support dates,
// attributes and scripts.
func bigPage(n int, dense bool) []byte {
	head, cell := "Impedance", "4 ohm"
	if dense {
		head, cell = "Security updates until", "31 December 2029"
	}
	var b bytes.Buffer
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Product security</title><style>.a{color:red}</style></head><body><nav><ul>`)
	for i := range 20 {
		fmt.Fprintf(&b, `<li class="menu__item"><a class="menu__link" href="/category/%d" data-track="nav-%d">Category %d</a></li>`, i, i, i)
	}
	b.WriteString(`</ul></nav><main><h2>Support periods</h2><table><tr><th>Model</th><th>Security updates until</th></tr>`)
	for i := range 40 {
		fmt.Fprintf(&b, "<tr><td>AL-%d</td><td>31 December 20%d</td></tr>", 100+i, 27+i%4)
	}
	b.WriteString(`</table><h1>Product security</h1><p>Report vulnerabilities to <a href="mailto:security@alder.example">our team</a>. We acknowledge your report within 5 working days and send a status update every 2 weeks until it is resolved.</p>`)
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `<section class="product-card product-card--wide" id="p%d" data-sku="AL-%d"><h3 class="product-card__title">Alder speaker AL-%d</h3>
<p class="product-card__text">A loudspeaker for the kitchen &amp; the garden, with eight hours of battery life, a handle made of leather and a fabric that can be washed. It connects to your phone in seconds, and it remembers the last station you listened to.</p>
<ul class="features"><li>Weight: 1.2&nbsp;kg</li><li>Colours: black, sand and green</li><li>Plays for 8 hours</li></ul>
<img src="/img/al-%d.jpg" alt="The speaker from the front" width="400" height="300" loading="lazy">
<table class="spec"><tr><th>Model</th><th>%s</th></tr><tr><td>AL-%d</td><td>%s</td></tr></table>
<script>window.dataLayer=window.dataLayer||[];dataLayer.push({'event':'view','sku':'AL-%d'});</script></section>`, i, i, i, i, head, i, cell, i)
	}
	b.WriteString(`</main><footer><p>Alder Sound Ltd</p></footer></body></html>`)
	return b.Bytes()
}

// BenchmarkHTML reads a large page and, in the same run, parses it with x/net/html alone.
func BenchmarkHTML(b *testing.B) {
	data := bigPage(8<<20, false)
	read := func(data []byte) func(*testing.B) {
		return func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Read(b.Context(), "https://alder.example/", "text/html", data, Limits{})
				if err != nil || d.Limbs.SupportPeriod != Present {
					b.Fatal(err, d.Limbs)
				}
			}
		}
	}
	b.Run("read", read(data))
	b.Run("text_only", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := &Document{Source: "https://alder.example/"}
			if err := readHTML(b.Context(), d, data, Limits{}.withDefaults()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read_support_everywhere", read(bigPage(8<<20, true)))
	b.Run("bare_parse", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := html.Parse(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read_small_page", read(bigPage(1, false)))
}
