"""Tables, workbook, layers and record: what a cell says, and that the files say it again when read back."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely

from servicecircle.errors import InternalError
from servicecircle.outputs import palette
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.criteria import criteria
from servicecircle.outputs.fields import field_rows
from servicecircle.outputs.layers import write_layers
from servicecircle.outputs.record import plain, record_bytes, recorded_names
from servicecircle.outputs.scorecard import scorecard
from servicecircle.outputs.tables import TABLES, Column, cell, cell_text, csv_bytes
from servicecircle.outputs.webmap import words
from servicecircle.outputs.workbook import CREATED, PRINTED, TABLE_SHEETS, scorecard_workbook, workbook_bytes
from servicecircle.results import GAP_COLUMNS, SITE_COLUMNS, UNIT_COLUMNS
from servicecircle.text.guard import guard, unguard
from servicecircle.text.text import catalogue, say
from tests.fake_results import fake_results, fake_study

PAYLOADS = [
    "=1+1", '=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "＋1", "－1－1", "＠SUM(1)",
    "=cmd|' /C calc'!A0", "'=1", "''=1", "'", "-", "+", "=", "@", "-inf", "+nan", "-1_0", "+86 139 0000", "' =1", "\u3000=1", "-１",
]  # fmt: skip
PLAIN = ["", "abc", "-5", "+5", "-0.5", "+1e5", "-1.", "-.5", "村=1", "O'Neil", "'abc", "'-5", "5-1", "{=1}", "1=1"]


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def frame_of(table: str, **values) -> pd.DataFrame:
    names = [column.name for column in TABLES[table]]
    count = max((len(v) for v in values.values()), default=1)
    return pd.DataFrame({name: values.get(name, [None] * count) for name in names}, dtype=object)


# cells ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_formula_is_guarded_and_comes_back(text):
    guarded = guard(text)
    assert unguard(guarded) == text
    if text != "'":
        assert guarded.startswith("'")
    assert not guarded.lstrip(" \u3000").startswith(tuple("=+-@\t\r＝＋－＠"))


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_and_numbers_are_left_alone(text):
    assert guard(text) == text
    assert unguard(text) == text


def test_guarding_is_reversible_for_any_mixture():
    signs = ["'", "=", "-", "5", " ", "\t", "a", "＝", "."]
    texts = [f"{a}{b}{c}{d}" for a in signs for b in signs for c in signs for d in signs]
    assert [unguard(guard(t)) for t in texts] == texts
    assert len({guard(t) for t in texts}) == len(set(texts))


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (1 / 3, "persons", "0.333333"), (12345678.1234567, "persons", "12345678.123457"), (2.0, "value", "2"), (-0.0, "value", "0"),
        (-1e-9, "value", "0"), (1e-7, "share", "0"), (0.1 + 0.2, "share", "0.3"), (100, "count", "100"), (1e16, "persons", "10000000000000000"),
        (float("nan"), "value", ""), (float("inf"), "value", ""), (-float("inf"), "degrees", ""), (None, "persons", ""), (pd.NA, "count", ""),
        (np.float64("nan"), "text", ""), (117.54763150833831, "degrees", "117.54763150833831"), (0.1 + 0.2, "degrees", "0.30000000000000004"),
        (True, "flag", "true"), (np.bool_(False), "flag", "false"), (None, "flag", ""), ("=1", "text", "'=1"), ("-5", "text", "-5"),
        (370406, "text", "370406"), ("007", "text", "007"),
    ],
)  # fmt: skip
def test_a_cell(value, shape, text):
    column = Column("x", shape)
    assert cell_text(cell(value, column), column) == text


def test_degrees_read_back_as_the_same_number():
    column = Column("lon", "degrees")
    values = np.random.default_rng(3).uniform(-180, 180, 500)
    assert [float(cell_text(cell(v, column), column)) for v in values.tolist()] == values.tolist()


def test_csv_has_a_mark_crlf_and_quotes():
    content = csv_bytes(
        "set_aside", frame_of("set_aside", file=['a,"b"', "line\nbreak"], value=["=1", "0123"], row=[1, 2])
    )
    assert content.startswith(b"\xef\xbb\xbffile,layer,row,id,value,reason\r\n")
    assert content.endswith(b"\r\n")
    assert rows_of(content)[1:] == [['a,"b"', "", "1", "", "'=1", ""], ["line\nbreak", "", "2", "", "0123", ""]]


def test_an_undescribed_column_is_a_fault():
    with pytest.raises(InternalError, match=r"tables\.columns"):
        csv_bytes("set_aside", frame_of("set_aside").assign(extra=1))
    with pytest.raises(InternalError, match=r"tables\.columns"):
        csv_bytes("set_aside", frame_of("set_aside").drop(columns="value"))


# the schema ----------------------------------------------------------------------------------------------------------


def test_the_schema_is_the_contract():
    assert tuple(c.name for c in TABLES["units"]) == UNIT_COLUMNS
    assert tuple(c.name for c in TABLES["gaps"]) == GAP_COLUMNS
    assert tuple(c.name for c in TABLES["sites"]) == SITE_COLUMNS
    results = fake_results()
    assert [c.name for c in TABLES["facilities"]] == [c for c in results.facilities.columns if c != "geometry"]
    assert [c.name for c in TABLES["doors"]] == [c for c in results.doors.columns if c != "geometry"]
    assert [c.name for c in TABLES["facility_shapes"]] == [c for c in results.shapes.columns if c != "geometry"]
    assert [c.name for c in TABLES["set_aside"]] == list(results.set_aside.columns)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_column_is_documented(language):
    texts = catalogue(language)
    wanted = {(table, column.name) for table, described in TABLES.items() for column in described}
    assert len(wanted) > 100
    rows = field_rows(language)
    assert len(rows) == sum(map(len, TABLES.values()))
    assert all(all(row) for row in rows)
    keys = {column.key for described in TABLES.values() for column in described}
    assert {k for k in keys if f"tables.header.{k}" not in texts or f"tables.meaning.{k}" not in texts} == set()


def test_headers_in_one_table_differ():
    for language in ("zh", "en"):
        for table, described in TABLES.items():
            headers = [say(language, f"tables.header.{c.key}") for c in described]
            assert len(set(headers)) == len(headers), (table, language)


# scorecard and credits -----------------------------------------------------------------------------------------------


def test_the_scorecard_has_one_line_for_each_row_and_its_worst_record_decides():
    results = fake_results()
    frame = scorecard(results).set_index("row")
    assert frame["ids"].tolist() == ["sample/S01", "sample/S02", "sample/S03", "sample/S04"]
    assert frame["verdict"].tolist() == ["no target printed", "not met", "no target printed", "no data"]
    assert frame["lines"].tolist() == ["128", "203", "", "57"]
    assert frame.loc["S02", "target_text"] == "≥ 90 %"
    assert "健身场所" in frame.loc["S04", "missing_text"]
    # two modes of one circle are two lines of one cell, as the table of criteria has them
    walk, drive = criteria(results).set_index("id").loc[["sample/S01/walk", "sample/S01/drive"], "share_covered"]
    assert frame.loc["S01", "value_text"] == f"15 分钟步行: {walk * 100:.1f} %\n15 分钟驾车: {drive * 100:.1f} %"
    # demands of one row stand on one line, and one that is not met is not hidden by one that has no target
    records = [s.model_copy(update={"id": f"sample/S01-{k}"}) for k, s in enumerate(results.standards[:2])]
    parts = {one.id: replace_standard for one, replace_standard in zip(results.standards[:2], records, strict=True)}
    summaries = tuple(
        replace(s, criterion=replace(s.criterion, standard=parts.get(s.criterion.standard.id, s.criterion.standard)))
        for s in results.summaries
    )
    merged = scorecard(replace(results, standards=tuple(records), summaries=summaries))
    assert merged[["row", "ids", "verdict"]].to_numpy().tolist() == [["S01", "sample/S01-0 sample/S01-1", "not met"]]


def test_the_table_of_criteria_has_one_row_for_each_chosen_criterion():
    results = fake_results()
    frame = criteria(results).set_index("id")
    assert list(frame.index) == [s.criterion.key for s in results.summaries]
    walk, radius, missing = (frame.loc[f"sample/{k}"] for k in ("S01/walk", "S02/road:drive", "S04/walk"))
    assert walk["verdict"] == "no target printed"
    assert walk["verdict_text"] == "规划未印目标"
    assert walk["uncovered_persons"] == walk["persons"] - walk["covered_persons"] > 0
    assert (radius["target_share"], radius["verdict"]) == (0.9, "not met")
    assert "203" in radius["clause"]
    assert (missing["state"], missing["missing"], missing["verdict"]) == ("no data", "fitness_venue", "no data")
    assert missing[["covered_persons", "uncovered_persons", "share_covered", "units_short"]].isna().all()
    written = {row[0]: row for row in rows_of(csv_bytes("criteria", criteria(results)))}
    assert written["sample/S04/walk"][criteria(results).columns.get_loc("covered_persons")] == ""


def test_a_verdict_that_facilities_may_still_turn_is_printed_as_no_data():
    """In the table, on the map and in the scorecard alike: unknown is not fail."""
    results = fake_results()
    changed = [replace(s, doubtful=2, open_verdict=True) if s.verdict == "not met" else s for s in results.summaries]
    (key,) = (s.criterion.key for s in changed if s.open_verdict)
    results = replace(results, summaries=tuple(changed))
    row = criteria(results).set_index("id").loc[key]
    assert (row["state"], row["verdict"], row["verdict_text"]) == ("computed", "no data", "缺少数据")
    (lines,) = (words.verdict_lines(s, "en") for s in changed if s.open_verdict)
    assert lines[0].endswith("no data")
    card = scorecard(results).set_index("ids").loc[key.rpartition("/")[0]]
    assert (card["verdict"], card["missing_text"]) == ("no data", "2 个不详")


def test_missing_sources_are_said():
    assert set(criteria(fake_results())["sources_not_stated"]) == {"来源未填：医疗机构.xlsx"}
    assert set(criteria(fake_results("en"))["sources_not_stated"]) == {"source or licence not stated: 医疗机构.xlsx"}
    lines = credit_lines(fake_study())
    assert len(lines) == 4
    assert lines[-1] == "设施（医疗机构.xlsx）：来源未填；许可：来源未填"
    assert "WorldPop 2020" in lines[1]


def test_credits_name_no_folder():
    study = fake_study()
    roads = study.roads.model_copy(
        update={"osm": study.roads.osm.model_copy(update={"path": "/home/someone/deep/a.osm.pbf"})}
    )
    lines = credit_lines(study.model_copy(update={"roads": roads}))
    assert "a.osm.pbf" in lines[2]
    assert "someone" not in "".join(lines)


def test_sites_csv_is_a_facility_file(tmp_path):
    facilities = pytest.importorskip("servicecircle.inputs.facilities")
    results = fake_results()
    (tmp_path / "sites.csv").write_bytes(csv_bytes("sites", results.sites))
    entry = (
        fake_study()
        .facilities[0]
        .model_validate({"path": "sites.csv", "crs": "WGS84", "columns": {"id": "candidate_id"}})
    )
    study = fake_study().model_copy(update={"facilities": (entry,)})
    study._path = tmp_path / "study.toml"
    frame = facilities.read_facilities(study).frame
    by_name = frame.set_index("name")
    assert sorted(by_name.index) == sorted(results.sites["name"])
    for site in results.sites.itertuples():
        found = by_name.loc[site.name]
        assert (found["lon"], found["lat"], found["type"]) == (site.lon, site.lat, site.type)
        assert found["id"].endswith(site.candidate_id)


# workbook ------------------------------------------------------------------------------------------------------------


def opened(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


#: The sheets of each workbook between the overview and the fields, by hand.
IN_GAPS = ("criteria", "gaps", "units", "sites", "ranges", "set_aside")
IN_SCORECARD = ("scorecard", "shortfalls")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("make", "tables"), [(workbook_bytes, IN_GAPS), (scorecard_workbook, IN_SCORECARD)])
def test_every_sheet_is_ready_to_print(language, make, tables):
    book = opened(make(fake_results(language)))
    names = [say(language, f"tables.sheet.{k}") for k in ("overview", *tables, "fields", "sources")]
    assert book.sheetnames == names
    for sheet in book.worksheets:
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.oddFooter.center.text == "&P / &N"
        assert not sheet.merged_cells.ranges
        assert sheet.print_title_rows == "$1:$1"
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref.startswith("A1:")


def test_every_table_has_its_sheet_in_one_workbook():
    assert sorted((*IN_GAPS, *IN_SCORECARD)) == sorted(TABLE_SHEETS)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_workbook_reads_back(language):
    results = fake_results(language)
    book = opened(workbook_bytes(results))
    overview = book.worksheets[0]
    assert overview["A2"].hyperlink.target == "map.html"
    texts = {c.value for row in overview.iter_rows() for c in row}
    assert set(results.notices) <= texts
    gaps = book[say(language, "tables.sheet.gaps")]
    heads = [c.value for c in gaps[1]]
    assert sorted(heads) == sorted(say(language, f"tables.header.{c.key}") for c in TABLES["gaps"])
    printed = {c.name: say(language, f"tables.header.{c.key}") for c in TABLES["gaps"]}
    assert heads[: len(PRINTED["gaps"])] == [printed[name] for name in PRINTED["gaps"]]
    last = gaps.cell(1, len(PRINTED["gaps"])).column_letter
    assert gaps.print_area.endswith(f"${last}${gaps.max_row}")  # what is not read on paper stays on the screen
    assert gaps.max_row == len(results.gaps) + 1


def test_workbook_codes_are_text_and_numbers_are_numbers():
    results = fake_results()
    sheet = opened(workbook_bytes(results))["单元"]
    head = {c.value: i for i, c in enumerate(sheet[1])}
    row = sheet[2]
    code = row[head["单元代码"]]
    assert (code.value, code.data_type) == (results.units["unit_id"][0], "s")
    assert row[head["人口"]].value == results.units["persons"][0]
    assert row[head["城乡"]].value == "城镇"
    assert row[head["缺口"]].value == "否"
    with zipfile.ZipFile(io.BytesIO(workbook_bytes(results))) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 9
        assert all(b"numberStoredAsText" in archive.read(n) for n in sheets)
        assert not [n for n in archive.namelist() if "vba" in n.lower() or n.endswith(".bin")]  # no macros


def test_identifiers_of_18_digits_survive_as_text_without_a_green_corner():
    results = fake_results()
    codes = [f"{370406100000000000 + k}" for k in range(len(results.units))]
    content = workbook_bytes(replace(results, units=results.units.assign(unit_id=codes)))
    sheet = opened(content)["单元"]
    column = next(c.column for c in sheet[1] if c.value == "单元代码")
    cells = [sheet.cell(row, column) for row in range(2, sheet.max_row + 1)]
    assert [c.value for c in cells] == codes
    assert {(c.data_type, c.number_format) for c in cells} == {("s", "@")}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read("xl/worksheets/sheet4.xml").decode()
    ((first, last),) = re.findall(r'<ignoredError sqref="(\w+):(\w+)" numberStoredAsText="1"/>', xml)
    assert (first, last) == ("A1", f"{sheet.cell(1, sheet.max_column).column_letter}{sheet.max_row}")


def test_workbook_text_is_inert():
    results = fake_results()
    hostile = [
        *PAYLOADS,
        "http://evil.example/",
        "mailto:a@b",
        "external:c:\\x",
        "{=1}",
        "123456789012345678",
        "x" * 40_000,
        "<b>&",
        "a\x00b\x1f",
    ]
    aside = frame_of("set_aside", value=hostile, row=list(range(len(hostile))))
    book = opened(workbook_bytes(replace(results, set_aside=aside)))
    column = next(c.column for c in book["未采用的行"][1] if c.value == "取值")
    cells = [row[column - 1] for row in book["未采用的行"].iter_rows(min_row=2)]
    assert len(cells) == len(hostile)
    assert {c.data_type for c in cells} == {"s"}
    assert all(c.hyperlink is None for c in cells)
    for found, text in zip(cells, hostile, strict=True):
        if len(text) > 32_767:
            assert found.value == text[:32_766] + "…"
        elif text.isprintable():
            assert found.value == text
    hyperlinks = [c.hyperlink for s in book.worksheets[1:] for row in s.iter_rows() for c in row if c.hyperlink]
    assert hyperlinks == []


def test_workbook_bytes_are_equal_and_the_date_is_fixed():
    first = workbook_bytes(fake_results())
    assert first == workbook_bytes(fake_results())
    assert opened(first).properties.created == CREATED


def test_workbook_of_nothing():
    results = fake_results(gaps=False, sites=False)
    empty = replace(results, units=results.units.iloc[:0], set_aside=results.set_aside.iloc[:0], notices=())
    book = opened(workbook_bytes(empty))
    assert [book[name].max_row for name in ("缺口", "选址", "单元", "未采用的行")] == [1, 1, 1, 1]


def test_the_study_name_may_hold_anything():
    study = fake_study(name='=1&"<>/[]:*?&P' + "长" * 300)
    book = opened(workbook_bytes(replace(fake_results(), study=study)))
    assert book.worksheets[0]["A1"].value.startswith("=1&")
    assert book.worksheets[0]["A1"].data_type == "s"
    assert book.worksheets[0].oddFooter.center.text == "&P / &N"


# layers --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("层") / "study.gpkg"
    write_layers(fake_results(), path)
    return path


def test_layers_read_back(package):
    results = fake_results()
    kinds = dict(pyogrio.list_layers(package).tolist())
    assert kinds == {
        "units": "MultiPolygon", "facilities": "Point", "service_areas": "MultiPolygon", "gaps": "Point", "sites": "Point",
        "doors": "Point", "facility_shapes": "Unknown",
        "unit_results_map": "MultiPolygon", "unit_results": None, "layer_styles": None,
    }  # fmt: skip
    units = gpd.read_file(package, layer="units")
    assert units.crs.to_epsg() == 4326
    assert units["unit_id"].tolist() == results.drawings.units["unit_id"].tolist()
    assert shapely.equals(
        shapely.normalize(units.geometry.to_numpy()), shapely.normalize(results.drawings.units.geometry.to_numpy())
    ).all()
    gaps = gpd.read_file(package, layer="gaps")
    assert gaps.geometry.x.tolist() == results.gaps["lon"].tolist()
    assert gaps["uncovered_persons"].tolist() == results.gaps["uncovered_persons"].tolist()
    long = gpd.read_file(package, layer="unit_results")
    assert long["share_covered"].isna().tolist() == results.units["share_covered"].isna().tolist()
    shown = gpd.read_file(package, layer="unit_results_map", where="criterion = 'sample/S01/walk'")
    assert len(shown) == len(units)
    assert shown.geometry.geom_equals(units.geometry).all()


def test_the_package_is_version_1_2_and_its_clock_stands(package):
    with sqlite3.connect(package) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (10200,)
        assert base.execute("SELECT DISTINCT last_change FROM gpkg_contents").fetchall() == [
            ("2000-01-01T00:00:00.000Z",)
        ]
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None
    assert pyogrio.get_gdal_config_option("OGR_SQLITE_SYNCHRONOUS") is None


def test_styles_hold_the_palette(package):
    with sqlite3.connect(package) as base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault"))
    base.close()
    assert set(styles) == {"units", "unit_results_map", "service_areas", "facilities", "doors", "gaps", "sites"}
    qml = styles["unit_results_map"]
    for entry in palette.SHARE_CLASSES:
        assert ",".join(str(int(entry.colour[i : i + 2], 16)) for i in (1, 3, 5)) in qml
        assert say("zh", f"map.class.{entry.key}") in qml
    tests = re.findall(r'filter="([^"]*)"', qml)
    assert len(tests) == len(palette.SHARE_CLASSES) + 1


def test_points_mixed_and_empty_layers(tmp_path):
    results = fake_results(points=True, gaps=False, sites=False)
    write_layers(results, tmp_path / "points.gpkg")
    kinds = dict(pyogrio.list_layers(tmp_path / "points.gpkg").tolist())
    assert (kinds["units"], kinds["gaps"], kinds["unit_results_map"]) == ("Point", "Point", "Point")
    assert len(gpd.read_file(tmp_path / "points.gpkg", layer="sites")) == 0
    units = results.drawings.units
    mixed = units.set_geometry([g if i else g.buffer(0.01) for i, g in enumerate(units.geometry)], crs="EPSG:4326")
    places = results.units.assign(lon=np.nan)
    write_layers(
        replace(results, drawings=replace(results.drawings, units=mixed), units=places), tmp_path / "mixed.gpkg"
    )
    assert dict(pyogrio.list_layers(tmp_path / "mixed.gpkg").tolist())["units"] == "Unknown"
    none = replace(results.drawings, units=units.iloc[:0], service_areas=results.drawings.service_areas.iloc[:0])
    bare = replace(results, drawings=none, units=results.units.iloc[:0], facilities=results.facilities.iloc[:0])
    write_layers(bare, tmp_path / "bare.gpkg")
    assert len(gpd.read_file(tmp_path / "bare.gpkg", layer="units")) == 0


def test_a_gap_without_a_place_has_no_point(tmp_path):
    results = fake_results()
    gaps = results.gaps.assign(lon=[None, *results.gaps["lon"][1:]])
    write_layers(replace(results, gaps=gaps), tmp_path / "a.gpkg")
    read = gpd.read_file(tmp_path / "a.gpkg", layer="gaps")
    assert read.geometry.isna().tolist() == [True] + [False] * (len(gaps) - 1)


# record --------------------------------------------------------------------------------------------------------------


def test_the_record_is_strict_and_knows_its_files(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"abc")
    provenance = {
        "nan": np.nan,
        "inf": np.float32("inf"),
        "n": np.int64(3),
        "set": {"b", "a"},
        "tuple": (1, None),
        "array": np.arange(2),
        "path": Path("a/b"),
    }
    content = record_bytes(replace(fake_results(), provenance=provenance), tmp_path, ["a.csv"])
    tree = json.loads(content, parse_constant=pytest.fail)
    assert tree["files"] == [
        {"name": "a.csv", "size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    ]
    assert tree["provenance"] == {
        "nan": None,
        "inf": None,
        "n": 3,
        "set": ["a", "b"],
        "tuple": [1, None],
        "array": [0, 1],
        "path": "a/b",
    }
    assert list(tree) == sorted(tree)
    assert tree["ledger"][0]["name"] == "window"
    assert tree["summaries"][0]["criterion"]["key"] == "sample/S01/walk"
    (tmp_path / "run.json").write_bytes(content)
    assert recorded_names(tmp_path) == {"a.csv", "run.json", "run.log"}
    with pytest.raises(InternalError, match=r"'key': 'a\.b\[1\]'"):
        plain({"a": {"b": [1, object()]}})


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"tool": "other", "files": []}', '{"tool": "servicecircle"}', "\xff"]
)
def test_a_foreign_record_is_not_ours(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content.encode("latin-1"))
    assert recorded_names(tmp_path) is None


def test_every_list_of_places_can_be_pasted_into_a_phone_map():
    """Lists for people carry GCJ-02 beside WGS 84, to six decimals; the points of the travel times are for programs."""
    for name, described in TABLES.items():
        names = [column.name for column in described]
        if "lon" in names and name != "travel_times":
            assert {"lat", "lon_gcj02", "lat_gcj02"} <= set(names), name
    shifted = [column for column in TABLES["units"] if column.name.endswith("gcj02")]
    assert [column.rounded for column in shifted] == ["decimals", "decimals"]
