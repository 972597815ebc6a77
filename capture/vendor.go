package capture

import (
	"bytes"
	"crypto/aes"
	"crypto/md5"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Local protocols of makers. What these hide under fixed or published keys is read,
// since anybody on the network can.

// shpPlain undoes the autokey of TP-Link's Smart Home Protocol: each byte is
// combined with the one before it as sent, the first with 171.
func shpPlain(b []byte) []byte {
	out, key := make([]byte, len(b)), byte(171)
	for i, c := range b {
		out[i], key = c^key, c
	}
	return out
}

// shpReader reads it over TCP, where each message has its length before it.
type shpReader struct{ asked []string }

func (r *shpReader) read(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 4 {
		return 0
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > 48<<10 || len(b) > 4 && b[4] != '{'^171 {
		t.stop(f)
		return 0
	}
	if len(b) < 4+n {
		return 0
	}
	t.shp(f, from, b[4:4+n], &r.asked)
	return 4 + n
}

type shpDatagrams struct{ asked []string }

func (r *shpDatagrams) datagram(t *tracker, f *flow, from side, b []byte) {
	t.shp(f, from, b, &r.asked)
}

// shp reads one message: a group of commands by module, or the answers to them.
func (t *tracker) shp(f *flow, from side, b []byte, asked *[]string) {
	f.label, f.guard = "tplink-shp", Obfuscated
	var m map[string]json.RawMessage
	if json.Unmarshal(shpPlain(b), &m) != nil {
		return
	}
	for _, module := range slices.Sorted(maps.Keys(m)) {
		var commands map[string]json.RawMessage
		if json.Unmarshal(m[module], &commands) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(commands)) {
			command := printable(module + "." + name)
			if from == f.client {
				t.detail(f, from, "command", command)
				if len(*asked) < 64 {
					*asked = append(*asked, command)
				}
				t.shpSecret(f, command, commands[name])
				continue
			}
			t.shpAnswer(f, from, command, commands[name], *asked)
		}
	}
}

func (t *tracker) shpSecret(f *flow, command string, b json.RawMessage) {
	var x struct{ SSID, Username, Password string }
	if json.Unmarshal(b, &x) == nil && x.Password != "" {
		user := x.Username
		if user == "" {
			user = x.SSID
		}
		t.credential(f, Credential{Kind: "password", How: "TP-Link SHP " + command, User: user, Secret: Secret(x.Password)})
	}
}

func (t *tracker) shpAnswer(f *flow, from side, command string, b json.RawMessage, asked []string) {
	var x struct {
		Model, Alias, MAC string
		Version           string   `json:"sw_ver"`
		Error             *int     `json:"err_code"`
		Latitude          *float64 `json:"latitude"`
	}
	if json.Unmarshal(b, &x) != nil {
		return
	}
	t.detail(f, from, "model", x.Model)
	t.detail(f, from, "alias", x.Alias)
	t.detail(f, from, "software", x.Version)
	if x.Latitude != nil {
		t.detail(f, from, "tells", "where it stands (latitude and longitude)")
	}
	verb := command[strings.LastIndexByte(command, '.')+1:]
	if x.Error != nil && *x.Error == 0 && !strings.HasPrefix(verb, "get_") && slices.Contains(asked, command) {
		t.opened(f, "TP-Link SHP command "+command)
	}
}

// Tuya's frames: a mark, number, command, length, payload, check, a mark.
const (
	tuyaMark    = 0x000055aa
	tuyaMarkGCM = 0x00006699
)

func looksTuya(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	mark := binary.BigEndian.Uint32(b)
	return mark == tuyaMark && binary.BigEndian.Uint32(b[12:]) < 1<<16 || mark == tuyaMarkGCM && len(b) >= 18 && binary.BigEndian.Uint32(b[14:]) < 1<<16
}

type tuyaReader struct{ count int }

func (r *tuyaReader) read(t *tracker, f *flow, from side, b []byte) int {
	if len(b) < 18 {
		return 0
	}
	if !looksTuya(b) {
		t.stop(f)
		return 0
	}
	n := 16 + int(binary.BigEndian.Uint32(b[12:]))
	if binary.BigEndian.Uint32(b) == tuyaMarkGCM {
		n = 18 + int(binary.BigEndian.Uint32(b[14:])) + 4
	}
	if n > maxPend {
		t.stop(f)
		return 0
	}
	if len(b) < n {
		return 0
	}
	if r.count++; r.count > 500 {
		t.stop(f)
		return n
	}
	t.tuya(f, from, b[:n])
	return n
}

func (r *tuyaReader) datagram(t *tracker, f *flow, from side, b []byte) {
	if looksTuya(b) {
		t.tuya(f, from, b)
	}
}

// tuyaKey is what every product of the maker hides its discovery under: the MD5 of
// a text that is in its apps and in public programs.
var tuyaKey = md5.Sum([]byte("yGAdlopoPVldABfn"))

// tuya reads one frame.
func (t *tracker) tuya(f *flow, from side, b []byte) {
	f.label = "tuya"
	if binary.BigEndian.Uint32(b) == tuyaMarkGCM {
		t.detail(f, from, "version", "3.5 (AES-GCM)")
		f.guard = Encrypted
		return
	}
	n := int(binary.BigEndian.Uint32(b[12:]))
	body := b[16:]
	if n < 8 || len(body) < n {
		return
	}
	body = body[:n-8] // check and mark
	if len(body) >= 4 && (body[0]|body[1]|body[2] == 0) {
		body = body[4:] // code of an answer
	}
	if len(body) == 0 {
		return
	}
	if f.guard == "" {
		f.guard = Unknown
	}
	switch {
	case body[0] == '{':
		f.guard = Clear
		t.tuyaJSON(f, from, body)
	case len(body) >= 3 && body[0] == '3' && body[1] == '.':
		v := string(body[:3])
		if v == "3.3" || v == "3.1" || v == "3.2" {
			v += " (AES in ECB mode under the unit's key: equal messages look equal)"
		}
		t.detail(f, from, "version", v)
	case len(body)%16 == 0 && f.key.proto == protoUDP:
		if plain := tuyaOpen(body); plain != nil {
			f.guard = Obfuscated
			t.detail(f, from, "hidden under", "a key that is published and the same for all products of the maker")
			t.tuyaJSON(f, from, plain)
		}
	}
}

func tuyaOpen(b []byte) []byte {
	block, err := aes.NewCipher(tuyaKey[:])
	if err != nil {
		return nil
	}
	out := make([]byte, len(b))
	for i := 0; i+16 <= len(b); i += 16 {
		block.Decrypt(out[i:], b[i:i+16])
	}
	if len(out) == 0 || out[0] != '{' {
		return nil
	}
	if pad := int(out[len(out)-1]); pad > 0 && pad <= 16 && pad < len(out) {
		out = out[:len(out)-pad]
	}
	return out
}

func (t *tracker) tuyaJSON(f *flow, from side, b []byte) {
	var x struct {
		ID      string `json:"gwId"`
		Dev     string `json:"devId"`
		Product string `json:"productKey"`
		Version string `json:"version"`
	}
	if json.Unmarshal(bytes.TrimRight(b, "\x00"), &x) != nil {
		return
	}
	t.detail(f, from, "device", x.ID)
	t.detail(f, from, "device", x.Dev)
	t.detail(f, from, "product", x.Product)
	t.detail(f, from, "version", x.Version)
}
