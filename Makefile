# Two commands: `make book` builds the site, `make test` checks the code and every committed notebook.
# Both need a system Python 3.11 or newer with venv, and install the locked environment into .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: book test clean

book: .venv/installed
	$(BIN)/jupyter-book build . -W -n --keep-going

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-cell-timeout=300

# Compiling while installing saves every kernel seconds of parsing. The package itself is installed as it stands, so
# that kernels and the command line find it.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	@echo "Installing the locked environment: about a minute, once."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf _build
