# The door to everything that is done with this repository.

CARGO ?= cargo

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the plugin for use: target/release/kubectl-imgpolicy.
	$(CARGO) build --release

.PHONY: dist
dist: ## Build and pack the plugin as it is released: target/dist (TARGET=…).
	.ci/dist $(TARGET)

.PHONY: dist-check
dist-check: ## Build it twice, at two places, and compare the archives (TARGET=…).
	.ci/dist-check $(TARGET)

.PHONY: fmt
fmt: ## Format the source.
	$(CARGO) fmt

.PHONY: fmt-check
fmt-check:
	$(CARGO) fmt --check

.PHONY: lint
lint: ## Run clippy on everything; a warning is an error.
	$(CARGO) clippy --all-targets --all-features -- -D warnings

.PHONY: test
test: ## Run the tests that need nothing but Rust.
	cargo test

.PHONY: readme-test
readme-test:
	.ci/readme-test-command

.PHONY: e2e
e2e: ## Run the tests against a real API server, registry and memcached (needs Go).
	$(CARGO) test --features live --test live

.PHONY: structure
structure: ## Measure the structure of the source (-v lists what it counts: ARGS=-v).
	$(CARGO) run --quiet --example structure -- . $(ARGS)

.PHONY: bench
bench: ## Measure the evaluator.
	$(CARGO) bench --bench evaluate

.PHONY: bench-scan
bench-scan: ## Measure whole scans of a registry on loopback, cold and warm.
	$(CARGO) bench --bench scan

.PHONY: bench-limits
bench-limits: ## The part of it whose registry limits the rate of requests.
	$(CARGO) bench --bench scan -- 50/s

.PHONY: bench-cluster
bench-cluster: build ## Measure a warm status of 5,000 workloads beside kubectl (needs Go, kubectl).
	IMGPOLICY_E2E_BINARY=$(CURDIR)/target/release/kubectl-imgpolicy IMGPOLICY_E2E_WORKLOADS=5000 \
		$(CARGO) test --features live --test live -- warm_cluster --nocapture

.PHONY: docs
docs: ## Make the generated files of docs/ anew.
	docs/quickstart/make-images.py
	docs/render.sh
	$(CARGO) run --quiet --example reference -- commands docs/commands.md

.PHONY: docs-check
docs-check: ## Check that the generated files of docs/ are current.
	.ci/docs-check

.PHONY: deny
deny: ## Check licences, advisories and banned crates (needs cargo-deny).
	$(CARGO) deny check

.PHONY: ci
ci: fmt-check lint readme-test docs-check e2e ## Check what every change must pass.
