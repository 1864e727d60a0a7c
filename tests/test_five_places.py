"""Real names, areas and head counts of the five places: presence lists and ratios as they would be worked out by hand.

Villages have no coordinates in the data: their real names stand on a grid inside the real boundary, the census's
residents evenly among them. What is tested does not hang on where a village lies.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

import servicecircle
from servicecircle.inputs.units import unit_kind
from servicecircle.outputs.scorecard import scorecard, shortfalls
from servicecircle.study import study_from

if TYPE_CHECKING:
    from pathlib import Path

    from servicecircle.results import Results

CODES = {"yanhu": "140802", "shanting": "370406", "kangbashi": "150603", "dalad": "150621"}
GEOD = pyproj.Geod(ellps="WGS84")


def names_of(shared: Path, place: str) -> list[dict[str, str]]:
    with (shared / "cn_five_places" / "towns_villages_2021.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["county_code"] == CODES[place]]


def boundary(shared: Path, place: str) -> shapely.Geometry:
    tree = json.loads((shared / "cn_five_places" / "boundaries.geojson").read_text(encoding="utf-8"))
    (feature,) = (one for one in tree["features"] if one["properties"]["adcode"] == CODES[place])
    return shapely.geometry.shape(feature["geometry"])


def residents(shared: Path, place: str) -> int:
    with (shared / "cn_five_places" / "census_2020.csv").open(encoding="utf-8") as file:
        (row,) = (row for row in csv.DictReader(file) if row["CODE"] == CODES[place])
    return int(row["POPU"])


def grid_in(area: shapely.Geometry, count: int) -> list[tuple[float, float]]:
    """Return so many points inside an area, on the coarsest square grid that holds them."""
    west, south, east, north = area.bounds
    for side in range(2, 200):
        lon, lat = np.meshgrid(np.linspace(west, east, side), np.linspace(south, north, side))
        inside = shapely.contains_xy(area, lon.ravel(), lat.ravel())
        if inside.sum() >= count:
            at = np.flatnonzero(inside)[:count]
            return [(float(lon.ravel()[k]), float(lat.ravel()[k])) for k in at]
    raise AssertionError(count)


class Place:
    """A study of a real place: its names on a grid, its residents, whatever facilities a test gives it."""

    def __init__(self, shared: Path, place: str) -> None:
        self.rows = names_of(shared, place)
        self.people = residents(shared, place)
        self.at = grid_in(boundary(shared, place), len(self.rows))

    def run(self, folder: Path, facilities: list[tuple[int, str, str]], use: list[str], **area: float) -> Results:
        """Run with facilities ``(row of a unit, type, ownership)`` and values of the whole area."""
        units = pd.DataFrame(self.rows).assign(
            lon=[lon for lon, _ in self.at], lat=[lat for _, lat in self.at], persons=self.people / len(self.rows)
        )
        units.to_csv(folder / "units.csv", index=False)
        places = [(f"f{k}", kind, owner, *self.at[row]) for k, (row, kind, owner) in enumerate(facilities)]
        pd.DataFrame(places, columns=["id", "type", "ownership", "lon", "lat"]).to_csv(
            folder / "facilities.csv", index=False
        )
        pd.DataFrame(area.items(), columns=["asset", "value"]).to_csv(folder / "area.csv", index=False)
        lon, lat = self.at[0]
        (folder / "roads.osm").write_text(
            "<osm version='0.6'>"
            f"<node id='1' version='1' lon='{lon}' lat='{lat}'/><node id='2' version='1' lon='{lon + 0.1}' lat='{lat}'/>"
            "<way id='1' version='1'><nd ref='1'/><nd ref='2'/><tag k='highway' v='residential'/></way></osm>",
            encoding="utf-8",
        )
        names: dict[str, Any] = {"id": "unit_code", "name": "unit", "parent": "town"}
        points: dict[str, Any] = {"path": "units.csv", "crs": "WGS84", "lon": "lon", "lat": "lat"}
        tree: dict[str, Any] = {
            "study": {"name": "names"},
            "area": {"points": points | names},
            "population": {"points": points | {"persons": "persons", "id": "unit_code"}},
            "roads": {"osm": "roads.osm"},
            "facilities": [{"path": "facilities.csv", "crs": "WGS84"}],
            "standards": {"use": use},
            "ranges": {"enabled": False},
            "outputs": {"language": "en"},
        }
        if area:
            tree["assets"] = [{"path": "area.csv", "of": "area", "asset": "asset", "value": "value"}]
        return servicecircle.run(study_from(tree, folder / "study.toml"))

    def kind(self, kind: str) -> list[int]:
        return [row for row, unit in enumerate(self.rows) if unit_kind(unit["unit"]) == kind]


def lacking(results: Results) -> set[str]:
    table = results.units
    return set(table.loc[~table["every"] & (table["persons"] > 0), "name"])


@pytest.mark.parametrize(("place", "villages"), [("yanhu", 233), ("shanting", 252), ("dalad", 132), ("kangbashi", 0)])
def test_villages_are_counted_by_their_names(shared_data: Path, place: str, villages: int) -> None:
    kinds = Counter(unit_kind(row["unit"]) for row in names_of(shared_data, place))
    assert kinds["village"] == villages
    assert set(kinds) <= {"village", "community"}


@pytest.mark.parametrize(
    ("place", "km2"), [("yanhu", 1209.53), ("shanting", 1022.07), ("kangbashi", 359.08), ("dalad", 8253.77)]
)
def test_areas_are_geodesic(shared_data: Path, place: str, km2: float) -> None:
    area, _ = GEOD.geometry_area_perimeter(boundary(shared_data, place))
    assert abs(area) / 1e6 == pytest.approx(km2, rel=0.014)  # as two sources agree


def test_yanhu_233_villages_and_the_clinics_that_count(shared_data: Path, tmp_path: Path) -> None:
    """A village without a clinic and one with the doctor's own lack what the plan asks for, and no other does."""
    place = Place(shared_data, "yanhu")
    villages = place.kind("village")
    blank, private = set(villages[10:17]), set(villages[100:103])
    facilities = [
        (row, "village_clinic", "private" if row in private else "collective") for row in villages if row not in blank
    ]
    results = place.run(tmp_path, facilities, ["yanhu/Y04"])
    (found,) = results.summaries
    assert (found.units, found.units_every, found.verdict) == (233, 233 - 10, "not met")
    assert lacking(results) == {place.rows[row]["unit"] for row in blank | private}
    assert found.persons == pytest.approx(place.people * 233 / 310, rel=1e-12)


def test_shanting_252_villages(shared_data: Path, tmp_path: Path) -> None:
    place = Place(shared_data, "shanting")
    villages = place.kind("village")
    facilities = [(row, "village_clinic", "") for row in villages[1:]]
    results = place.run(tmp_path, facilities, ["national/clinic-per-village"])
    (found,) = results.summaries
    assert (found.units, found.units_every) == (252, 251)
    assert lacking(results) == {place.rows[villages[0]]["unit"]}


def test_kangbashi_two_communities_without_an_institution(shared_data: Path, tmp_path: Path) -> None:
    place = Place(shared_data, "kangbashi")
    without = {"恩和社区", "学苑社区"}
    facilities = [
        (row, "community_health_station", "government")
        for row in range(len(place.rows))
        if place.rows[row]["unit"] not in without
    ]
    results = place.run(tmp_path, facilities, ["kangbashi/K03"])
    assert lacking(results) == without


def test_yanhu_doctors_on_the_census(shared_data: Path, tmp_path: Path) -> None:
    """3.0 per 1,000 of 928,334 residents are 2,785.002 doctors: 2,786 meet it, 2,785 are one short."""
    place = Place(shared_data, "yanhu")
    assert place.people == 928_334
    for doctors, verdict, short in ((2786, "met", 0), (2785, "not met", 1)):
        results = place.run(tmp_path, [(0, "general_hospital", "")], ["yanhu/Y08", "yanhu/Y04"], doctors=doctors)
        (finding,) = results.findings
        assert (finding.verdict, finding.short) == (verdict, short)


def test_dalad_beds_on_two_populations(shared_data: Path, tmp_path: Path) -> None:
    """6.8 per 1,000: 2,530 beds on 372,034 registered people, 2,245 on 330,100 residents (register, section 1.4)."""
    place = Place(shared_data, "dalad")
    area = {"beds": 1715, "registered_population": 372_034, "resident_population": 330_100}
    results = place.run(tmp_path, [(0, "general_hospital", "")], ["dalad/D08", "dalad/D01"], **area)
    (finding,) = results.findings
    assert {one.name: one.short for one in finding.readings} == {"basis.resident": 530, "basis.registered": 815}
    assert finding.verdict == "not met"
    (row,) = scorecard(results).query("row == 'D08'").to_dict("records")
    assert "530" in row["short_text"]
    assert shortfalls(results).empty
