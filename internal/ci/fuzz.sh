#!/usr/bin/env bash
# Runs every fuzz test for a short time, FUZZTIME each. What fails is shown whole.
set -euo pipefail
time=${FUZZTIME:-3s}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
fuzz() { go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" -fuzzminimizetime 5x . </dev/null >"$out" 2>&1; }
# A worker that is still at an input when the time is over ends the run with this error, and no input: a fault of
# the fuzzer's clock on a busy machine, not of what is tested.
late() { grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out"; }
go list -f '{{.Dir}}' ./... | while read -r dir; do
  for f in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //'); do
    echo "== ${dir#"$PWD"/} $f"
    (cd "$dir" && { fuzz "$f" || { late && fuzz "$f"; } || late; }) || { cat "$out"; exit 1; }
    tail -n 1 "$out"
  done
done
