# Two commands matter: `make demo` and `make test`. Everything else is for people who change the code.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out

# A prebuilt llama-cpp-python (no compiler, seconds instead of minutes) comes from its own wheel index:
#   make demo PIP_EXTRA_INDEX_URL=https://abetlen.github.io/llama-cpp-python/whl/cpu
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-all test-train check format lock clean bench-tables bench-throughput

demo: $(VENV)/.runtime            ## install, run the main job on sample_docs/, show what came out
	$(BIN)/python -m flows.demo --out $(OUT)

test: $(VENV)/.dev                ## install what the tests need and run them
	$(BIN)/python -m pytest -q -m "not slow"

test-all: $(VENV)/.dev            ## the slow proofs too
	$(BIN)/python -m pytest -q

test-train: $(VENV)/.train        ## teaching and converting, which need torch
	$(BIN)/python -m pytest -q tests/training

check: $(VENV)/.dev               ## format, lint, types
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

# The stamps make later runs install nothing: they are older than neither the lock nor pyproject.toml.
$(VENV)/.runtime: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing. The first time compiles llama-cpp-python: about 8 minutes on two cores (see README for a prebuilt wheel)."
	$(BIN)/python -m pip install --quiet -c requirements.lock -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet -c requirements.lock -e ".[dev,s3,dask]"
	touch $@

# torch from PyPI brings gigabytes of GPU libraries on Linux; its own index has the build for processors. TORCH_INDEX= takes PyPI's.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
$(VENV)/.train: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet -c requirements.lock $(addprefix --extra-index-url ,$(TORCH_INDEX)) -e ".[dev,train]"
	touch $@

PEERS := .venv-peers
DOCS  ?= sample_docs

bench-throughput: $(VENV)/.dev $(PEERS)/.installed  ## pages per second per core beside other readers, one run
	$(BIN)/python benchmarks/throughput.py $(DOCS) --peer-python $(PEERS)/bin/python

bench-tables: $(VENV)/.dev $(PEERS)/.installed      ## tables beside other readers: TRUTH=folder SCORER=folder with tables_eval.py
	$(BIN)/python benchmarks/tables.py $(TRUTH) --scorer $(SCORER) --peers camelot-hybrid pymupdf4llm img2table --peer-python $(PEERS)/bin/python

# Other readers get their own environment: some pin libraries that ours must not have.
$(PEERS)/.installed: benchmarks/peers.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet -r benchmarks/peers.txt
	touch $@

lock:                             ## resolve again; commit only after `make test` ran a Prefect flow with the new set
	$(PYTHON) -m pip install --quiet uv
	$(PYTHON) -m uv pip compile --universal --python-version 3.11 --extra s3 --extra dask --extra bench --extra dev --no-annotate --no-header pyproject.toml -o requirements.lock

clean:
	rm -rf $(OUT) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
