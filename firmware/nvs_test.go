package firmware

import (
	"bytes"
	"testing"
)

// madeNVS is one page of settings: a namespace, a number, a text, an erased text and a blob.
func madeNVS() []byte {
	p := bytes.Repeat([]byte{0xff}, nvsPage)
	copy(p, "\xfe\xff\xff\xff\x00\x00\x00\x00\xfe")
	le.PutUint32(p[28:], nvsCRC(p[4:28]))
	at := 0
	put := func(space, typ byte, key string, data, body []byte, erased bool) {
		span := 1 + (len(body)+31)/32
		e := p[64+32*at:]
		e[0], e[1], e[2], e[3] = space, typ, byte(span), 0xff
		clear(e[8:24])
		copy(e[8:24], key)
		copy(e[24:32], data)
		if len(body) > 0 {
			le.PutUint16(e[24:], uint16(len(body)))
			le.PutUint32(e[28:], nvsCRC(body))
			copy(e[32:], body)
		}
		le.PutUint32(e[4:], nvsCRC(e[:4], e[8:32]))
		for i := at; i < at+span; i++ {
			state := byte(2)
			if erased {
				state = 0
			}
			p[32+i/4] = p[32+i/4]&^(3<<(i%4*2)) | state<<(i%4*2)
		}
		at += span
	}
	put(0, 1, "net80211", []byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nil, false)
	put(1, 1, "channel", []byte{11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nil, false)
	put(1, 0x21, "wifi_password", nil, []byte("oldoldold\x00"), true)
	put(1, 0x21, "wifi_password", nil, []byte("a pass phrase that is longer than one entry\x00"), false)
	put(1, 0x42, "sta.key", nil, []byte{1, 2, 0xab}, false)
	return p
}

func TestNVS(t *testing.T) {
	data := append(bytes.Repeat([]byte{0xff}, 0x9000), madeNVS()...)
	im := open(t, append(data, bytes.Repeat([]byte{0xff}, 0x3000)...))
	tr := oneTree(t, im)
	if tr.Offset != 0x9000 || tr.Size != nvsPage || len(im.Unread) != 0 {
		t.Errorf("%s, unread %v", describe(im), im.Unread)
	}
	got, err := tr.FS.ReadFile("net80211.nvram")
	if want := "channel=11\nwifi_password=a pass phrase that is longer than one entry\nsta.key=0102ab\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	bad := madeNVS()
	bad[64+32*4+40] ^= 1 // in the text that counts
	if im := open(t, bad); im.Trees[0].Complete || !has(im, Corrupt, "checksum") {
		t.Errorf("changed: unread %v", im.Unread)
	}
	sealed := madeNVS()
	for i := range sealed[64 : 64+32*8] { // what encryption leaves: the head of the page
		sealed[64+i] ^= byte(i*7 + 3)
	}
	if im := open(t, sealed); len(im.Trees) != 0 || !has(im, Encrypted, "esp-nvs") {
		t.Errorf("encrypted: unread %v", im.Unread)
	}
}
