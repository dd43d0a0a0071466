PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test check format build clean fault-tests bench requirements deployment audit docs browser

help:  ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: .venv/run  ## Serve a blog with two users and a few posts. On another port: BLOG_PORT=8001 make run
	@echo "The command is $(BIN)/blog; after . $(BIN)/activate it is blog."
	@echo "Is the port taken? BLOG_PORT=8001 make run takes another one."
	@echo
	$(BIN)/blog demo

test check: export PYTHONDONTWRITEBYTECODE :=  # or each worker compiles all tests again

test: .venv/dev  ## Run the tests
	$(BIN)/pytest -n 4 --dist worksteal

check: .venv/dev  ## Check format, lint, types, import contracts and tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 4 --dist worksteal --cov=blog.domain --cov-branch --cov-fail-under=100

format: .venv/dev  ## Format the code, and mend what can be mended by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

build: .venv/dev  ## Make the wheel
	$(BIN)/python -m build

requirements: .venv/supply-chain  ## Pin what deployments install, with hashes. UPGRADE=1 takes the newest of everything
	$(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --extra postgres --generate-hashes \
		--no-annotate --custom-compile-command 'make requirements' $(if $(UPGRADE),--upgrade) \
		--output-file requirements/deploy.txt pyproject.toml

deployment: .venv/dev  ## Install as a deployment does, by hashes alone, and see that all is there
	rm -rf .venv/deployment
	$(BIN)/python -m venv .venv/deployment
	$(BIN)/python -m build --wheel --outdir .venv/deployment/dist
	.venv/deployment/bin/pip install --quiet --require-hashes --requirement requirements/deploy.txt
	.venv/deployment/bin/pip install --quiet --no-deps .venv/deployment/dist/*.whl
	.venv/deployment/bin/pip check
	.venv/deployment/bin/python -c 'import psycopg'
	.venv/deployment/bin/blog --version

audit: .venv/supply-chain  ## Ask for known faults of what deployments install. Fails if it cannot be told, too
	$(BIN)/python -m supply_chain.audit $(BIN)/pip-audit $(if $(SERVICE),--vulnerability-service $(SERVICE))

docs: .venv/docs  ## Build the documentation as a web site in site/
	$(BIN)/zensical build --strict --clean

clean:  ## Take away what was made
	rm -rf .venv dist site benchmarks/.venvs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "blog needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

.venv/run: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[postgres]'
	@touch $@

.venv/dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ .venv/run

.venv/docs: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[docs]'
	@touch $@

.venv/supply-chain: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[supply-chain]'
	@touch $@

.venv/browser: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[browser]'
	@touch $@

browser: .venv/browser  ## See in a browser that nothing of a post is executed. Needs: apt-get install chromium
	$(BIN)/pytest -q browser_tests

fault-tests: .venv/dev  ## Kill and freeze real clusters. Needs: apt-get install patroni etcd-server pgbouncer
	$(BIN)/python -m fault_tests all $(if $(ROUNDS),--rounds $(ROUNDS))

PEERS := django fastapi pocketbase

bench: .venv/dev benchmarks/.venvs/plot/made $(PEERS:%=benchmarks/.venvs/%/made)  ## Measure against what one would use instead. Needs: apt-get install wrk
	$(BIN)/python -m benchmarks $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(POSTS),--posts $(POSTS))

define ENVIRONMENT
$(BIN)/python -m venv $(@D)
$(@D)/bin/pip install --quiet --requirement $<
@touch $@
endef

benchmarks/.venvs/plot/made: benchmarks/requirements.txt | .venv/bin/python
	$(ENVIRONMENT)

benchmarks/.venvs/%/made: benchmarks/peers/%/requirements.txt | .venv/bin/python
	$(ENVIRONMENT)
