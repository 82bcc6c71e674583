# The commands of the project. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORPUS ?= ../shared/corpus
LABELLED ?= ../shared/labelled
LEXICONS ?= ../shared/lexicons
# What of it: CI leaves out the engine that is built from source.
ENGINES ?= tests/engines
# Clean models of the default cell of the study of hidden texts: 59 without an alarm are needed to say "at most 5 %".
BASES ?= 20
# For example --kept faults.jsonl --most 12: cases of the crash matrix in pieces.
CASES ?=
INSTALLED := $(VENV)/.installed
CORE := $(VENV)/.installed-core
FAST := tests/contracts tests/golden tests/rules tests/unit
# Those start clusters and servers, and kill processes.
WHOLE := tests/cluster tests/faults tests/stores tests/studies
# Those measure: with nothing beside them.
ALONE := tests/benchmarks
# Files of tests are shared out to as many processes as there are processors, at most four: tests/conftest.py says how. Each
# has one thread for linear algebra: more only wait for those of the others.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Modules are compiled once, not by each of the hundreds of processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo demo-detect lint check test kernels lmplz engines faults growth bench classifier-study lexicon-study membership-study hidden-study peers golden map-cc clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Installed once, and again when the dependencies change.
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(CORE) $@

# Without Ray, torch and the tools: what the demo and most recipes need.
$(CORE): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

demo: $(CORE) ## compose a small corpus, run the demo recipe on it, check what was found
	$(BIN)/datagov demo demo-out

demo-detect: $(INSTALLED) ## train a small model with known members, score texts, hold the verdicts against the truth; find a hidden text
	$(BIN)/datagov detect demo detect-out

lint: $(INSTALLED) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## everything static, and the fast tests, with a fifth of the random examples
	DATAGOV_TEST_EXAMPLES=0.2 $(PYTEST) -m 'not slow and not cluster and not engines' $(FAST)

test: kernels ## all tests
	$(PYTEST) -m 'not engines' $(WHOLE) $(FAST)
	$(BIN)/python -m pytest -q -m 'not engines' $(ALONE)

kernels: $(INSTALLED) ## compile the kernels, so that no process of the tests has to
	$(BIN)/python -c 'from pipelines.run import warm_kernels; warm_kernels()'

lmplz: $(INSTALLED) ## KenLM: the library that reads language models, and the programs that train them, built from source
	PYTHON=$(BIN)/python infra/lmplz/build.sh $(BIN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lm]'

engines: $(INSTALLED) ## real engines, in environments of their own: vLLM on CPU, transformers serve, xllamacpp, llama-cpp-python (builds for minutes)
	$(BIN)/python -m pytest -q -rs $(ENGINES)

faults: $(INSTALLED) peers ## kill, fill and fail a run at every step of its commits; the tables of docs/reliability.md
	PYTHONPATH=tests $(BIN)/python tests/faults/crash_matrix.py --page docs/reliability.md $(CASES)
	PYTHONPATH=tests $(BIN)/python tests/faults/peer_kill.py --page docs/reliability.md

growth: $(INSTALLED) ## time and memory at 1x, 4x and 16x of a corpus; the table of docs/scale.md
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/growth.py --page docs/scale.md

peers: ## the environment of the systems we are measured against
	PYTHON=$(PYTHON) tests/benchmarks/make_peers.sh .venv-peers

membership-study: $(INSTALLED) ## measure what is claimed of membership verdicts, write docs/membership.md
	$(BIN)/python tests/studies/membership.py

hidden-study: $(INSTALLED) ## plant texts in small models and look for them; the tables of docs/fingerprint.md
	PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python tests/studies/hidden_text.py --work hidden-study --bases $(BASES) --page docs/fingerprint.md
	PYTHONPATH=. OMP_NUM_THREADS=1 $(BIN)/python tests/studies/hidden_openings.py --work hidden-study/openings --page docs/fingerprint.md

bench: $(INSTALLED) peers ## measure datagov against them, both sides in one run
	$(BIN)/python tests/benchmarks/run.py

golden: $(INSTALLED) peers ## write datatrove's values of our own documents again: tests/golden/datatrove.json
	$(BIN)/python tests/golden/make_golden.py

classifier-study: $(INSTALLED) ## train and evaluate classifiers of sexism and toxicity: docs/safety.md
	$(BIN)/python tests/studies/classifiers.py --labelled $(LABELLED) --page docs/safety.md

lexicon-study: $(INSTALLED) ## hold lexicons against labelled texts and texts with nothing to find: docs/safety.md
	$(BIN)/python tests/studies/lexicons.py --labelled $(LABELLED) --lexicons $(LEXICONS) --corpus $(CORPUS) --page docs/safety.md

map-cc: $(INSTALLED) ## lay MAP-CC's rules, mended and as released, side by side: docs/map-cc.md
	$(BIN)/python tests/studies/map_cc.py --corpus $(CORPUS) > docs/map-cc.md.new
	mv docs/map-cc.md.new docs/map-cc.md

clean: ## remove what the commands above made, environments excepted
	rm -rf demo-out detect-out bench-out hidden-study build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
