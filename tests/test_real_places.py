"""Two real places nobody here made, from their study files to the folder: ledger, siting re-judged, equal bytes."""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from servicecircle.flow import explain, judge, prepare, run
from servicecircle.outputs.publish import publish
from servicecircle.study import Study, load_study, study_from
from tests.oracle.coverage import raster_total

if TYPE_CHECKING:
    from servicecircle.results import Results

ROOT = Path(__file__).resolve().parents[1]
PLACES = {"ngazidja": ROOT / "geodata/ngazidja/study.toml", "porto_alegre": ROOT / "geodata/porto_alegre/study.toml"}


@pytest.fixture(scope="module", params=list(PLACES))
def done(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Study, Results, Path]:
    """One run of a place and the folder it wrote."""
    assert shared_data
    study = load_study(PLACES[request.param])
    results = run(study)
    folder = tmp_path_factory.mktemp(request.param) / "out"
    publish(results, folder)
    return request.param, study, results, folder


def test_study_files_are_short() -> None:
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 25 for path in PLACES.values())


def test_the_ledger_closes_to_the_files_own_total(done: tuple[str, Study, Results, Path], shared_data: Path) -> None:
    name, _, results, _ = done
    if name == "ngazidja":
        total = raster_total(shared_data / "ngazidja" / "population_2020.tif").people
    else:
        total = float(pd.read_csv(shared_data / "porto_alegre" / "poa_hexgrid.csv")["population"].sum())
    window = results.ledger[0]
    assert window.name == "window"
    assert abs(window.left - total) <= 1e-9 * total
    assert max(line.gap for line in results.ledger) <= 1e-9
    assert len(results.ledger) == 2 + len(results.summaries)
    for line, summary in zip(results.ledger[2:], results.summaries, strict=True):
        assert line.name == summary.criterion.key
        assert abs(line.left - window.parts["in_units"]) <= 1e-9 * total  # no area class: everybody is judged


def test_sites_judged_by_a_fresh_run_cover_equal_people(done: tuple[str, Study, Results, Path], tmp_path: Path) -> None:
    """Give sites.csv to a fresh study as one more facility file: the people are those the siting promised."""
    _, study, results, folder = done
    siting = study.siting
    assert siting is not None
    assert len(results.sites) == siting.choose
    tree = tomllib.loads(study.path.read_text(encoding="utf-8"))
    shutil.copy(folder / "sites.csv", tmp_path / "sites.csv")
    tree["facilities"].append(
        {
            "path": "sites.csv",
            "crs": "WGS84",
            "columns": {"id": "candidate_id", "lon": "lon", "lat": "lat", "type": "type"},
        }
    )
    tree.pop("siting")
    for source in sources_of(tree):
        if source["path"] != "sites.csv":
            source["path"] = str(study.locate(source["path"]))
    judged = judge(prepare(study_from(tree, tmp_path / "study.toml")))
    found = {
        c.criterion.key: float(n.covered.sum()) for c, n in zip(judged.coverage.criteria, judged.counts, strict=True)
    }
    assert found[siting.standard] == pytest.approx(results.sites["covered_persons"].iloc[-1], rel=1e-12)
    before = next(s for s in results.summaries if s.criterion.key == siting.standard)
    assert before.covered_persons + results.sites["new_persons"].sum() == pytest.approx(
        found[siting.standard], rel=1e-12
    )


def sources_of(tree: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(tree, dict):
        here = [tree] if "path" in tree else []
        return here + [found for value in tree.values() for found in sources_of(value)]
    return [found for value in tree for found in sources_of(value)] if isinstance(tree, list) else []


def test_the_same_run_into_another_folder_is_equal_to_the_byte(
    done: tuple[str, Study, Results, Path], tmp_path: Path
) -> None:
    _, study, _, folder = done
    publish(run(study), tmp_path / "elsewhere")
    assert contents(tmp_path / "elsewhere") == contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.name != "run.log"}


def test_explain_adds_up_to_the_value_it_explains(done: tuple[str, Study, Results, Path]) -> None:
    _, study, results, _ = done
    short = results.gaps[results.gaps["gap_kind"] == "unit"].iloc[0]
    lines = explain(study, unit=short["unit_id"], criterion=short["criterion"])
    assert any(short["name"] in line for line in lines)
    assert len(lines) >= 6


def test_every_facility_row_is_used_or_set_aside(done: tuple[str, Study, Results, Path], shared_data: Path) -> None:
    name, _, results, _ = done
    if name == "ngazidja":
        rows = len(gpd.read_file(shared_data / "ngazidja" / "health.geojson"))
    else:
        rows = int((pd.read_csv(shared_data / "porto_alegre" / "poa_hexgrid.csv")["healthcare"] > 0).sum())
    assert len(results.facilities) + len(results.set_aside) == rows


def test_outputs_are_all_there_and_read_back(done: tuple[str, Study, Results, Path]) -> None:
    _, _, results, folder = done
    names = {p.name for p in folder.iterdir()}
    assert names >= {
        "start.html", "map.html", "gaps.csv", "gaps.xlsx", "sites.csv", "units.csv", "scorecard.csv", "scorecard.html", "scorecard.xlsx", "criteria.csv", "shortfalls.csv", "study.gpkg", "set_aside.csv", "run.log", "run.json",
    }  # fmt: skip
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert {item["name"] if "name" in item else item["path"] for item in record["files"]} == names - {
        "run.json",
        "run.log",
    }
    with (folder / "sites.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["lon"]) for r in rows] == results.sites["lon"].tolist()


def test_row_order_does_not_matter(shared_data: Path, tmp_path: Path) -> None:
    """Porto Alegre with its rows shuffled: the same lists, but for input hashes and row numbers."""
    rng = np.random.default_rng(5)
    table = pd.read_csv(shared_data / "porto_alegre" / "poa_hexgrid.csv", dtype=str)
    outputs = []
    for name, frame in (("a", table), ("b", table.iloc[rng.permutation(len(table))])):
        home = tmp_path / name
        home.mkdir()
        frame.to_csv(home / "poa_hexgrid.csv", index=False)
        text = (
            PLACES["porto_alegre"]
            .read_text(encoding="utf-8")
            .replace("../../../shared/data/porto_alegre/poa_hexgrid.csv", "poa_hexgrid.csv")
        )
        text = text.replace("../../../shared/data/porto_alegre", str(shared_data / "porto_alegre"))
        (home / "study.toml").write_text(text, encoding="utf-8")
        publish(run(load_study(home / "study.toml")), home / "out")
        outputs.append(contents(home / "out"))
    assert outputs[0].keys() == outputs[1].keys()
    different = {name for name in outputs[0] if outputs[0][name] != outputs[1][name]}
    assert different <= {"run.json", "study.gpkg"}  # hashes of the input; row numbers of the facilities
