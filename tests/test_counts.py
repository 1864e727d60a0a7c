"""Village tables without coordinates and censuses: columns, refusals, whole studies worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from servicecircle.demand import ledger
from servicecircle.demand.calibrate import calibrate, calibration_notices, calibration_record
from servicecircle.demand.pieces import Demand
from servicecircle.errors import InternalError, StudyError
from servicecircle.flow import check, run
from servicecircle.inputs.counts import UnitCounts
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.publish import publish
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, sentence

from .small_study import Facility, People, SmallStudy, Unit, lonlat, radius

EAST, WEST = "东镇", "西乡"
#: Three villages along a street, 250 m wide, and a clinic at its beginning.
UNITS = (
    Unit("甲村", (0, 0, 250, 100), EAST),
    Unit("乙村", (250, 0, 500, 100), EAST),
    Unit("丙村", (500, 0, 750, 100), WEST),
)
CLINIC = Facility(0, 50)
#: Ten people in each of the eight cells 0 to 700; the cells 2 and 7 are cut by a border (7: half outside).
CELLS = {(k, 0): 10.0 for k in range(8)}


SMALL = SmallStudy(UNITS, [CLINIC], [radius(0.24)], cells=CELLS)


@dataclass(frozen=True)
class Place:
    """A small study whose population section is written by the test."""

    folder: Path
    small: SmallStudy = SMALL

    def study(self, population: dict[str, Any], /, **files: str) -> Study:
        tree = self.small.write(self.folder).model_dump(mode="json", exclude_unset=True)
        for name, text in files.items():
            (self.folder / f"{name}.csv").write_text(text, encoding="utf-8")
        return study_from(tree | {"population": population}, self.folder / "study.toml")

    def table(self, text: str, /, **keys: Any) -> Study:
        """People from a table alone."""
        return self.study({"table": {"path": "t.csv"} | keys}, t=text)

    def both(self, text: str, /, **keys: Any) -> Study:
        """A raster scaled by a table."""
        return self.study({"raster": "people.tif", "table": {"path": "t.csv"} | keys}, t=text)

    def census(self, text: str, /, unit: str = "town", **keys: Any) -> Study:
        """A raster scaled by a census."""
        return self.study({"raster": "people.tif", "calibrate": {"path": "t.csv", "unit": unit} | keys}, t=text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def problems(study: Study) -> list[str]:
    found = check(study).problems
    assert all(sentence(language, one) for one in found for language in LANGUAGES)
    assert all(any("一" <= c <= "鿿" for c in sentence("zh", one)) for one in found)
    return [sentence("en", one) for one in found]


def only(study: Study) -> str:
    found = problems(study)
    assert len(found) == 1, found
    return found[0]


def notices(study: Study) -> str:
    report = check(study)
    assert report.problems == ()
    assert all(sentence("zh", one) for one in report.notices)
    return "\n".join(sentence("en", one) for one in report.notices)


def people(study: Study) -> dict[str, float]:
    """People of each unit, from the finished table of a run."""
    units = run(study).units
    return dict(zip(units["unit_id"], units["persons"], strict=True))


def with_places(place: Place, *named: tuple[str, float, float]) -> None:
    """Add named places (metres) to the road file of a place that was written."""
    path = place.folder / "roads.osm"
    root = ET.parse(path).getroot()
    for k, (name, x, y) in enumerate(named, start=9000):
        lon, lat = lonlat(x, y)
        node = ET.Element("node", id=str(k), version="1", lon=f"{lon:.7f}", lat=f"{lat:.7f}")
        ET.SubElement(node, "tag", k="place", v="village")
        ET.SubElement(node, "tag", k="name", v=name)
        root.insert(0, node)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


# --- a table alone ---------------------------------------------------------------------------------------------------


def test_the_people_of_a_table_stand_inside_their_units(place: Place) -> None:
    study = place.table("乡镇,村名,常住人口\n东镇,甲村委会,120\n东镇,乙行政村,30\n西乡,丙,50\n")
    results = run(study)
    # the middles lie 125, 375 and 625 m from the clinic: 240 m straight reach the first
    assert dict(zip(results.units["unit_id"], results.units["covered_persons"], strict=True)) == {
        "甲村": 120, "乙村": 0, "丙村": 0,
    }  # fmt: skip
    assert results.summaries[0].persons == 200
    assert results.summaries[0].knife_edge_persons is None
    assert sum("stand at one point" in one for one in results.notices) == 1
    assert results.provenance["calibration"] is None
    paths = [entry["path"] for entry in results.provenance["inputs"]]
    assert "t.csv" in paths
    assert any("t.csv" in line and "Village table" in line for line in credit_lines(study))
    publish(results, place.folder / "out")
    assert "Population: source not given" in (place.folder / "out" / "map.html").read_text(encoding="utf-8")


def test_the_people_of_a_table_stand_at_unit_points(tmp_path: Path) -> None:
    units = [Unit("甲村", (200, 50), EAST), Unit("乙村", (230, 50), WEST), Unit("丁村", (900, 50), WEST)]
    place = Place(tmp_path, SmallStudy(units, [CLINIC], [radius(0.21)], cells=CELLS))
    study = place.table("乡镇,村名,人口\n东镇,甲村,7\n西乡,乙村,5\n")
    results = run(study)
    assert dict(zip(results.units["unit_id"], results.units["covered_persons"], strict=True)) == {
        "丁村": 0, "乙村": 0, "甲村": 7,
    }  # fmt: skip
    assert "1 units have no row" in notices(study)
    assert "西乡丁村" in notices(study)


def test_a_table_by_code_needs_no_names(place: Place) -> None:
    assert people(place.table("code,人口\n丙村,1\n甲村,2\n乙村,3\n")) == {"甲村": 2, "乙村": 3, "丙村": 1}


def test_a_table_without_units_stands_at_named_places(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tree = place.small.write(tmp_path).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "t.csv").write_text(
        "乡镇,村名,人口\n东镇,甲村,70\n东镇,乙村,30\n西乡,远村,5\n西乡,无村,4\n", encoding="utf-8"
    )
    with_places(place, ("甲", 100, 50), ("乙", 900, 50), ("远", 90_000, 0), ("别处", 500, 50))
    tree |= {"area": {"margin_km": 2}, "population": {"table": "t.csv"}}
    study = study_from(tree, tmp_path / "study.toml")
    results = run(study)
    assert list(results.units["name"]) == ["甲", "乙"]
    assert list(results.units["persons"]) == [70, 30]
    assert list(results.units["covered_persons"]) == [70, 0]
    # 远 is a place of that name 90 km away, 无 is none; both are listed
    aside = dict(zip(results.set_aside["value"], results.set_aside["reason"], strict=True))
    assert set(aside) == {"西乡远村", "西乡无村"}
    assert "km away" in aside["西乡远村"]
    assert any("2 rows match no unit, and their 9 people" in one for one in results.notices)


def test_a_missing_road_file_is_told_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    tree = place.small.write(tmp_path).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "t.csv").write_text("村名,人口\n甲村,70\n", encoding="utf-8")
    (tmp_path / "roads.osm").unlink()
    study = study_from(tree | {"area": {}, "population": {"table": "t.csv"}}, tmp_path / "study.toml")
    assert "roads.osm" in only(study)
    (tmp_path / "roads.osm").write_bytes(b"<osm><node")
    assert "roads.osm" in only(study)


def test_rows_that_match_nothing_are_set_aside_with_their_people(place: Place) -> None:
    text = "乡镇,村名,人口\n东镇,甲村,1\n东镇,乙树,2\n西乡,丙村,4\n东镇,东镇,99\n,合 计,999\n西乡,丙村社区居委会,约8\n总计,,999\n西乡,,4\n"
    results = run(place.table(text))
    rows = {r.row: (r.value, r.reason) for r in results.set_aside.itertuples()}
    assert sorted(rows) == [3, 5, 6, 7, 8, 9]
    assert rows[3][0] == "东镇乙树"
    assert "乙村" in rows[3][1]
    assert [rows[k][0] for k in (5, 6, 8, 9)] == ["东镇", "合 计", "总计", "西乡"]
    assert all("sums" in rows[k][1] for k in (5, 6, 8, 9))
    assert rows[7][0] == "约8"
    assert any("1 rows match no unit, and their 2 people" in one for one in results.notices)
    assert results.summaries[0].persons == 5
    assert results.ledger[0].left == 5


def test_joins_that_want_a_second_look_are_told(tmp_path: Path) -> None:
    units = [*UNITS[:2], Unit("柳泉村", (500, 0, 750, 100), WEST)]
    place = Place(tmp_path, SmallStudy(units, [CLINIC], [radius(0.24)], cells=CELLS))
    text = notices(place.table("代码,村名,人口\n甲村,前山村,1\n乙村,,2\n,柳泉社区,3\n"))
    assert "1 rows were joined by their code though the names differ: 前山村 / 甲村" in text
    assert "柳泉社区 / 柳泉村" in text


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("population", "part"),
    [
        ({}, "exactly one"),
        ({"points": {"path": "p.csv"}, "table": "t.csv"}, "exactly one"),
        ({"raster": "people.tif", "points": {"path": "p.csv"}}, "exactly one"),
        ({"calibrate": {"path": "t.csv", "unit": "town"}}, "exactly one"),
        ({"raster": "people.tif", "table": "t.csv", "calibrate": {"path": "t.csv", "unit": "town"}}, "keep one"),
        ({"table": "t.csv", "calibrate": {"path": "t.csv", "unit": "town"}}, "keep one"),
        ({"raster": "people.tif", "calibrate": "t.csv"}, "table"),
        ({"raster": "people.tif", "calibrate": {"path": "t.csv"}}, "calibrate.unit"),
        ({"raster": "people.tif", "calibrate": {"path": "t.csv", "unit": "county"}}, "'town' or 'village'"),
        ({"raster": "people.tif", "calibrate": {"path": "t.csv", "unit": "town", "parent": "x"}}, "under name"),
        ({"raster": "people.tif", "calibrate": {"path": "t.csv", "unit": "town", "persons": "x"}}, "persons"),
        ({"table": {"path": "t.csv", "crs": "WGS84"}}, "crs"),
        ({"table": {"path": "t.csv", "column": "x"}}, "column"),
    ],
)
def test_contradictions_in_the_study_file(place: Place, population: dict[str, Any], part: str) -> None:
    with pytest.raises(StudyError) as caught:
        place.study(population)
    assert len(caught.value.problems) == 1
    for language in LANGUAGES:
        assert sentence(language, caught.value.problems[0])
    assert part in sentence("en", caught.value.problems[0])


def test_two_numbers_of_people_need_a_choice(place: Place) -> None:
    text = "村名,常住人口,户籍人口\n甲村,1,100\n乙村,2,200\n丙村,3,300\n"
    refused = only(place.table(text))
    assert "常住人口" in refused
    assert "户籍人口" in refused
    assert people(place.table(text, persons="常住人口")) == {"甲村": 1, "乙村": 2, "丙村": 3}
    assert "户籍" in notices(place.table(text, persons="户籍人口"))
    assert "户籍" not in notices(place.table(text, persons="常住人口"))
    assert "户籍" in only(place.census(text, unit="village"))
    assert problems(place.census(text, unit="village", column="户籍人口")) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("村名,人口\n甲村,1\n甲村委会,2\n乙村,3\n丙村,4\n", ["t.csv", "2 (甲村), 3 (甲村委会)", "甲村"]),
        ("代码,村名,人口\n甲村,,1\n,甲,2\n乙村,,3\n", ["2 (甲村), 3 (甲)"]),
        ("代码,人口\n甲村,1\n甲村,2\n乙村,3\n", ["甲村", "2, 3"]),
        ("村名,人口\n张村,1\n李村,2\n丙村,3\n", ["2 of 3", "row 2"]),
        ("村名,人口\n甲村,-1\n乙村,2\n", ["negative", "2 (-1)"]),
        ("村名,人口\n甲村,0\n乙村,0\n", ["add up to 0"]),
        ("村名,人口\n甲村,x\n", ["add up to 0"]),
        ("村名,数\n甲村,1\n", ["number of people", "常住人口"]),
        ("别名,人口\n甲村,1\n", ["name of the village", "行政村"]),
        ("村名,行政村,人口\n甲村,甲村,1\n", ["村名, 行政村"]),
        ("", ["t.csv"]),
    ],
)
def test_a_table_that_cannot_be_used(place: Place, text: str, parts: list[str]) -> None:
    for study in (place.table(text), place.both(text), place.census(text, unit="village")):
        refused = only(study)
        assert [part for part in parts if part not in refused] == []


def test_many_clashes_are_counted(tmp_path: Path) -> None:
    units = [Unit(f"{k}号村", (50 * k, 0, 50 * k + 50, 100), EAST) for k in range(12)]
    place = Place(tmp_path, SmallStudy(units, [CLINIC], [radius(0.24)], cells=CELLS))
    rows = "".join(f"{k}号村,1\n{k}号,1\n" for k in range(12))
    found = problems(place.table(f"村名,人口\n{rows}"))
    assert len(found) == 11
    assert "2 more" in found[-1]


def test_every_problem_is_told_in_one_go(place: Place) -> None:
    study = place.both("村名,数\n甲村,1\n", id="没有")
    (place.folder / "facilities.csv").unlink()
    (place.folder / "people.tif").unlink()
    found = problems(study)
    assert len(found) == 4
    assert [part for part in ("t.csv", "没有", "facilities.csv", "people.tif") if part not in "".join(found)] == []


def test_matching_is_checked_though_the_roads_are_missing(place: Place) -> None:
    study = place.both("村名,人口\n甲村,1\n甲,2\n")
    (place.folder / "roads.osm").unlink()
    assert len(problems(study)) == 2


def test_a_census_of_towns_needs_towns(tmp_path: Path) -> None:
    place = Place(tmp_path, SmallStudy([Unit("甲村", (0, 0, 800, 100))], [CLINIC], [radius(0.24)], cells=CELLS))
    assert "no town" in only(place.census("乡镇,人口\n东镇,1\n"))


# --- a raster or points, scaled --------------------------------------------------------------------------------------


def test_a_table_scales_each_village_by_hand(place: Place) -> None:
    results = run(place.both("乡镇,村名,常住人口\n东镇,甲村,100\n东镇,乙村,10\n西乡,丙村,25\n"))
    units = results.units.set_index("unit_id")
    assert units["persons"].to_dict() == pytest.approx({"甲村": 100, "乙村": 10, "丙村": 25}, rel=1e-12)
    # raw: 甲 = cells 0, 1 and half of 2 = 25; the 3 x 3 points of a cell lie at 16.7, 50 and 83.3 m:
    # 240 m from (0, 50) reach the first column of cell 2 and no further, a third of its people
    covered = {"甲村": (20 + 5 / 3) * 4, "乙村": 5 / 3 * 0.4, "丙村": 0}
    assert units["covered_persons"].to_dict() == pytest.approx(covered, rel=1e-6)
    made = results.provenance["calibration"]
    assert made["file"] == "t.csv"
    assert [c["name"] for c in made["counts"]] == ["西乡丙村", "东镇乙村", "东镇甲村"]
    assert [c["factor"] for c in made["counts"]] == pytest.approx([1, 0.4, 4], rel=1e-6)
    assert [c["raw_persons"] for c in made["counts"]] == pytest.approx([25, 25, 25], rel=1e-6)
    window, calibration = results.ledger[:2]
    assert window.left == 80
    assert window.parts == pytest.approx({"in_units": 75, "outside_units": 5}, rel=1e-6)
    assert calibration.left == 135
    assert calibration.parts == pytest.approx({"raw_x_factor": 135, "raw_x_factor_1": 0, "not_placed": 0}, rel=1e-12)
    assert all(line.gap <= 1e-9 for line in results.ledger)
    told = "\n".join(results.notices)
    assert "东镇甲村 (4)" in told
    assert "乙村 (0.4)" not in told
    assert "from 75 to 135" in told


def test_a_census_scales_towns(place: Place) -> None:
    study = place.census("镇街,常住人口\n东镇人民政府,500\n西 乡,5\n")
    results = run(study)
    assert results.units.set_index("unit_id")["persons"].to_dict() == pytest.approx(
        {"甲村": 250, "乙村": 250, "丙村": 5}, rel=1e-6
    )
    assert [c["name"] for c in results.provenance["calibration"]["counts"]] == ["东镇", "西乡"]
    assert "东镇 (10)" in "\n".join(results.notices)
    assert "西乡 (0.2)" in "\n".join(results.notices)
    assert any("t.csv" in line and "Census" in line for line in credit_lines(study))
    publish(results, place.folder / "out")
    assert "Census: source not given" in (place.folder / "out" / "map.html").read_text(encoding="utf-8")
    record = json.loads((place.folder / "out" / "run.json").read_text(encoding="utf-8"))
    assert [c["target_persons"] for c in record["provenance"]["calibration"]["counts"]] == [500, 5]
    assert "t.csv" in [entry["path"] for entry in results.provenance["inputs"]]


def test_towns_that_are_the_units_themselves(tmp_path: Path) -> None:
    units = [Unit("桑村镇", (0, 0, 400, 100)), Unit("西集镇", (400, 0, 800, 100))]
    place = Place(tmp_path, SmallStudy(units, [CLINIC], [radius(0.24)], cells=CELLS))
    assert people(place.census("名称,人口\n桑村,80\n西集,20\n")) == pytest.approx({"桑村镇": 80, "西集镇": 20})


def test_a_census_scales_points(tmp_path: Path) -> None:
    persons = [People(50, 50, 3), People(60, 50, 1), People(300, 50, 5), People(700, 50, 2)]
    place = Place(tmp_path, SmallStudy(UNITS, [CLINIC], [radius(0.24)], people=persons))
    census = {"path": "t.csv", "unit": "village"}
    points = {"path": "people.csv", "crs": "WGS84"}
    study = place.study({"points": points, "calibrate": census}, t="村名,人口\n甲村,40\n乙村,1\n")
    assert people(study) == pytest.approx({"甲村": 40, "乙村": 1, "丙村": 2})
    assert "1 units have no row, and their 2 people are not scaled (factor 1): 丙村" in notices(study)


def test_a_table_scales_named_places_and_blocks_keep_their_people(tmp_path: Path) -> None:
    place = Place(tmp_path, SmallStudy(UNITS, [CLINIC], [radius(0.24)], cells=CELLS | {(49, 0): 6.0}))
    tree = place.small.write(tmp_path).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "t.csv").write_text("村名,人口\n甲村,160\n乙村,20\n", encoding="utf-8")
    with_places(place, ("甲", 150, 50), ("乙", 650, 50))
    tree |= {"area": {}, "population": {"raster": "people.tif", "table": "t.csv"}}
    results = run(study_from(tree, tmp_path / "study.toml"))
    # cells 0-3 are nearer to 甲 and 4-7 to 乙; cell 49 lies 4 km away in a block
    assert sorted(results.units["persons"]) == pytest.approx([6, 20, 160])
    parts = {"raw_x_factor": 180, "raw_x_factor_1": 6, "not_placed": 0}
    assert results.ledger[1].parts == pytest.approx(parts)


def test_people_where_the_raster_has_nobody_are_told_or_refused(tmp_path: Path) -> None:
    empty = {cell: persons for cell, persons in CELLS.items() if cell[0] < 5}
    units = [*UNITS[:2], Unit("丙村", (500, 0, 700, 100), WEST)]
    place = Place(tmp_path, SmallStudy(units, [CLINIC], [radius(0.24)], cells=empty | {(7, 0): 1.0}))
    refused = only(place.both("村名,人口\n甲村,900\n乙村,80\n丙村,10\n"))
    assert "西乡丙村" in refused
    assert "10 of 990 people" in refused
    study = place.both("村名,人口\n甲村,900\n乙村,90\n丙村,10\n")  # exactly 1 %
    assert "10 of 1,000 people cannot be placed" in notices(study)
    results = run(study)
    assert results.ledger[1].left == 1000
    assert results.ledger[1].parts == pytest.approx({"raw_x_factor": 990, "raw_x_factor_1": 0, "not_placed": 10})
    assert results.ledger[1].gap <= 1e-9
    assert results.summaries[0].persons == pytest.approx(990)
    made = results.provenance["calibration"]
    assert made["not_placed_persons"] == 10
    assert [math.isnan(c["factor"]) for c in made["counts"]] == [True, False, False]


def test_a_village_the_census_leaves_empty(place: Place) -> None:
    results = run(place.both("村名,人口\n甲村,0\n乙村,10\n丙村,25\n"))
    units = results.units.set_index("unit_id")
    assert units["persons"].to_dict() == pytest.approx({"甲村": 0, "乙村": 10, "丙村": 25}, rel=1e-12)
    assert not units["short"]["甲村"]
    assert math.isnan(units["p50"]["甲村"])
    assert "甲村 (0)" in "\n".join(results.notices)


def test_a_census_that_leaves_nobody_is_refused(place: Place) -> None:
    text = "镇街,人口\n东镇,0\n西乡,0\n南镇,9\n"
    found = problems(place.census(text))
    assert any("t.csv" in one and "nobody" in one for one in found)


def test_rows_in_another_order_give_the_same_tables(place: Place) -> None:
    lines = ["东镇,甲村,100", "东镇,乙村,10", "西乡,丙村,25"]
    one, two = (
        run(place.both("乡镇,村名,常住人口\n" + "\n".join(order) + "\n")) for order in (lines, list(reversed(lines)))
    )
    assert one.units.equals(two.units)
    assert one.ledger == two.ledger
    assert one.provenance["calibration"] == two.provenance["calibration"]


def test_real_counties_scaled_to_the_census_of_2020(shared_data: Path, tmp_path: Path) -> None:
    five = shared_data / "cn_five_places"
    tree = json.loads((five / "boundaries.geojson").read_text(encoding="utf-8"))
    rows = (five / "census_2020.csv").read_text(encoding="utf-8").splitlines()
    wanted = {"140802": 928_334, "150621": 328_593, "370406": 406_722}
    code = next(k for k, v in tree["features"][0]["properties"].items() if len(str(v)) == 6 and str(v).isdigit())
    tree["features"] = [f for f in tree["features"] if str(f["properties"][code]) in wanted]
    assert len(tree["features"]) == 3
    (tmp_path / "units.geojson").write_text(json.dumps(tree), encoding="utf-8")
    values = np.random.default_rng(3).uniform(50, 400, (130, 200))
    with rasterio.open(
        tmp_path / "p.tif", "w", driver="GTiff", height=130, width=200, count=1, dtype="float64", crs="EPSG:4326",
        transform=rasterio.transform.from_origin(108.5, 41, 0.05, 0.05),
    ) as raster:  # fmt: skip
        raster.write(values, 1)
    road = '<node id="1" version="1" lon="117.47" lat="35.08"/><node id="2" version="1" lon="117.48" lat="35.08"/>'
    way = '<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>'
    (tmp_path / "roads.osm").write_text(f'<osm version="0.6">{road}{way}</osm>', encoding="utf-8")
    (tmp_path / "f.csv").write_text("id,name,type,lon,lat\n1,x,clinic,117.47,35.08\n", encoding="utf-8")
    census = {"path": "c.csv", "unit": "village", "id": "CODE", "name": "NAME", "column": "POPU"}
    study = study_from(
        {
            "study": {"name": "census"},
            "area": {"units": {"path": "units.geojson", "id": code, "name": code}},
            "population": {"raster": "p.tif", "calibrate": census},
            "roads": {"osm": "roads.osm"},
            "facilities": [{"path": "f.csv", "crs": "WGS84"}],
            "standards": {"define": [radius(2.5)]},
            "outputs": {"language": "en"},
        },
        tmp_path / "study.toml",
    )
    (tmp_path / "c.csv").write_text("\n".join(rows), encoding="utf-8")
    assert "35 of 38 rows match nothing" in only(study)  # the table of four prefectures
    kept = [rows[0], *(row for row in rows if row[:6] in wanted)]
    (tmp_path / "c.csv").write_text("\n".join(kept), encoding="utf-8")
    results = run(study)
    assert results.units.set_index("unit_id")["persons"].to_dict() == pytest.approx(wanted, rel=1e-12)
    assert results.ledger[1].left == 1_663_649
    assert max(line.gap for line in results.ledger) <= 1e-9


# --- the arithmetic --------------------------------------------------------------------------------------------------


def demand_of(unit: Any, persons: Any, outside: float = 0.0) -> Demand:
    """One point and one piece for each entry."""
    persons, unit = np.asarray(persons, dtype=float), np.asarray(unit, dtype=np.int64)
    row = np.arange(len(persons))
    place = np.zeros(len(persons))
    window = math.fsum(persons) + outside
    return Demand(place, place, persons, row, row, unit, persons, window, outside)


def counts_of(**people: float) -> UnitCounts:
    values = np.array(list(people.values()), dtype=float)
    return UnitCounts("census", tuple(people), values, {name: k for k, name in enumerate(people)}, (), ())


def test_a_ledger_that_does_not_close_stops_the_run() -> None:
    demand = calibrate(demand_of([0, 0, 1], [1, 3, 5]), counts_of(a=8, b=10), ["a", "b"])
    assert ledger.calibration_line(demand).gap == 0
    assert [one.gap for one in ledger.calibration_lines(demand)] == [0, 0]
    lost = replace(demand, piece_persons=demand.piece_persons * np.array([1, 1 - 1e-8, 1]))
    with pytest.raises(InternalError):
        ledger.check([ledger.calibration_line(lost)])
    moved = replace(demand, piece_persons=demand.piece_persons + np.array([1, 0, -1]))
    ledger.check([ledger.calibration_line(moved)])  # the total alone does not see it
    with pytest.raises(InternalError):
        ledger.check(ledger.calibration_lines(moved))


def test_a_cell_cut_by_a_border_is_scaled_piece_by_piece() -> None:
    """One point of 10 people: 4 in a, 3 in b, 3 outside."""
    zero = np.zeros(1)
    pieces = np.array([4.0, 3.0])
    demand = Demand(
        zero, zero, np.array([10.0]), np.zeros(1, int), np.zeros(2, int), np.array([0, 1]), pieces, 10.0, 3.0
    )
    scaled = calibrate(demand, counts_of(a=8, b=1), ["a", "b"])
    assert scaled.piece_persons.tolist() == [8, 1]
    assert scaled.persons.tolist() == [12]
    assert (scaled.window_persons, scaled.outside_persons) == (10, 3)
    assert ledger.window_line(scaled).gap == 0


def test_traces_of_people_are_nobody() -> None:
    demand = demand_of([0, 1], [1e-9, 5])
    with pytest.raises(StudyError):
        calibrate(demand, counts_of(a=8, b=10), ["a", "b"])
    scaled = calibrate(demand, counts_of(a=0.1, b=10), ["a", "b"])
    assert np.isnan(scaled.calibration.factor[0])
    ledger.check([ledger.calibration_line(scaled), ledger.window_line(scaled), *ledger.calibration_lines(scaled)])


@pytest.mark.parametrize(("target", "extreme"), [(30.0, False), (30.1, True), (10 / 3, False), (3.3, True)])
def test_factors_beyond_three_are_told(target: float, extreme: bool) -> None:
    scaled = calibrate(demand_of([0], [10]), counts_of(a=target), ["a"])
    keys = [one.key for one in calibration_notices(scaled.calibration, ["a"])]
    assert ("calibrate.extreme" in keys) == extreme
    assert calibration_record(scaled.calibration)["counts"][0]["factor"] == target / 10


PEOPLE = st.lists(st.tuples(st.integers(0, 4), st.floats(0.001, 1e5)), min_size=1, max_size=40)
COUNTS = st.lists(st.floats(1, 1e6), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(people=PEOPLE, targets=COUNTS, times=st.floats(0.1, 50), order=st.randoms(use_true_random=False))
def test_scaling_the_census_scales_the_people(
    people: list[tuple[int, float]], targets: list[float], times: float, order: Any
) -> None:
    ids = [f"u{k}" for k in range(5)]
    # every count has somebody to stand for it
    people = people + [(k, 1.0) for k in range(len(targets))]
    demand = demand_of([u for u, _ in people], [p for _, p in people], outside=3.0)
    names = dict(zip(ids, targets, strict=False))
    one = calibrate(demand, counts_of(**names), ids)
    more = calibrate(demand, counts_of(**{name: value * times for name, value in names.items()}), ids)
    counted = one.piece_unit < len(targets)
    assert more.piece_persons[counted] == pytest.approx(one.piece_persons[counted] * times, rel=1e-12)
    assert more.piece_persons[~counted].tolist() == one.piece_persons[~counted].tolist()
    rows = list(names.items())
    order.shuffle(rows)
    again = calibrate(demand, counts_of(**dict(rows)), ids)
    assert again.piece_persons.tolist() == one.piece_persons.tolist()
    for made in (one, more):
        sums = np.bincount(made.piece_unit, made.piece_persons, minlength=5)
        wanted = made.calibration.target
        assert sums[: len(targets)] == pytest.approx(wanted, rel=1e-12)
        ledger.check([ledger.window_line(made), ledger.calibration_line(made), *ledger.calibration_lines(made)])
