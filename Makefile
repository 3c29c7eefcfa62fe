# The two commands of the README: `make demo` and `make test`. Both need only Python >= 3.11 with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check fix rules bench lock clean

demo: $(READY)
	$(BIN)/waiverhub demo --folder demo

test: $(READY) check
	$(BIN)/pytest

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The page of the rules, from the cases that the tests play.
rules: $(READY)
	$(BIN)/python tests/cases/rules_page.py

bench: .venv/.bench-ready
	$(BIN)/python -m bench

# What only the peers need: in no other environment.
.venv/.bench-ready: $(READY) bench/requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r bench/requirements.lock
	touch .venv/.bench-ready

# Everything comes from the lock, by hash; the build backend too, so no step fetches anything unpinned.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

lock:
	uv pip compile --universal --generate-hashes --extra test --custom-compile-command "make lock" \
	    -o requirements.lock pyproject.toml

clean:
	rm -rf .venv demo
