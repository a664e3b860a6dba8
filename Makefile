# Everything is installed below this folder, and only when it is not there yet. Needs Python 3.11 or newer, nothing else.

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
PY := $(VENV)/bin/python
SERVICES := $(PY) -m config.run with-services
PYTEST := $(VENV)/bin/pytest
SDKS := tests/sdks/node_modules/.installed
TEMPLATES = $$(find templates -name '*.html')
.DEFAULT_GOAL := help
.PHONY: help run test test-browser test-faults planted lint bench requirements chromium

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime node_modules/.installed ## Start Regulars (PORT and VAR_DIR choose where); Ctrl-C stops it
	@exec $(PY) -m config.run

# --- Tests --------------------------------------------------------------------------------------------------------

test test-browser test-faults planted bench: export ENVIRONMENT = test

test: $(VENV)/.dev node_modules/.installed ## Run the tests; ARGS="tests/loyalty -k points" chooses
	@exec $(SERVICES) -- sh -c '$(PYTEST) -n 2 $(ARGS) && { $(PYTEST) -m alone $(ARGS) || test $$? = 5; }'

test-browser: $(VENV)/.dev node_modules/.installed $(SDKS) chromium ## Walk through the pages in a real browser
	@exec $(SERVICES) -- $(PYTEST) -m browser $(ARGS)

test-faults: $(VENV)/.dev node_modules/.installed $(SDKS) ## Start, kill and restart real processes
	@exec $(SERVICES) -- $(PYTEST) -m fault $(ARGS)

planted: $(VENV)/.dev node_modules/.installed ## Take each guard out and see tests fail; WORD=card chooses
	@exec $(SERVICES) -- $(PY) -m tests.planted_bugs $(WORD)

bench: $(VENV)/.dev ## Measure; NAME=rescore chooses one
	@exec $(SERVICES) --durable -- $(PY) -m tests.benchmarks $(NAME)

chromium:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium fonts-liberation; } \
		|| { echo "Browser tests need /usr/bin/chromium: apt install chromium fonts-liberation" >&2; exit 1; }

# --- Checks -------------------------------------------------------------------------------------------------------

PRODUCTION := ENVIRONMENT=production TRUSTED_PROXIES=1 BASE_URL=https://regulars.example SECRET_KEY=$(shell printf 'only-to-check-%.0s' 1 2 3 4)

lint: $(VENV)/.dev node_modules/.installed ## Check style, types, layers, templates, settings and containers
	@echo "Style";          $(VENV)/bin/ruff check --quiet .
	@echo "Layout";         $(VENV)/bin/ruff format --quiet --check .
	@echo "Types";          $(VENV)/bin/mypy --no-error-summary
	@echo "Layers";         $(VENV)/bin/lint-imports --no-cache >$(VENV)/layers.txt || { cat $(VENV)/layers.txt; exit 1; }
	@echo "Templates";      $(VENV)/bin/djade --target-version 5.2 --check $(TEMPLATES)
	@echo "Variables";      $(PY) -m config.environment --check .env.example
	@echo "Migrations";     $(SERVICES) -- $(PY) manage.py makemigrations --check --dry-run --verbosity 1
	@echo "Production";     $(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	@echo "Dockerfile";     $(VENV)/bin/hadolint Dockerfile
	@echo "compose.yaml";   $(VENV)/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml

# --- What is installed --------------------------------------------------------------------------------------------

# A stamp is written last. An installation that was cut short left `.unfinished` behind and begins anew.
define install
	@test -n "$(PYTHON)" || { echo "Regulars needs Python 3.11 or newer; none is on PATH." >&2; exit 1; }
	@test -x $(PY) -a ! -e $(VENV)/.unfinished || $(PYTHON) -m venv --clear $(VENV)
	@touch $(VENV)/.unfinished
	@echo "Installing $(1) ..."
	@if command -v uv >/dev/null; then uv pip install --quiet --python $(PY) --require-hashes -r $(1); \
		else $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1); fi
	@rm $(VENV)/.unfinished
endef

$(VENV)/.runtime: requirements.txt
	$(call install,requirements.txt)
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(VENV)/.runtime
	$(call install,requirements-dev.txt)
	@touch $@ $(VENV)/.runtime

NPM_CI := npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error

node_modules/.installed: package-lock.json
$(SDKS): tests/sdks/package-lock.json
node_modules/.installed $(SDKS): | $(VENV)/.runtime
	@echo "Installing $< ..."
	@command -v npm >/dev/null || $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements-node.txt
	@cd $(<D) && PATH="$$PATH:$(CURDIR)/$(VENV)/bin" $(NPM_CI)
	@touch $@

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make requirements"

requirements: ## Pin requirements*.in anew (needs uv); UPGRADE=--upgrade takes newer versions of what they bring
	@for name in requirements requirements-dev requirements-node; do $(COMPILE) $(UPGRADE) -o $$name.txt $$name.in; done
