.PHONY: help check lint types contracts spelling test integration oldest lock
uv := $(firstword $(wildcard .venv/bin/uv) uv)

help:  ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

check: lint types contracts spelling test integration  ## Everything that CI runs

lint:  ## Formatting and lint rules
	$(uv) run ruff format --check .
	$(uv) run ruff check .

types:  ## Strict types in hawc and metrics
	$(uv) run mypy

contracts:  ## Who may import whom
	$(uv) run lint-imports

spelling:  ## Common misspellings
	$(uv) run codespell

test:  ## The default tests
	$(uv) run pytest -n auto

integration:  ## Whole trainings, processes, kills, benchmarks
	$(uv) run pytest -n auto -m integration

oldest:  ## The default tests with the oldest dependencies that are allowed
	$(uv) venv --allow-existing --python 3.11 .ci/environments/oldest
	$(uv) pip install --python .ci/environments/oldest/bin/python --resolution lowest-direct \
		--editable '.[train]' --group dev
	.ci/environments/oldest/bin/python -m pytest -n auto

lock:  ## Write requirements.lock anew; it names versions and no index
	$(uv) lock --upgrade
	$(uv) export --group generators --no-hashes --no-emit-project --no-annotate --no-header -q > requirements.lock
