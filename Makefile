# The commands of the README. Each does its own set-up; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# A compiler process takes up to 1.5 GB here: as many at once as there are cores, and memory for them.
JOBS ?= $(shell awk -v cores=$$(nproc) '/^MemAvailable/ {jobs = int($$2 / 1572864); print jobs < 1 ? 1 : jobs < cores ? jobs : cores}' /proc/meminfo)
TEST_JOBS ?= 2
RELEASE := build/release
EXAMPLE := examples/invoices/mission.yaml

.PHONY: help setup build run test bench format clean
help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Install the Debian packages that are missing (asks sudo when you are not root)
	@tools/setup.sh build

build: $(RELEASE)/build.ninja ## Build the release binary, build/release/remit
	@ninja -C $(RELEASE) -j $(JOBS) remit

run: build ## Build a release and run the example to its end
	@$(RELEASE)/remit run $(EXAMPLE)

test: $(RELEASE)/build.ninja ## Build everything and pass every test
	@ninja -C $(RELEASE) -j $(JOBS)
	@ctest --test-dir $(RELEASE) --output-on-failure -j $(TEST_JOBS)

bench: ## Build and run the benchmarks, beside what people use today
	@tools/setup.sh bench
	@[ -f build/bench/build.ninja ] || cmake --preset bench
	@ninja -C build/bench -j $(JOBS)
	@if [ -x bench/run ]; then bench/run build/bench; else for b in build/bench/*_bench; do echo "== $$b"; "$$b" || exit 1; done; fi

format: ## Format all C++ sources
	@tools/setup.sh format
	@git ls-files -z '*.h' '*.cc' '*.c' | xargs -0 -r clang-format-19 -i

clean: ## Remove everything that was built
	@rm -rf build

# Ninja runs CMake again when a CMake file changes, so this is for the first time only.
$(RELEASE)/build.ninja: | setup
	@cmake --preset release
