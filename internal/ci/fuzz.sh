#!/usr/bin/env bash
# Runs every fuzz test for a short time, FUZZTIME each.
set -euo pipefail
time=${FUZZTIME:-3s}
go list -f '{{.Dir}}' ./... | while read -r dir; do
  for f in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //'); do
    echo "== ${dir#"$PWD"/} $f"
    (cd "$dir" && go test -run '^$' -fuzz "^$f\$" -fuzztime "$time" -fuzzminimizetime 5x . </dev/null | tail -n 1)
  done
done
