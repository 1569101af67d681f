# Every verb of the project. make help lists them; CI runs make check and make conformance.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s
COUNT ?= 5
SOAK ?= 10m
PEERS ?=
BENCHSTAT ?= v0.0.0-20260908200009-22c9c6c9d4da
# How check tests: with the race detector, and never from the cache, since Go cannot see
# that the Python backend of testdata/legacy changed. Needs a C compiler; TEST_FLAGS= does without.
check: TEST_FLAGS ?= -race -count=1 -timeout 20m
# The files we ship are judged as they are, not under settings of the caller's shell.
BARE := unset $${!CROSSFADE_@};

.PHONY: help
help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/crossfade, static and without symbols (VERSION=v1.2.3)
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/crossfade ./cmd/crossfade

.PHONY: run
run: build ## Serve with proxy.yaml (UPSTREAM=http://127.0.0.1:8000 MODE=dual)
	bin/crossfade serve --config proxy.yaml $(if $(UPSTREAM),--upstream '$(UPSTREAM)') $(if $(MODE),--mode '$(MODE)')

.PHONY: demo
demo: ## An embedded legacy backend, crossfade in front of it, and a tour
	go run ./cmd/crossfade demo

.PHONY: test
test: ## All tests but those of make conformance; installs what they need into .cache
	./scripts/python-env.sh
	./scripts/postgres.sh
	go test $(TEST_FLAGS) $$(go list ./... | grep -v /conformance)

.PHONY: conformance
conformance: ## The command held to its promises from outside, public suites, a minute of soak
	./scripts/suites.sh
	./scripts/postgres.sh
	go test -count=1 -timeout 30m -tags suites ./conformance
	go test -count=1 -timeout 10m -v ./conformance/replicas
	go test -count=1 -timeout 10m -v ./conformance/soak -soak 1m

.PHONY: soak
soak: ## Mixed traffic with faults, flips and reloads for SOAK=10m
	go test -count=1 -timeout 0 -v ./conformance/soak -soak '$(SOAK)'

.PHONY: check
check: lint test up-to-date contracts ## What every change has to pass: lint, tests with -race, generated docs, contracts

.PHONY: lint
lint: ## gofmt, go vet and the pinned golangci-lint (import rules are in .golangci.yml)
	@unformatted=$$(gofmt -l .); [[ -z $$unformatted ]] || { echo "not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; }
	go vet -tags suites ./...
	./scripts/golangci-lint.sh run --build-tags suites ./...

.PHONY: up-to-date
up-to-date:
	@mkdir -p .cache
	$(BARE) go run ./cmd/crossfade endpoints -o markdown >.cache/endpoints.md
	@diff -u docs/endpoints.md .cache/endpoints.md || { echo "docs/endpoints.md is not what the contract says: run make golden and read the diff"; exit 1; }

.PHONY: contracts
contracts:
	$(BARE) go run ./cmd/crossfade check --config proxy.yaml
	@$(BARE) for contract in examples/contracts/*.yaml; do \
		echo "crossfade check $$contract"; \
		go run ./cmd/crossfade check --config proxy.yaml "$$contract" || exit 1; \
	done

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME=30s (FUZZ=regexp picks some)
	FUZZTIME='$(FUZZTIME)' FUZZ='$(FUZZ)' ./scripts/fuzz.sh

.PHONY: golden
golden: ## Write expected outputs and generated docs anew; read the diff before you commit
	go test $$(grep -rl --include='*_test.go' 'Bool("update"' . | xargs -n1 dirname | sort -u) -update
	@mkdir -p .cache
	$(BARE) go run ./cmd/crossfade endpoints -o markdown >.cache/endpoints.md
	mv .cache/endpoints.md docs/endpoints.md

.PHONY: bench
bench: ## Benchmarks of the lens engine and the data path, beside the recorded ones (COUNT=5)
	@mkdir -p .cache
	go test -run '^$$' -bench . -benchmem -count '$(COUNT)' ./transform/... ./proxy/... ./config/flags/... | tee .cache/bench.txt
	@if [[ -f bench/recorded.txt ]]; then go run golang.org/x/perf/cmd/benchstat@$(BENCHSTAT) bench/recorded.txt .cache/bench.txt; \
	else echo "nothing is recorded to compare with: make bench-record, on a quiet machine"; fi

.PHONY: bench-record
bench-record: ## Record the benchmarks of this machine in bench/recorded.txt, to compare with later
	go test -run '^$$' -bench . -benchmem -count '$(COUNT)' ./transform/... ./proxy/... ./config/flags/... >bench/recorded.txt

.PHONY: bench-peers
bench-peers: build ## crossfade beside nginx with Lua, nginx, HAProxy and a bare ReverseProxy (PEERS='-rounds 3')
	./bench/install.sh
	go build -o .cache/peers ./bench/peers
	.cache/peers $(PEERS)
