PYTHON ?= python3
BIN := .venv/bin

.PHONY: app test lint messages docs screenshots bench lock audit clean

app: .venv/app.done
	$(BIN)/python -m kanlab app

# a thread each: two processes share the cores
test: export OMP_NUM_THREADS = 1
test: .venv/test.done lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python benchmarks/messages.py --check

# new and changed sentences into the catalogues of kanlab/translations, to be translated there; run again, it compiles them
messages: .venv/test.done
	$(BIN)/python benchmarks/messages.py

# the documents as a site in build/site; a link that leads nowhere fails
docs: .venv/docs.done
	$(BIN)/mkdocs build --quiet

# pictures of every page into docs/screenshots, by a browser
screenshots: .venv/test.done
	$(BIN)/python benchmarks/screenshots.py

# the engine beside stock pykan: six minutes on two idle cores, written to benchmarks/engine.md
bench: .venv/app.done
	$(BIN)/python benchmarks/engine.py all

# versions of all that requirements.txt needs; those that are locked stay, unless UPGRADE=--upgrade
lock: .venv/app.done
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate $(UPGRADE) requirements.txt -o requirements.lock

# known vulnerabilities of what is installed; asks a database on the network
audit: .venv/app.done
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/python benchmarks/audit.py

.venv/app.done: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

.venv/test.done: .venv/app.done requirements-test.txt
	$(BIN)/python -m pip install --quiet -r requirements-test.txt
	touch $@

.venv/docs.done: .venv/app.done requirements-docs.txt
	$(BIN)/python -m pip install --quiet -r requirements-docs.txt
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
