# Three commands matter: `make book` builds the site, `make test` checks the code and every committed notebook, and
# `make check` what takes longer: the whole book in a browser, killed builds, the rehearsal with confidential data.
# All need a system Python 3.11 or newer with venv, and install the locked environment into .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: book test check lint audit archive clean

book: .venv/installed
	$(BIN)/jupyter-book build . -W -n --keep-going --quiet

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" --nbval --nbval-cell-timeout=300

# Needs Chromium.
check: book
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow tests clustertrials/tests

# The style of the code, and that a room imports only what is below it.
lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

# Is a vulnerability known of a locked package? Says so aloud where nobody can be asked.
audit: .venv/installed
	$(BIN)/python .ci/audit

# Site, sources, PDF, checksums and metadata in one file, in _build/archive; needs Chromium and a committed state.
archive: book
	$(BIN)/holf archive --out _build/archive

# Compiling while installing saves every kernel seconds of parsing. The two packages themselves are installed as they
# stand, so that kernels and the command line find them.
.venv/installed: requirements.lock pyproject.toml clustertrials/pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "Installing the locked environment: a minute or two, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./clustertrials --editable .
	touch $@

clean:
	rm -rf _build
