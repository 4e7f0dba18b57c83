# Everything a contributor or newcomer runs. `make help` lists it. The environment in .venv is made on first use: what
# running needs for `run`, what tests and checks need besides for the others.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(BIN)/.ready
DEV    := $(BIN)/.dev
CODE   := vmagent_operator test

.DEFAULT_GOAL := help
.PHONY: help run run-cluster remove-cluster test check fmt lint types layers cluster-test golden crds manifests limits imports docs mutants bench wheel clean install-crds deploy undeploy

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): setup.cfg pyproject.toml
	@$(PYTHON) test/environment.py $(VENV)
	@touch $@

$(DEV): setup.cfg pyproject.toml
	@$(PYTHON) test/environment.py $(VENV) dev
	@touch $(READY) $@

run: $(READY) ## start the operator with the examples on an embedded API server, whatever KUBECONFIG says
	@$(BIN)/python -m test.demo

run-cluster: $(READY) ## the same on the cluster of the current context: asks before, cleans up after
	@$(BIN)/python -m test.demo --cluster

remove-cluster: $(READY) ## remove what an interrupted run-cluster has left
	@$(BIN)/python -m test.demo --cluster --remove

test: $(DEV) ## run the tests that need no cluster
	$(BIN)/python -m pytest -q -n auto -m "not cluster and not vmagent and not slow"

check: lint types layers crds-check test ## what CI runs: format, lint, types, layers, generated files, tests

fmt: $(DEV) ## format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(DEV) ## check format and style
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(DEV) ## check types
	$(BIN)/mypy

layers: $(DEV) ## check that imports point down the stack
	$(BIN)/lint-imports --config setup.cfg

cluster-test: $(DEV) ## run what needs a real control plane or vmagent (built on first use), or minutes
	$(BIN)/python -m pytest -q -n auto -m "slow and not cluster and not vmagent" test
	$(BIN)/python -m pytest -q -m "cluster or vmagent" test

.PHONY: kubernetes-test
kubernetes-test: $(DEV) ## run what needs a control plane on one version of it (KUBERNETES_VERSION=1.28)
	$(BIN)/python -m pytest -q -m cluster test

golden: $(DEV) ## compare with the recorded cases of the Go operator
	$(BIN)/python -m pytest -q test/golden

crds: $(DEV) ## regenerate manifests/crd from the field tables
	$(BIN)/python -m vmagent_operator crds --output manifests/crd

manifests: $(DEV) ## regenerate manifests/install.yaml, the dashboard, and what the chart has of the other manifests
	$(BIN)/python -m test.manifests.written

limits: $(DEV) ## regenerate docs/limits.md from the table of limits
	$(BIN)/python -m vmagent_operator limits --output docs/limits.md

imports: $(DEV) ## draw who imports whom as docs/imports.md
	$(BIN)/python -m test.imports

.PHONY: crds-check
crds-check: crds manifests limits imports
	@git diff --exit-code --stat -- manifests docs/limits.md docs/imports.md || { echo "generated files are out of date: commit what make crds manifests limits imports wrote"; exit 1; }

docs: $(DEV) ## build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

mutants: $(DEV) ## break a sample of the code and print what no test notices (MODULE='kube/*' COUNT=20 SEED=0 TIME=600 EACH=seconds)
	$(BIN)/python -m test.mutants --module '$(or $(MODULE),kube/*)' --count $(or $(COUNT),20) --seed $(or $(SEED),0) --seconds $(or $(TIME),600) --each $(or $(EACH),inf)

bench: $(DEV) ## measure what one change costs, without a cluster (JSON=file DOCS=1)
	$(BIN)/python -m test.bench $(and $(JSON),--json $(JSON)) $(and $(DOCS),--docs)

.PHONY: bench-cluster
bench-cluster: $(DEV) ## the same on a real server, built on first use (SIZES='1000 10000' AGENTS=further JSON=file)
	for size in $(or $(SIZES),1000 10000); do \
		SCALE_OBJECTS=$$size SCALE_AGENTS=$(or $(AGENTS),0) SCALE_JSON='$(JSON)' $(BIN)/python -m pytest -q -s test/e2e/test_scale.py || exit 1; \
	done

wheel: $(DEV) ## build the wheel and try it in an empty environment
	rm -rf dist && $(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	rm -rf dist/env && $(PYTHON) -m venv dist/env && dist/env/bin/pip install --quiet dist/*.whl
	cd dist && env/bin/vmagent-operator --version && env/bin/vmagent-operator crds > /dev/null

.PHONY: krew
krew: $(DEV) ## pack kubectl vmagent for krew, with its manifest, into dist/krew (URI=where the archive will be)
	$(BIN)/python -m test.krew --uri '$(or $(URI),https://example.com/kubectl-vmagent.tar.gz)'

install-crds: ## apply the CRDs to the cluster of the current context
	kubectl apply --server-side -k manifests/crd

deploy: ## install the operator into the cluster of the current context
	kubectl apply --server-side -k manifests

undeploy: ## remove the operator, but neither CRDs nor VMAgents
	kubectl delete --ignore-not-found -k manifests/base

clean: ## remove what was built
	rm -rf $(VENV) .run dist build site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
