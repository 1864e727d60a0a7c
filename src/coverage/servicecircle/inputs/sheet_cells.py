"""What a workbook reader leaves out: errors, formulas without a stored result, and how far a sheet reaches.

calamine gives an empty cell for ``#N/A`` and for a formula nobody calculated, and builds a full rectangle up to the
farthest cell; so the part of the sheet is looked through once before it reads.
"""

from __future__ import annotations

import html
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Cells of the rectangle from A1 to the farthest filled cell; a larger sheet is refused unread.
MAX_CELLS = 20_000_000
#: Characters of a formula that stand for it.
SHOWN = 60

#: One of these stands in every sheet with an error or a formula.
_MARKS = (b't="e"', b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/")
_COLUMN = re.compile(rb'\sr="([A-Z]{1,3})[0-9]')
_ROW = re.compile(rb'row\s(?:[^>]*?\s)?r="([0-9]{1,7})"')
_CELL = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*?(/?)>')
_FULL = re.compile(rb"<(?:\w+:)?c\s([^>]*[^/>])>(.*?)</(?:\w+:)?c>", re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_TYPE = re.compile(rb'\bt="(\w+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f\b[^>]*?(?:/>|>(.*?)</(?:\w+:)?f>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>(.*?)</(?:\w+:)?v>", re.DOTALL)
_SHEET = re.compile(r"<(?:\w+:)?sheet\s([^>]*)>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s([^>]*)>")
_ENDS = {"Id", "Target"}
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


@dataclass(frozen=True)
class SheetCells:
    """What stands in a sheet beside its values.

    Attributes
    ----------
    errors, formulas : mapping of (int, int) to str
        By row and column from 0: the error, and ``=`` and the formula whose result is not stored.
    """

    errors: Mapping[tuple[int, int], str] = field(default_factory=dict)
    formulas: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def filled(self, values: Sequence[Sequence[object]]) -> list[list[object]]:
        """Return the values of the sheet with errors and formulas as a person sees them in their cells."""
        rows = [list(row) for row in values]
        for (row, column), text in {**self.errors, **self.formulas}.items():
            rows += [[] for _ in range(row + 1 - len(rows))]
            rows[row] += [""] * (column + 1 - len(rows[row]))
            rows[row][column] = text
        return rows

    def notices(self, place: str) -> list[Problem]:
        """Return what to tell of them."""
        found = (("errors", self.errors), ("formulas", self.formulas))
        return [
            problem(
                f"numbers.sheet.{key}",
                file=place,
                count=len(cells),
                value=some((f"{cell_name(*at)} ({text})" for at, text in sorted(cells.items())), 3),
            )
            for key, cells in found
            if cells
        ]


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell counted from 0.

    Examples
    --------
    >>> cell_name(4, 27)
    'AB5'
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def look_through(path: Path, sheet: str, place: str) -> SheetCells:
    """Return errors and formulas without result of a sheet of an .xlsx or .xlsm file; nothing of other files.

    Raises
    ------
    StudyError
        The sheet reaches so far that its rectangle has more than ``MAX_CELLS`` cells.
    """
    content = _content(path, sheet)
    last_row, last_column = _reach(content)
    if last_row * last_column > MAX_CELLS:
        corner = cell_name(last_row - 1, last_column - 1)
        raise StudyError(problem("numbers.sheet.far", file=place, value=corner, limit=MAX_CELLS // 1_000_000))
    if not any(mark in content for mark in _MARKS):
        return SheetCells()
    errors: dict[tuple[int, int], str] = {}
    formulas: dict[tuple[int, int], str] = {}
    for attributes, inner in _FULL.findall(content):
        where = _PLACE.search(attributes)
        if where is None:
            continue
        at = int(where[2]) - 1, _number(where[1]) - 1
        kind = _TYPE.search(attributes)
        value = _VALUE.search(inner)
        if kind is not None and kind[1] == b"e":
            errors[at] = _text(value[1]) if value else "#N/A"
        elif (formula := _FORMULA.search(inner)) and not (value and value[1]) and not (kind and kind[1] == b"str"):
            formulas[at] = "=" + _text(formula[1] or b"")[:SHOWN]
    return SheetCells(errors, formulas)


def _reach(content: bytes) -> tuple[int, int]:
    """Return the farthest row and column with anything in it; only a sheet that seems vast is read cell by cell."""
    columns = max(map(_number, set(_COLUMN.findall(content))), default=0)
    rows = max(map(int, _ROW.findall(content)), default=0)
    if (rows or not columns) and rows * columns <= MAX_CELLS:
        return rows, columns
    rows = columns = 0
    for letters, digits, empty in _CELL.findall(content):
        if not empty:
            rows, columns = max(rows, int(digits)), max(columns, _number(letters))
    return rows, columns


def _text(content: bytes) -> str:
    return html.unescape(content.decode("utf-8", "replace")).strip()


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _content(path: Path, sheet: str) -> bytes:
    """Return the part of a sheet as bytes; empty where the file is no sound zip: calamine says what is wrong."""
    if not zipfile.is_zipfile(path):
        return b""
    try:
        with zipfile.ZipFile(path) as archive:
            return _part(archive, sheet)
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError):
        return b""


def _part(archive: zipfile.ZipFile, sheet: str) -> bytes:
    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    targets = {
        one["Id"]: one["Target"] for one in map(_attributes, _RELATION.findall(relations)) if one.keys() >= _ENDS
    }
    for one in map(_attributes, _SHEET.findall(book)):
        target = targets.get(next((value for key, value in one.items() if key.endswith(":id")), ""))
        if one.get("name") == sheet and target is not None:
            return archive.read(target.lstrip("/") if target.startswith("/") else f"xl/{target}")
    return b""


def _attributes(text: str) -> dict[str, str]:
    return {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(text)}


def merged_notice(place: str, ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]], first: int) -> list[Problem]:
    """Return a notice of merged cells that span several rows of the table; ``first`` is its first row, from 0."""
    tall = [(a, b) for a, b in ranges if b[0] > a[0] and b[0] >= first]
    if not tall:
        return []
    shown = some((f"{cell_name(*a)}:{cell_name(*b)}" for a, b in sorted(tall)), 3)
    return [problem("numbers.sheet.merged", file=place, count=len(tall), value=shown)]
