#!/usr/bin/env bash
# What must hold before a change lands, besides the tests.
set -euo pipefail
say() { printf '== %s\n' "$1"; }
say format
bad=$(gofmt -l $(git ls-files '*.go'))
[ -z "$bad" ] || { echo "not formatted: $bad; run make fmt"; exit 1; }
say build
go build -mod=readonly ./...
say vet
go vet ./...
say modules
go mod verify
say staticcheck
go tool -modfile=tools/go.mod staticcheck ./...
say golangci-lint
go tool -modfile=tools/go.mod golangci-lint run ./...
