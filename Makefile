# Every target installs what it needs, in this clone only, and says each step in a line.
# `.venv/.done` and `node_modules/.done` are younger than what they were made from;
# the Pyodide bundle and the vendored packages are checked by content.

PYTHON ?= python3
BIN := .venv/bin
# Python keeps what it has compiled beside the sources, also where the environment says otherwise:
# else each of the many processes that tests start compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=
BIOME := PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/biome
# What is passed on: make dev ARGS="--port 9000", make test ARGS="-k split".
ARGS ?=
# The markers stand in pyproject.toml.
FAST := -m "not edge and not load and not sandbox and not slow"
# Where the tests marked `load` are.
LOAD := tests/load tests/router/cli/test_drill_run.py tests/router/drill/test_traffic.py
GROUPS := --dist loadgroup --no-loadscope-reorder
PROCESSES ?= 4
# Each target's output in one piece, when it is done, where make can do so (since 4.0).
IN_ONE_PIECE := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
SIDE_BY_SIDE = $(MAKE) --no-print-directory $(IN_ONE_PIECE)

.PHONY: install dev ready test test-load test-rest test-fast lint lint-python
.PHONY: lint-javascript load sandbox schemathesis bench entry-check wheel-check upload clean

install: .venv/.done node_modules/.done
	@$(BIN)/python -m router.dev.prepare
	@$(BIN)/python -m agent.packages

dev: install
	@exec $(BIN)/router dev $(ARGS)

# Tests on the runtime mostly wait for it, so four run at a time. Those of load look at seconds:
# beside them are only those that compute, which give way to them. What comes before all tests
# mostly waits, too, for downloads and for what has one thread. With ARGS: just these tests.
test: .venv/.done
	@$(SIDE_BY_SIDE) --jobs=4 ready
ifeq ($(ARGS),)
	@$(SIDE_BY_SIDE) --jobs=2 test-load test-rest
	@$(BIN)/python -m pytest $(GROUPS) --numprocesses $(PROCESSES) tests/edge
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-load: install
	@$(BIN)/python -m pytest -m load $(LOAD)

test-rest: install
	@nice -n 19 $(BIN)/python -m pytest $(GROUPS) --numprocesses 2 \
	  -m "not edge and not load and not sandbox"

ready: install lint .clients/.done .venv/.collected

# Some of these wait, too, and none needs what another has started.
test-fast: install
ifeq ($(ARGS),)
	@TEST_FAST=1 $(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(FAST)
else
	@TEST_FAST=1 $(BIN)/python -m pytest $(FAST) $(ARGS)
endif

lint: lint-python lint-javascript
	@echo "lint        ok"

lint-python: .venv/.done
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "lint: run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy --no-error-summary

lint-javascript: node_modules/.done
	@$(BIOME) check --error-on-warnings --log-level=error . \
	  || { echo "lint: run node_modules/.bin/biome check --write ."; exit 1; }

# Clients, while variants fail, with the default times of health: two minutes and a table.
load: install
	@$(BIN)/python -m tests.load

# Attacks on the agent's sandbox, some of which run until they are stopped: some minutes.
sandbox: install
	@$(BIN)/python -m pytest tests/sandbox

# Requests made up from the agent's document, others each time: make schemathesis ARGS=10.
schemathesis: install
	@$(BIN)/python -m tests.support.edge.agent_fuzz $(ARGS)

bench: install
	@$(BIN)/python -m bench $(ARGS)

# The newest workerd of the registry, in a folder of its own: whether its entry code can still be
# handed a handler in JavaScript, and whether the way back works. Before each upgrade.
entry-check: install
	@$(BIN)/python -m router.dev.entry_check

# The wheel in an empty environment, which builds its kit itself: a minute, and many downloads.
wheel-check: install
	@WHEEL_CHECK=1 $(BIN)/python -m pytest tests/edge/test_wheel.py

upload: install
	@$(BIN)/router deploy --dry-run

clean:
	rm -rf .venv .clients node_modules python_modules build .wrangler
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.done: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11: make PYTHON=python3.11"; exit 1; }
	@echo "python      virtual environment in .venv"
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 \
	  || { rm -rf .venv; echo "$(PYTHON) -m venv failed: apt-get install python3-venv"; exit 1; }
	@echo "uv          from the package index"
	@$(BIN)/pip --disable-pip-version-check install --quiet \
	  "$$(sed -n 's/.*"\(uv==[^"]*\)".*/\1/p' pyproject.toml)"
	@echo "packages    of pyproject.toml: the command line, the tests, Node 24"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --editable . --group dev
	@touch $@

# The published clients that tests run.
.clients/.done: pyproject.toml | .venv/.done
	@echo "clients     packages of the group \`clients\`, in an environment of their own"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .clients
	@$(BIN)/uv pip install --quiet --python .clients/bin/python --group clients
	@touch $@

# pytest rewrites each file of tests and keeps it: here once, where three processes would do it
# three times, all at the same time.
.venv/.collected: pyproject.toml | .venv/.done
	@echo "tests       compiled"
	@$(BIN)/python -m pytest --collect-only -qq >$@.log 2>&1 || { cat $@.log; exit 1; }
	@mv $@.log $@

node_modules/.done: package.json .npmrc | .venv/.done
	@echo "npm         packages of package.json: wrangler, workerd, pyodide"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm install --loglevel=error --no-progress >/dev/null
	@touch $@
