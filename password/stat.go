package password

import "math"

// falseAlarm is the chance that the audit allows itself to fail a lawful batch, over all its statistical tests together.
const falseAlarm = 1e-6

// testAlpha is the share of falseAlarm that one family of tests spends. There are at most 32 families; each divides its
// share by the number of hypotheses that it tries (Bonferroni), so the sum stays below falseAlarm.
const testAlpha = falseAlarm / 32

// binomTail bounds P(X >= k) for a binomial X by the Chernoff bound exp(-n D(k/n || p)).
func binomTail(n, k int, p float64) float64 {
	if k <= 0 || float64(k) <= float64(n)*p {
		return 1
	}
	if p <= 0 {
		return 0
	}
	f := float64(k) / float64(n)
	d := f * math.Log(f/p)
	if f < 1 {
		d += (1 - f) * math.Log((1-f)/(1-p))
	}
	return math.Exp(-float64(n) * d)
}

// poissonTail bounds P(X >= k) for a Poisson X with the given mean.
func poissonTail(k int, mean float64) float64 {
	if k <= 0 || float64(k) <= mean {
		return 1
	}
	if mean <= 0 {
		return 0
	}
	x := float64(k)
	return math.Exp(x - mean - x*math.Log(x/mean))
}

// chiSquareZ turns a chi-square statistic into a normal deviate (Wilson and Hilferty 1931).
func chiSquareZ(x float64, df int) float64 {
	if df <= 0 {
		return 0
	}
	v := 2 / (9 * float64(df))
	return (math.Cbrt(x/float64(df)) - (1 - v)) / math.Sqrt(v)
}

// normalTail bounds the upper tail of the normal distribution.
func normalTail(z float64) float64 {
	if z <= 0 {
		return 1
	}
	return 0.5 * math.Erfc(z/math.Sqrt2)
}

// entropy estimates the entropy in bits of a distribution from counts, with the correction of Miller and Madow (1955).
func entropy(counts []int) float64 {
	n, m := 0, 0
	for _, c := range counts {
		if n += c; c > 0 {
			m++
		}
	}
	if n == 0 {
		return 0
	}
	h := 0.0
	for _, c := range counts {
		if c > 0 {
			p := float64(c) / float64(n)
			h -= p * math.Log2(p)
		}
	}
	return h + float64(m-1)/(2*float64(n)*math.Ln2)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
