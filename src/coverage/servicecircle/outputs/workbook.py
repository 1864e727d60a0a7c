"""The workbook ``gaps.xlsx``: every table on a sheet of its own, ready to print, inert, its bytes reproducible."""

from __future__ import annotations

import datetime as dt
import io
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from servicecircle.outputs.credits import credit_sources
from servicecircle.outputs.criteria import criteria, sources_not_stated
from servicecircle.outputs.fields import field_rows
from servicecircle.outputs.scorecard import scorecard, shortfalls
from servicecircle.outputs.tables import TABLES, Cell, Column, columns
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.vocabulary import type_title
from servicecircle.text.text import catalogue, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from servicecircle.results import Results
    from servicecircle.study import Study

A4 = 9
MAX_ROWS = 1_048_575
"""Rows a sheet holds below its header."""
MAX_TEXT = 32_767
"""Characters a cell holds; the rest is cut with an ellipsis (the CSV file has all of it)."""
WIDEST = 48
CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - Office dates have no zone; fixed so that bytes are equal

#: Nothing of the data is interpreted, and no temporary file is written.
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}

NUMBER_FORMATS = {"count": "0", "persons": "#,##0", "share": "0.0%", "value": "0.0##", "degrees": "0.000000"}

#: Sheets that show a table, in order, with the CSV file that holds all of it.
TABLE_SHEETS = {
    "scorecard": "scorecard.csv",
    "shortfalls": "shortfalls.csv",
    "criteria": "criteria.csv",
    "gaps": "gaps.csv",
    "units": "units.csv",
    "sites": "sites.csv",
    "ranges": "ranges.csv",
    "set_aside": "set_aside.csv",
}

#: Columns that stand first on a sheet and alone on paper; the rest follow on the screen.
PRINTED = {
    "scorecard": "row title demand_text verdict value_text target_text short_text".split(),
    "criteria": "title limit_text facilities persons covered_persons share_covered uncovered_persons units "
    "units_short target_share verdict assumed_verdict".split(),
    "gaps": "rank title limit_text gap_kind name parent persons uncovered_persons share_covered cause nearest_time_min "
    "nearest_road_km nearest_straight_km".split(),
    "units": "criterion name parent area_class persons covered_persons uncovered_persons share_covered short p50 p90 "
    "unit_of_value nearest_name".split(),
    "sites": "order name candidate_kind type new_persons covered_persons share_covered lon_gcj02 lat_gcj02 lon "
    "lat".split(),
}


#: Sheets of sentences, several in a cell: their text is wrapped.
WRAPPED = frozenset({"scorecard"})


@dataclass(frozen=True)
class _Page:
    """One sheet: its columns and, for each, its cells; the first ``printed`` columns go on paper."""

    key: str
    columns: tuple[Column, ...]
    cells: list[list[Cell]]
    printed: int


def workbook_bytes(results: Results) -> bytes:
    """Return ``gaps.xlsx``: criteria, gaps, units, sites and what was set aside."""
    own = {"gaps": results.gaps, "units": results.units, "sites": results.sites}
    own |= {"ranges": results.ranges, "set_aside": results.set_aside}
    return _book(results, {"criteria": criteria(results)} | own)


def scorecard_workbook(results: Results) -> bytes:
    """Return ``scorecard.xlsx``: every row of the plans, and the facilities and units that fall short."""
    return _book(results, {"scorecard": scorecard(results), "shortfalls": shortfalls(results)})


def _book(results: Results, frames: Mapping[str, pd.DataFrame]) -> bytes:
    """Return a workbook of an overview, one sheet for each table, the field dictionary and the sources.

    Text cells are typed as text, so nothing in the data becomes a formula, a link or a number; codes carry no
    green corner. Machine words are said in the study's language. Every sheet is A4 landscape with a repeated
    header row, page numbers, frozen header and filter.
    """
    language = results.study.outputs.language
    pages = [_table_page(key, frame, language) for key, frame in frames.items()]
    pages.append(_page("fields", TABLES["fields"], field_rows(language)))
    pages.append(_page("sources", TABLES["sources"], source_rows(results.study)))
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, OPTIONS) as book:
        book.set_properties({"title": results.study.study.name, "created": CREATED})
        formats = _formats(book)
        _overview(book, results, pages, formats)
        for page in pages:
            _table_sheet(book, page, language, formats)
    return target.getvalue()


def _table_page(table: str, frame: pd.DataFrame, language: str) -> _Page:
    first = [name for name in PRINTED.get(table, ()) if name in {column.name for column in TABLES[table]}]
    rank = {name: place for place, name in enumerate(first)}
    ordered = sorted(columns(table, frame), key=lambda pair: rank.get(pair[0].name, len(rank)))
    filled = [[_said(value, column, language) for value in cells] for column, cells in ordered]
    return _Page(table, tuple(column for column, _ in ordered), filled, len(first) or len(ordered))


def _page(key: str, described: tuple[Column, ...], rows: list[tuple[str, ...]]) -> _Page:
    return _Page(key, described, [[row[i] for row in rows] for i in range(len(described))], len(described))


def _said(value: Cell, column: Column, language: str) -> Cell:
    """Return a machine word or a flag in the reader's language; anything else as it is."""
    if isinstance(value, bool):
        return say(language, f"tables.word.{str(value).lower()}")
    if column.name == "type" and isinstance(value, str):
        return type_title(value, language)
    if column.shape == "word" and isinstance(value, str):
        return measure_name(value, language) if column.name == "measure" else word(value, language)
    return value


def word(value: str, language: str) -> str:
    """Return the reader's word for a machine word; the machine word itself where there is none."""
    return catalogue(language).get(f"tables.word.{value}", value)


def measure_name(measure: str, language: str) -> str:
    """Return the reader's name of a measure: ``walk``, ``straight``, ``road:drive`` or ``presence``."""
    mode = standard_modes().get(measure.removeprefix("road:"))
    if mode is None:
        return word(measure, language)
    name = mode.title.in_language(language)
    return f"{name} ({word('road', language)})" if measure.startswith("road:") else name


def source_rows(study: Study) -> list[tuple[str, ...]]:
    """Return role, file, source and licence of every data file of the study; what is not stated is said to be."""
    language = study.outputs.language
    rows = [
        (
            say(language, f"tables.role.{role}"),
            PurePath(source.path).name,
            source.source or say(language, "tables.no_source"),
            source.licence or say(language, "tables.no_licence"),
        )
        for role, source in credit_sources(study)
    ]
    return list(dict.fromkeys(rows))


def _formats(book: Workbook) -> dict[str, Format]:
    plain: dict[str, Any] = {"valign": "top"}
    numbers = {shape: book.add_format(plain | {"num_format": code}) for shape, code in NUMBER_FORMATS.items()}
    head = {"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#E8EEF2"}
    return numbers | {
        "head": book.add_format(head),
        "text": book.add_format(plain | {"num_format": "@"}),
        "wrapped": book.add_format(plain | {"num_format": "@", "text_wrap": True}),
        "title": book.add_format({"bold": True, "font_size": 14}),
        "link": book.add_format({"font_color": "#0563C1", "underline": 1}),
    }


def _set_up(sheet: Worksheet, title: str) -> None:
    sheet.set_paper(A4)
    sheet.set_landscape()
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.set_header("&L" + title.replace("&", "&&")[:120])
    sheet.set_footer("&C&P / &N")


def _overview(book: Workbook, results: Results, pages: list[_Page], formats: dict[str, Format]) -> None:
    """Write the first sheet: what this is, the link to the map, the sheets, and what the reader must know."""
    study = results.study
    language = study.outputs.language
    sheet = book.add_worksheet(say(language, "tables.sheet.overview"))
    _set_up(sheet, study.study.name)
    sheet.repeat_rows(0)
    sheet.ignore_errors({"number_stored_as_text": "A1:B1048576"})  # a study may be called 2025
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, _fits(study.study.name), formats["title"])
    sheet.write_url(1, 0, "external:map.html", formats["link"], say(language, "tables.open_map"))
    row = 3
    for page in pages:
        name = say(language, f"tables.sheet.{page.key}")
        sheet.write_url(row, 0, f"internal:'{name}'!A1", formats["link"], name)
        sheet.write_number(row, 1, len(page.cells[0]), formats["count"])
        row += 1
    for line in _notices(results, pages):
        row += 1
        sheet.write_string(row, 0, say(language, "tables.header.notice"), formats["text"])
        sheet.write_string(row, 1, _fits(line), formats["wrapped"])


def _notices(results: Results, pages: list[_Page]) -> list[str]:
    study = results.study
    language = study.outputs.language
    lines = [study.study.note, sources_not_stated(study), *results.notices]
    for page in pages:
        total = len(page.cells[0])
        if total > MAX_ROWS:
            values = {"sheet": say(language, f"tables.sheet.{page.key}"), "file": TABLE_SHEETS[page.key]}
            lines.append(say(language, "tables.sheet_full", rows=MAX_ROWS, total=total, **values))
    return [line for line in dict.fromkeys(lines) if line]


def _table_sheet(book: Workbook, page: _Page, language: str, formats: dict[str, Format]) -> None:
    name = say(language, f"tables.sheet.{page.key}")
    sheet = book.add_worksheet(name)
    _set_up(sheet, name)
    sheet.repeat_rows(0)
    last = min(len(page.cells[0]), MAX_ROWS)
    for index, (column, cells) in enumerate(zip(page.columns, page.cells, strict=True)):
        header = say(language, f"tables.header.{column.key}")
        sheet.write_string(0, index, header, formats["head"])
        sheet.set_column(index, index, _width(header, cells[:200]))
        style = column.shape if column.numeric else "wrapped" if page.key in WRAPPED else "text"
        _write_cells(sheet, index, cells[:last], formats[style])
    width = len(page.columns) - 1
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, width)
    sheet.print_area(0, 0, last, page.printed - 1)
    # codes are text on purpose: no green corner
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(last, width)}"})


def _write_cells(sheet: Worksheet, index: int, cells: Sequence[Cell], style: Format) -> None:
    for row, value in enumerate(cells, start=1):
        if isinstance(value, str):
            if value:
                sheet.write_string(row, index, _fits(value), style)
        elif value is not None:
            sheet.write_number(row, index, value, style)


def _fits(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _width(header: str, cells: Sequence[Cell]) -> float:
    """Return a column width for what it shows; East Asian characters are two wide."""
    texts = [header, *(_shown(value) for value in cells)]
    lines = [line for text in texts for line in text.split("\n")]
    widest = max(sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line[: WIDEST + 1]) for line in lines)
    return float(min(max(widest + 2, 8), WIDEST))


def _shown(value: Cell) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "" if value is None else str(value)
