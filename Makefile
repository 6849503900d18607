# Needs Python 3.11 or newer with pip. ARGS reaches the command: make run ARGS="--steps 100"

PYTHON ?= $(shell python3.11 -c 'print("python3.11")' 2>/dev/null || echo python3)
BIN := .venv/bin
READY := .venv/ready

.PHONY: run test check docs bench fuzz
run: $(READY)
	$(BIN)/ntpt learn add2x2/top $(ARGS)

# A process a core, each of one thread.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	.ci/wheel

# The site, in docs/_build/html: notebooks run, and a warning is an error. ARGS="-D nb_execution_mode=off" runs none.
docs: $(READY)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet $(ARGS) docs docs/_build/html

# Training steps beside plain torch and the last recorded commit, in turn. ARGS="--rounds 100"
bench: $(READY)
	$(BIN)/python -m ntpt_pyro.experiments.bench $(ARGS)

# Everything that is tried at random: ARGS="--budget 0.1 --out FILE" is a tenth of the large one.
fuzz: $(READY)
	$(BIN)/python -m ntpt_pyro.experiments.fuzz $(ARGS)

# One environment for everything; brought up to date when the dependencies change.
$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --editable '.[dev]'
	touch $@
