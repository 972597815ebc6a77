package image

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

//go:embed phrases.json
var phraseData []byte

type phraseFile struct {
	AsOf      string `json:"as_of"`
	Note      string `json:"note"`
	Languages []struct {
		Language  string   `json:"language"`
		Encodings []string `json:"encodings"`
		Anchors   []string `json:"anchors"` // a word for password, by which a place is found
		Phrases   []string `json:"phrases"` // what must stand near it
	} `json:"languages"`
}

// asked is one word for password in one encoding, with the phrases that must stand near it.
type asked struct {
	anchor  []byte
	phrases [][]byte // in lower case as far as ASCII goes
}

// phrasesNear is how far from the word a phrase may stand, in bytes.
const phrasesNear = 160

var encodings = map[string]encoding.Encoding{"gbk": simplifiedchinese.GBK, "big5": traditionalchinese.Big5, "shift_jis": japanese.ShiftJIS, "euc-kr": korean.EUCKR,
	"latin-1": charmap.Windows1252, "windows-1251": charmap.Windows1251}

// encoded writes a text as files of a device hold it.
func encoded(text, as string) ([]byte, error) {
	switch as {
	case "utf-8":
		return []byte(text), nil
	case "utf-16le":
		var b []byte
		for _, u := range utf16.Encode([]rune(text)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return b, nil
	case "escaped": // as JavaScript and JSON write it
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(text)) {
			if u < 0x80 {
				b.WriteByte(byte(u))
			} else {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
		}
		return []byte(b.String()), nil
	}
	e, ok := encodings[as]
	if !ok {
		return nil, fmt.Errorf("encoding %q is not known", as)
	}
	return e.NewEncoder().Bytes([]byte(text))
}

// askedFor are the phrases of all languages in all encodings. Those that are the same in two encodings stand once.
var askedFor = sync.OnceValue(func() []asked {
	var f phraseFile
	if err := json.Unmarshal(phraseData, &f); err != nil {
		panic("phrases.json: " + err.Error()) // our own file; a test reads it
	}
	var all []asked
	for _, l := range f.Languages {
		for _, as := range l.Encodings {
			var phrases [][]byte
			for _, p := range l.Phrases {
				b, err := encoded(p, as)
				if err != nil {
					panic("phrases.json: " + l.Language + ": " + p + ": " + err.Error())
				}
				phrases = append(phrases, lowered(b))
			}
			for _, a := range l.Anchors {
				b, err := encoded(a, as)
				if err != nil {
					panic("phrases.json: " + l.Language + ": " + a + ": " + err.Error())
				}
				all = append(all, asked{b, phrases})
			}
		}
	}
	return all
})

// lowered is a text with its ASCII letters in lower case. Bytes of other letters stay.
func lowered(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// asksInWords gives the offset of a text that asks for a password of one's own in one of the languages of the list, or -1.
func asksInWords(window []byte) int {
	for _, a := range askedFor() {
		for at := 0; ; at++ {
			i := bytes.Index(window[at:], a.anchor)
			if i < 0 {
				break
			}
			at += i
			from, to := max(0, at-phrasesNear), min(len(window), at+len(a.anchor)+phrasesNear)
			near := lowered(window[from:to])
			for _, p := range a.phrases {
				if j := bytes.Index(near, p); j >= 0 {
					return from + j
				}
			}
		}
	}
	return -1
}
