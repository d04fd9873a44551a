# make run    set up, then the exporter with config.yaml where there is one, else the demo
# make test   set up, then every test
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup run stack test coverage check format fuzz chaos cluster soak audit bench docs dashboards pictures image release servers browser builder systemd lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK := requirements/dev.lock
RUN_LOCK := requirements/run.lock
BUILD_LOCK := requirements/build.lock
FUZZ_SECONDS ?= 60
FUZZ_EXAMPLES ?= 2000
SOAK_SEED ?= 1

help:
	@echo "make run     the exporter with config.yaml where there is one, else the demo"
	@echo "make stack   simulator, exporter, Prometheus and Alertmanager, on this machine"
	@echo "make test    every test"
	@echo "make coverage  every test, and which lines none of them runs"
	@echo "make check   format, lint, types"
	@echo "make fuzz    each fuzzing harness for FUZZ_SECONDS (60), or one of them: FUZZ=answers"
	@echo "make chaos   each fault once, over days of simulated time; SEED=… repeats, FAULTS=disk-full,half-open chooses"
	@echo "make cluster  four exporters on one ledger, 5,000 alerts: killed, stopped, cut off; SEED=… repeats"
	@echo "make soak    the exporter at work for 30 minutes, into docs/soak.md; SOAK_MINUTES=5 prints only"
	@echo "make audit   whether a weakness of a locked version is known"
	@echo "make bench   the benchmarks, into docs/benchmarks.md; BENCH=scrape prints one of them"
	@echo "make docs    docs/metrics.md and the tables of docs/configuration.md, from the code"
	@echo "make dashboards  grafana/dashboards, from the code beside them"
	@echo "make pictures  docs/status-page*.png, of the demo"
	@echo "make image   the container image, by Docker or buildah, and its tests"
	@echo "make release wheel and sdist into dist/, tried in a clean environment"
	@echo "make setup   only the set-up, into $(VENV)"
	@echo "make format  rewrite the code in the project's format"
	@echo "make lock    resolve the locked versions anew"

setup: $(READY)

$(READY): pyproject.toml $(LOCK) tools/need-debian
	@tools/need-debian '$(PYTHON) -c "import ensurepip"' python3-venv
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY)
	@if [ -f config.yaml ]; then exec $(BIN)/bkmonitor-flow-exporter serve --config.file=config.yaml; \
	else exec $(BIN)/bkmonitor-flow-exporter demo; fi

# Servers that Debian may start at installation do not matter: ours take other ports where theirs are taken.
servers:
	@tools/need-debian 'command -v prometheus && command -v promtool' prometheus
	@tools/need-debian 'command -v prometheus-alertmanager || command -v alertmanager' prometheus-alertmanager
	@tools/need-debian 'ls /usr/lib/postgresql/*/bin/postgres || command -v postgres' postgresql

browser:
	@tools/need-debian 'command -v chromium' chromium

# Docker builds the image where its engine runs; else these do.
builder:
	@tools/need-debian 'docker info || { command -v buildah && command -v mmdebstrap; }' buildah mmdebstrap debian-archive-keyring

systemd:
	@tools/need-debian 'command -v systemd-analyze' systemd

stack: $(READY) servers
	@exec $(BIN)/python -m tools.stack

test: $(READY) servers browser builder systemd
	$(BIN)/pytest -n 4 -rs --durations=5 $(ARGS)

# By itself, for tracing each line takes what the tests themselves take, and more.
coverage:
	@rm -f .coverage .coverage.*
	@$(MAKE) test ARGS="--cov --cov-report=term $(ARGS)"

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) $(FUZZ)
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -q --timeout=0 tests/fuzz/test_fuzz_api.py

chaos: $(READY)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(HOURS),--hours $(HOURS)) $(if $(FAULTS),--faults $(FAULTS))

cluster: $(READY) servers
	CLUSTER_ALERTS=5000 $(if $(SEED),CLUSTER_SEED=$(SEED)) $(BIN)/pytest -q -s -n0 tests/e2e/test_e2e_shards.py

soak: $(READY)
	$(BIN)/python -m tests.soak --seed $(SOAK_SEED) $(if $(SOAK_MINUTES),--minutes $(SOAK_MINUTES),--page)

audit:
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/pip install --quiet pip-audit
	$(VENV)-audit/bin/pip-audit --strict --require-hashes --disable-pip -r $(LOCK) -r $(RUN_LOCK) -r $(BUILD_LOCK); \
	audited=$$?; rm -rf $(VENV)-audit; exit $$audited

bench: $(READY)
	$(BIN)/python -m bench $(BENCH)

docs: $(READY)
	$(BIN)/python -m tools.metrics_doc
	$(BIN)/python -m tools.config_doc

dashboards: $(READY)
	$(BIN)/python -m grafana

pictures: $(READY) browser
	$(BIN)/python -m tools.status_pictures

image: $(READY)
	tools/image
	IMAGE=bkmonitor-flow-exporter:latest $(BIN)/pytest -q tests/deploy/test_deploy_image.py

release: $(READY)
	$(BIN)/python -m tools.release

lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 --extra dev --custom-compile-command "make lock" -o $(LOCK) pyproject.toml
	$(VENV)-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --upgrade --python-version 3.11 --extra postgresql --constraint $(LOCK) --custom-compile-command "make lock" -o $(RUN_LOCK) pyproject.toml
	echo 'hatchling>=1.27' | $(VENV)-lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --upgrade --python-version 3.11 --constraint $(LOCK) --custom-compile-command "make lock" -o $(BUILD_LOCK) -
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
