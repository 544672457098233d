# The tasks of this repository. `make` alone lists them.
#
# A fresh machine needs Python 3.11 or newer, make and a package index. Everything else
# is installed from that index into .venv and .venv-oldest, at the versions in uv.lock.
# Stamp files in them record what is installed, so that a second run installs nothing
# and needs no network.

PYTHON ?= python3
VENV := .venv
OLDEST_VENV := .venv-oldest
BIN := $(VENV)/bin

# Two processes, since the suite is measured on two cores. Tests that share a server or
# measure time are in one `xdist_group`, and run in the same process.
PYTEST_FLAGS ?= -n 2 --dist loadgroup

# In a company's network the machine trusts certificates of the company, while uv trusts
# only its own list by default. A bare machine has no such file.
SYSTEM_CERTS := $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
	/etc/ssl/cert.pem)
# uv may download no interpreter, and touch no environment but .venv and .venv-oldest. That a
# package conflicts with a group (pyproject.toml) is still a preview of uv, whose version is pinned.
UV_SETTINGS := UV_PYTHON_DOWNLOADS=never UV_PREVIEW_FEATURES=package-conflicts UV_SYSTEM_CERTS=$(if $(SYSTEM_CERTS),true,false)
UV := $(UV_SETTINGS) UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv
UV_FOR_OLDEST := $(UV_SETTINGS) UV_PROJECT_ENVIRONMENT=$(OLDEST_VENV) $(BIN)/uv
SYNC := sync --frozen --quiet --compile-bytecode --python $(BIN)/python
# The version of uv is that of pyproject.toml, so that pip and uv.lock agree.
UV_PIN = $(shell sed -n 's/^ *"\(uv==[0-9.]*\)".*/\1/p' pyproject.toml)

.PHONY: help demo test test-slow test-fallback test-newest-grpc fuzz bench lint breaking audit-dependencies sbom \
	wheels descriptors format docs pictures stubs stubs-into lock clean
.DEFAULT_GOAL := help

help: ## List the tasks.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/.runtime ## Play the life of a gift card against a real server.
	@$(BIN)/giftcard demo

test: $(VENV)/.everything $(OLDEST_VENV)/.everything ## Run every test that is not marked slow.
	@$(BIN)/pytest $(PYTEST_FLAGS) -m "not slow"

# pytest exits with 5 where it collects no test, which is not a failure here.
test-slow: $(VENV)/.everything ## Run the slow tests: long faults, load, and tools beyond Python.
	@$(BIN)/pytest $(PYTEST_FLAGS) -m slow || test $$? -eq 5

# Where a server does not know its grpcio, calls wait in threads (ADR 100): faults, races and
# histories on that way, the slow ones too. `PARK_CALLS=false make test` runs all others.
test-fallback: $(VENV)/.everything ## Test faults, races and histories where calls wait in threads.
	@PARK_CALLS=false $(BIN)/pytest $(PYTEST_FLAGS) tests/server/faults tests/histories \
		tests/server/edge/parking tests/server/workers

# The server knows grpcio from the inside (ADR 100). Nothing else of uv.lock changes.
NEWEST_VENV := .venv-newest

test-newest-grpc: $(VENV)/.everything ## Test parked calls with the newest grpcio of the index.
	@$(UV) venv --quiet --clear --python $(BIN)/python $(NEWEST_VENV)
	@$(UV) export $(LOCKED) --all-extras --no-hashes --quiet --output-file $(NEWEST_VENV)/locked.txt
	@grep -v "^grpcio==" $(NEWEST_VENV)/locked.txt > $(NEWEST_VENV)/others.txt
	@$(UV) pip install --quiet --python $(NEWEST_VENV)/bin/python --upgrade grpcio \
		--requirements $(NEWEST_VENV)/others.txt
	@$(UV) pip install --quiet --python $(NEWEST_VENV)/bin/python --no-deps --editable .
	@$(NEWEST_VENV)/bin/python -c "import grpc; print('grpcio', grpc.__version__)"
	@$(NEWEST_VENV)/bin/pytest -n 0 tests/server/edge/parking tests/server/edge/test_streams.py

# With FUZZ_TIMES=50 each fuzzer tries 50 times as much input as in `make test`.
fuzz: FUZZ_TIMES ?= 50
fuzz: $(VENV)/.everything ## Try random input for much longer than `make test` does.
	@FUZZ_TIMES=$(FUZZ_TIMES) $(BIN)/pytest $(PYTEST_FLAGS) -m fuzz --timeout 0

# BENCH_FLAGS=--quick measures less, and BENCH_FLAGS=--help lists the other flags.
bench: $(VENV)/.everything ## Measure speed in one run, as ratios to what it is compared with.
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

# Protos younger than four hours are still being worked on and may change; older ones have
# landed, and clients depend on them. CONTRACT=... compares with another commit.
CONTRACT ?= $(shell git rev-list -1 --before='4 hours ago' HEAD -- protos 2>/dev/null)

breaking: $(VENV)/.everything ## Check that the contract breaks no client of what landed before.
ifeq ($(strip $(CONTRACT)),)
	@echo "buf breaking: nothing to compare with, as no contract in this history is older than four hours"
else
	@$(BIN)/buf build '.git#ref=$(CONTRACT)' --output $(VENV)/contract.binpb
	$(BIN)/buf breaking --against $(VENV)/contract.binpb
endif

LOCKED := --frozen --no-emit-workspace

# Strict: it also fails for packages that the vulnerability service cannot look up.
audit-dependencies: $(VENV)/.everything ## Look up known vulnerabilities of uv.lock on the network.
	@$(UV) export $(LOCKED) --all-extras --format requirements.txt \
		--output-file $(VENV)/locked.txt --quiet
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement $(VENV)/locked.txt

# The packages of the image, from uv.lock, as CycloneDX.
SBOM ?= dist/sbom.json

sbom: $(VENV)/.everything ## Write a server's bill of materials to dist/sbom.json.
	@mkdir -p $(dir $(SBOM))
	@$(UV) export $(LOCKED) --no-default-groups --extra postgres --extra redis --extra otel \
		--format cyclonedx1.5 --preview-features sbom-export --output-file $(SBOM) --quiet
	@echo "$(SBOM)"

# The client, which callers install, and the service, which needs it.
WHEELS ?= dist

wheels: $(VENV)/.uv ## Build the wheels of the client and of the service into dist.
	@$(UV) build --quiet --wheel --all-packages --out-dir $(WHEELS) --python $(BIN)/python
	@ls $(WHEELS)/giftcard_*.whl

format: $(VENV)/.everything ## Format the sources and the protos.
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/buf format --write

stubs: $(OLDEST_VENV)/.everything ## Generate the Python stubs from the protos.
	@rm -f protos/giftcard/v1/*_pb2.py protos/giftcard/v1/*_pb2.pyi \
		protos/giftcard/v1/*_pb2_grpc.py protos/giftcard/v1/*_pb2_grpc.pyi
	@$(MAKE) --no-print-directory stubs-into FOLDER=protos

# What a gateway, a mock or grpcurl needs: all protos with all that they import, in one file.
DESCRIPTORS ?= dist/giftcard.binpb

descriptors: $(VENV)/.everything ## Write the contract as one file of descriptors to dist.
	@mkdir -p $(dir $(DESCRIPTORS))
	@$(BIN)/buf build --output $(DESCRIPTORS)
	@echo "$(DESCRIPTORS)"

docs: $(VENV)/.everything ## Write terms, api, metrics and settings in docs/ from the code.
	@$(BIN)/python -c 'from giftcard_server.commands.terms import page; print(page(), end="")' \
		> docs/terms.md
	@$(BIN)/buf build --output - | PYTHONPATH=tests $(BIN)/python -m given.documents.api_page \
		> docs/api.md
	@PYTHONPATH=tests $(BIN)/python -m given.documents.metrics_page docs/metrics.md
	@PYTHONPATH=tests $(BIN)/python -m given.documents.settings_page docs/settings.md

pictures: $(VENV)/.everything ## Draw the pictures of e-mails in docs/email/ with Debian's chromium.
	@mkdir -p docs/email
	@cd tests && ../$(BIN)/python -m given.browser.letters_shown ../docs/email

# tests/test_stubs.py generates into a folder of its own and compares. Protos without
# a service get no gRPC stub, which would be empty.
PROTOC = $(OLDEST_VENV)/bin/python -m grpc_tools.protoc -Iprotos \
	--plugin=$(OLDEST_VENV)/bin/protoc-gen-mypy --plugin=$(OLDEST_VENV)/bin/protoc-gen-mypy_grpc

stubs-into:
	@$(PROTOC) --python_out=$(FOLDER) --mypy_out=quiet:$(FOLDER) protos/giftcard/v1/*.proto
	@$(PROTOC) --grpc_python_out=$(FOLDER) --mypy_grpc_out=quiet:$(FOLDER) \
		protos/giftcard/v1/*_service.proto

lock: $(VENV)/.uv ## Update uv.lock after a change of pyproject.toml.
	$(UV) lock --python $(BIN)/python

clean: ## Remove the environments and all files that tools have made.
	rm -rf $(VENV) $(OLDEST_VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment with uv in it, made again if its Python is no longer there.
$(VENV)/.uv: pyproject.toml client/pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "There is no '$(PYTHON)' here." \
		"Python 3.11 or newer is needed; 'make PYTHON=/path/to/python ...' names one." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is" \
		" needed, and $(PYTHON) is " + sys.version.split()[0] + "; make PYTHON=/path/to/python" \
		" ... names another.")'
	@$(BIN)/python -c '' 2>/dev/null || { echo "Making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV_PIN)"
	@touch $@

# The packages of the server and the demo. Inexact, so that the tools that `make test` or
# `make lint` have installed stay.
$(VENV)/.runtime: $(VENV)/.uv uv.lock
	@echo "Installing what the service needs into $(VENV)"
	@$(UV) $(SYNC) --inexact --no-default-groups
	@touch $@

$(VENV)/.everything: $(VENV)/.uv uv.lock
	@echo "Installing what the service, its tests and its linters need into $(VENV)"
	@$(UV) $(SYNC) --extra postgres --extra redis --extra otel
	@touch $@ $(VENV)/.runtime

# The oldest runtime that clients may have, which also generates the stubs.
$(OLDEST_VENV)/.everything: $(VENV)/.uv uv.lock
	@echo "Installing the oldest runtime that clients may have into $(OLDEST_VENV)"
	@$(UV_FOR_OLDEST) $(SYNC) --package giftcard-client --no-default-groups --group oldest
	@touch $@
