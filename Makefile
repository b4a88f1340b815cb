# Everything a person or a CI job types. `make up` and `make test` need Python 3.11 or later with
# venv, and nothing else; the environment is made in .venv and made anew when the lock changes.

VENV := .venv
BIN := $(VENV)/bin
UP_ARGS ?=
EXAMPLES := $(notdir $(patsubst %/up,%,$(wildcard examples/*/up)))
TEST_ARGS ?=
LOCK_ARGS ?= --upgrade
BENCH_ARGS ?=
MINUTES ?= 3
CHAOS_ARGS ?=
# Hashes are checked, and nothing is built but this package: no compiler and no surprise is needed.
PIP := PIP_USER=0 $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
INSTALL := $(PIP) install --no-deps --require-hashes --only-binary :all:
INSTALL_SELF := $(PIP) install --no-deps --no-build-isolation --editable .
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"
COMPILE_LOCK := $(COMPILE) pyproject.toml --group build

# What a user's shell may hold must not reach the environment's own interpreter.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help up example known-example test browser check test-system bench chaos chaos-proof chaos-celery lock clean

help:
	@echo "make up           start everything here and run the demo in jobs.d/; Ctrl-C ends it"
	@echo "make example      one of the systems in examples/ with its application: NAME=dashboard; Ctrl-C ends it"
	@echo "make test         run all tests that need nothing of the system but a browser"
	@echo "make browser      look for the Chromium that the tests of the pages need; as root on Debian, install it"
	@echo "make check        run the linters, the types and the import rules"
	@echo "make test-system  run the tests that need PostgreSQL, Redis, RabbitMQ, Prometheus and systemd of the system"
	@echo "make bench        measure speed and print the tables"
	@echo "make chaos        kill, freeze, empty and restart everything for MINUTES=3, then judge"
	@echo "make chaos-proof  the same with each protection taken out: it has to turn red"
	@echo "make chaos-celery the same load and mischief for plain Celery with django-celery-beat"
	@echo "make lock         choose the versions of all dependencies anew (needs uv)"
	@echo "make clean        remove the environment and all caches; the data in .jobrunner/ stays"

up: $(VENV)/installed-up
	@trap : INT; $(BIN)/jobrunner up $(UP_ARGS) || test $$? -eq 130  # Ctrl-C is how it ends, and no error

# The frameworks of the examples are among the tools of the tests.
example: known-example $(VENV)/installed-dev
	@echo "The application will be at http://127.0.0.1:$${PORT:-8000}"
	@echo "A second terminal begins with: cd examples/$(NAME) && . ../../.venv/bin/activate"
	@trap : INT; cd "examples/$(NAME)" && PATH="$(abspath $(BIN)):$$PATH" ./up $(UP_ARGS) || test $$? -eq 130

known-example:
	@test -x "examples/$(NAME)/up" || { echo "NAME=… is one of:" $(EXAMPLES) >&2; exit 2; }

test: $(VENV)/installed-dev browser
	$(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal -m "not system and not alone" $(TEST_ARGS)
	$(BIN)/pytest -m alone $(TEST_ARGS) || test $$? -eq 5  # none of those that were asked for

# The tests of the pages use the system's browser: one that is downloaded lacks libraries on most machines.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable chrome; do \
		if command -v $$name > /dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" -eq 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing chromium for the tests of the pages …"; \
		apt-get update --quiet && \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends chromium; \
	else \
		echo "No Chromium or Chrome was found; the tests of the pages need one." >&2; \
		echo "Install one, e.g. on Debian: apt-get install chromium" >&2; \
		exit 1; \
	fi

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test-system: $(VENV)/installed-dev
	$(BIN)/pytest -m system $(TEST_ARGS)

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

chaos: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(CHAOS_ARGS)

chaos-proof: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos.proof --minutes $(MINUTES) $(CHAOS_ARGS)

chaos-celery: $(VENV)/installed-dev
	$(BIN)/python -m tests.chaos.celery_peer --minutes $(MINUTES) $(CHAOS_ARGS)

# core: what the product needs, and what builds it · up: and the private servers, the pages · dev: and the tools · peers: what
# the product is measured beside, in an environment of its own
lock:
	$(COMPILE_LOCK) $(LOCK_ARGS) --output-file requirements/core.txt
	$(COMPILE_LOCK) --constraint requirements/core.txt --extra embedded --extra server --output-file requirements/up.txt
	$(COMPILE_LOCK) --constraint requirements/up.txt --extra all --group dev --output-file requirements/dev.txt
	$(COMPILE) $(LOCK_ARGS) --constraint requirements/core.txt benchmarks/peers.in --output-file benchmarks/peers.txt

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(VENV)/installed-up: requirements/up.txt pyproject.toml | $(BIN)/python
	@echo "Installing jobrunner and what it needs into $(VENV) …"
	@$(INSTALL) --requirement requirements/up.txt
	@$(INSTALL_SELF)
	@$(BIN)/python -m compileall -q jobrunner alembic
	@touch $@

$(VENV)/installed-dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing jobrunner and the tools of its tests into $(VENV) …"
	@$(INSTALL) --requirement requirements/dev.txt
	@$(INSTALL_SELF)
	@$(BIN)/python -m compileall -q jobrunner alembic
	@touch $(VENV)/installed-up $@

# The newest Python that is there, is not too old, and can make environments.
$(BIN)/python:
	@for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making the environment $(VENV) with $$($$python --version) …"; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "No Python 3.11 or later with the modules venv and ensurepip was found." >&2; \
	echo "Install one, e.g. on Debian: apt-get install python3 python3-venv" >&2; \
	exit 1
