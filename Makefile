# `make` lists what there is. Everything sets itself up in .venv on first use.
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := libs/common apps/gateway apps/orders apps/inventory apps/cli
# Each worker starts servers of its own; a Redis that REDIS_URL names is only one.
WORKERS ?= $(if $(REDIS_URL),0,4)
# Where this is set nothing keeps what was compiled, and tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := libs/*/src apps/*/src libs/*/tests apps/*/tests tests benchmarks examples/* conftest.py

.DEFAULT_GOAL := help
.PHONY: help setup start test check format docs bench bench-all torture sabotage fuzz images lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/installed ## Create .venv with every dependency, hashes checked

start: .venv/installed ## Run gateway, orders and inventory, with their servers, in the foreground
	@exec $(BIN)/onhand start

test: .venv/installed ## Run all tests on real servers, four files at a time (ARGS="-k name" to choose, WORKERS=0 for one)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/installed ## Lint, format check, strict types, import contracts, message contracts, dependency hygiene
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(wildcard $(SOURCES))
	$(BIN)/lint-imports
	@$(BIN)/python -m tests.contracts --check
	@for member in $(MEMBERS); do (cd $$member && ../../$(BIN)/deptry src) || exit 1; done

format: .venv/installed ## Format and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/installed ## Write docs/messages.md, docs/asyncapi.json, docs/openapi.json and the golden schemas anew from the contracts
	@$(BIN)/python -m tests.contracts

bench: .venv/installed ## Load a fresh system and print orders/s, latency and CPU per order
	@$(BIN)/python -m benchmarks $(ARGS)

bench-all: .venv/installed ## Run every benchmark into one report, about an hour (ARGS="--quick --to DIR" for some minutes)
	@$(BIN)/python -m benchmarks.everything $(ARGS)

torture: .venv/installed ## Break a system in every way under load (SECONDS=60 SCENARIO=kills SEED=42)
	@$(BIN)/python -m tests.failures $(if $(SECONDS),--seconds $(SECONDS)) $(addprefix --scenario ,$(SCENARIO)) $(if $(SEED),--seed $(SEED)) $(ARGS)

sabotage: .venv/installed ## Break the code on purpose and see which tests notice (NAME="no-tombstone no-claims")
	@$(BIN)/python -m tests.sabotage $(addprefix --name ,$(NAME)) $(ARGS)

fuzz: .venv/installed ## Send what the OpenAPI document allows and forbids, and look at every answer (CASES=20000 SEED=42)
	@$(BIN)/python -m tests.fuzz $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED))

images: .venv/installed ## Build the images without Docker and take an order through them (root, buildah, debootstrap)
	@deploy/check-images.sh

lock: ## Resolve dependencies anew into requirements.txt (needs uv)
	uv lock --upgrade
	uv export --quiet --all-groups --all-packages --no-emit-workspace --no-annotate --format requirements-txt -o requirements.txt
	for app in gateway orders inventory cli; do uv export --frozen --quiet --package onhand-$$app --no-emit-workspace --no-annotate --format requirements-txt -o apps/$$app/requirements.txt || exit 1; done

clean: ## Remove .venv and caches; data in .onhand stays (see `onhand reset`)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/installed: requirements.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("onhand needs Python >= 3.11, this is " + sys.version.split()[0] + "; set PYTHON=/path/to/python3")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python has no venv; Debian and Ubuntu keep it in the package python3-venv"; exit 1; }
	@echo "Setting up .venv (once; about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@
