# One line each. PORT and DATA choose where it listens and where the data is, PYTHON which interpreter makes .venv,
# TORCH_INDEX another package index for torch (PyTorch's own CPU builds: https://download.pytorch.org/whl/cpu).
PORT ?= 8000
DATA ?= var
TESTS ?=
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom)
export PYTHON TORCH_INDEX

.PHONY: run install test test-fast test-random lint bench screenshots
run: install
	@.venv/bin/python manage.py up --data "$(DATA)" --port $(PORT) --demo

install:
	@sh scripts/install.sh runtime

# Tests start some hundred processes: with what Python has compiled kept, each begins a fifth sooner, whatever the shell says.
# Four run at a time, so one thread each: on two cores the numerical files take a seventh less of the processor.
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv/bin/python -m pytest --dist loadfile --no-loadscope-reorder
test:
	@sh scripts/install.sh runtime dev && sh scripts/browser.sh && $(PYTEST) -n 4 $(TESTS)

# For daily work: two at a time, for nothing here waits for another process.
test-fast:
	@sh scripts/install.sh runtime dev && $(PYTEST) -n 2 -m "not browser and not worker and not slow" $(TESTS)

# What is drawn by lot is drawn anew; SEED=… draws the same again.
test-random:
	@sh scripts/install.sh runtime dev && sh scripts/browser.sh && seed=$(strip $(SEED)) && \
	LABELER_TEST_SEED=$$seed $(PYTEST) -n 4 --hypothesis-seed=$$seed $(TESTS)

lint:
	@sh scripts/install.sh runtime dev && sh scripts/lint.sh

bench: install
	@.venv/bin/python -m bench

screenshots:
	@sh scripts/install.sh runtime dev && sh scripts/browser.sh && .venv/bin/python scripts/screenshots.py
