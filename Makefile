# Build, test and show dlbridge. `make` lists what there is.
#
# Needed: Rust, a C and a C++ compiler, Python. All else goes into .venv.
# CC, CXX and PYTHON choose the compilers and the interpreter.

# Make's own defaults name g++ and the like; the standard names exist everywhere.
ifeq ($(origin CC),default)
CC := cc
endif
ifeq ($(origin CXX),default)
CXX := c++
endif
export CC CXX PYTHON

# One interpreter for every cargo command, else PyO3 rebuilds between them.
export PYO3_PYTHON := $(CURDIR)/.venv/bin/python

say := @.ci/say
cargo_flags := $(if $(CI),--locked)
# Programs look for the library under the name that ends in this.
abi_version := $(shell sed -n 's/^.define DLBRIDGE_ABI_VERSION //p' include/dlbridge/dlbridge.h)
c_flags := -std=c99 -O2 -Wall -Wextra -Wpedantic -Werror
handwritten_c = $(filter-out include/dlbridge/dlbridge.h %/dlpack.h, \
    $(shell find $(wildcard include examples tests benches) -name '*.[ch]' -o -name '*.[ch]pp'))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help prerequisites environment frameworks build wheel demo check test bench test-gpu bench-gpu lint fmt header ptx clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 16

demo: wheel build/demo/libfilters.so ## build everything and run the demo
	$(say) "running the demo"
	@.venv/bin/python examples/demo/demo.py build/demo/libfilters.so build/demo/demo.png

check: frameworks wheel ## what to run at each change: style, Rust core, Python tests with NumPy alone
	$(say) "checking the Rust and the Python code"
	@cargo fmt --all --check
	@cargo clippy --quiet --workspace --all-targets $(cargo_flags) -- -D warnings
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet
	$(say) "running the core's Rust tests"
	@cargo test --quiet $(cargo_flags)
	$(say) "running the Python tests that need only NumPy, but for the slow ones"
	@.venv/bin/python -m pytest --quiet -m "not frameworks and not slow" \
	    --numprocesses 2 --dist loadfile tests/python

test: frameworks wheel ## run all tests: Rust, C, C++ and Python
	$(say) "running the Rust tests"
	@cargo test --workspace $(cargo_flags)
	$(say) "running the C, C++ and Python tests"
	@.venv/bin/python -m pytest --numprocesses auto --dist loadfile

bench: frameworks wheel ## measure beside the peers, and write docs/performance.md
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r benches/requirements.txt
	@.venv/bin/python -m benches

# On the wheel that is installed: a machine with a GPU need have neither cargo nor network.
gpu_python = $(or $(wildcard .venv/bin/python),python3)

test-gpu: ## run the tests that need a GPU, on the wheel that is installed
	@$(gpu_python) -m pytest -q -c tests/gpu/pytest.ini tests/gpu
	@$(gpu_python) tests/gpu/sanitize.py

bench-gpu: ## measure copies and exchanges on a GPU, on the wheel that is installed
	@$(gpu_python) tests/gpu/bench.py

lint: environment ## check the formatting, and the code with clippy and ruff
	$(say) "checking the Rust code"
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets $(cargo_flags) -- -D warnings
	@RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps $(cargo_flags)
	$(say) "checking the C and C++ code"
	@$(if $(handwritten_c),.venv/bin/clang-format --dry-run --Werror $(handwritten_c))
	$(say) "checking the Python code"
	@.venv/bin/ruff check --quiet
	@.venv/bin/ruff format --check --quiet

build: prerequisites ## build the C library: target/release/libdlbridge.so and .a
	$(say) "building the library"
	@cargo build --release $(cargo_flags)
	@ln -sf libdlbridge.so target/release/libdlbridge.so.$(abi_version)

wheel: build environment ## build the Python wheel into target/wheels, install it in .venv
	@.ci/wheel $(cargo_flags)

fmt: environment ## format all code
	@cargo fmt --all
	@$(if $(handwritten_c),.venv/bin/clang-format -i $(handwritten_c))
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format --quiet

header: environment ## write include/dlbridge/dlbridge.h anew from the Rust code, and dlbridge.capi from it
	@DLBRIDGE_BLESS=1 cargo test --test header
	@.venv/bin/python bindings/python/generate_capi.py

ptx: ## compile the CUDA kernels anew, by an NVRTC from the package index
	$(say) "compiling the CUDA kernels"
	@test -d build/nvrtc || .venv/bin/python -m pip install --quiet --no-deps \
	    --disable-pip-version-check --target build/nvrtc nvidia-cuda-nvrtc-cu11==11.7.99
	@.ci/ptx "$$(find build/nvrtc -name 'libnvrtc.so*')" src/cuda/strided_copy.ptx

clean: ## remove what was built; .venv stays
	@rm -rf target build bindings/python/python/dlbridge/lib bindings/python/python/dlbridge/include

prerequisites:
	@mkdir -p build
	@.ci/prerequisites >build/python

environment: prerequisites
	@.ci/environment "$$(cat build/python)" demo

frameworks: prerequisites
	@.ci/environment "$$(cat build/python)" tests

build/demo/libfilters.so: examples/demo/filters.c $(wildcard examples/demo/*.h include/dlbridge/*.h) | build
	$(say) "compiling the demo's C library"
	@mkdir -p $(@D)
	@$(CC) $(c_flags) -shared -fPIC -Iinclude $< -o $@ \
	    -Ltarget/release -Wl,--as-needed,-rpath,'$$ORIGIN/../../target/release' -ldlbridge
