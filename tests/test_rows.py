"""Set aside, never lost: the rows of every file add up; what stops a run; how invalid shapes are repaired."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import servicecircle
from servicecircle.errors import InternalError, Problem, StudyError, problem
from servicecircle.flow import check
from servicecircle.inputs.formats import Table
from servicecircle.inputs.gather import Inputs, gather
from servicecircle.inputs.rows import RowCount, account, row_record
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.strict import SERIOUS
from servicecircle.outputs.publish import publish
from servicecircle.study import Study, load_study, study_from
from servicecircle.text import sentence
from servicecircle.text.text import catalogue
from tests.conftest import ROOT
from tests.small_study import Facility, SmallStudy, Unit, circle, lonlat, polygon, write_geojson

UNITS = (Unit("a", (0, 0, 500, 100)), Unit("b", (500, 0, 1000, 100)))
CELLS = {(1, 0): 40.0, (8, 0): 60.0}
CLINICS = (Facility(150, 50), Facility(850, 50))
HEADER = ("id", "name", "type", "lon", "lat", "beds")
HERE = tuple(map(str, lonlat(150, 50)))
THERE = tuple(map(str, lonlat(850, 50)))


def write(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def make(folder: Path, changed: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]) -> Study:
    """Write the small study; ``changed`` replaces whole tables of the study file, ``sections`` adds keys to them."""
    study = SmallStudy(UNITS, CLINICS, [circle(2, "walk")], CELLS, sections=sections).write(folder)
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | dict(changed or {})
    return study_from(tree, study.path)


def counts(inputs: Inputs) -> dict[str, tuple[int, int, int, int]]:
    """Return rows, used, set aside and not asked for by file; every account closes."""
    assert all(one.closes for one in inputs.rows)
    return {one.file: (one.rows, one.used, one.set_aside, one.not_asked) for one in inputs.rows}


def problems_of(study: Study) -> tuple[Problem, ...]:
    with pytest.raises(StudyError) as caught:
        gather(study)
    return caught.value.problems


# --- the account itself -----------------------------------------------------------------------------------------------


def table(rows: int) -> Table:
    return Table(
        "x.csv", "", pd.DataFrame({"id": [""] * rows}, index=pd.RangeIndex(2, rows + 2, name="row"), dtype=str)
    )


def left(row: int) -> SetAside:
    return SetAside("x.csv", "", row, "", "", problem("inputs.reason.zero"))


def test_an_account_closes() -> None:
    # row 3 is used though one of its values is set aside; rows 4 and 5 are not used; one row is not asked for
    found = account(table(5), [2, 3, 3], [left(3), left(4), left(4), left(5)], 1)
    assert found == RowCount("x.csv", "", 5, 2, 2, 1)


@pytest.mark.parametrize(
    ("used", "aside", "not_asked"),
    [([2, 3], [], 0), ([2, 3, 4], [], 1), ([2, 3, 9], [], 0), ([2], [3, 1], 0), ([2, 3, 4], [], -1), ([], [], 0)],
)
def test_an_account_that_does_not_close_is_a_fault_of_ours(used: list[int], aside: list[int], not_asked: int) -> None:
    with pytest.raises(InternalError) as caught:
        account(table(3), used, map(left, aside), not_asked)
    (one,) = caught.value.problems
    assert "x.csv" in sentence("en", one)
    assert "x.csv" in sentence("zh", one)


def test_what_is_left_out_later_is_set_aside() -> None:
    one = RowCount("x.csv", "", 3, 2, 1)
    (found,) = row_record([one], [0])
    assert (found["used"], found["set_aside"]) == (1, 2)
    with pytest.raises(InternalError):
        row_record([one], [0, 0, 0])
    with pytest.raises(InternalError):
        row_record([replace(one, rows=4)], [])


# --- every reader -----------------------------------------------------------------------------------------------------


def test_facilities(tmp_path: Path) -> None:
    rows = [
        ("1", "甲", "clinic", *HERE, "1"), ("2", "甲", "clinic", *HERE, "2"), ("3", "丙", "clinic", "", "", "3"),
        ("4", "丁", "clinic", "10", "10", "4"), ("5", "戊", "clinic", *THERE, "0"), ("6", "己", "clinic", *THERE, "x"),
        ("7", "庚", "药店", *THERE, "7"), ("8", "辛", "clinic", *THERE, ""),
    ]  # fmt: skip
    write(tmp_path / "f.csv", rows)
    files = [{"path": "f.csv", "crs": "WGS84", "where": {"beds": "> 0"}}]
    inputs = gather(make(tmp_path, {"facilities": files}))
    # used: 甲, 庚; set aside: the twin of 甲, no place, far away, x is no number; not asked for: 0 and empty
    assert counts(inputs) == {"f.csv": (8, 2, 4, 2), "units.geojson": (2, 2, 0, 0)}
    assert sorted(one.row for one in inputs.set_aside) == [3, 4, 5, 7]


def test_one_file_under_two_conditions_is_counted_twice(tmp_path: Path) -> None:
    write(tmp_path / "f.csv", [("1", "甲", "clinic", *HERE, "1"), ("2", "乙", "药店", *THERE, "2")])
    files = [{"path": "f.csv", "crs": "WGS84", "where": {"beds": rule}} for rule in ("> 0", "> 1")]
    inputs = gather(make(tmp_path, {"facilities": files}))
    found = [(one.rows, one.used, one.set_aside, one.not_asked) for one in inputs.rows if one.file == "f.csv"]
    # 乙 satisfies both: it is one facility, and the second time a twin
    assert found == [(2, 2, 0, 0), (2, 0, 1, 1)]


def test_a_value_that_is_set_aside_leaves_its_row_used(tmp_path: Path) -> None:
    write(tmp_path / "f.csv", [("1", "甲", "clinic", *HERE, "多")])
    files = [{"path": "f.csv", "crs": "WGS84", "columns": {"beds": "beds"}}]
    inputs = gather(make(tmp_path, {"facilities": files}))
    assert [one.reason.key for one in inputs.set_aside] == ["numbers.in_column"]
    assert counts(inputs)["f.csv"] == (1, 1, 0, 0)


def test_assets(tmp_path: Path) -> None:
    rows = [
        ("c0", "3", "x", "甲"), ("c1", "x", "x", "甲"), ("c1", "", "", "甲"), ("c9", "3", "1", "甲"),
        ("c0", "1", "1", "乙"), ("c0", "", "", "甲"),
    ]  # fmt: skip
    write(tmp_path / "staff.csv", rows, ("id", "doctors", "nurses", "县"))
    spec = {"path": "staff.csv", "of": "facility", "columns": {"doctors": "doctors", "nurses": "nurses"}}
    inputs = gather(make(tmp_path, {"assets": [spec | {"where": {"县": "= 甲"}}]}))
    # c0 keeps one value, c1 loses both, c9 is nobody, the county is another, and empty rows say nothing
    assert counts(inputs)["staff.csv"] == (6, 3, 2, 1)


def test_assets_of_one_value_a_row(tmp_path: Path) -> None:
    rows = [("c0", "doctors", "3"), ("c1", "doctors", "三"), ("c1", "wings", "2"), ("c1", "beds", "")]
    write(tmp_path / "long.csv", rows, ("id", "what", "value"))
    spec = {"path": "long.csv", "of": "facility", "asset": "what", "value": "value"}
    assert counts(gather(make(tmp_path, {"assets": [spec]})))["long.csv"] == (4, 2, 2, 0)


def test_people_at_points(tmp_path: Path) -> None:
    rows = [("1", "5", *HERE), ("2", "x", *THERE), ("3", "6", "", ""), ("4", "x", "", ""), ("", "7", *HERE)]
    write(tmp_path / "p.csv", rows, ("id", "persons", "lon", "lat"))
    people = {"points": {"path": "p.csv", "crs": "WGS84"}}
    assert counts(gather(make(tmp_path, {"population": people})))["p.csv"] == (5, 2, 3, 0)


def test_a_village_table_and_a_census(tmp_path: Path) -> None:
    rows = [("a", "5"), ("b", "x"), ("合计", "5"), ("天涯", "9"), ("b", "7")]
    write(tmp_path / "v.csv", rows, ("村名", "人口"))
    found = counts(gather(make(tmp_path, {"population": {"table": {"path": "v.csv"}}})))
    assert found["v.csv"] == (5, 2, 3, 0)
    write(tmp_path / "v.csv", rows, ("村名", "人口"))
    census = {"raster": "people.tif", "calibrate": {"path": "v.csv", "unit": "village"}}
    assert counts(gather(make(tmp_path, {"population": census})))["v.csv"] == (5, 2, 3, 0)


def test_units_as_points_and_polygons(tmp_path: Path) -> None:
    rows = [("1", "甲", *HERE), ("2", "乙", "", ""), ("3", "丙", *THERE), ("4", "丁", "0", "0")]
    write(tmp_path / "u.csv", rows, ("id", "name", "lon", "lat"))
    area = {"points": {"path": "u.csv", "crs": "WGS84"}}
    assert counts(gather(make(tmp_path, {"area": area})))["u.csv"] == (4, 2, 2, 0)
    good = shapely.from_geojson(json.dumps(polygon((0, 0, 900, 100))))
    flat = shapely.Polygon([lonlat(0, 0), lonlat(0, 10), lonlat(0, 0)])
    shapes = [good, None, shapely.Polygon(), flat]
    frame = gpd.GeoDataFrame({"id": list("abcd"), "name": list("abcd")}, geometry=shapes, crs="EPSG:4326")
    frame.to_file(tmp_path / "u.gpkg", layer="村")
    inputs = gather(make(tmp_path, {"area": {"units": {"path": "u.gpkg"}, "repair_up_to": 1}}))
    assert counts(inputs)["u.gpkg"] == (4, 1, 3, 0)
    assert [one.reason.key for one in inputs.set_aside] == ["inputs.reason.no_geometry"] * 2 + ["units.no_area"]


def line(*metres: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": [lonlat(*one) for one in metres]}


def test_road_lines_and_barriers(tmp_path: Path) -> None:
    shapes = {
        "r": ("路", line((0, 50), (1000, 50))), "again": ("路", line((1000, 50), (0, 50))),
        "far": ("路", line((900_000, 0), (900_000, 50))), "dot": ("路", line((3, 3), (3, 3))),
        "river": ("河", line((0, 90), (9, 90))), "null": ("路", None),
    }  # fmt: skip
    write_geojson(tmp_path / "r.geojson", {k: {"c": word, "geometry": shape} for k, (word, shape) in shapes.items()})
    walls = {"w": {"name": "墙", "geometry": line((300, -50), (300, -90))}, "n": {"name": "空", "geometry": None}}
    write_geojson(tmp_path / "w.geojson", walls)
    lines = {"path": "r.geojson", "class": "c", "classes": {"路": "residential", "河": "none"}}
    study = make(tmp_path, {"roads": {"lines": lines}, "barriers": {"lines": "w.geojson"}})
    inputs = gather(study)
    assert counts(inputs)["r.geojson"] == (6, 1, 5, 0)
    assert counts(inputs)["w.geojson"] == (2, 1, 1, 0)
    (wall,) = [one for one in inputs.set_aside if one.file == "w.geojson"]
    assert (wall.row, wall.reason.key) == (2, "inputs.reason.no_geometry")


def test_a_road_whose_ends_are_joined_into_one_place_is_set_aside(tmp_path: Path) -> None:
    shapes = {"r": line((0, 50), (1000, 50)), "short": line((1003, 50), (1003, 53)), "on": line((1000, 50), (1100, 50))}
    write_geojson(tmp_path / "r.geojson", {k: {"geometry": shape} for k, shape in shapes.items()})
    lines = {"path": "r.geojson", "default_class": "residential", "join_m": 10}
    inputs = gather(make(tmp_path, {"roads": {"lines": lines}}))
    assert counts(inputs)["r.geojson"] == (3, 2, 1, 0)
    (one,) = inputs.set_aside
    assert (one.row, one.reason.key) == (2, "roads.reason.no_length")


def test_gates(tmp_path: Path) -> None:
    write_geojson(tmp_path / "y.geojson", {"y": {"type": "诊所", "geometry": polygon((600, 20, 700, 80))}})
    places = [lonlat(600, 50), lonlat(10, 50), ("", "")]
    write(tmp_path / "g.csv", [(str(k), *map(str, one)) for k, one in enumerate(places)], ("id", "lon", "lat"))
    files = [{"path": "y.geojson", "gates": {"path": "g.csv", "crs": "WGS84"}}]
    assert counts(gather(make(tmp_path, {"facilities": files})))["g.csv"] == (3, 1, 2, 0)


def test_the_record_of_a_run_adds_up_to_its_list(tmp_path: Path) -> None:
    # the third clinic lies beyond the units and is left out after reading
    study = SmallStudy(
        UNITS, (*CLINICS, Facility(1500, 50)), [circle(2, "walk")], CELLS, sections={"area": {"cross_boundary": False}}
    ).write(tmp_path)
    publish(servicecircle.run(study), tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    (clinics,) = [one for one in record["rows"] if one["file"] == "facilities.csv"]
    assert clinics == {"file": "facilities.csv", "layer": "", "rows": 3, "used": 2, "set_aside": 1, "not_asked": 0}
    lost = pd.read_csv(tmp_path / "out" / "set_aside.csv")
    assert list(lost["row"]) == [4]
    assert record["corrections"] == []


CELL = st.sampled_from(
    ["", "0", "x", "-1", "１２", "1,000", "117.0", "35.05", "nan", "1e999", "é", "clinic", "药店", *HERE]
)


@settings(max_examples=400 if os.environ.get("SERVICECIRCLE_DEEP") == "1" else 40, deadline=None)
@given(rows=st.lists(st.tuples(*[CELL] * len(HEADER)), max_size=8), seed=st.integers(0, 3))
def test_whatever_stands_in_a_file_its_rows_add_up_or_are_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    write(folder / "f.csv", [("good", "好", "clinic", *HERE, "1"), *rows])
    spec: dict[str, Any] = {"path": "f.csv", "crs": "WGS84", "columns": {"beds": "beds"} if seed % 2 else {}}
    staff = {"path": "f.csv", "of": "facility", "columns": {"staff": "beds", "doctors": "lat"}}
    where = {"where": {"beds": "> 0"}} if seed > 1 else {}
    try:
        inputs = gather(make(folder, {"facilities": [spec | where], "assets": [staff | where]}))
    except StudyError:
        return
    filled = 1 + sum(any(cell for cell in row) for row in rows)
    assert all(one.closes for one in inputs.rows)
    assert {one.rows for one in inputs.rows if one.file == "f.csv"} == {filled}


# --- what stops a run -------------------------------------------------------------------------------------------------

LOST = [("1", "甲", "clinic", *HERE, "1"), ("2", "乙", "clinic", "", "", "2"), ("3", "丙", "clinic", "0", "0", "3")]


def strict(folder: Path, strict: str, rows: Sequence[Sequence[str]] = LOST, **study: Any) -> Study:
    write(folder / "f.csv", rows)
    return make(folder, {"facilities": [{"path": "f.csv", "crs": "WGS84"}]}, study={"strict": strict} | study)


def test_by_default_nothing_more_stops_a_run(tmp_path: Path) -> None:
    study = strict(tmp_path, "none")
    assert len(gather(study).set_aside) == 2
    assert make(tmp_path).study.strict == "none"


@pytest.mark.parametrize("word", ["set_aside", "all"])
def test_a_row_set_aside_stops_a_strict_run(tmp_path: Path, word: str) -> None:
    study = strict(tmp_path, word)
    (one,) = problems_of(study)
    assert (one.key, one.values["file"], one.values["count"]) == ("rows.strict_set_aside", "f.csv", 2)
    said = sentence("en", one)
    assert "row 3: no coordinates; row 4: the coordinates are (0, 0)" in said
    assert "f.csv" in sentence("zh", one)
    assert check(study).problems == (one,)
    with pytest.raises(StudyError):
        servicecircle.run(study)


@pytest.mark.parametrize("word", ["set_aside", "all"])
def test_rows_that_were_dealt_with_stop_nothing(tmp_path: Path, word: str) -> None:
    header = ("source", "id", "field", "old", "new", "reason", "by")
    rows = [("f.csv", code, "*", "", "(delete)", "没有坐标", "王") for code in ("2", "3")]
    write(tmp_path / "c.csv", rows, header)
    inputs = gather(strict(tmp_path, word, corrections="c.csv"))
    assert len(inputs.set_aside) == 2
    where = {"facilities": [{"path": "f.csv", "crs": "WGS84", "where": {"beds": "< 2"}}]}
    assert gather(make(tmp_path, where, study={"strict": word})).set_aside == ()


def test_only_all_stops_at_notices(tmp_path: Path) -> None:
    rows = [("1", "甲", "clinic", *HERE, "1"), ("2", "乙", "鬼", *THERE, "2")]
    assert gather(strict(tmp_path, "set_aside", rows)).set_aside == ()
    (one,) = problems_of(strict(tmp_path, "all", rows))
    assert one.key == "rows.strict_notice"
    assert "鬼" in sentence("zh", one)
    assert "鬼" in sentence("en", one)


def test_roads_far_away_and_roads_that_are_none_stop_nothing(tmp_path: Path) -> None:
    shapes = {"r": ("路", line((0, 50), (1000, 50))), "far": ("路", line((900_000, 0), (900_000, 50))), "n": ("河", line((0, 90), (9, 90)))}  # fmt: skip
    write_geojson(tmp_path / "r.geojson", {k: {"c": word, "geometry": shape} for k, (word, shape) in shapes.items()})
    lines = {"path": "r.geojson", "class": "c", "classes": {"路": "residential", "河": "none"}}
    inputs = gather(make(tmp_path, {"roads": {"lines": lines}}, study={"strict": "all"}))
    assert len(inputs.set_aside) == 2


def test_serious_notices_exist() -> None:
    assert set(catalogue("zh")) >= SERIOUS


def test_another_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        make(tmp_path, study={"strict": "some"})


@pytest.mark.parametrize("path", ["geodata/sample/study.toml", "geodata/demo/study.toml"])
def test_the_shipped_studies_add_up(path: str) -> None:
    if not (ROOT / path).is_file():
        pytest.skip(f"{path} is not made")
    inputs = gather(load_study(ROOT / path))
    assert counts(inputs)
    assert not [one for one in inputs.notices if one.key.startswith(("corrections", "rows"))]


# --- not one facility -------------------------------------------------------------------------------------------------


def test_no_facility_says_why(tmp_path: Path) -> None:
    rows = [
        ("1", "甲", "clinic", "", "", "1"),
        ("2", "乙", "clinic", "10", "10", "2"),
        ("3", "丙", "clinic", *HERE, "0"),
    ]
    write(tmp_path / "f.csv", rows)
    (one,) = problems_of(make(tmp_path, {"facilities": [{"path": "f.csv", "crs": "WGS84", "where": {"beds": "> 0"}}]}))
    said = sentence("en", one)
    assert "of 3 rows, 1 do not satisfy where and 2 were set aside" in said
    assert "row 2: no coordinates; row 3: outside the study area" in said
    assert "第 2 行" in sentence("zh", one) or "没有坐标" in sentence("zh", one)


def test_no_facility_by_the_condition_alone(tmp_path: Path) -> None:
    write(tmp_path / "f.csv", [("1", "甲", "clinic", *HERE, "0")])
    (one,) = problems_of(make(tmp_path, {"facilities": [{"path": "f.csv", "crs": "WGS84", "where": {"beds": "> 0"}}]}))
    assert (one.values["not_asked"], one.values["set_aside"], one.values["reasons"]) == (1, 0, "")


# --- repairs ----------------------------------------------------------------------------------------------------------


def bow_tie(folder: Path, **area: Any) -> Study:
    """Write units of which one is a bow-tie: its signed area is 0, the repaired one is two triangles of 12,500 m2."""
    tie = {"type": "Polygon", "coordinates": [[lonlat(*xy) for xy in [(500, 0), (1000, 100), (1000, 0), (500, 100), (500, 0)]]]}  # fmt: skip
    study = make(folder, area=area)
    shapes = {"a": {"name": "a", "geometry": polygon((0, 0, 500, 100))}, "b": {"name": "b", "geometry": tie}}
    write_geojson(folder / "units.geojson", shapes)
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["area"]["units"] = {"path": "units.geojson"}
    return study_from(tree, study.path)


def test_a_large_repair_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    (one,) = problems_of(bow_tie(tmp_path))
    assert (one.key, one.values["row"], one.values["id"]) == ("units.repair_too_large", 2, "b")
    assert "repair_up_to" in sentence("en", one)
    assert "repair_up_to" in sentence("zh", one)
    assert one.values["share"] == pytest.approx(1, abs=1e-4)
    inputs = gather(bow_tie(tmp_path, repair_up_to=1))
    (told,) = [one for one in inputs.notices if one.key == "units.repaired"]
    assert told.values["method"] == "make_valid (structure)"
    before, after = told.values["areas"].removeprefix("b (").removesuffix(" m²)").split(" → ")
    assert (before, float(after.replace(",", ""))) == ("0", pytest.approx(25_000, rel=1e-3))
    assert inputs.units is not None
    assert inputs.units.frame.geometry.is_valid.all()
    assert counts(inputs)["units.geojson"] == (2, 2, 0, 0)


def test_the_limit_of_a_repair_is_inclusive(tmp_path: Path) -> None:
    # a spike of 1e-4 degrees: how much it changes is measured first, then allowed exactly, and not by the last bit less
    (x, y), side = lonlat(0, 0), 0.01
    ring = [
        (x, y),
        (x + side, y),
        (x + side, y + side),
        (x + side + 1e-3, y + side + 1e-3),
        (x + side + 1e-3, y + side),
    ]
    ring += [(x + side, y + side + 5e-4), (x, y + side)]
    assert not shapely.Polygon(ring).is_valid
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}

    def study(share: float) -> Study:
        made = make(tmp_path, {"area": {"units": {"path": "u.geojson"}, "repair_up_to": share}})
        write_geojson(tmp_path / "u.geojson", {"a": {"name": "a", "geometry": shape}})
        return made

    (told,) = [one for one in gather(study(1)).notices if one.key == "units.repaired"]
    share = told.values["change"]
    assert 0 < share < 1
    assert gather(study(share)).units is not None
    assert [one.key for one in problems_of(study(float(np.nextafter(share, 0))))] == ["units.repair_too_large"]


def test_a_share_of_repair_is_a_share(tmp_path: Path) -> None:
    for wrong in (-0.1, 1.5, "x"):
        with pytest.raises(StudyError):
            make(tmp_path, area={"repair_up_to": wrong})


def test_repaired_areas_of_facilities_are_told(tmp_path: Path) -> None:
    ring = [(600, 20), (700, 80), (700, 20), (600, 80), (600, 20)]
    tie = {"type": "Polygon", "coordinates": [[lonlat(*xy) for xy in ring]]}
    yards = {"x": {"type": "诊所", "geometry": polygon((100, 20, 200, 80))}, "y": {"type": "诊所", "geometry": tie}}
    write_geojson(tmp_path / "y.geojson", yards)
    inputs = gather(make(tmp_path, {"facilities": [{"path": "y.geojson"}]}))
    (told,) = [one.values for one in inputs.notices if one.key == "units.shapes_repaired"]
    assert (told["file"].startswith("y.geojson"), told["count"], told["rows"]) == (True, 1, "2 (100.0000%)")
    assert inputs.facilities.shapes["y:y"].is_valid
    write_geojson(tmp_path / "y.geojson", {"x": yards["x"]})
    inputs = gather(make(tmp_path, {"facilities": [{"path": "y.geojson"}]}))
    assert not [one for one in inputs.notices if one.key == "units.shapes_repaired"]
