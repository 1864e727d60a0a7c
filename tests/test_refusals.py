"""Bad input gets one clear sentence naming file, place, value and remedy; all problems at once; nothing is computed."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pytest
import rasterio

from servicecircle.errors import StudyError
from servicecircle.flow import check, explain, run
from servicecircle.study import Study, load_study, study_from
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "geodata" / "demo"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the demo place to spoil."""
    return Path(shutil.copytree(DEMO, tmp_path / "place"))


def spoiled(place: Path, change: Callable[[dict[str, Any]], None]) -> Study:
    tree = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    change(tree)
    return study_from(tree, place / "study.toml")


def sentences(study: Study, language: str = "en") -> list[str]:
    return [sentence(language, item) for item in check(study).problems]


def refusals(place: Path, change: Callable[[dict[str, Any]], None]) -> list[str]:
    with pytest.raises(StudyError) as caught:
        spoiled(place, change)
    return [sentence("en", item) for item in caught.value.problems]


def test_the_demo_itself_is_clean(place: Path) -> None:
    assert sentences(load_study(place / "study.toml")) == []


@pytest.mark.parametrize("part", ["facilities.xlsx", "population.tif", "roads.osm", "units.geojson"])
def test_a_missing_file_is_named(place: Path, part: str) -> None:
    (place / part).unlink()
    found = sentences(load_study(place / "study.toml"))
    assert len(found) == 1
    assert part in found[0]


def test_all_missing_files_are_named_at_once(place: Path) -> None:
    for part in ("facilities.xlsx", "population.tif", "roads.osm", "units.geojson"):
        (place / part).unlink()
    found = sentences(load_study(place / "study.toml"))
    assert len(found) == 4
    assert all(
        any(part in line for line in found)
        for part in ("facilities.xlsx", "population.tif", "roads.osm", "units.geojson")
    )


def test_a_layer_without_a_crs_is_refused(place: Path) -> None:
    with rasterio.open(place / "population.tif") as source:
        profile, values = source.profile | {"crs": None}, source.read()
    with rasterio.open(place / "population.tif", "w", **profile) as target:
        target.write(values)
    found = sentences(load_study(place / "study.toml"))
    assert len(found) == 1
    assert "population.tif" in found[0]
    assert "crs" in found[0]


def test_swapped_coordinates_are_named(place: Path) -> None:
    book = openpyxl.load_workbook(place / "facilities.xlsx")
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    lon, lat = header.index("经度") + 1, header.index("纬度") + 1
    for row in (4, 7):
        east, north = sheet.cell(row, lon).value, sheet.cell(row, lat).value
        sheet.cell(row, lon).value, sheet.cell(row, lat).value = north, east
    book.save(place / "facilities.xlsx")
    found = sentences(load_study(place / "study.toml"))
    assert found
    assert all("facilities.xlsx" in line for line in found)
    assert "4" in " ".join(found)
    assert "7" in " ".join(found)


def test_a_raster_elsewhere_does_not_overlap(place: Path) -> None:
    with rasterio.open(place / "population.tif") as source:
        profile, values = source.profile, source.read()
    profile["transform"] = rasterio.Affine.translation(20, 0) * profile["transform"]
    with rasterio.open(place / "population.tif", "w", **profile) as target:
        target.write(values)
    found = sentences(load_study(place / "study.toml"))
    assert any("population.tif" in line and "units.geojson" in line and "overlap" in line for line in found)


def test_an_unknown_key_names_the_nearest(place: Path) -> None:
    found = refusals(place, lambda tree: tree["siting"].update(chose=3))
    assert len(found) == 1
    assert "siting.chose" in found[0]
    assert "choose" in found[0]


def test_nine_mistakes_are_nine_messages(place: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["raods"] = {}
        tree["study"]["nmae"] = "x"
        tree["study"]["name"] = 3
        tree["population"]["rster"] = "x"
        tree["travel"] = {"access_limit_m": -1, "acess": 1}
        tree["gap"] = {"min_share": 7}
        tree["outputs"]["language"] = "fr"
        tree["siting"]["choose"] = "many"

    assert len(refusals(place, change)) == 9


def test_a_mode_that_does_not_exist(place: Path) -> None:
    study = spoiled(place, lambda tree: tree.update(travel={"modes": {"wlak": {"speed_kmh": 4}}}))
    found = sentences(study)
    assert len(found) == 1
    assert "wlak" in found[0]
    assert "walk" in found[0].replace("wlak", "")


def test_a_standard_that_measures_by_an_unknown_mode(place: Path) -> None:
    own = {
        "id": "own/x",
        "title": {"zh": "x", "en": "x"},
        "kind": "circle",
        "types": ["village_clinic"],
        "measures": ["bus"],
        "limit_min": 15,
    }
    found = sentences(spoiled(place, lambda tree: tree["standards"].update(define=[own])))
    assert any("bus" in line for line in found)


def test_no_criterion_that_any_input_can_answer(place: Path) -> None:
    def change(tree: dict[str, Any]) -> None:
        own = {
            "id": "own/x",
            "title": {"zh": "x", "en": "x"},
            "kind": "circle",
            "types": ["pool"],
            "measures": ["walk"],
            "limit_min": 15,
        }
        tree["standards"] = {"define": [own]}
        tree.pop("siting")

    found = sentences(spoiled(place, change))
    assert len(found) == 1
    assert "pool" in found[0]
    assert "village_clinic" in found[0]


def test_an_unknown_standard_names_the_nearest(place: Path) -> None:
    found = sentences(spoiled(place, lambda tree: tree["standards"].update(use=["shanting/S01", "shanting/S0l"])))
    assert any("shanting/S0l" in line and "shanting/S01" in line for line in found)


def test_a_siting_target_must_be_judged_and_placeable(place: Path) -> None:
    other = sentences(spoiled(place, lambda tree: tree["siting"].update(standard="shanting/S05/walk")))
    presence = sentences(spoiled(place, lambda tree: tree["siting"].update(standard="yanhu/Y04")))
    assert len(other) == 1
    assert len(presence) == 1
    assert "yanhu/Y04" in presence[0]


def test_roads_of_another_country(place: Path, shared_data: Path) -> None:
    shutil.copy(shared_data / "osm_small" / "bangor_maine.osm.pbf", place / "other.osm.pbf")
    found = sentences(spoiled(place, lambda tree: tree.update(roads={"osm": "other.osm.pbf"})))
    assert len(found) == 1
    assert "other.osm.pbf" in found[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.osm", b'<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "b">]><osm/>'),
        ("x.osm", b"<osm><node"),
        ("x.osm", b""),
        ("x.osm.pbf", b"not a pbf"),
        ("x.osm.bz2", b"not bzip2"),
        ("x.shp", b""),
    ],
)
def test_a_broken_road_file_is_one_sentence(place: Path, name: str, content: bytes) -> None:
    (place / name).write_bytes(content)
    found = sentences(spoiled(place, lambda tree: tree.update(roads={"osm": name})))
    assert len(found) == 1
    assert name in found[0]


def test_people_nowhere(place: Path) -> None:
    with rasterio.open(place / "population.tif") as source:
        profile, values = source.profile, source.read()
    with rasterio.open(place / "population.tif", "w", **profile) as target:
        target.write(np.zeros_like(values))
    found = sentences(load_study(place / "study.toml"))
    assert any("population.tif" in line for line in found)


@pytest.mark.parametrize(
    ("unit", "criterion"),
    [("没有这个村", "shanting/S01/walk"), ("对岸村", "shanting/S01/wlk"), ("对岸村", "shanting/S99")],
)
def test_explain_refuses_what_it_does_not_know(place: Path, unit: str, criterion: str) -> None:
    with pytest.raises(StudyError) as caught:
        explain(load_study(place / "study.toml"), unit=unit, criterion=criterion)
    assert len(caught.value.problems) == 1
    assert sentence("en", caught.value.problems[0])


def test_every_refusal_speaks_both_languages(place: Path) -> None:
    (place / "roads.osm").unlink()
    (place / "facilities.xlsx").unlink()
    study = load_study(place / "study.toml")
    chinese, english = sentences(study, "zh"), sentences(study, "en")
    assert len(chinese) == len(english) == 2
    assert all(any("一" <= char <= "鿿" for char in line) for line in chinese)


def test_run_raises_what_check_reports(place: Path) -> None:
    (place / "roads.osm").unlink()
    study = load_study(place / "study.toml")
    with pytest.raises(StudyError) as caught:
        run(study)
    assert caught.value.problems == check(study).problems


def test_inputs_are_never_touched(place: Path) -> None:
    before = {p.name: p.read_bytes() for p in place.iterdir()}
    run(load_study(place / "study.toml"))
    assert {p.name: p.read_bytes() for p in place.iterdir()} == before
