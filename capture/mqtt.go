package capture

import (
	"fmt"
	"strings"
)

// mqttReader reads MQTT 3 and 5.
type mqttReader struct {
	version int
	last    *Credential
	asked   bool // a CONNECT was seen
	named   bool // it named a user
	count   int
}

// looksMQTT reports whether bytes begin with MQTT's first message.
func looksMQTT(b []byte) bool {
	if len(b) < 10 || b[0] != 0x10 {
		return false
	}
	c := cursor{b: b[1:]}
	c.varint()
	name := c.text()
	return !c.bad && (name == "MQTT" || name == "MQIsdp")
}

// maxMQTT bounds the messages of one connection that are read: after these it is the same again.
const maxMQTT = 2000

func (r *mqttReader) read(t *tracker, f *flow, from side, b []byte) int {
	c := cursor{b: b}
	head := c.u8()
	if len(b) < 2 {
		return 0
	}
	n := c.varint()
	if c.bad {
		if len(b) >= 5 {
			t.stop(f)
		}
		return 0
	}
	at := len(b) - len(c.b)
	kind := head >> 4
	body := c.b
	if len(body) < n {
		if n <= maxPend-8 {
			return 0
		}
		if kind != 3 {
			t.stop(f)
			return 0
		}
		r.publish(t, f, from, head, body)
		t.stop(f) // what is so long is content: the rest is not for us
		return len(b)
	}
	body = body[:n]
	if r.count++; r.count > maxMQTT {
		t.stop(f)
		return len(b)
	}
	switch kind {
	case 1:
		r.connect(t, f, from, body)
	case 2:
		r.connack(t, f, from, body)
	case 3:
		r.publish(t, f, from, head, body)
	case 8:
		m := cursor{b: body}
		m.u16()
		if r.version == 5 {
			m.take(m.varint())
		}
		if topic := m.text(); !m.bad {
			t.detail(f, from, "subscribes", topic)
		}
	case 0, 15:
		if kind == 0 || r.version != 5 {
			t.stop(f)
		}
	}
	return at + n
}

func (r *mqttReader) connect(t *tracker, f *flow, from side, b []byte) {
	c := cursor{b: b}
	c.text()
	r.version = c.u8()
	flags := c.u8()
	c.u16()
	if r.version == 5 {
		c.take(c.varint())
	}
	id := c.text()
	if flags&4 != 0 { // the message that is sent when the client dies
		if r.version == 5 {
			c.take(c.varint())
		}
		c.text()
		c.text()
	}
	var user, password string
	if flags&0x80 != 0 {
		user = c.text()
	}
	if flags&0x40 != 0 {
		password = c.text()
	}
	if c.bad {
		return
	}
	f.client = from
	r.asked, r.named = true, flags&0xc0 != 0
	version := map[int]string{3: "3.1", 4: "3.1.1", 5: "5"}[r.version]
	t.detail(f, from, "version", "MQTT "+version)
	if id != "" {
		t.detail(f, from, "client", id)
	}
	if r.named {
		kind := "password"
		if flags&0x40 == 0 {
			kind = "name" // a user without a password
		}
		if kind == "password" {
			r.last = t.credential(f, Credential{Kind: kind, How: "MQTT CONNECT", User: user, Secret: Secret(password)})
		} else {
			t.detail(f, from, "user", user)
		}
	}
}

func (r *mqttReader) connack(t *tracker, f *flow, from side, b []byte) {
	if len(b) < 2 || !r.asked {
		return
	}
	answer := fmt.Sprintf("CONNACK %d", b[1])
	switch {
	case b[1] == 0 && r.last != nil:
		t.answer(r.last, Accepted, answer)
	case b[1] == 0 && !r.named:
		t.opened(f, "MQTT")
	case b[1] != 0:
		t.answer(r.last, Refused, answer)
	}
	r.last = nil
}

func (r *mqttReader) publish(t *tracker, f *flow, from side, head int, b []byte) {
	c := cursor{b: b}
	topic := c.text()
	if c.bad || topic == "" {
		return
	}
	t.detail(f, from, "publishes", topic)
	if head>>1&3 != 0 {
		c.u16()
	}
	if r.version == 5 {
		c.take(c.varint())
	}
	text := string(c.b[:min(len(c.b), 2048)])
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") {
		h := httpReader{proto: "mqtt"}
		h.fields(t, f, jsonPairs([]byte(trimmed)), "message", &exchange{})
	}
	if why := firmwareLike("", "", "", c.b[:min(len(c.b), 64)]); why != "" {
		t.object(f, Object{What: "firmware-like", How: "mqtt", Why: why, Where: topic, ToServer: from == f.client, Bytes: int64(len(c.b))})
	}
}
