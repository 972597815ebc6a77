package register

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
)

// vocabulary are the words in use, by their trigrams, to find those that a
// misspelt one is close to.
type vocabulary struct {
	words    []string
	known    map[string]bool
	trigrams map[string][]int32 // to indexes of words
	loaded   time.Time
}

const (
	maxVocabulary = 20_000
	vocabularyAge = 5 * time.Minute
	maxCandidates = 2000 // words that are looked at for one misspelt one
)

func newVocabulary(words []string, now time.Time) *vocabulary {
	v := &vocabulary{words: words, known: make(map[string]bool, len(words)), trigrams: map[string][]int32{}, loaded: now}
	for i, w := range words {
		v.known[w] = true
		for _, t := range trigrams(w) {
			v.trigrams[t] = append(v.trigrams[t], int32(i))
		}
	}
	return v
}

// trigrams of a word with its edges marked, each once.
func trigrams(word string) []string {
	r := []rune("\x02" + word + "\x03")
	var out []string
	seen := map[string]bool{}
	for i := 0; i+3 <= len(r); i++ {
		if t := string(r[i : i+3]); !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// nearest is the word in use that is closest to one that is not: at most two slips
// away, one for short words. Of equals the more used one.
func (v *vocabulary) nearest(word string) (string, bool) {
	n := len([]rune(word))
	if n < 3 || n > 40 || v.known[word] || hasDigit(word) {
		return "", false
	}
	most := 2
	if n <= 5 {
		most = 1
	}
	shared := map[int32]int{}
	for _, t := range trigrams(word) {
		for _, i := range v.trigrams[t] {
			shared[i]++
		}
	}
	candidates := make([]int32, 0, len(shared))
	for i := range shared {
		candidates = append(candidates, i)
	}
	slices.SortFunc(candidates, func(x, y int32) int { // those that share most come first, then the more used
		return cmp.Or(cmp.Compare(shared[y], shared[x]), cmp.Compare(x, y))
	})
	best, bestSlips := int32(-1), most+1
	for _, i := range candidates[:min(len(candidates), maxCandidates)] {
		if d := slips(word, v.words[i], most); d < bestSlips {
			best, bestSlips = i, d
		}
	}
	if best < 0 || bestSlips > most {
		return "", false
	}
	return v.words[best], true
}

func hasDigit(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) }

// slips counts letters to add, drop, change or swap with the next to come from one
// word to the other; it stops at more than most.
func slips(a, b string, most int) int {
	x, y := []rune(a), []rune(b)
	if d := len(x) - len(y); d > most || -d > most {
		return most + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}

// correct puts words that are in use in place of those that are not and are close to
// one; "" where nothing is to be put right.
func (s *Service) correct(ctx context.Context, text string) (string, error) {
	v, err := s.vocabulary(ctx)
	if err != nil {
		return "", err
	}
	terms := Terms(text)
	changed := false
	for i, t := range terms {
		if better, ok := v.nearest(t); ok {
			terms[i], changed = better, true
		}
	}
	if !changed {
		return "", nil
	}
	return strings.Join(terms, " "), nil
}

func (s *Service) vocabulary(ctx context.Context) (*vocabulary, error) {
	now := s.now()
	s.mu.Lock()
	v := s.words
	s.mu.Unlock()
	if v != nil && now.Sub(v.loaded) < vocabularyAge {
		return v, nil
	}
	var words []string
	err := s.Store.Look(ctx, func(r Reader) (err error) {
		words, err = r.Words(ctx, maxVocabulary)
		return err
	})
	if err != nil {
		return nil, err
	}
	v = newVocabulary(words, now)
	s.mu.Lock()
	s.words = v
	s.mu.Unlock()
	return v, nil
}
