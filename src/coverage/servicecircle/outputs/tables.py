r"""The tables of the output folder: their columns, and how a value becomes a cell of a CSV file.

Numbers
    At most six decimals, rounded from the unrounded value, no trailing zeros, decimal point ``.``. Degrees
    (``lon``, ``lat``) are the exception: they are written in the shortest form that reads back as exactly
    the same number, so a list of sites can be read as facilities without moving one; their GCJ-02 forms, to be
    pasted into a phone map, have six decimals. Unknown is an empty
    cell; ``nan`` and ``inf`` are never written.
Flags
    ``true`` and ``false``.
Words
    Machine words (``too_far``, ``not met``), the same in every language; the workbook says them in the
    language of the study.
Guarded text
    Text that a spreadsheet would take for a formula gets a leading apostrophe (:mod:`servicecircle.text.guard`).
Files
    UTF-8 with a byte order mark, commas, ``\r\n`` after each row, a header row of machine names.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from servicecircle.errors import InternalError, problem
from servicecircle.text.guard import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

Shape = Literal["text", "word", "flag", "count", "persons", "share", "value", "degrees"]
Cell = str | int | float | bool | None

DECIMALS = 6


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        Machine name, the header in CSV files and layers.
    shape : str
        ``text``, ``word`` (a machine word with a translation), ``flag``, ``count``, ``persons``, ``share``
        (0-1), ``value`` or ``degrees``.
    unit : str
        Key under ``tables.unit``; empty where there is none.
    text : str
        Key under ``tables.header`` and ``tables.meaning``; the name when empty.
    rounding : str
        Key under ``tables.rounding``; what the shape says when empty.
    """

    name: str
    shape: Shape = "text"
    unit: str = ""
    text: str = ""
    rounding: str = ""

    @property
    def key(self) -> str:
        """Key of the column's header and meaning."""
        return self.text or self.name

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return self.shape in ("count", "persons", "share", "value", "degrees")

    @property
    def rounded(self) -> str:
        """How the numbers are rounded when written: a key under ``tables.rounding``."""
        return self.rounding or ("exact" if self.shape == "degrees" else "decimals" if self.numeric else "none")


def _words(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "word") for name in names)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _persons(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "persons", "persons") for name in names)


_SHARE = Column("share_covered", "share", "share")
_PLACE = (Column("lon", "degrees", "degrees"), Column("lat", "degrees", "degrees"))
_PLACE_GCJ = tuple(Column(name, "degrees", "degrees", rounding="decimals") for name in ("lon_gcj02", "lat_gcj02"))
_VALUES = (Column("p50", "value", "of_value"), Column("p90", "value", "of_value"))
_NEAREST = (
    Column("nearest_time_id"),
    Column("nearest_time_min", "value", "min"),
    Column("nearest_road_id"),
    Column("nearest_road_km", "value", "km"),
    Column("nearest_straight_id"),
    Column("nearest_straight_km", "value", "km"),
)

#: Columns of every table, in the order they are written.
TABLES: dict[str, tuple[Column, ...]] = {
    "scorecard": (
        Column("place"),
        Column("row", text="register_row"),
        *_texts("ids", "title", "demand_text"),
        *_words("kinds", "state", "verdict"),
        *_texts("verdict_text", "value_text", "baseline_text", "target_text", "short_text", "readings_text"),
        *_texts("parameters_text", "missing_text"),
        Column("plan"),
        *_texts("lines", "clause"),
        *_words("status"),
        *_texts("note"),
    ),
    "shortfalls": (
        Column("place"),
        Column("row", text="register_row"),
        Column("standard"),
        Column("of", "word", text="shortfall_of"),
        *_texts("item_id", "name", "parent"),
        Column("value", "value", "item", text="item_value"),
        *_texts("why_text", "clause"),
    ),
    "criteria": (
        Column("id", text="criterion"),
        *_texts("title"),
        Column("plan"),
        Column("plan_line", "count"),
        *_texts("quote", "clause"),
        *_words("status", "kind", "measure"),
        *_texts("limit_text", "group"),
        *_words("state"),
        *_texts("missing", "missing_text"),
        Column("facilities", "count", "facilities"),
        *_persons("persons", "covered_persons", "uncovered_persons", "later_persons", "unreachable_persons"),
        *_persons("unattached_persons", "no_facility_persons"),
        _SHARE,
        Column("share_low", "share", "share"),
        Column("share_high", "share", "share"),
        Column("units", "count", "units"),
        Column("units_any", "count", "units"),
        Column("units_every", "count", "units"),
        Column("units_short", "count", "units"),
        *_persons("knife_edge_persons", "preferred_persons", "half_access_persons"),
        Column("target_share", "share", "share"),
        *_words("verdict"),
        *_texts("verdict_text"),
        Column("assumed_target_share", "share", "share"),
        *_words("assumed_verdict"),
        *_texts("assumed_verdict_text", "note", "sources_not_stated", "travel_time_file"),
    ),
    "gaps": (
        Column("rank", "count"),
        *_texts("criterion", "title", "limit_text"),
        *_words("gap_kind"),
        *_texts("unit_id", "name", "parent"),
        *_words("area_class"),
        *_persons("persons", "uncovered_persons"),
        _SHARE,
        *_words("cause"),
        _VALUES[0],
        *_words("unit_of_value"),
        *_NEAREST,
        *_PLACE,
        *_PLACE_GCJ,
        *_texts("clause"),
        *_words("basis"),
    ),
    "units": (
        *_texts("criterion", "unit_id", "name", "parent"),
        Column("kind", "word", text="unit_kind"),
        *_words("area_class", "class_basis", "basis"),
        *_PLACE,
        *_PLACE_GCJ,
        *_persons("persons", "covered_persons", "uncovered_persons", "later_persons", "unreachable_persons"),
        *_persons("unattached_persons", "no_facility_persons"),
        _SHARE,
        Column("any", "flag"),
        Column("every", "flag"),
        Column("short", "flag"),
        *_persons("knife_edge_persons"),
        *_VALUES,
        *_words("unit_of_value"),
        Column("count", "count", "facilities"),
        *_words("cause"),
        *_texts("nearest_id", "nearest_name"),
        *_NEAREST,
    ),
    "sites": (
        Column("order", "count"),
        *_texts("criterion", "candidate_id", "name"),
        *_words("candidate_kind"),
        Column("type"),
        *_persons("new_persons"),
        Column("covered_persons", "persons", "persons", text="covered_with_sites"),
        Column("share_covered", "share", "share", text="share_with_sites"),
        *_PLACE,
        *_PLACE_GCJ,
    ),
    "ranges": (
        *_texts("criterion"),
        *_words("what"),
        *_texts("setting"),
        _SHARE,
        *_persons("covered_persons", "persons"),
        Column("units_any", "count", "units"),
        Column("units_every", "count", "units"),
        Column("units", "count", "units"),
        *_words("verdict", "assumed_verdict"),
        Column("flips", "flag"),
    ),
    "set_aside": (
        *_texts("file", "layer"),
        Column("row", "count"),
        Column("id", text="row_id"),
        *_texts("value", "reason"),
    ),
    "facilities": (
        Column("id", text="facility_id"),
        Column("name", text="facility_name"),
        *_texts("type", "type_text", "ownership", "source"),
        Column("row", "count"),
        Column("in_area", "flag"),
        Column("attached", "flag"),
    ),
    "doors": (
        Column("facility_id"),
        Column("door", "count"),
        Column("how", "word", text="door_how"),
        Column("attached", "flag", text="door_attached"),
    ),
    "facility_shapes": (
        Column("facility_id"),
        Column("name", text="facility_name"),
        Column("type"),
    ),
    "service_areas": (*_texts("criterion"), *_words("measure"), *_texts("limit_text")),
    "unit_outlines": (*_texts("unit_id", "name", "parent"), *_words("area_class", "basis")),
    "travel_times": (
        *_texts("criterion", "point_id"),
        *_PLACE,
        Column("persons", "persons", "persons", text="point_persons"),
        Column("minutes", "value", "min"),
        Column("state", "word", text="time_state"),
    ),
    # What follows is no frame of a run: what every CSV file ends with, the bands of the rasters, what every layer has,
    # and two sheets.
    "lists": _texts("study"),
    "travel_time_bands": (
        Column("minutes", "value", "min", text="cell_minutes", rounding="single"),
        Column("state", "count", "code", text="cell_state", rounding="none"),
    ),
    "layers": (
        Column("fid", "count", rounding="none"),
        Column("OGC_FID", "count", text="fid_of_view", rounding="none"),
        Column("geom", unit="degrees", rounding="exact"),
    ),
    "fields": _texts("table", "column", "header", "unit", "meaning", "rounding"),
    "sources": _texts("role", "file", "source", "licence"),
}


def columns(table: str, frame: pd.DataFrame) -> Iterator[tuple[Column, list[Cell]]]:
    """Yield each column of a table with its cells.

    Raises
    ------
    InternalError
        The frame lacks a column of the table or has one the table does not describe (``geometry`` aside).
    """
    described = [column.name for column in TABLES[table]]
    found = [str(name) for name in frame.columns if name != "geometry"]
    if sorted(described) != sorted(found):
        values = {"table": table, "found": ", ".join(found), "described": ", ".join(described)}
        raise InternalError(problem("tables.columns", **values))
    for column in TABLES[table]:
        yield column, [cell(value, column) for value in frame[column.name].tolist()]


def cell(value: Any, column: Column) -> Cell:
    """Return a value as plain text, number, flag or None (unknown), rounded as the table writes it."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if column.shape == "flag":
        return bool(value)
    if column.shape == "degrees":
        return float(value)
    if column.numeric:
        rounded = round(float(value), DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
        return int(rounded) if rounded.is_integer() else rounded
    return value if isinstance(value, str) else str(value)


def cell_text(value: Cell, column: Column) -> str:
    """Return a cell as it stands in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return guard(value)
    if column.shape == "degrees":
        return repr(value)
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def csv_bytes(table: str, frame: pd.DataFrame, *, study: str = "") -> bytes:
    """Return a table as the bytes of a CSV file (see the head of this module).

    ``study`` is the name of the study: it ends every row, so that a list that leaves its folder still says whose it is.
    """
    header: list[str] = []
    body: list[list[str]] = []
    for column, cells in columns(table, frame):
        header.append(column.name)
        body.append([cell_text(value, column) for value in cells])
    for column in TABLES["lists"] if study else ():
        header.append(column.name)
        body.append([cell_text(study, column)] * len(frame))
    return _encode(header, list(zip(*body, strict=True)))


def _encode(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")
