# The door to everything that is done with this repository.

CARGO ?= cargo

# Tools that are built in target/tools where they are missing. The versions are only here.
CARGO_CYCLONEDX_VERSION = 0.5.9
CARGO_FUZZ_VERSION = 0.13.2
CARGO_CYCLONEDX = target/tools/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin/cargo-cyclonedx
CARGO_FUZZ = target/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the plugin for use: target/release/kubectl-imgpolicy.
	$(CARGO) build --release

.PHONY: dist
dist: ## Build and pack the plugin as it is released: target/dist (TARGET=…).
	.ci/dist $(TARGET)

.PHONY: dist-check
dist-check: ## Build it twice, at two places, and compare the archives (TARGET=…).
	.ci/dist-check $(TARGET)

.PHONY: image
image: ## Build the container image as an OCI layout: target/image (TARGET=…).
	.ci/image $(TARGET)

.PHONY: sbom
sbom: $(CARGO_CYCLONEDX) ## List the crates in the program: target/dist/kubectl-imgpolicy.cdx.json.
	.ci/sbom $(CARGO_CYCLONEDX)

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
	$(CARGO) test --features live --test main -- git_signatures

# How long each target runs, which ones do, and the longest input in bytes.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ_BYTES ?= 4096

# The program's own lock file keeps the dependencies the same. New inputs go to
# target/fuzz/inputs, those that fail to target/fuzz/failed. Sanitizers look for faults of
# unsafe code, which this crate does not have, and need a nightly compiler.
.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Fuzz each parser for a minute (FUZZ_SECONDS=…, FUZZ_TARGETS=…; needs a C++ compiler).
	@cp Cargo.lock fuzz/Cargo.lock
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p target/fuzz/inputs/$$target target/fuzz/failed/$$target; \
		$(CARGO_FUZZ) run --sanitizer none --fuzz-dir fuzz --target-dir target/fuzz $$target \
			target/fuzz/inputs/$$target fuzz/corpus/$$target -- -print_final_stats=1 \
			-max_total_time=$(FUZZ_SECONDS) -max_len=$(FUZZ_BYTES) -timeout=10 \
			-artifact_prefix=target/fuzz/failed/$$target/; \
	done

$(CARGO_FUZZ):
	$(CARGO) install --locked --root $(patsubst %/bin,%,$(@D)) cargo-fuzz --version $(CARGO_FUZZ_VERSION)

$(CARGO_CYCLONEDX):
	$(CARGO) install --locked --root $(patsubst %/bin,%,$(@D)) cargo-cyclonedx --version $(CARGO_CYCLONEDX_VERSION)

.PHONY: soak
soak: ## Try the races between writes many more times, and print a table (needs Go).
	$(CARGO) test --features soak --test live -- soak --nocapture
	$(CARGO) test --features soak --test main -- soak --nocapture

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

.PHONY: bench-bounds
bench-bounds: ## Measure the memory for hostile indexes, and a warm status of 20,000 workloads.
	$(CARGO) bench --bench bounds

.PHONY: bench-cluster
bench-cluster: build ## Measure a warm status of 5,000 workloads beside kubectl (needs Go, kubectl).
	IMGPOLICY_E2E_BINARY=$(CURDIR)/target/release/kubectl-imgpolicy IMGPOLICY_E2E_WORKLOADS=5000 \
		$(CARGO) test --features live --test live -- warm_cluster --nocapture

.PHONY: bench-controller
bench-controller: build ## Measure the controller on 5,000 workloads, of 1 KB and of 17 KB (needs Go).
	for padding in 0 16000; do \
		IMGPOLICY_E2E_BINARY=$(CURDIR)/target/release/kubectl-imgpolicy IMGPOLICY_E2E_WORKLOADS=5000 \
		IMGPOLICY_E2E_PADDING=$$padding \
		$(CARGO) test --features live --test live -- controller_cluster --nocapture || exit 1; \
	done

.PHONY: bench-git
bench-git: build ## Measure status --git with 20,000 files and 2,000 workloads (needs Go).
	IMGPOLICY_E2E_BINARY=$(CURDIR)/target/release/kubectl-imgpolicy IMGPOLICY_E2E_FOLDERS=200 \
		$(CARGO) test --features live --test live -- git_scale --nocapture

.PHONY: docs
docs: ## Make the generated files of docs/ anew.
	docs/quickstart/make-images.py
	docs/render.sh
	$(CARGO) run --quiet --example reference -- commands docs/commands.md

.PHONY: docs-check
docs-check: ## Check that the generated files of docs/ are current.
	.ci/docs-check

.PHONY: alerts
alerts: ## Check docs/alerts.yaml and run its tests (needs promtool).
	.ci/alerts

.PHONY: deny
deny: ## Check licences, advisories and banned crates (needs cargo-deny).
	$(CARGO) deny check

.PHONY: ci
ci: fmt-check lint readme-test docs-check alerts e2e ## Check what every change must pass.
