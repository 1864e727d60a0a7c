"""Every output read again: the same values, whatever a name holds and however long a number is."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from servicecircle.outputs.layers import write_layers
from servicecircle.outputs.rasters import raster_files
from servicecircle.outputs.record import record_bytes
from servicecircle.outputs.tables import TABLES, cell, cell_text, csv_bytes
from servicecircle.outputs.workbook import workbook_bytes
from servicecircle.text import say
from servicecircle.text.guard import unguard
from tests.fake_results import fake_results

from .county import examples

if TYPE_CHECKING:
    from servicecircle.results import Results

#: What office files hold, and what breaks writers. Control signs have no place in XML: they are another promise's.
SIGNS = st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), exclude_characters="\ufeff\ufffe\uffff")
HOSTILE = (
    "=1+1",
    "+86",
    "-3",
    "@x",
    "'=1",
    "007",
    "1e5",
    "true",
    "NaN",
    "",
    "a,b",
    'a"b',
    "石桥村（东）",
    "＝1",
    "null",
    "<b>&amp;",
    "𠮷野家",
    "\u202eabc",
    "_x0041_",
    " a ",
    "line\nbreak",
    "_x0041_",
    " a ",
    "line\nbreak",
)
WORDS = st.sampled_from(HOSTILE) | st.text(SIGNS, max_size=12)
NUMBERS = st.sampled_from((0.0, 0.5, 1 / 3, 1e-7, 123456789.123456, 1e15, math.nan)) | st.floats(0, 1e9)


@cache
def plain_results() -> Results:
    results = fake_results("en")
    return replace(results, units=results.units.head(6).reset_index(drop=True))


@st.composite
def units(draw: st.DrawFn) -> pd.DataFrame:
    """The table of units with other words and numbers in it."""
    frame = plain_results().units.copy().reset_index(drop=True)
    for column in ("name", "parent"):
        frame[column] = draw(st.lists(WORDS, min_size=len(frame), max_size=len(frame)))
    for column in ("persons", "covered_persons", "uncovered_persons", "p50"):
        frame[column] = draw(st.lists(NUMBERS, min_size=len(frame), max_size=len(frame)))
    return frame


def expected(frame: pd.DataFrame, table: str = "units") -> list[list[str]]:
    """Every cell as the text of a CSV file, one by one."""
    described = {column.name: column for column in TABLES[table]}
    return [
        [cell_text(cell(value, described[name]), described[name]) for name, value in zip(described, row, strict=True)]
        for row in frame[list(described)].itertuples(index=False)
    ]


@examples(200)
@given(units())
def test_p18_csv(frame: pd.DataFrame) -> None:
    """Read by the csv module and by pandas: the same texts; numbers the same to six decimals; guards come off."""
    content = csv_bytes("units", frame)
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == [column.name for column in TABLES["units"]]
    assert rows[1:] == expected(frame)
    again = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    assert again.to_numpy().tolist() == rows[1:]
    for column in ("name", "parent"):
        assert [unguard(text) for text in again[column]] == frame[column].tolist()
    for column in ("persons", "p50"):
        for text, value in zip(again[column], frame[column], strict=True):
            assert math.isnan(value) == (text == "")
            # half of the sixth decimal, or half of the last bit of a large number
            assert math.isnan(value) or abs(float(text) - value) <= 0.5e-6 + 1e-15 * value
    # written again, what was read is the same file
    assert csv_bytes("units", from_csv(again, frame)) == content


def from_csv(texts: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """A table as it was read: words without their guards, numbers, flags."""
    described = {column.name: column for column in TABLES["units"]}
    made = {}
    for name, column in described.items():
        if column.shape == "flag":
            made[name] = [text == "true" for text in texts[name]]
        elif column.numeric:
            made[name] = [float(text) if text else None for text in texts[name]]
        else:
            made[name] = [unguard(text) for text in texts[name]]
    return pd.DataFrame(made, columns=list(like.columns), dtype=object)


@examples(200)
@given(units())
def test_p18_workbook(frame: pd.DataFrame) -> None:
    """Read by openpyxl: words as they were, numbers as in the CSV file, and nothing is a formula."""
    results = replace(plain_results(), units=frame)
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(results)))
    assert all(c.data_type != "f" for sheet in book.worksheets for row in sheet.iter_rows() for c in row)
    sheet = book[say("en", "tables.sheet.units")]
    heads = [c.value for c in sheet[1]]
    described = {column.name: column for column in TABLES["units"]}
    for name in ("name", "parent", "unit_id", "persons", "p50"):
        place = heads.index(say("en", f"tables.header.{described[name].key}")) + 1
        found = [sheet.cell(row, place).value for row in range(2, sheet.max_row + 1)]
        assert len(found) == len(frame)
        for value, original in zip(found, frame[name], strict=True):
            wanted = cell(original, described[name])
            assert (value or "") == (wanted or "") if isinstance(wanted, str) else (value == wanted), name


@examples(100)
@given(units())
def test_p18_layers(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> None:
    """Read by geopandas: words to the last sign, numbers as in the CSV file (a twentieth: GDAL takes 0.3 s a file)."""
    results = replace(plain_results(), units=frame)
    path = tmp_path_factory.mktemp("layers") / "study.gpkg"
    write_layers(results, path)
    again = gpd.read_file(path, layer="unit_results")
    described = {column.name: column for column in TABLES["units"]}
    for name, column in described.items():
        if name not in again:
            continue
        for value, original in zip(again[name], frame[name], strict=True):
            wanted = cell(original, column)
            if wanted is None:
                assert value is None or pd.isna(value), name
            else:
                assert value == wanted or (name and str(value) == str(wanted)), (name, value, wanted)
    shapes = gpd.read_file(path, layer="facilities")
    assert (
        shapely.get_coordinates(shapes.geometry).tolist()
        == shapely.get_coordinates(results.facilities.geometry).tolist()
    )


@examples(200)
@given(
    st.dictionaries(
        st.text(SIGNS, max_size=8),
        WORDS | NUMBERS | st.integers(-(10**12), 10**12) | st.booleans() | st.none(),
        max_size=6,
    ),
    WORDS,
)
def test_p18_record(tmp_path_factory: pytest.TempPathFactory, provenance: dict[str, object], notice: str) -> None:
    """Parsed strictly: the same values; a number that is none is null."""
    results = replace(plain_results(), provenance=provenance, notices=(notice,))
    folder = tmp_path_factory.getbasetemp()
    tree = json.loads(record_bytes(results, folder, []), parse_constant=pytest.fail)
    assert tree["notices"] == [notice]
    wanted = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in provenance.items()
    }
    assert tree["provenance"] == wanted
    assert tree["ledger"][0]["left"] == results.ledger[0].left


@examples(20)
@given(st.lists(st.floats(0, 1e5), min_size=4, max_size=4))
def test_p18_rasters(minutes: list[float]) -> None:
    """Read by rasterio: the minutes as float32, the grid to the last bit."""
    results = plain_results()
    times = results.travel_times
    assume(times is not None and times.grid is not None and len(times.layers) > 0)
    layer = times.layers[0]
    changed = layer.minutes.copy()
    reached = (layer.state == 0).nonzero()[0][:4]
    changed[reached] = minutes[: len(reached)]
    results = replace(results, travel_times=replace(times, layers=(replace(layer, minutes=changed),)))
    for _, content in raster_files(results):
        with rasterio.MemoryFile(content) as memory, memory.open() as raster:
            assert raster.transform == times.grid.transform
            assert raster.shape == times.grid.shape
            values = raster.read(1).ravel()[times.cell[reached]]
            assert values.tolist() == changed[reached].astype("float32").tolist()
