# Every target works on a bare machine with Python 3.11, from any folder: make -C <checkout> dev
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
# The first Python that is new enough, else any, which then says what to install.
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13 python3.14; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo "$$name" && exit; done; echo python3)
BIN := $(ROOT)/.venv/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url

.PHONY: dev demo doctor test fuzz walks faults bench check format lock clean venv
.DEFAULT_GOAL := dev

venv:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "make: Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv)" >&2; \
		exit 1; }
	@"$(PYTHON)" "$(ROOT)/local/bootstrap.py"

# The whole system, until Ctrl-C.
dev: venv
	@cd "$(ROOT)" && exec "$(BIN)/perennial" dev --with-parent

# A year of a small company, against the running system.
demo: venv
	@cd "$(ROOT)" && exec "$(BIN)/perennial" demo

doctor: venv
	@cd "$(ROOT)" && exec "$(BIN)/perennial" doctor

test: venv
	cd "$(ROOT)" && "$(BIN)/python" -m pytest -n 4 --dist worksteal $(ARGS)

# The API held against its description with many more generated requests than `make test` sends.
fuzz: venv
	cd "$(ROOT)" && PERENNIAL_FUZZ_EXAMPLES=$${PERENNIAL_FUZZ_EXAMPLES:-50} \
		"$(BIN)/python" -m pytest -n 2 tests/api/test_conformance.py $(ARGS)

# Random walks over the whole lifecycle, far more of them than `make test` takes.
walks: venv
	cd "$(ROOT)" && PERENNIAL_WALKS=$${PERENNIAL_WALKS:-500} \
		"$(BIN)/python" -m pytest tests/billing/test_lifecycle_walks.py $(ARGS)

# The demo's year with everything killed in the middle of it; about ten minutes.
faults: venv
	cd "$(ROOT)" && "$(BIN)/python" -m pytest tests/faults/year.py $(ARGS)

# Speed and size, each against a baseline of the same run; about a quarter of an hour.
bench: venv
	cd "$(ROOT)" && "$(BIN)/python" -m bench $(ARGS)

check: venv
	cd "$(ROOT)" && "$(BIN)/ruff" format --check .
	cd "$(ROOT)" && "$(BIN)/ruff" check .
	cd "$(ROOT)" && "$(BIN)/mypy" .
	cd "$(ROOT)" && "$(BIN)/lint-imports" --no-cache

format: venv
	cd "$(ROOT)" && "$(BIN)/ruff" format . && "$(BIN)/ruff" check --fix .

# The locked files again, from pyproject.toml; versions that still fit stay.
lock: venv
	cd "$(ROOT)" && $(LOCK) --output-file requirements.lock pyproject.toml
	cd "$(ROOT)" && $(LOCK) --all-extras --output-file requirements-dev.lock pyproject.toml

# The environment and the local system's state, database included.
clean:
	@"$(PYTHON)" "$(ROOT)/local/removal.py"
