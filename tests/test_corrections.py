"""Corrections: what they change at reading, what they refuse, that nothing is lost, and that the files stay as they are."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
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
from servicecircle.errors import Problem, StudyError
from servicecircle.flow import check
from servicecircle.inputs.correcting import read_corrections
from servicecircle.inputs.correction_file import COLUMNS, Correction, read_corrections_file
from servicecircle.inputs.corrections import Corrections, corrections_template
from servicecircle.inputs.gather import Inputs, gather
from servicecircle.inputs.tables import read_table
from servicecircle.outputs.publish import publish
from servicecircle.study import Study, load_study, study_from
from servicecircle.text import sentence
from tests.conftest import ROOT
from tests.small_study import Facility, SmallStudy, Unit, circle, lonlat, polygon, write_geojson

HEADER = tuple(COLUMNS)
CHINESE = ("文件", "编号", "字段", "原值", "新值", "原因", "修改人")
FILE = "facilities.csv"
#: Two villages beside the street, a clinic in each; the second clinic's longitude is wrong, so it lies far away.
UNITS = (Unit("a", (0, 0, 500, 100)), Unit("b", (500, 0, 1000, 100)))
CELLS = {(1, 0): 40.0, (8, 0): 60.0}
GOOD = Facility(850, 50)


def small(*facilities: Facility, **sections: Mapping[str, Any]) -> SmallStudy:
    both = facilities or (Facility(150, 50), GOOD)
    return SmallStudy(UNITS, both, [circle(2, "walk")], CELLS, sections=sections)


def write(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, encoding: str = "utf-8") -> str:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path.name


def make(
    folder: Path, *rows: Sequence[str], header: Sequence[str] = HEADER, encoding: str = "utf-8", **keys: Any
) -> Study:
    """Write the small study and its corrections."""
    write(folder / "corrections.csv", rows, header, encoding)
    return small(study={"corrections": "corrections.csv"} | keys).write(folder)


def row(field: str = "name", old: str = "C1", new: str = "新诊所", **more: str) -> tuple[str, ...]:
    cells = {
        "source": FILE,
        "id": "c1",
        "field": field,
        "old": old,
        "new": new,
        "reason": "电话核实",
        "by": "王",
    } | more
    return tuple(cells[name] for name in HEADER)


def told(notices: Sequence[Problem], key: str) -> list[Mapping[str, Any]]:
    return [one.values for one in notices if one.key == key]


def refused(study: Study) -> dict[str, list[Mapping[str, Any]]]:
    """Return the values of the problems by key; each must name the corrections file and say what to do."""
    with pytest.raises(StudyError) as caught:
        gather(study)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for one in caught.value.problems:
        found.setdefault(one.key, []).append(one.values)
        for language in ("zh", "en"):
            said = sentence(language, one)
            assert "corrections.csv" in said
            assert "请" in said or "." in said.rstrip(".")
    return found


def name_of(inputs: Inputs, code: str = "facilities:c1") -> str:
    frame = inputs.facilities.frame
    return str(frame.loc[frame["id"] == code, "name"].iloc[0])


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_columns_of_the_file_are_the_fields_of_a_correction() -> None:
    assert tuple(one.name for one in fields(Correction))[2:] == HEADER


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("header", [HEADER, CHINESE])
def test_a_cell_is_changed_and_told(tmp_path: Path, encoding: str, header: Sequence[str]) -> None:
    study = make(tmp_path, row(), header=header, encoding=encoding)
    before = (tmp_path / FILE).read_bytes()
    inputs = gather(study)
    assert name_of(inputs) == "新诊所"
    assert name_of(inputs, "facilities:c0") == "C0"
    assert told(inputs.notices, "corrections.applied") == [{"file": "corrections.csv", "count": 1, "removed": 0}]
    assert (tmp_path / FILE).read_bytes() == before
    (one,) = inputs.corrections.applied
    assert (one.row, one.old, one.new, one.by, one.file) == (3, "C1", "新诊所", "王", "corrections.csv:2")


def test_a_workbook_of_corrections(tmp_path: Path) -> None:
    pd.DataFrame([row()], columns=HEADER).to_excel(tmp_path / "更正.xlsx", index=False)
    study = small(study={"corrections": ["更正.xlsx"]}).write(tmp_path)
    assert name_of(gather(study)) == "新诊所"


def test_several_files_of_corrections(tmp_path: Path) -> None:
    write(tmp_path / "one.csv", [row()])
    write(tmp_path / "two.csv", [row(id="c0", old="C0", new="老诊所")])
    inputs = gather(small(study={"corrections": ["one.csv", "two.csv"]}).write(tmp_path))
    assert (name_of(inputs), name_of(inputs, "facilities:c0")) == ("新诊所", "老诊所")
    assert [one["file"] for one in told(inputs.notices, "corrections.applied")] == ["one.csv", "two.csv"]


@pytest.mark.parametrize("name", ["row 3", "Row 3", "第3行", "第 3 行", "#3", "＃３", "行3", "c1", "facilities:c1"])
def test_a_row_is_named_by_identifier_or_number(tmp_path: Path, name: str) -> None:
    assert name_of(gather(make(tmp_path, row(id=name)))) == "新诊所"


@pytest.mark.parametrize("source", ["facilities.csv", "./facilities.csv", ".\\facilities.csv"])
def test_a_file_is_named_as_the_study_does(tmp_path: Path, source: str) -> None:
    assert name_of(gather(make(tmp_path, row(source=source)))) == "新诊所"


def test_without_corrections_nothing_is_told(tmp_path: Path) -> None:
    inputs = gather(small().write(tmp_path))
    assert inputs.corrections == Corrections()
    assert not [one for one in inputs.notices if one.key.startswith("corrections")]


@pytest.mark.parametrize("word", ["(empty)", "（空）", "(空)", "（EMPTY）"])
def test_a_cell_is_emptied_by_a_word(tmp_path: Path, word: str) -> None:
    assert name_of(gather(make(tmp_path, row(new=word)))) == ""


@pytest.mark.parametrize("word", ["(delete)", "（删除）", "（Delete）"])
@pytest.mark.parametrize("old", ["", "C1"])
def test_a_row_that_is_taken_out_is_set_aside(tmp_path: Path, word: str, old: str) -> None:
    inputs = gather(make(tmp_path, row(field="*", old=old, new=word, reason="已关闭")))
    assert list(inputs.facilities.frame["id"]) == ["facilities:c0"]
    (left,) = inputs.set_aside
    assert (left.file, left.row, left.id, left.reason.key) == (FILE, 3, "c1", "corrections.removed")
    assert "已关闭" in sentence("zh", left.reason)
    (count,) = [one for one in inputs.rows if one.file == FILE]
    assert (count.rows, count.used, count.set_aside) == (2, 1, 1)
    assert told(inputs.notices, "corrections.applied")[0]["removed"] == 1


def test_numbers_that_are_equal_are_the_same_old_value(tmp_path: Path) -> None:
    # a spreadsheet drops the zero at the end of 114.30 and the zeros before 0012
    study = make(tmp_path, row())
    text = (tmp_path / FILE).read_text(encoding="utf-8").replace("c1,C1,", "c1,0012.50,")
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    write(tmp_path / "corrections.csv", [row(old="12.5")])
    assert name_of(gather(study)) == "新诊所"


def test_long_identifiers_are_compared_to_the_last_digit(tmp_path: Path) -> None:
    study = make(tmp_path, row(old="370406100000000002"))
    text = (tmp_path / FILE).read_text(encoding="utf-8").replace("c1,C1,", "c1,370406100000000001,")
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert list(refused(study)) == ["corrections.stale"]


def test_the_identifier_itself_can_be_corrected(tmp_path: Path) -> None:
    both = (row(field="id", old="c1", new="c9"), row())
    assert name_of(gather(make(tmp_path, *both)), "facilities:c9") == "新诊所"


# --- every file that is read row by row -------------------------------------------------------------------------------


def everything(folder: Path) -> Study:
    """Write a study that reads one of each: units, village table, facilities with gates, assets, barriers, roads."""

    def line(*metres: tuple[float, float]) -> dict[str, Any]:
        return {"type": "LineString", "coordinates": [lonlat(*one) for one in metres]}

    def point(x: float, y: float) -> dict[str, Any]:
        return {"type": "Point", "coordinates": lonlat(x, y)}

    boxes = {"a": (0, 0, 500, 100), "b": (500, 0, 1000, 100)}
    write_geojson(folder / "units.geojson", {k: {"name": k, "geometry": polygon(box)} for k, box in boxes.items()})
    write(folder / "people.csv", [("a", "a", "40人"), ("b", "b", "60")], ("编号", "村名", "人口"))
    places = {"p": point(150, 50), "q": point(850, 5000)}
    write_geojson(folder / "clinics.geojson", {k: {"type": "诊所", "geometry": one} for k, one in places.items()})
    write_geojson(folder / "yards.geojson", {"y": {"type": "诊所", "geometry": polygon((600, 20, 700, 80))}})
    write(folder / "gates.csv", [("g", *map(str, lonlat(650, 60)))], ("编号", "经度", "纬度"))
    write(folder / "staff.csv", [("p", "三"), ("q", "2")], ("编号", "医师"))
    write_geojson(folder / "walls.geojson", {"w": {"名称": "墙", "geometry": point(0, 0)}, "v": {"geometry": line((300, -50), (300, -90))}})  # fmt: skip
    roads = {"r": line((0, 50), (1000, 50)), "s": line((500, 50), (500, 90))}
    write_geojson(folder / "roads.geojson", {k: {"等级": "街道" if k == "r" else "不知", "geometry": one} for k, one in roads.items()})  # fmt: skip
    tree = {
        "study": {"name": "all", "corrections": "corrections.csv"},
        "area": {"units": "x"},
        "population": {"table": {"path": "people.csv", "name": "村名"}},
        "roads": {"lines": {"path": "roads.geojson", "class": "等级", "classes": {"街道": "residential"}}},
        "barriers": {"lines": "walls.geojson"},
        "facilities": [
            {"path": "clinics.geojson", "columns": {"id": "id"}},
            {"path": "yards.geojson", "gates": {"path": "gates.csv", "crs": "WGS84"}},
        ],
        "assets": [{"path": "staff.csv", "of": "facility", "columns": {"doctors": "医师"}}],
        "standards": {"define": [circle(2, "walk")]},
    }
    tree["area"] = {"units": {"path": "units.geojson"}}
    return study_from(tree, folder / "study.toml")


ALL = [
    ("units.geojson", "b", "name", "b", "乙村"),
    ("people.csv", "b", "村名", "b", "乙村"),
    ("people.csv", "a", "人口", "40人", "40"),
    ("clinics.geojson", "q", "lat", f"{lonlat(850, 5000)[1]:.5f}", f"{lonlat(850, 50)[1]:.7f}"),
    ("clinics.geojson", "q", "lon", f"{lonlat(850, 5000)[0]:.6f}", f"{lonlat(850, 50)[0]:.7f}"),
    ("gates.csv", "g", "纬度", str(lonlat(650, 60)[1]), str(lonlat(650, 80)[1])),
    ("staff.csv", "p", "医师", "三", "3"),
    ("walls.geojson", "w", "*", "墙", "（删除）"),
    ("roads.geojson", "s", "等级", "不知", "街道"),
]


def test_every_reader_applies_corrections(tmp_path: Path) -> None:
    write(tmp_path / "corrections.csv", [(*one, "核实", "王") for one in ALL])
    inputs = gather(everything(tmp_path))
    assert inputs.units is not None
    assert list(inputs.units.frame["name"]) == ["a", "乙村"]
    assert inputs.population.persons == 100
    frame = inputs.facilities.frame.set_index("id")
    np.testing.assert_allclose(frame.loc["clinics:q", ["lon", "lat"]].astype(float), lonlat(850, 50), atol=1e-7)
    assert len(inputs.facilities.gates["yards:y"]) == 1
    values = inputs.assets.frame.set_index("target_id")["value"]
    assert (values["clinics:p"], values["clinics:q"]) == (3, 2)
    assert len(inputs.roads.ways.id) == 2
    assert list(inputs.roads.barriers.kind) == ["given"]
    assert len(inputs.corrections.applied) == len(ALL)
    counts = {one.file: (one.rows, one.used, one.set_aside, one.not_asked) for one in inputs.rows}
    assert counts == {
        "clinics.geojson": (2, 2, 0, 0),
        "yards.geojson": (1, 1, 0, 0),
        "gates.csv": (1, 1, 0, 0),
        "people.csv": (2, 2, 0, 0),
        "units.geojson": (2, 2, 0, 0),
        "staff.csv": (2, 2, 0, 0),
        "roads.geojson": (2, 2, 0, 0),
        "walls.geojson": (2, 1, 1, 0),
        "corrections.csv": (9, 9, 0, 0),
    }


def test_without_its_correction_each_of_them_shows(tmp_path: Path) -> None:
    # the study above is wrong in every file: what the corrections mend is really broken
    write(tmp_path / "corrections.csv", [])
    with pytest.raises(StudyError) as caught:
        gather(everything(tmp_path))
    assert {one.key for one in caught.value.problems} >= {"roads.lines.unknown_class", "roads.barriers_not_lines"}


def test_points_with_people_are_corrected(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", [("a", "x", *map(str, lonlat(150, 50)))], ("编号", "人口", "经度", "纬度"))
    write(tmp_path / "corrections.csv", [("people.csv", "a", "人口", "x", "7", "核实", "王")])
    study = small(study={"corrections": "corrections.csv"}).write(tmp_path)
    people = {"points": {"path": "people.csv", "persons": "人口", "crs": "WGS84"}}
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"population": people}
    assert gather(study_from(tree, study.path)).population.persons == 7


def test_a_point_that_is_missing_gets_a_place_from_both_coordinates(tmp_path: Path) -> None:
    shapes = [shapely.Point(lonlat(150, 50)), None]
    frame = gpd.GeoDataFrame({"id": ["c0", "c1"], "type": ["clinic"] * 2}, geometry=shapes, crs="EPSG:4326")
    frame.to_file(tmp_path / "clinics.gpkg", layer="点")
    lon, lat = (f"{value:.7f}" for value in lonlat(850, 50))
    rows = [row(source="clinics.gpkg", field=field, old="", new=new) for field, new in (("lon", lon), ("lat", lat))]
    study = make(tmp_path, *rows)
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"facilities": [{"path": "clinics.gpkg"}]}
    inputs = gather(study_from(tree, study.path))
    assert [round(value, 7) for value in inputs.facilities.frame["lon"]] == [
        round(lonlat(x, 50)[0], 7) for x in (150, 850)
    ]
    write(tmp_path / "corrections.csv", rows[:1])
    assert [one.reason.key for one in gather(study_from(tree, study.path)).set_aside] == ["inputs.reason.no_geometry"]


def test_one_workbook_with_two_sheets_needs_the_sheet(tmp_path: Path) -> None:
    study = make(tmp_path, row(source="机构.xlsx"))
    table = pd.read_csv(tmp_path / FILE, dtype=str)
    with pd.ExcelWriter(tmp_path / "机构.xlsx") as book:
        table.iloc[:1].to_excel(book, sheet_name="甲", index=False)
        table.iloc[1:].to_excel(book, sheet_name="乙", index=False)
    files = [{"path": "机构.xlsx", "layer": name, "crs": "WGS84"} for name in ("甲", "乙")]
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"facilities": files}
    study = study_from(tree, study.path)
    assert list(refused(study)) == ["corrections.layer"]
    write(tmp_path / "corrections.csv", [row(source="机构.xlsx [乙]")])
    assert name_of(gather(study), "机构:c1") == "新诊所"


def test_a_file_read_twice_is_corrected_in_both_readings(tmp_path: Path) -> None:
    study = make(tmp_path, row(field="ownership", old="", new="12"))
    assets = [{"path": FILE, "of": "facility", "columns": {"doctors": "ownership"}}]
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True) | {"assets": assets}
    inputs = gather(study_from(tree, study.path))
    assert list(inputs.assets.frame["value"]) == [12]


@pytest.mark.parametrize("field", ["lon", "lat"])
def test_a_table_may_call_its_coordinates_otherwise(tmp_path: Path, field: str) -> None:
    place = [str(value) for value in lonlat(850, 50)]
    old = place[("lon", "lat").index(field)]
    study = make(tmp_path, row(source="more.csv", id="x", field=field, old=old, new="9"))
    write(tmp_path / "more.csv", [("x", "甲", "clinic", *place)], ("编号", "名称", "类型", "经度", "纬度"))
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["facilities"] = [{"path": "more.csv", "crs": "WGS84"}]
    problems: list[Problem] = []
    (one,) = read_corrections(study_from(tree, study.path), problems).applied
    assert (one.field, problems) == ({"lon": "经度", "lat": "纬度"}[field], [])


# --- what is refused --------------------------------------------------------------------------------------------------

WRONG = {
    "old": (row(old="C2"), "corrections.stale", {"found": "C1", "value": "C2", "source_row": 3}),
    "old empty": (row(old=""), "corrections.stale", {"found": "C1"}),
    "mended": (row(old="X", new="C1"), "corrections.already", {"value": "C1"}),
    "source": (row(source="facility.csv"), "corrections.no_source", {"nearest": FILE}),
    "raster": (row(source="people.tif"), "corrections.raster", {"source": "people.tif"}),
    "roads": (row(source="roads.osm"), "corrections.roads", {"source": "roads.osm"}),
    "no such layer": (row(source="facilities.csv [甲]"), "corrections.no_layer", {"layers": FILE}),
    "id": (row(id="c7"), "corrections.no_id", {"column": "id", "id": "c7"}),
    "row": (row(id="row 9"), "corrections.no_row", {"id": "row 9"}),
    "header": (row(id="row 1"), "corrections.no_row", {}),
    "field": (row(field="nam"), "corrections.no_field", {"nearest": "name"}),
    "reason": (row(reason=""), "corrections.missing", {"column": "reason / 原因"}),
    "no source": (row(source=""), "corrections.missing", {"column": "source / 文件"}),
    "no id": (row(id=""), "corrections.missing", {"column": "id / 编号"}),
    "no field": (row(field=""), "corrections.missing", {"column": "field / 字段"}),
    "no new": (row(new=""), "corrections.no_new", {"column": "name"}),
    "delete a cell": (row(new="(delete)"), "corrections.delete_field", {"column": "name"}),
    "change a row": (row(field="*", new="x"), "corrections.whole_row", {"value": "x"}),
    "delete another": (row(field="*", old="C0", new="(delete)"), "corrections.stale_row", {"value": "C0"}),
    "area": (row(source="units.geojson", id="a", field="lon", old="117"), "corrections.not_point", {"id": "a"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_correction_that_cannot_be_carried_out_is_refused(tmp_path: Path, name: str) -> None:
    wrong, key, values = WRONG[name]
    found = refused(make(tmp_path, wrong))
    assert list(found) == [key]
    assert found[key][0]["row"] == 2
    assert {one: found[key][0][one] for one in values} == values


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    rows = [one for one, _, _ in WRONG.values()]
    found = refused(make(tmp_path, *rows))
    assert sorted(values["row"] for many in found.values() for values in many) == list(range(2, len(rows) + 2))


@pytest.mark.parametrize(
    "rows",
    [(row(), row(new="另一个")), (row(), row(field="*", old="", new="(delete)")), (row(), row(id="row 3"))],
)
def test_two_corrections_of_one_cell_are_refused(tmp_path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    (values,) = refused(make(tmp_path, *rows))["corrections.twice"]
    assert values["file"] == "corrections.csv:2, corrections.csv:3"


def test_an_identifier_of_several_rows_is_refused(tmp_path: Path) -> None:
    study = make(tmp_path, row(source="more.csv", id="x"))
    lines = [("x", "甲", "clinic", *map(str, lonlat(x, 50))) for x in (150, 850)]
    write(tmp_path / "more.csv", lines, ("id", "name", "type", "lon", "lat"))
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["facilities"] = [{"path": "more.csv", "crs": "WGS84"}]
    with pytest.raises(StudyError) as caught:
        gather(study_from(tree, study.path))
    (values,) = told(caught.value.problems, "corrections.not_unique")
    assert values["rows"] == "2, 3"
    # by its number the row is found, and the file is in order again
    write(tmp_path / "corrections.csv", [row(source="more.csv", id="row 3", field="id", old="x", new="y")])
    assert list(gather(study_from(tree, study.path)).facilities.frame["id"]) == ["more:x", "more:y"]


def test_a_file_without_identifiers_takes_row_numbers(tmp_path: Path) -> None:
    study = make(tmp_path, row(source="more.csv", id="甲", field="名称", old="甲"))
    lines = [(name, "clinic", *map(str, lonlat(x, 50))) for name, x in (("甲", 150), ("乙", 850))]
    write(tmp_path / "more.csv", lines, ("名称", "类型", "经度", "纬度"))
    tree = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["facilities"] = [{"path": "more.csv", "crs": "WGS84"}]
    study = study_from(tree, study.path)
    assert list(refused(study)) == ["corrections.no_ids"]
    write(tmp_path / "corrections.csv", [row(source="more.csv", id="第2行", field="名称", old="甲")])
    assert sorted(gather(study).facilities.frame["name"]) == ["乙", "新诊所"]


@pytest.mark.parametrize("new", ["x", "（空）", "114°17'"])
def test_a_coordinate_of_a_point_must_be_a_number(tmp_path: Path, new: str) -> None:
    write(tmp_path / "corrections.csv", [("clinics.geojson", "q", "lon", "117", new, "核实", "王")])
    with pytest.raises(StudyError) as caught:
        gather(everything(tmp_path))
    assert "corrections.not_number" in [one.key for one in caught.value.problems]


def test_a_stale_coordinate_is_refused_to_its_last_decimal(tmp_path: Path) -> None:
    lat = lonlat(850, 5000)[1]
    write(tmp_path / "corrections.csv", [("clinics.geojson", "q", "lat", f"{lat + 2e-5:.5f}", "35", "核实", "王")])
    with pytest.raises(StudyError) as caught:
        gather(everything(tmp_path))
    assert "corrections.stale" in [one.key for one in caught.value.problems]


@pytest.mark.parametrize(
    ("header", "key"),
    [(HEADER[:-1], "corrections.no_column"), ((*HEADER[:-1], "id"), "corrections.no_column"),
     ((*HEADER, "编号"), "corrections.two_columns")],
)  # fmt: skip
def test_a_table_that_is_no_table_of_corrections(tmp_path: Path, header: Sequence[str], key: str) -> None:
    write(tmp_path / "corrections.csv", [("x",) * len(header)], header)
    assert key in refused(small(study={"corrections": "corrections.csv"}).write(tmp_path))


def test_a_missing_file_of_corrections(tmp_path: Path) -> None:
    assert list(refused(small(study={"corrections": "corrections.csv"}).write(tmp_path))) == ["inputs.no_file"]


def test_a_broken_file_is_told_by_its_reader_and_by_the_correction(tmp_path: Path) -> None:
    study = make(tmp_path, row())
    (tmp_path / FILE).write_bytes(b"\xff\x00\x81")
    with pytest.raises(StudyError) as caught:
        gather(study)
    assert [one.key for one in caught.value.problems] == ["corrections.unreadable", "inputs.encoding"]


def test_a_file_that_cannot_be_opened_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make(tmp_path, row())
    whole = Path.read_bytes

    def locked(path: Path) -> bytes:
        if path.name in hidden:
            raise PermissionError(13, "Permission denied", path.name)
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", locked)
    for hidden in ({FILE}, {"corrections.csv"}):
        with pytest.raises(StudyError) as caught:
            gather(study)
        told_of = [one.values["file"] for one in caught.value.problems if one.key == "inputs.unreadable_file"]
        assert told_of == sorted(hidden)


def test_of_very_many_stale_corrections_the_first_are_told(tmp_path: Path) -> None:
    found = refused(make(tmp_path, *[row(old=f"x{k}") for k in range(25)], row(id="c9")))
    assert {key: len(many) for key, many in found.items()} == {
        "corrections.stale": 10,
        "corrections.no_id": 1,
        "corrections.more": 1,
    }
    assert found["corrections.more"][0]["count"] == 15


@pytest.mark.parametrize("value", [[""], "", 3, ["a.csv", 1]])
def test_the_key_takes_a_path_or_a_list_of_paths(tmp_path: Path, value: Any) -> None:
    with pytest.raises(StudyError):
        small(study={"corrections": value}).write(tmp_path)


def test_check_and_run_agree(tmp_path: Path) -> None:
    study = make(tmp_path, row(old="C2"))
    with pytest.raises(StudyError) as caught:
        servicecircle.run(study)
    assert check(study).problems == caught.value.problems


# --- the template -----------------------------------------------------------------------------------------------------

PAYLOADS = ["=1+1", "+86 139", "-x", "@SUM(A1)", "'=1", "''=1", "a,b", 'a"b', "-5", "村", "＝1"]


def test_a_template_changes_nothing(tmp_path: Path) -> None:
    content = corrections_template([(FILE, "c1", "lon", "1", "在研究区外"), (FILE, "row 2", "name", "C0", "？")])
    assert content.startswith(b"\xef\xbb\xbf")
    study = small(study={"corrections": "corrections.csv"}).write(tmp_path)
    (tmp_path / "corrections.csv").write_bytes(content)
    inputs = gather(study)
    assert inputs.corrections.applied == ()
    assert told(inputs.notices, "corrections.untouched") == [{"file": "corrections.csv", "count": 2}]
    (count,) = [one for one in inputs.rows if one.file == "corrections.csv"]
    assert (count.rows, count.used, count.not_asked) == (2, 0, 2)


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_template_is_guarded_and_reads_back(tmp_path: Path, text: str) -> None:
    content = corrections_template([(text, text, text, text, text)])
    cells = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1]
    assert not [cell for cell in cells if cell.startswith(tuple("=+@＝"))]
    (tmp_path / "t.csv").write_bytes(content)
    (one,) = read_corrections_file(tmp_path / "t.csv", "t.csv")[1]
    assert (one.source, one.id, one.field, one.old, one.reason) == (text,) * 5
    assert one.untouched


def test_a_template_that_is_filled_in_is_applied(tmp_path: Path) -> None:
    content = corrections_template([(FILE, "c1", "name", "C1", "名称可疑"), (FILE, "c0", "name", "C0", "名称可疑")])
    text = content.decode("utf-8-sig").replace("c1,name,C1,,名称可疑,", "c1,name,C1,新诊所,名称可疑,王")
    study = small(study={"corrections": "corrections.csv"}).write(tmp_path)
    (tmp_path / "corrections.csv").write_text(text, encoding="gb18030")
    inputs = gather(study)
    assert (name_of(inputs), name_of(inputs, "facilities:c0")) == ("新诊所", "C0")


# --- nothing else changes ---------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(TEXTS, min_size=1, max_size=6),
    new=TEXTS,
    data=st.data(),
)
def test_exactly_the_named_cell_changes(tmp_path_factory: Any, names: list[str], new: str, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("cells")
    at = data.draw(st.integers(0, len(names) - 1))
    study = make(folder)
    lines = [(f"x{k}", name, "clinic", *map(str, lonlat(150 + k, 50))) for k, name in enumerate(names)]
    write(folder / FILE, lines, ("id", "name", "type", "lon", "lat"))
    table = read_table(folder / FILE, file=FILE)
    held = str(table.texts(1)[at])
    write(folder / "corrections.csv", [row(id=f"x{at}", old=held, new=new)])
    problems: list[Problem] = []
    corrections = read_corrections(study, problems)
    if problems:
        # the cell holds the new text already, a sign of its own, or an apostrophe that reading takes off
        assert {one.key for one in problems} <= {"corrections.already", "corrections.stale", "corrections.delete_field"}
        return
    after = corrections.apply(table)
    expected = table.cells.copy()
    expected.iloc[at, 1] = corrections.applied[0].new
    pd.testing.assert_frame_equal(after.cells, expected)
    assert str(table.texts(1)[at]) == held


def test_a_wrong_facility_is_fixed_and_nothing_else_moves(tmp_path: Path) -> None:
    # the clinic of b is 3 km off; with its true place b is covered and a stays as it is
    paths = {name: tmp_path / name for name in ("wrong", "fixed", "true")}
    for path in paths.values():
        path.mkdir()
    off = (Facility(150, 50), Facility(850, 3050))
    lon, lat = (str(value) for value in lonlat(850, 3050))
    write(paths["fixed"] / "corrections.csv", [row("lat", lat, str(lonlat(850, 50)[1])), row("lon", lon, str(lonlat(850, 50)[0]))])  # fmt: skip
    fixed_study = small(*off, study={"corrections": "corrections.csv"}).write(paths["fixed"])
    wrong, true = small(*off).run(paths["wrong"]), small().run(paths["true"])
    fixed = servicecircle.run(fixed_study)
    pd.testing.assert_frame_equal(fixed.units, true.units)
    changed = (wrong.units["uncovered_persons"] != fixed.units["uncovered_persons"]).to_numpy()
    assert list(fixed.units["unit_id"][changed]) == ["b"]
    out = tmp_path / "out"
    publish(fixed, out)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert [(one["source"], one["id"], one["row"], one["field"], one["by"]) for one in record["corrections"]] == [
        (FILE, "c1", 3, "lat", "王"),
        (FILE, "c1", 3, "lon", "王"),
    ]
    assert {one["reason"] for one in record["corrections"]} == {"电话核实"}
    hashes = {one["path"]: one["sha256"] for one in record["provenance"]["inputs"]}
    content = (paths["fixed"] / "corrections.csv").read_bytes()
    assert hashes["corrections.csv"] == hashlib.sha256(content).hexdigest()
    assert any("2 corrections were applied" in notice for notice in record["notices"])


def test_corrections_undo_every_fault_of_the_dirty_workbook(tmp_path: Path) -> None:
    # the sample's faults as a person would put them right, by row number; the clean workbook says what is true
    sample = ROOT / "geodata" / "sample"
    faults = pd.read_csv(sample / "faults.csv", dtype=str, keep_default_na=False)
    clean = read_table(sample / "facilities.xlsx", faults["工作表"].iloc[0], file="x").cells.set_index("机构编号")
    columns = {"swapped": ("经度", "纬度"), "outside": ("经度",), "no_coordinates": ("经度", "纬度")}
    columns |= {"text_number": ("床位数",), "unknown_type": ("类别",)}
    tables = {
        sheet: read_table(sample / "facilities_dirty.xlsx", sheet, file="x").cells for sheet in set(faults["工作表"])
    }
    rows = []
    for fault in faults.to_dict("records"):
        named = {"source": f"{fault['文件']} [{fault['工作表']}]", "id": f"第{fault['行']}行", "reason": fault["错误"]}
        if fault["错误"] in ("duplicate", "department"):
            rows.append(row("*", "", "（删除）", **named))
            continue
        held = tables[fault["工作表"]].loc[int(fault["行"])]
        rows += [
            row(column, held[column], clean.loc[fault["机构编号"], column] or "（空）", **named)
            for column in columns[fault["错误"]]
        ]
    write(tmp_path / "c.csv", rows, encoding="gb18030")
    dirty, good = (load_study(sample / name) for name in ("study_dirty.toml", "study.toml"))
    tree = dirty.model_dump(mode="json", by_alias=True, exclude_unset=True)
    tree["study"] |= {"corrections": str(tmp_path / "c.csv")}
    mended, right = gather(study_from(tree, dirty.path)), gather(good)
    frames = []
    for inputs in (mended, right):
        frame = inputs.facilities.frame.drop(columns=["source", "row"])
        frame["id"] = frame["id"].str.partition(":")[2]
        frames.append(frame.sort_values("id").reset_index(drop=True))
    pd.testing.assert_frame_equal(*frames)
    assert mended.assets.frame["value"].sum() == right.assets.frame["value"].sum()
    assert {one.reason.key for one in mended.set_aside} == {"corrections.removed"}
    assert len(mended.set_aside) == faults["错误"].isin(["duplicate", "department"]).sum()
    # nothing is left that a strict study would stop at
    tree["study"] |= {"strict": "set_aside"}
    assert gather(study_from(tree, dirty.path)).corrections == mended.corrections
