"""Inputs that once gave a wrong number, a crash or a refusal of a good study: each is told in one sentence or read right."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import rasterio
import shapely

from servicecircle.errors import StudyError
from servicecircle.flow import check, prepare
from servicecircle.study import Study, load_study, study_from
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO = Path(__file__).resolve().parents[1] / "geodata" / "demo"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "place"))


def changed(place: Path, change: Callable[[dict[str, Any]], None]) -> Study:
    tree = tomllib.loads((place / "study.toml").read_text(encoding="utf-8"))
    change(tree)
    return study_from(tree, place / "study.toml")


def refusals(place: Path, change: Callable[[dict[str, Any]], None]) -> list[str]:
    try:
        found = check(changed(place, change)).problems
    except StudyError as error:
        found = error.problems
    return [sentence("en", item) for item in found]


def told(study: Study) -> str:
    report = check(study)
    assert report.problems == ()
    return "\n".join(sentence("en", item) for item in report.notices)


def test_one_broken_lake_does_not_stop_a_study(place: Path) -> None:
    text = (place / "roads.osm").read_text(encoding="utf-8")
    corners = [(117.47, 35.10), (117.48, 35.11), (117.47, 35.11), (117.48, 35.10)]
    nodes = "".join(
        f'<node id="{90_000_000 + k}" version="1" lon="{x}" lat="{y}"/>' for k, (x, y) in enumerate(corners)
    )
    refs = "".join(f'<nd ref="{90_000_000 + k}"/>' for k in (0, 1, 2, 3, 0))
    way = f'<way id="90000000" version="1">{refs}<tag k="natural" v="water"/></way>'
    at = text.index("<way ")
    text = text[:at] + nodes + text[at:]
    (place / "roads.osm").write_text(text.replace("</osm>", way + "</osm>"), encoding="utf-8")
    assert "way 90000000" in told(load_study(place / "study.toml"))


def test_rows_that_are_lost_are_told_with_their_reason(place: Path) -> None:
    book = openpyxl.load_workbook(place / "facilities.xlsx")
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    for row in (2, 3):
        sheet.cell(row, header.index("经度") + 1).value = "#REF!"
    book.save(place / "facilities.xlsx")
    line = next(x for x in told(load_study(place / "study.toml")).splitlines() if "set_aside.csv" in x)
    assert "facilities.xlsx: 3 rows" in line  # two of ours, and the duplicate the demo plants
    assert "row 2" in line


@pytest.mark.parametrize("encoding", ["UTF-8", "GB18030"])
def test_a_shapefile_without_cpg_keeps_its_names(place: Path, encoding: str) -> None:
    frame = gpd.read_file(place / "units.geojson")
    frame.to_file(place / "units.shp", encoding=encoding)
    (place / "units.cpg").unlink()
    study = changed(place, lambda tree: tree["area"]["units"].update(path="units.shp"))
    units = prepare(study).world.units
    assert sorted(units["name"]) == sorted(frame["name"])
    assert ("GB18030" in told(study)) == (encoding == "GB18030")


def test_a_unit_on_the_other_side_of_the_world_is_refused(place: Path) -> None:
    frame = gpd.read_file(place / "units.geojson")
    shapes = frame.geometry.to_numpy().copy()
    shapes[0] = shapely.transform(shapes[0], lambda c: c - np.array([100.0, 0.0]))
    frame.set_geometry(shapes, crs="EPSG:4326").to_file(place / "units.geojson", driver="GeoJSON")
    found = refusals(place, lambda tree: None)
    assert any("1400 km" in line for line in found)


def test_a_coarse_raster_that_covers_the_units_is_read(place: Path) -> None:
    transform = rasterio.Affine(0.4, 0, 117.3, 0, -0.4, 35.4)
    profile = {"driver": "GTiff", "height": 1, "width": 1, "count": 1, "dtype": "float64", "crs": "EPSG:4326"}
    with rasterio.open(place / "population.tif", "w", **profile, transform=transform) as target:
        target.write(np.full((1, 1, 1), 1000.0))
    assert refusals(place, lambda tree: None) == []


@pytest.mark.parametrize(("table", "key"), [("roads", "osm"), ("population", "raster")])
def test_keys_that_would_be_ignored_are_refused(place: Path, table: str, key: str) -> None:
    found = refusals(place, lambda tree: tree[table][key].update(layer="x"))
    assert len(found) == 1
    assert f"{table}.{key}.layer" in found[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["siting"].update(upgrade=["hospitall"]),
        lambda tree: tree["siting"].update(candidates=[]),
        lambda tree: tree.update(travel={"modes": {"walk": {"speed_kmh": 1e-300}}}),
        lambda tree: tree.update(travel={"modes": {"walk": {"door_s": float("inf")}}}),
        lambda tree: tree.update(gap={"min_persons": float("inf")}),
        lambda tree: tree["study"].update(name=""),
        lambda tree: tree["roads"]["osm"].update(path=""),
    ],
)
def test_values_no_study_means_are_one_sentence(place: Path, change: Callable[[dict[str, Any]], None]) -> None:
    assert len(refusals(place, change)) == 1


@pytest.mark.parametrize("limit", [1e-9, 1e300, float("inf")])
def test_absurd_limits_are_one_sentence(place: Path, limit: float) -> None:
    own = {
        "id": "o/x",
        "title": {"zh": "x", "en": "x"},
        "kind": "circle",
        "types": ["village_clinic"],
        "measures": ["walk"],
    }
    found = refusals(place, lambda tree: tree["standards"].update(define=[own | {"limit_min": limit}]))
    assert len(found) == 1
    assert "limit_min" in found[0]


def test_a_polygon_without_area_is_set_aside(place: Path) -> None:
    text = (place / "units.geojson").read_text(encoding="utf-8")
    frame = gpd.read_file(place / "units.geojson")
    first = shapely.get_coordinates(frame.geometry.iloc[0])
    shapes = frame.geometry.to_numpy().copy()
    shapes[0] = shapely.Polygon([first[0], first[1], first[0]])
    frame.set_geometry(shapes, crs="EPSG:4326").to_file(place / "units.geojson", driver="GeoJSON")
    assert (place / "units.geojson").read_text(encoding="utf-8") != text
    report = check(load_study(place / "study.toml"))
    assert report.problems == ()
    assert any("units.geojson: 1 rows" in sentence("en", item) for item in report.notices)
    assert len(prepare(load_study(place / "study.toml")).world.units) == len(frame) - 1
