"""Tables into rows of text: CSV and workbooks, each read by one function, none ever written; layers stand beside.

A cell stays the text a person sees in the file: nothing is turned into a number here, so identifiers keep their
zeros and all their digits.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import python_calamine as calamine

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.problems import nearest, some
from servicecircle.inputs.sheet_cells import look_through, merged_notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyproj
    from numpy.typing import NDArray

WORKBOOKS = (".xlsx", ".xlsm", ".xls")
TABLES = (".csv", ".tsv", ".txt")

#: Largest unpacked workbook and largest number of parts in it; beyond that the file is refused unread.
MAX_UNPACKED_BYTES = 1 << 30
MAX_PARTS = 10_000
#: A spreadsheet keeps 15 digits of a number; whole numbers from here on have lost their end.
EXACT_DIGITS = 10**15
#: What says that text was lost before: U+FFFD, 锟斤拷 (U+FFFD in UTF-8, read as GBK), question marks for characters an
#: encoding lacks, and Chinese in UTF-8 that was read byte by byte as Latin 1 or Windows 1252.
_CONTINUED = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_DAMAGED = re.compile(rf"\ufffd|锟斤拷|\?{{3,}}|(?:[\u00e3-\u00e9][{_CONTINUED}]{{2}}){{2,}}")
#: A code of so many digits that a spreadsheet wrote it as 3.70406E+17.
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?(?:[1-9][0-9]|9)")
#: A cell of a worksheet that holds a formula and no value.
_NO_VALUE = re.compile(
    rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3}[0-9]{1,7})"[^>]*>\s*<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>[^<]*</(?:\w+:)?f>)\s*'
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
#: A larger worksheet is not searched for such formulas.
_MOST_SEARCHED = 1 << 26


@dataclass(frozen=True)
class Table:
    """Rows of one file as text.

    Attributes
    ----------
    file : str
        Name of the file as the study gives it.
    layer : str
        Layer or sheet; empty when there is none.
    cells : DataFrame of str
        One row per row of the file, trimmed text, empty where there is none. The index ``row`` counts as a person does:
        a table's header is row 1, a layer's first feature is 1. Column names may repeat, as in the file.
    geometry : object array (rows,) or None
        Shapely geometries of a layer, None for a table.
    crs : pyproj.CRS or None
        What the layer says of itself; None when it does not say and for tables.
    notices : tuple of Problem
        What the reader should know: an encoding that was recognised, a title row that was skipped.
    """

    file: str
    layer: str
    cells: pd.DataFrame
    geometry: NDArray[np.object_] | None = None
    crs: pyproj.CRS | None = None
    notices: tuple[Problem, ...] = ()

    @property
    def place(self) -> str:
        """File and layer as messages name them: ``county.gpkg [villages]``."""
        return f"{self.file} [{self.layer}]" if self.layer else self.file

    @property
    def columns(self) -> list[str]:
        """Column names in the order of the file."""
        return [str(name) for name in self.cells.columns]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers as a person counts them."""
        return self.cells.index.to_numpy(dtype=np.int64)

    def texts(self, position: int) -> NDArray[np.object_]:
        """Return the cells of the column at a position."""
        return self.cells.iloc[:, position].to_numpy(dtype=object)


def read_csv(path: Path, file: str) -> Table:
    """Read a CSV file in UTF-8 (with or without BOM), UTF-16 with BOM, or GB18030 when it decodes strictly."""
    text, notices = _decode(path.read_bytes(), file)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error as error:
        raise StudyError(problem("inputs.not_csv", file=file, detail=str(error))) from error
    cells, more = _frame([[cell.strip() for cell in row] for row in rows], file)
    return Table(file, "", cells, notices=(*notices, *more, *_scientific(cells, file)))


def _scientific(cells: pd.DataFrame, file: str) -> list[Problem]:
    """Report columns of codes that a spreadsheet wrote in scientific notation: most of their digits are gone."""
    found = []
    for position, name in enumerate(cells.columns):
        lost = [(row, text) for row, text in cells.iloc[:, position].items() if _SCIENTIFIC.fullmatch(text)]
        if lost:
            told = {"column": str(name), "count": len(lost), "row": lost[0][0], "value": lost[0][1]}
            found.append(problem("intake.scientific", file=file, **told))
    return found


def _decode(content: bytes, file: str) -> tuple[str, list[Problem]]:
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if marked else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        notices = [problem("inputs.gb18030", file=file)] if encoding == "gb18030" else []
        lost = damaged(text)
        return text, notices + ([problem("inputs.damaged_text", file=file, count=lost)] if lost else [])
    raise StudyError(problem("inputs.encoding", file=file))


def damaged(text: str) -> int:
    """Return how many characters say that text was lost before; 锟斤拷 counts as one."""
    if text.isascii() and "???" not in text:
        return 0
    return sum(1 if (sign := found[0]) == "锟斤拷" else len(sign) for found in _DAMAGED.finditer(text))


def _delimiter(text: str) -> str:
    """Return the separator that occurs most in the first line that has any; a comma when none does."""
    for line in text.splitlines():
        if any(sign in line for sign in ",;\t"):
            return max(",;\t", key=line.count)
    return ","


def _frame(rows: Sequence[Sequence[str]], file: str) -> tuple[pd.DataFrame, list[Problem]]:
    """Find the header and return the rows below it; blank rows are no rows."""
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if not filled:
        raise StudyError(problem("inputs.empty_file", file=file))
    # A title above the table fills one cell; the header fills at least two.
    start = next((k for k, (_, row) in enumerate(filled) if sum(map(bool, row)) > 1), 0)
    number, header = filled[start]
    width = max(k for k, cell in enumerate(header, start=1) if cell)
    body = filled[start + 1 :]
    long = [n for n, row in body if any(row[width:])]
    if long:
        raise StudyError(
            problem("inputs.long_rows", file=file, rows=some(long), count=len(long), header=number, columns=width)
        )
    notices = [problem("inputs.title_rows", file=file, count=start, header=number)] if start else []
    cells = [[*row[:width], *[""] * (width - len(row))] for _, row in body]
    index = pd.Index([n for n, _ in body], name="row", dtype="int64")
    return pd.DataFrame(cells, columns=list(header[:width]), index=index, dtype=str), notices


def read_workbook(path: Path, layer: str | None, file: str) -> Table:
    """Read one sheet of an .xlsx or .xls workbook; the first visible sheet when none is named."""
    _check_workbook(path, file)
    try:
        # By its content: an .xlsx that is called .xls is one all the same.
        with path.open("rb") as stream:
            book = calamine.CalamineWorkbook.from_filelike(stream)
        sheet = _sheet(book, layer, file)
        place = f"{file} [{sheet}]"
        seen = look_through(path, sheet, place)
        opened = book.get_sheet_by_name(sheet)
        values = seen.filled(opened.to_python(skip_empty_area=False))
        others = _others(book, path, sheet, file) if layer is None else []
    except calamine.PasswordError as error:
        raise StudyError(problem("inputs.workbook_password", file=file)) from error
    except (calamine.CalamineError, OSError) as error:
        raise StudyError(problem("inputs.not_workbook", file=file, detail=str(error))) from error
    cells, notices = _frame([[cell_text(value) for value in row] for row in values], place)
    table = Table(file, sheet, cells)
    first = int(cells.index[0]) if len(cells) else len(values) + 1
    merged = merged_notice(place, opened.merged_cell_ranges or [], first - 1)
    lost = sum(damaged(text) for column in range(len(table.columns)) for text in table.texts(column))
    spoilt = [problem("inputs.damaged_text", file=place, count=lost)] if lost else []
    columns = (*_lost_digits(table, values[first - 1 :]), *_dates(table, values), *spoilt)
    told = (*notices, *seen.notices(place), *merged, *others, *columns)
    return Table(file, sheet, cells, notices=told)


def _others(book: calamine.CalamineWorkbook, path: Path, sheet: str, file: str) -> list[Problem]:
    """Return a notice of the other sheets that hold anything, hidden ones too, where the study names none."""
    found: list[Problem | str] = []
    for name in (one.name for one in book.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet):
        if name == sheet:
            continue
        try:
            look_through(path, name, f"{file} [{name}]")
            empty = not book.get_sheet_by_name(name).to_python(nrows=1)
        except StudyError:  # it reaches too far to be read, so it holds something
            empty = False
        if not empty:
            found.append(name if name in _visible(book) else problem("numbers.sheet.hidden", value=name))
    if not found:
        return []
    return [problem("numbers.sheet.others", file=f"{file} [{sheet}]", value=_listed(found))]


def _listed(names: Sequence[Problem | str]) -> Problem | str:
    """Return names as one value; a problem among them becomes its sentence."""
    first, *rest = names
    if not rest:
        return first
    return problem("numbers.sheet.and", one=first, others=_listed(rest))


def _dates(table: Table, values: Sequence[Sequence[Any]]) -> list[Problem]:
    """Report columns where dates stand among other things: a spreadsheet makes a date of 1-2."""
    found = []
    for position, name in enumerate(table.columns):
        cells = [(int(row), values[row - 1][position]) for row in table.rows if position < len(values[row - 1])]
        dates = [(row, cell) for row, cell in cells if isinstance(cell, (date, datetime))]
        if dates and len(dates) < sum(1 for _, cell in cells if cell_text(cell)):
            row, value = dates[0]
            told = {"column": name, "count": len(dates), "row": row, "value": cell_text(value)}
            found.append(problem("intake.dates", file=table.place, **told))
    return found


def _check_workbook(path: Path, file: str) -> None:
    with path.open("rb") as opened:
        head = opened.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        raise StudyError(problem("inputs.html_workbook", file=file))
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise StudyError(problem("inputs.not_workbook", file=file, detail=str(error))) from error
    size = sum(part.file_size for part in parts)
    if size > MAX_UNPACKED_BYTES or len(parts) > MAX_PARTS:
        raise StudyError(problem("inputs.workbook_size", file=file, size=size >> 20, limit=MAX_UNPACKED_BYTES >> 20))


def _sheet(book: calamine.CalamineWorkbook, layer: str | None, file: str) -> str:
    if layer is not None:
        if layer not in book.sheet_names:
            raise StudyError(no_layer(file, layer, book.sheet_names))
        return layer
    visible = _visible(book)
    if not visible:
        raise StudyError(problem("inputs.empty_file", file=file))
    return visible[0]


def _visible(book: calamine.CalamineWorkbook) -> list[str]:
    return [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
    ]


def sheet_names(path: Path, file: str) -> list[str]:
    """Return the visible sheets of a workbook that hold anything, in its order.

    Raises
    ------
    StudyError
        The file is no workbook.
    """
    _check_workbook(path, file)
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        visible = _visible(book)
        for name in visible:
            look_through(path, name, f"{file} [{name}]")
        return [name for name in visible if book.get_sheet_by_name(name).to_python()]
    except calamine.PasswordError as error:
        raise StudyError(problem("inputs.workbook_password", file=file)) from error
    except (calamine.CalamineError, OSError) as error:
        raise StudyError(problem("inputs.not_workbook", file=file, detail=str(error))) from error


def no_layer(file: str, layer: str, known: Sequence[str]) -> Problem:
    """Return the problem of a sheet or layer that does not exist, with the nearest one and all of them."""
    return problem("inputs.no_layer", file=file, layer=layer, nearest=nearest(layer, known), layers=some(known, 20))


def cell_text(value: Any) -> str:
    """Return a typed cell as a person reads it: whole numbers without ``.0``, dates in ISO form."""
    # None, NaN and NaT stand for empty cells of their columns.
    if value is None or (isinstance(value, (float, np.floating, np.datetime64)) and np.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value).strip()


def _lost_digits(table: Table, values: Sequence[Sequence[Any]]) -> list[Problem]:
    """Report columns whose numbers are too long for a spreadsheet: their last digits are gone."""
    found = []
    for position, name in enumerate(table.columns):
        cells = [row[position] for row in values if position < len(row)]
        lost = sum(isinstance(cell, (int, float)) and EXACT_DIGITS <= abs(cell) < float("inf") for cell in cells)
        if lost:
            found.append(problem("inputs.lost_digits", file=table.place, column=name, count=lost))
    return found
