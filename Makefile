# Everything that is done to this repository, by name. `make` alone lists it.
#
# A fresh machine needs Python 3.11 or newer, make and a package index. The rest
# is brought from there at the versions in uv.lock, into .venv and .venv-oldest.
# The stamp files in them say what is installed already, so that a second run
# installs nothing and needs no network.

PYTHON ?= python3
VENV := .venv
OLDEST_VENV := .venv-oldest
BIN := $(VENV)/bin

# Two processes, as two cores are what the suite is measured on; tests that
# share a server or measure time say so with `xdist_group` and stay together.
PYTEST_FLAGS ?= -n 2 --dist loadgroup

# A company's network has certificates of its own, and a machine in it trusts
# them; uv trusts the ones that it brings, unless told. A bare machine has none.
SYSTEM_CERTS := $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
	/etc/ssl/cert.pem)
# Ours are the only environments and the only interpreter that uv may touch.
UV_SETTINGS := UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=$(if $(SYSTEM_CERTS),true,false)
UV := $(UV_SETTINGS) UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv
UV_FOR_OLDEST := $(UV_SETTINGS) UV_PROJECT_ENVIRONMENT=$(OLDEST_VENV) $(BIN)/uv
SYNC := sync --frozen --quiet --compile-bytecode --python $(BIN)/python
# pyproject.toml says which uv, so that pip and uv.lock agree.
UV_PIN = $(shell sed -n 's/^ *"\(uv==[0-9.]*\)".*/\1/p' pyproject.toml)

.PHONY: help demo test test-slow fuzz bench lint breaking audit-dependencies sbom \
	format stubs stubs-into lock clean
.DEFAULT_GOAL := help

help: ## List what can be made.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.runtime ## Play the life of a gift card against a real server.
	@$(BIN)/giftcard demo

test: $(VENV)/.everything $(OLDEST_VENV)/.everything ## Run every test that is not marked slow.
	@$(BIN)/pytest $(PYTEST_FLAGS) -m "not slow"

# pytest ends with 5 where it collects no test, which is no failure of any.
test-slow: $(VENV)/.everything ## Run the slow tests: long faults, load, and tools beyond Python.
	@$(BIN)/pytest $(PYTEST_FLAGS) -m slow || test $$? -eq 5

# FUZZ_TIMES says how many times as far as in `make test`.
fuzz: FUZZ_TIMES ?= 50
fuzz: $(VENV)/.everything ## Try what nobody would think of, for much longer than `make test`.
	@FUZZ_TIMES=$(FUZZ_TIMES) $(BIN)/pytest $(PYTEST_FLAGS) -m fuzz --timeout 0

# BENCH_FLAGS=--quick measures less, and BENCH_FLAGS=--help says what else there is.
bench: $(VENV)/.everything ## Measure how fast it is, against what: ratios in one run.
	@$(BIN)/python bench $(BENCH_FLAGS)

lint: $(VENV)/.everything ## Check style, types, contract, dependencies, Dockerfile and structure.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code
	$(BIN)/deptry .
	$(BIN)/hadolint Dockerfile
	$(BIN)/pytest -q -n 0 tests/test_architecture.py

# What is younger than four hours is still being worked on and may change; what
# is older has landed, and clients depend on it. CONTRACT names another commit.
CONTRACT ?= $(shell git rev-list -1 --before='4 hours ago' HEAD -- protos 2>/dev/null)

breaking: $(VENV)/.everything ## Check that the contract breaks no client of what landed before.
ifeq ($(strip $(CONTRACT)),)
	@echo "buf breaking: this history holds no contract older than four hours, so there is none to break"
else
	$(BIN)/buf breaking --against '.git#ref=$(CONTRACT)'
endif

LOCKED := --frozen --no-emit-project

# Only what is looked up counts: whatever the vulnerability service cannot tell fails as well.
audit-dependencies: $(VENV)/.everything ## Look for known vulnerabilities in uv.lock; asks the network.
	@$(UV) export $(LOCKED) --all-extras --format requirements.txt \
		--output-file $(VENV)/locked.txt --quiet
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement $(VENV)/locked.txt

# What the image holds, from uv.lock, as CycloneDX.
SBOM ?= dist/sbom.json

sbom: $(VENV)/.everything ## Write what a server is made of to dist/sbom.json.
	@mkdir -p $(dir $(SBOM))
	@$(UV) export $(LOCKED) --no-default-groups --extra server --extra postgres --extra redis \
		--format cyclonedx1.5 --preview-features sbom-export --output-file $(SBOM) --quiet
	@echo "$(SBOM)"

format: $(VENV)/.everything ## Bring sources and protos into the one format.
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/buf format --write

stubs: $(OLDEST_VENV)/.everything ## Generate the Python stubs from the protos.
	@rm -f protos/giftcard/v1/*_pb2.py protos/giftcard/v1/*_pb2.pyi \
		protos/giftcard/v1/*_pb2_grpc.py protos/giftcard/v1/*_pb2_grpc.pyi
	@$(MAKE) --no-print-directory stubs-into FOLDER=protos

# tests/test_stubs.py makes this into a folder of its own and compares. Files
# without a service get no gRPC stub, which would be empty.
PROTOC = $(OLDEST_VENV)/bin/python -m grpc_tools.protoc -Iprotos -Ithird_party \
	--plugin=$(OLDEST_VENV)/bin/protoc-gen-mypy --plugin=$(OLDEST_VENV)/bin/protoc-gen-mypy_grpc

stubs-into:
	@$(PROTOC) --python_out=$(FOLDER) --mypy_out=quiet:$(FOLDER) protos/giftcard/v1/*.proto
	@$(PROTOC) --grpc_python_out=$(FOLDER) --mypy_grpc_out=quiet:$(FOLDER) \
		protos/giftcard/v1/*_service.proto

lock: $(VENV)/.uv ## Write uv.lock anew after a change of pyproject.toml.
	$(UV) lock --python $(BIN)/python

clean: ## Remove the environments and everything that tools left behind.
	rm -rf $(VENV) $(OLDEST_VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment with uv in it. An environment whose Python has gone is laid anew.
$(VENV)/.uv: pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no '$(PYTHON)' here." \
		"Python 3.11 or newer is needed; 'make PYTHON=/path/to/python ...' names one." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is" \
		" needed, and $(PYTHON) is " + sys.version.split()[0] + "; make PYTHON=/path/to/python" \
		" ... names another.")'
	@$(BIN)/python -c '' 2>/dev/null || { echo "Making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV_PIN)"
	@touch $@

# What the server and the demo need. Inexact, so that the tools of .everything
# stay where `make test` or `make lint` brought them before.
$(VENV)/.runtime: $(VENV)/.uv uv.lock
	@echo "Installing what the service needs into $(VENV)"
	@$(UV) $(SYNC) --inexact --no-default-groups --extra server
	@touch $@

$(VENV)/.everything: $(VENV)/.uv uv.lock
	@echo "Installing what the service, its tests and its linters need into $(VENV)"
	@$(UV) $(SYNC) --extra server --extra postgres --extra redis
	@touch $@ $(VENV)/.runtime

# The oldest runtime that clients may have, and the generator of the stubs.
$(OLDEST_VENV)/.everything: $(VENV)/.uv uv.lock
	@echo "Installing the oldest runtime that clients may have into $(OLDEST_VENV)"
	@$(UV_FOR_OLDEST) $(SYNC) --no-default-groups --group oldest
	@touch $@
