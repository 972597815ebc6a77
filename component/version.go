package component

import "strings"

// compareVersions orders versions as upstream projects write them: numbers by value, then letters (1.0.1e before 1.0.1f,
// 9.2 before 9.2p1), what announces a release (rc, beta, alpha, pre, dev) before it.
func compareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := 0; i < len(x) || i < len(y); i++ {
		var p, q string
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := comparePart(p, q); c != 0 {
			return c
		}
	}
	return 0
}

func versionParts(v string) []string {
	v = strings.ToLower(strings.TrimSpace(v))
	v = strings.TrimPrefix(v, "v")
	v, _, _ = strings.Cut(v, "+") // what follows names the build
	var parts []string
	for i := 0; i < len(v) && len(parts) < 64; {
		j := i
		switch {
		case digit(v[i]):
			for j < len(v) && digit(v[j]) {
				j++
			}
		case v[i] >= 'a' && v[i] <= 'z':
			for j < len(v) && v[j] >= 'a' && v[j] <= 'z' {
				j++
			}
		default:
			i++
			continue
		}
		parts = append(parts, v[i:j])
		i = j
	}
	return parts
}

// comparePart orders two parts; a part that is not there is a zero before a number, nothing before letters, and a
// release after what announces it.
func comparePart(p, q string) int {
	if p == q {
		return 0
	}
	rank := func(s string) int {
		switch {
		case s == "":
			return 2
		case digit(s[0]):
			return 4
		}
		switch s {
		case "dev", "alpha", "a0", "snapshot", "git":
			return 0
		case "beta", "pre", "preview", "rc":
			return 1
		}
		return 3
	}
	rp, rq := rank(p), rank(q)
	if rp == 4 && rq == 2 || rp == 2 && rq == 4 {
		if strings.Trim(p+q, "0") == "" {
			return 0
		}
	}
	if rp != rq {
		if rp < rq {
			return -1
		}
		return 1
	}
	if rp == 4 {
		p, q = strings.TrimLeft(p, "0"), strings.TrimLeft(q, "0")
		if len(p) != len(q) {
			if len(p) < len(q) {
				return -1
			}
			return 1
		}
	}
	return strings.Compare(p, q)
}

// compareDebian orders the versions of Debian packages: epoch, upstream version, revision, with ~ before everything.
func compareDebian(a, b string) int {
	ea, va, ra := splitDebian(a)
	eb, vb, rb := splitDebian(b)
	if c := debianPart(ea, eb); c != 0 {
		return c
	}
	if c := debianPart(va, vb); c != 0 {
		return c
	}
	return debianPart(ra, rb)
}

func splitDebian(v string) (epoch, version, revision string) {
	v = strings.TrimSpace(v)
	epoch = "0"
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, v = e, rest
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return epoch, v[:i], v[i+1:]
	}
	return epoch, v, ""
}

func debianPart(a, b string) int {
	order := func(s string, i int) int {
		switch {
		case i >= len(s) || digit(s[i]):
			return 0
		case s[i] == '~':
			return -1
		case s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z':
			return int(s[i])
		}
		return int(s[i]) + 256
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		for i < len(a) && !digit(a[i]) || j < len(b) && !digit(b[j]) {
			x, y := order(a, i), order(b, j)
			if x != y {
				if x < y {
					return -1
				}
				return 1
			}
			i++
			j++
		}
		si, sj := i, j
		for i < len(a) && digit(a[i]) {
			i++
		}
		for j < len(b) && digit(b[j]) {
			j++
		}
		x, y := strings.TrimLeft(a[min(si, len(a)):min(i, len(a))], "0"), strings.TrimLeft(b[min(sj, len(b)):min(j, len(b))], "0")
		if len(x) != len(y) {
			if len(x) < len(y) {
				return -1
			}
			return 1
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return 0
}
