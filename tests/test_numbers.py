"""Cells that are no plain number: read where one number can be meant, else set aside with what to write."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from servicecircle.errors import Problem, StudyError
from servicecircle.inputs import sheet_cells
from servicecircle.inputs.assets import read_assets
from servicecircle.inputs.facilities import read_facilities
from servicecircle.inputs.formats import sheet_names
from servicecircle.inputs.numbers import UNIT_WORDS, read_cell, read_column
from servicecircle.inputs.places import locate
from servicecircle.inputs.population import read_population
from servicecircle.inputs.sheet_cells import cell_name, look_through
from servicecircle.inputs.tables import read_table, to_number
from servicecircle.standards.vocabulary import assets
from servicecircle.study import study_from
from servicecircle.study.base import Source
from servicecircle.text import sentence

DEGREES = {
    "114°17'24\"E": 114.29,
    "114°17′24″": 114.29,
    "114º17’24”E": 114.29,
    "114度17分24秒": 114.29,
    "东经114度17分24秒": 114.29,
    "E114.29": 114.29,
    "114.29 E": 114.29,
    "114.29°": 114.29,
    "114.29度": 114.29,
    "东经114.29": 114.29,
    "东经：114.29°": 114.29,
    "西经114.29": -114.29,
    "114.29°W": -114.29,
    "114°17.4'E": 114.29,
    "114°17'E": 114 + 17 / 60,
    "114°17'24''E": 114.29,
    "114° 17' 24\" E": 114.29,
    "１１４°１７′２４″": 114.29,
    "-114.29°": -114.29,
    "１１４．２９": 114.29,
    "114°": 114.0,
    " 114.29\u3000": 114.29,
}


@pytest.mark.parametrize("text", DEGREES)
def test_degrees_with_clear_marks(text: str) -> None:
    assert read_cell(text, "lon").number == DEGREES[text]


def test_latitudes() -> None:
    assert read_cell("30°35'24\"N", "lat").number == 30.59
    assert read_cell("北纬30.59", "lat").number == 30.59
    assert read_cell("南纬30.59", "lat").number == -30.59
    assert read_cell("30.59S", "lat").number == -30.59


@pytest.mark.parametrize(
    ("text", "unit", "key"),
    [
        ("114,29", "lon", "decimal_comma"),
        ("114.29,30.59", "lon", "two"),
        ("114.29 30.59", "lon", "two"),
        ("30.59N", "lon", "axis"),
        ("东经114.29", "lat", "axis"),
        ("114°61'", "lon", "sixty"),
        ("114°17'60\"", "lon", "sixty"),
        ("-114.29°E", "lon", "angle"),
        ("114.5°17'", "lon", "angle"),
        ("114°17.5'24\"", "lon", "angle"),
        ("114 17 24", "lon", "angle"),
        ("30:35:24", "lat", "angle"),
        ("-", "lon", "no_place"),
        ("待定", "lat", "no_place"),
        ("#N/A", "lon", "error_cell"),
        ("甲村", "lon", "other"),
        ("约300", "persons", "approximate"),
        ("300左右", "persons", "approximate"),
        ("300多人", "persons", "approximate"),
        (">300", "persons", "approximate"),
        ("300人以上", "persons", "approximate"),
        ("1 234", "persons", "spaces"),
        ("1\u00a0234", "persons", "spaces"),
        ("1'234", "persons", "spaces"),
        ("12,5", "persons", "decimal_comma"),
        ("1.234,5", "persons", "decimal_comma"),
        ("3千", "persons", "multiplier"),
        ("1.2万人", "persons", "multiplier"),
        ("300-400", "persons", "between"),
        ("300～400人", "persons", "between"),
        ("300至400", "persons", "between"),
        ("-", "persons", "placeholder"),
        ("—", "persons", "placeholder"),
        ("N/A", "persons", "placeholder"),
        ("无", "beds", "placeholder"),
        ("#REF!", "persons", "error_cell"),
        ("#DIV/0!", "persons", "error_cell"),
        ("########", "persons", "error_cell"),
        ("=B2*2", "persons", "formula"),
        ("TRUE", "persons", "boolean"),
        ("2024-03-05", "persons", "date"),
        ("2024-03-05T00:00:00", "persons", "date"),
        ("2024/3/5", "persons", "date"),
        ("2024年3月", "persons", "date"),
        ("08:30:00", "persons", "date"),
        ("300户", "persons", "other_unit"),
        ("20辆", "beds", "other_unit"),
        ("95%", "", "other_unit"),
        ("三百", "persons", "other"),
        ("12.5.3", "persons", "other"),
    ],
)
def test_what_is_never_guessed(text: str, unit: str, key: str) -> None:
    reading = read_cell(text, unit)
    assert (reading.number, reading.changed) == (None, False)
    assert reading.reason is not None
    assert reading.reason.key == f"numbers.{key}"
    for language in ("zh", "en"):
        assert text in sentence(language, reading.reason)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("3千", "3000"),
        ("1.2万人", "12000"),
        ("1 234", "1234"),
        ("12,5", "12.5"),
        ("1.234,5", "1234.5"),
        ("1 234,5", "1234.5"),
    ],
)
def test_the_reason_says_what_to_write(text: str, wanted: str) -> None:
    reason = read_cell(text, "persons").reason
    assert reason is not None
    assert f"请写 {wanted}" in sentence("zh", reason)


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("300人", "persons", 300),
        ("1,234人", "persons", 1234),
        ("２０张", "beds", 20),
        ("20 张", "beds", 20),
        ("3辆", "vehicles", 3),
        ("12.5㎡", "square_metres", 12.5),
        ("5项", "items", 5),
    ],
)
def test_the_word_of_the_column(text: str, unit: str, number: float) -> None:
    reading = read_cell(text, unit)
    assert (reading.number, reading.changed) == (number, True)


def test_every_counted_asset_has_its_words() -> None:
    assert {term.unit for term in assets().values()} - {"", "level", "category", "yes_no"} <= set(UNIT_WORDS)


@given(st.text(max_size=12), st.sampled_from(["", "lon", "lat", *UNIT_WORDS]))
def test_any_text_is_a_number_or_has_a_reason(text: str, unit: str) -> None:
    reading = read_cell(text, unit)
    if to_number(text) is not None:
        assert (reading.number, reading.changed) == (to_number(text), False)
    elif reading.number is None:
        assert (reading.reason is None) == (not text.strip())
    if reading.reason is not None:
        assert sentence("zh", reading.reason)
        assert sentence("en", reading.reason)


@given(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59), st.sampled_from("EW"))
def test_degrees_minutes_seconds_are_read_exactly(degrees: int, minutes: int, seconds: int, half: str) -> None:
    number = read_cell(f"{degrees}°{minutes}'{seconds}\"{half}", "lon").number
    assert number == (1 if half == "E" else -1) * ((degrees * 60 + minutes) * 60 + seconds) / 3600


def write(path: Path, header: list[str], *rows: list[Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_coordinates_of_a_table(tmp_path: Path) -> None:
    rows = [
        [1, "114°17'24\"E", "30°35'24\"N"],
        [2, "114.3", "30.6"],
        [3, "114,31", "30.6"],
        [4, "—", "—"],
        [5, "", ""],
        [6, "114.32", "30.6°"],
    ]
    table = read_table(write(tmp_path / "点.csv", ["id", "经度", "纬度"], *rows))
    places = locate(table, Source(path="点.csv", crs="WGS84"), [""] * 6)
    assert places.kept.tolist() == [True, True, False, False, False, True]
    assert (places.lon[0], places.lat[0]) == (114.29, 30.59)
    assert [(one.row, one.reason.key) for one in places.set_aside] == [
        (4, "numbers.decimal_comma"), (5, "numbers.no_place"), (6, "inputs.reason.no_coordinates"),
    ]  # fmt: skip
    told = [one for one in places.notices if one.key == "numbers.converted"]
    assert [(one.values["column"], one.values["count"], one.values["row"]) for one in told] == [
        ("经度", 1, 2),
        ("纬度", 2, 2),
    ]
    assert "点.csv" in sentence("zh", told[0])
    assert "114°17'24\"E" in sentence("en", told[0])


def test_a_table_in_which_no_row_has_numbers_is_refused(tmp_path: Path) -> None:
    table = read_table(
        write(tmp_path / "点.csv", ["id", "经度", "纬度"], *([k, f"114,{30 + k}", f"30,{k + 10}"] for k in range(6)))
    )
    with pytest.raises(StudyError) as error:
        locate(table, Source(path="点.csv", crs="WGS84"), [""] * 6)
    (found,) = error.value.problems
    assert found.key == "numbers.none"
    assert "114.30" in sentence("zh", found)


def small(folder: Path, population: dict[str, Any], facilities: dict[str, Any] | None = None) -> Any:
    tree = {
        "study": {"name": "t"},
        "area": {"units": {"path": "units.geojson", "id": "id", "name": "name"}},
        "population": population,
        "roads": {"osm": "roads.osm"},
        "facilities": [facilities or {"path": "f.csv"}],
        "standards": {"use": ["shanting/S01"]},
    }
    return study_from(tree, folder / "study.toml")


def test_people_of_a_table(tmp_path: Path) -> None:
    rows = [
        ["a", "300人", 114.3, 30.6],
        ["b", "约300", 114.3, 30.6],
        ["c", "１２，３４５", 114.3, 30.6],
        ["d", "", 114.3, 30.6],
        ["e", "3千", 114.3, 30.6],
    ]
    write(tmp_path / "人口.csv", ["id", "人口", "经度", "纬度"], *rows)
    people = read_population(
        small(tmp_path, {"points": {"path": "人口.csv", "persons": "人口", "id": "id", "crs": "WGS84"}})
    )
    assert people.persons == 300 + 12345
    assert [(one.row, one.reason.key, one.value) for one in people.set_aside] == [
        (3, "numbers.approximate", "约300"), (5, "inputs.reason.persons", ""), (6, "numbers.multiplier", "3千"),
    ]  # fmt: skip
    assert [one.values["count"] for one in people.notices if one.key == "numbers.converted"] == [1]


def test_beds_of_a_facility_table(tmp_path: Path) -> None:
    rows = [
        ["a", "甲", "医院", 114.3, 30.6, "120张"],
        ["b", "乙", "医院", 114.31, 30.6, "约20"],
        ["c", "丙", "医院", 114.32, 30.6, "30"],
    ]
    write(tmp_path / "f.csv", ["编码", "名称", "类别", "经度", "纬度", "床位数"], *rows)
    study = small(tmp_path, {"raster": "p.tif"}, {"path": "f.csv", "crs": "WGS84"})
    facilities = read_facilities(study)
    read = read_assets(study, facilities.frame, facilities.assets, None)
    assert dict(zip(read.frame["target_id"], read.frame["value"], strict=True)) == {"f:a": 120, "f:c": 30}
    (left,) = read.set_aside
    assert left.reason.key == "numbers.in_column"
    assert sentence("zh", left.reason).startswith("床位数 列：约20")
    (told,) = [one for one in read.notices if one.key == "numbers.converted"]
    assert (told.values["column"], told.values["row"], told.values["number"]) == ("床位数", 2, "120")


# What a workbook holds beside its values


def keys(table: Any) -> list[str]:
    return [one.key for one in table.notices]


def said(table: Any, key: str) -> str:
    found: Problem = next(one for one in table.notices if one.key == f"numbers.sheet.{key}")
    assert sentence("en", found)
    return sentence("zh", found)


def test_a_clean_workbook_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("甲")
        sheet.write_row(0, 0, ["编码", "人口"])
        sheet.write_row(1, 0, ["a", 12])
        sheet.write_formula(2, 1, "=B2*2", None, 24)
        sheet.write_string(2, 0, "b")
        book.add_worksheet("空")
    table = read_table(path)
    assert keys(table) == []
    assert list(table.texts(1)) == ["12", "24"]


def test_formulas_without_a_result_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["编码", "人口"], ["a", 12], ["b", "=B2*2"], ["c", "=SUM(B2:B3)"]):
        sheet.append(row)
    book.save(path)
    table = read_table(path)
    assert list(table.texts(1)) == ["12", "=B2*2", "=SUM(B2:B3)"]
    assert "2 个单元格是公式" in said(table, "formulas")
    assert "B3 (=B2*2)" in said(table, "formulas")
    assert read_column(table, 1, "persons").reasons[1].key == "numbers.formula"


def test_errors_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("甲")
        sheet.write_row(0, 0, ["编码", "人口"])
        sheet.write_string(1, 0, "a")
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
        sheet.write_string(2, 0, "b")
        sheet.write_formula(2, 1, "=A9", None, "#N/A")
        sheet.write_string(3, 0, "c")
        sheet.write_formula(3, 1, '=IF(1,"","")', None, "")
    table = read_table(path)
    assert list(table.texts(1))[:2] == ["#DIV/0!", "#N/A"]
    assert "B2 (#DIV/0!)" in said(table, "errors")
    assert read_column(table, 1).reasons[0].key == "numbers.error_cell"


def test_dates_and_booleans_in_a_column_of_numbers(tmp_path: Path) -> None:
    import datetime as dt

    path = tmp_path / "表.xlsx"
    book = openpyxl.Workbook()
    for row in (
        ["编码", "人口"],
        ["a", dt.date(2024, 3, 5)],
        ["b", True],
        ["c", "12"],
        ["d", dt.time(8, 30)],
    ):
        book.active.append(row)
    book.save(path)
    read = read_column(read_table(path), 1, "persons")
    assert {k: one.key for k, one in read.reasons.items()} == {
        0: "numbers.date",
        1: "numbers.boolean",
        3: "numbers.date",
    }
    assert read.values[2] == 12


def test_merged_cells_are_told_where_they_span_rows(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["某县各村人口", None, None],
        ["乡镇", "村", "人口"],
        ["甲镇", "一村", 1],
        [None, "二村", 2],
        [None, "三村", 3],
    ):
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("A3:A5")
    book.save(path)
    table = read_table(path)
    assert "A3:A5" in said(table, "merged")
    assert "1 处" in said(table, "merged")


def test_other_sheets_are_named_where_the_study_names_none(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("说明", "数据", "旧", "空"):
            sheet = book.add_worksheet(name)
            if name != "空":
                sheet.write_row(0, 0, ["编码", "人口"])
                sheet.write_row(1, 0, ["a", 1])
            if name == "旧":
                sheet.hide()
    table = read_table(path)
    assert table.layer == "说明"
    text = said(table, "others")
    assert "表.xlsx [说明]" in text
    assert "数据、旧（隐藏）" in text
    assert "空" not in text
    assert keys(read_table(path, "数据")) == []


def test_a_stray_cell_far_away_is_refused_before_it_stalls(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("甲")
        sheet.write_row(0, 0, ["编码", "人口"])
        sheet.write_row(1, 0, ["a", 1])
        sheet.write(1_048_575, 16_383, "x")
    for read in (lambda: read_table(path), lambda: sheet_names(path, path.name)):
        with pytest.raises(StudyError) as error:
            read()
        (found,) = error.value.problems
        assert found.key == "numbers.sheet.far"
        assert "表.xlsx [甲]" in sentence("zh", found)
        assert "XFD1048576" in sentence("zh", found)


def test_formatted_empty_cells_reach_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        grey = book.add_format({"bg_color": "#eeeeee"})
        sheet = book.add_worksheet("甲")
        sheet.write_row(0, 0, ["编码", "人口"])
        sheet.write_row(1, 0, ["a", 1])
        sheet.write_blank(1_048_575, 16_383, None, grey)
    assert len(read_table(path).cells) == 1


def test_a_prefix_in_the_sheet_does_not_hide_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'<x:row r="2"><x:c r="B2" t="e"><x:f>1/0</x:f><x:v>#REF!</x:v></x:c><x:c r="C2"><x:f>A1&amp;B1</x:f></x:c></x:row>'
    monkeypatch.setattr(sheet_cells, "_content", lambda *_: content)
    seen = look_through(tmp_path, "甲", "x")
    assert dict(seen.errors) == {(1, 1): "#REF!"}
    assert dict(seen.formulas) == {(1, 2): "=A1&B1"}


@given(st.integers(0, 1_048_575), st.integers(0, 16_383))
def test_cell_names_are_those_of_another_program(row: int, column: int) -> None:
    assert cell_name(row, column) == f"{openpyxl.utils.get_column_letter(column + 1)}{row + 1}"


def test_numbers_in_a_column_are_as_before(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", ["id", "n"], [1, "12"], [2, "1,234"], [3, "１２"], [4, ""]))
    read = read_column(table, 1, "persons")
    assert np.array_equal(read.values, [12, 1234, 12, np.nan], equal_nan=True)
    assert (read.reasons, read.notices) == ({}, ())
