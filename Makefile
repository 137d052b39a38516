# `make` shows what there is. Everything is built outside the checkout, below $CACHE.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/wisp
CARGO_TARGET_DIR ?= $(CACHE)/target-$(shell printf %s '$(CURDIR)' | sha256sum | cut -c1-12)
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
export CACHE CARGO_TARGET_DIR
# What Node functions can require without bringing it along; tests/prepare.sh installs it.
NODE_PACKAGES := $(CACHE)/node-packages-$(shell sha256sum <crates/runtimes/src/languages/nodejs/packages/package-lock.json | cut -c1-12)
prepare scenarios sdk composer workflows serverless test-clients live: export WISP_LANGUAGES_NODE_MODULES := $(NODE_PACKAGES)
# What runs V8 isolates; also from there.
WORKERD := $(CACHE)/workerd-$(shell sha256sum <crates/runtimes/src/languages/js/package/package-lock.json | cut -c1-12)
prepare unit scenarios sdk composer workflows serverless test-clients live bench bench-coldstart bench-workflows: export WISP_LANGUAGES_WORKERD := $(WORKERD)
# A Node.js that keeps compiled code, for the tests of that.
prepare unit bench-workflows: export WISP_TEST_NODE := $(CACHE)/node-22.23.3/bin/node

# Composer, for the tests of what it writes; tests/prepare.sh installs it.
prepare unit: export WISP_TEST_COMPOSER := $(CACHE)/npm-$(shell sha256sum <tests/composer/package-lock.json | cut -c1-12)/node_modules

# What Python functions can import without bringing it along; tests/prepare.sh installs it.
PYTHON_PACKAGES := $(CACHE)/python-packages-$(shell sha256sum <tests/python/requirements.txt | cut -c1-12)
prepare scenarios serverless live bench bench-coldstart: export WISP_LANGUAGES_PYTHON_PACKAGES := $(PYTHON_PACKAGES)

# A component that attacks whoever runs it; tests/prepare.sh compiles it.
prepare live: export WISP_TEST_INTRUDER := $(CACHE)/intruder-$(shell cat tests/live/hostile/intruder/manifest.toml tests/live/hostile/intruder/src/*.rs | sha256sum | cut -c1-12).wasm

# What the tests of a whole platform read events with.
live: export WISP_TEST_PYTHON_PACKAGES := $(CACHE)/live-$(shell sha256sum <tests/live/requirements.txt | cut -c1-12)

# Binaries as the tests have them: other sets of packages would have other features, and compile everything anew.
# With WebAssembly, whose engine takes long to build the first time: FEATURES= leaves it out.
FEATURES ?= --features wisp/wasm,wisp-runtimes/wasm
BUILD = cargo build --quiet --workspace $(FEATURES) --bins --tests

.PHONY: help demo test test-clients prepare check lint unit scenarios sdk composer workflows durabletask durable-functions serverless live bench bench-coldstart bench-workflows audit format

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: ## Builds, serves, deploys three functions, invokes them, and leaves the server running
	@./examples/demo.sh

test: prepare check lint unit scenarios sdk composer workflows durabletask durable-functions serverless live ## Installs what tests need, then runs every check and test

prepare: ## Installs what tests need and is missing: interpreters, a C compiler, npm packages
	@./tests/prepare.sh

check: ## Checks what the compiler cannot: layers, dependencies, error pages, paths, formatting
	@cargo xtask check

lint: ## Runs clippy with warnings denied
	@cargo clippy --quiet --workspace $(FEATURES) --all-targets -- --deny warnings

unit: ## Runs the tests of all crates, those in documentation included
	@if cargo nextest --version >/dev/null 2>&1; \
	then cargo nextest run --workspace $(FEATURES) --no-fail-fast --status-level fail; \
	else cargo test --quiet --workspace $(FEATURES) --no-fail-fast --lib --bins --tests; fi
	@cargo test --quiet --workspace $(FEATURES) --no-fail-fast --doc

kafka: ## Compiles librdkafka, and tests the source of Kafka against its mock cluster
	@cargo test --quiet -p wisp-sources --features kafka --test brokers kafka

scenarios: ## Runs the black-box cases over HTTP; CASE=word picks those whose names have it
	@$(BUILD)
	@$(CARGO_TARGET_DIR)/debug/wisp-scenarios --quiet $(CASE)

sdk: prepare ## Runs the original JavaScript SDK against a server
	@$(BUILD)
	@./tests/sdk/run.sh

composer: prepare ## Runs the original Composer against a server, parallel combinators with a real Redis
	@$(BUILD)
	@./tests/composer/run.sh

serverless: prepare ## Runs the Serverless Framework with its OpenWhisk plugin against a server
	@$(BUILD)
	@./tests/clients/run.sh serverless

test-clients: sdk composer serverless ## Runs every client; installs Adobe's aio for it, which is 650 MB
	@./tests/prepare.sh clients/aio
	@./tests/clients/run.sh aio

workflows: prepare ## Runs boto3 and the AWS CLI against a server
	@$(BUILD)
	@./tests/workflows/run.sh

durabletask: prepare ## Runs the Durable Task libraries for Python and JavaScript against a server
	@$(BUILD)
	@./tests/durabletask/run.sh

durable-functions: prepare ## Runs Azure Durable Functions' packages, and the examples of orchestrations
	@$(BUILD)
	@./tests/durable-functions/run.sh

live: prepare ## Attacks a whole platform: hostile functions, kill -9 under load
	@$(BUILD)
	@for suite in restart.py deploy.py images.py hostile crash.py events.py workflows.py delivery.py sink.py buckets.py; do WISP=$(CARGO_TARGET_DIR)/debug/wisp $(PYTHON) tests/live/$$suite; done

bench: prepare ## Measures throughput and latency beside bare servers
	@./bench/run.sh

bench-coldstart: prepare ## Measures cold starts and idle memory beside bare interpreters, and 1,000 functions in turn
	@./bench/run.sh coldstart forked isolates images programs memory roundrobin

bench-workflows: prepare ## Measures durable workflows beside Restate, Durable Task and DBOS, which it installs
	@./bench/workflows/run.sh

audit: ## Holds licences, sources and advisories of dependencies against deny.toml (needs cargo-deny)
	@cargo deny check

format: ## Formats every Rust file; cargo fmt would miss modules that macros declare
	@git ls-files -z '*.rs' | xargs -0 rustfmt --edition 2024
