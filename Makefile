# Every target works on a fresh machine with Go alone; test installs what the tests' real peers need where it may.
GO ?= go

.PHONY: build test check fmt fuzz bench accuracy peers torture million

build:
	$(GO) build -trimpath -o bin/assay ./cmd/assay

# Real peers of the tests: makers of file systems, a browser, an accessibility checker. A test whose peer is
# missing is skipped and says which package it wants.
peers:
	@./internal/ci/peers.sh

test: peers
	$(GO) test -shuffle=on -timeout 30m ./...
	$(GO) test -race -short -timeout 30m ./...

check:
	./internal/ci/check.sh

fmt:
	gofmt -w $$(git ls-files '*.go')

# Each fuzz test for a few seconds; FUZZTIME=10m for long.
fuzz:
	./internal/ci/fuzz.sh

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) test ./device -run TestPeers -nmap -v -count 1 -timeout 30m
	cd bench/opa && $(GO) test -run Agree -bench . -benchmem ./...

# How well the password audit and the reading of pages decide; written to docs/.
accuracy:
	$(GO) test ./password -run Accuracy -accuracy -timeout 12h -count 1
	$(GO) test ./page -run 'Label' -v -count 1

# A hundred times killed while it publishes, on each engine; and a register of a million products, measured.
torture: peers
	ASSAY_TORTURE=100 $(GO) test ./store ./cmd/assay -run Killed -v -count 1 -timeout 4h
million: peers
	ASSAY_BENCH_PRODUCTS=1000000 $(GO) test ./store -run '^$$' -bench Register -timeout 2h
	ASSAY_BENCH_PRODUCTS=1000000 $(GO) test ./cmd/assay -run '^$$' -bench Serve -benchtime 1x -timeout 4h
