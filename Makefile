# make demo   the sample county, from nothing to a map: maps/demo/
# make dalad  the same for a place and its plan; also baotou, kangbashi, shanting, yanhu; make places makes all five
# make test   everything the tests need, then the tests
PLACES := dalad baotou kangbashi shanting yanhu

.DELETE_ON_ERROR:
.PHONY: demo places $(PLACES) sample test test-deep lint bench system lowest lock notebook wheels offline

VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

demo: $(VENV)/.stamp-run
	@$(BIN)/servicecircle run geodata/sample/study.toml -o maps/demo
	@echo "地图 map:   maps/demo/map.html"
	@echo "清单 lists: maps/demo/gaps.xlsx  maps/demo/gaps.csv  maps/demo/sites.csv"

# A place: its synthetic county where there is none yet, then every row of its plan.
places: $(PLACES)

$(PLACES): %: geodata/%/roads.osm.pbf
	@$(BIN)/servicecircle run geodata/$@/study.toml -o maps/$@
	@echo "总表 scorecard: maps/$@/scorecard.html"

$(PLACES:%=geodata/%/roads.osm.pbf): geodata/%/roads.osm.pbf: | $(VENV)/.stamp-run
	@$(BIN)/servicecircle sample $* geodata/$* --seed 1

test: $(VENV)/.stamp-all system
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

test-deep: $(VENV)/.stamp-all system
	@SERVICECIRCLE_DEEP=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

lint: $(VENV)/.stamp-all
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.stamp-all
	@if ls benchmarks/bench_*.py >/dev/null 2>&1; then \
	  for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done; \
	else echo "no benchmarks yet"; fi

# Chromium and a Chinese font, where this machine lets us install them.
system:
	@bash scripts/system.sh

# The oldest versions pyproject.toml allows, in a virtual environment of their own; old versions may warn.
lowest:
	@bash scripts/venv.sh build/lowest
	@build/lowest/bin/python scripts/lowest.py > build/lowest/pins.txt
	@build/lowest/bin/python -m pip --disable-pip-version-check -q install -c build/lowest/pins.txt -e ".[test]"
	@build/lowest/bin/python -m pytest -q -n $(JOBS) --dist loadfile -p no:cacheprovider -W default -m "not slow and not browser"

# The wheel folder for computers without internet, at the locked versions: build/wheels.
wheels: $(VENV)/.stamp-run
	@rm -rf build/wheels
	@$(PIP) wheel -w build/wheels -c constraints.txt .

# Install from that folder with the network off, and run the demo.
offline: wheels
	@bash scripts/offline.sh build/wheels

# Write constraints.txt from what is installed: names and versions, nothing else.
lock: $(VENV)/.stamp-all
	@$(BIN)/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt

# Make the committed sample county and its independent truth anew (equal bytes in the locked environment).
sample: $(VENV)/.stamp-all
	@rm -rf geodata/sample
	@$(BIN)/servicecircle sample hill-county geodata/sample --seed 1
	@$(BIN)/python -m tests.oracle.truth geodata/sample

# Run the notebook in place and keep its outputs (after a change of wording or numbers).
notebook: $(VENV)/.stamp-all
	@$(BIN)/python scripts/notebook.py

$(VENV)/.stamp-run: pyproject.toml constraints.txt
	@bash scripts/venv.sh $(VENV)
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.stamp-all: pyproject.toml constraints.txt
	@bash scripts/venv.sh $(VENV)
	@$(PIP) install -c constraints.txt -e ".[test,lint]"
	@touch $(VENV)/.stamp-run $@
