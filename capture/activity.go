package capture

// activity says in which stretches of a capture something was heard, in 64 stretches
// whose width doubles whenever the capture outgrows them.
type activity struct {
	width int64 // nanoseconds; 0 while nothing was heard
	heard uint64
}

const firstWidth = 1e9

// add notes something at a time since the capture began.
func (a *activity) add(since int64) {
	if since < 0 {
		return
	}
	if a.width == 0 {
		a.width = firstWidth
	}
	for since/a.width >= 64 {
		a.widen()
	}
	a.heard |= 1 << (since / a.width)
}

func (a *activity) widen() {
	var half uint64
	for i := range 32 {
		if a.heard>>(2*i)&3 != 0 {
			half |= 1 << i
		}
	}
	a.heard = half
	a.width *= 2
}

// join adds what another heard.
func (a *activity) join(b activity) {
	if b.width == 0 {
		return
	}
	if a.width == 0 {
		*a = b
		return
	}
	for a.width < b.width {
		a.widen()
	}
	for b.width < a.width {
		b.widen()
	}
	a.heard |= b.heard
}
