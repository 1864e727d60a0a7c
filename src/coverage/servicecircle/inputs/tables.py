"""Checked tables: the schema of every input frame, the one function that checks it, and the one that reads a file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from servicecircle.errors import InternalError, StudyError, problem
from servicecircle.inputs.formats import TABLES, WORKBOOKS, Table, read_csv, read_workbook
from servicecircle.inputs.gdal import address_problem
from servicecircle.inputs.layers import LAYERS, read_layer
from servicecircle.inputs.problems import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "ASSETS",
    "FACILITIES",
    "LINKED",
    "PEOPLE",
    "UNITS",
    "Column",
    "Schema",
    "Table",
    "check_frame",
    "read_table",
    "to_number",
]


@dataclass(frozen=True)
class Column:
    """What a column of a frame holds."""

    dtype: Literal["text", "float64", "int64", "geometry"]
    """``text`` means every cell is a str; no frame of the inputs holds a missing value."""
    meaning: str


#: What :func:`read_table` reads, by suffix.
SUFFIXES = (*TABLES, *WORKBOOKS, *LAYERS)

Schema: TypeAlias = "Mapping[str, Column]"

FACILITIES: Schema = {
    "id": Column("text", "<file stem>:<id column>, else <file stem>: and a hash of type, name and place; unique"),
    "name": Column("text", "name, may be empty"),
    "type": Column("text", "code of the vocabulary, or `unknown`"),
    "type_text": Column("text", "the word for the type as in the file"),
    "ownership": Column("text", "code of the vocabulary, empty when not known"),
    "lon": Column("float64", "longitude, WGS 84 degrees"),
    "lat": Column("float64", "latitude, WGS 84 degrees"),
    "source": Column("text", "file as the study names it"),
    "row": Column("int64", "row in that file as a person counts it"),
}

PEOPLE: Schema = {
    "id": Column("text", "identifier of the row, unique"),
    "lon": Column("float64", "longitude, WGS 84 degrees"),
    "lat": Column("float64", "latitude, WGS 84 degrees"),
    "persons": Column("float64", "people, 0 or more"),
    "row": Column("int64", "row in the file as a person counts it"),
}

UNITS: Schema = {
    "id": Column("text", "identifier, unique"),
    "name": Column("text", "name"),
    "parent": Column("text", "town the unit belongs to, empty when there is none"),
    "kind": Column("text", "village, community, town, street or empty"),
    "area_class": Column("text", "urban or rural"),
    "class_basis": Column("text", "column, code, kind or default"),
    "next_class": Column("text", "urban or rural by what the file says next to that, empty where it says nothing"),
    "next_basis": Column("text", "kind or empty"),
    "basis": Column("text", "surveyed (a polygon) or nearest_point"),
    "geometry": Column("geometry", "polygon or point, EPSG:4326, never null or empty"),
}

ASSETS: Schema = {
    "of": Column("text", "facility, unit, town or area"),
    "target_id": Column("text", "id of the facility or unit, name of the town; empty for the area"),
    "asset": Column("text", "code of the vocabulary, or the id of the standard whose value is reported"),
    "value": Column("float64", "0 or more; 1 or 0 for yes or no, the place in its list for a level; unknown is no row"),
    "year": Column("text", "year of the value, four digits; empty when not stated"),
    "source": Column("text", "file as the study names it"),
    "row": Column("int64", "row in that file as a person counts it"),
    "layer": Column("text", "layer or sheet, empty when there is none"),
}


LINKED: Schema = {
    "facility_id": Column("text", "id of a facility"),
    "link": Column("text", "serves (a unit) or refers_to (a facility)"),
    "target_id": Column("text", "id of the unit or facility"),
}


def check_frame(frame: pd.DataFrame, schema: Schema) -> None:
    """Check that a frame has exactly the columns of a schema, in order, of its types and without missing values.

    Raises
    ------
    InternalError
        It does not: a fault of the package, not of the user's data.
    """
    if list(frame.columns) != list(schema):
        raise InternalError(problem("inputs.frame", column=", ".join(frame.columns), wanted=", ".join(schema)))
    wrong = [name for name, column in schema.items() if not _fits(frame[name], column.dtype)]
    if wrong:
        raise InternalError([problem("inputs.frame", column=name, wanted=schema[name].dtype) for name in wrong])


def _fits(series: pd.Series, dtype: str) -> bool:
    if series.isna().any():
        return False
    if dtype == "text":
        return all(isinstance(value, str) for value in series)
    return str(series.dtype) == dtype


def read_table(path: Path, layer: str | None = None, *, file: str | None = None) -> Table:
    """Read a table or a vector layer as rows of text.

    Parameters
    ----------
    path : Path
        A .csv, .tsv, .txt, .xlsx, .xls, .geojson, .json, .gpkg, .shp or .kml file.
    layer : str or None
        Layer or sheet; the first one when None.
    file : str or None
        Name of the file in messages; its own name when None.

    Raises
    ------
    StudyError
        The file is missing, is of another kind, is broken, or has no such layer.
    """
    file = path.name if file is None else file
    require_file(path, file)
    suffix = path.suffix.lower()
    if suffix == ".kmz":
        raise StudyError(problem("inputs.layers.kmz", file=file))
    if suffix not in SUFFIXES:
        raise StudyError(problem("inputs.unknown_format", file=file, suffix=suffix or "-", known=" ".join(SUFFIXES)))
    if suffix in WORKBOOKS:
        return read_workbook(path, layer, file)
    if suffix in LAYERS:
        return read_layer(path, layer, file)
    if layer is not None:
        raise StudyError(problem("inputs.csv_layer", file=file, layer=layer))
    return read_csv(path, file)


def require_file(path: Path, file: str) -> None:
    """Raise StudyError, naming the nearest existing file, when there is no file at ``path``."""
    if path.is_file():
        return
    address = address_problem(file)
    if address is not None:
        raise StudyError(address)
    if not path.parent.is_dir():
        raise StudyError(problem("inputs.no_folder", file=file, folder=str(path.parent)))
    known = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    raise StudyError(problem("inputs.no_file", file=file, folder=str(path.parent), nearest=nearest(path.name, known)))


#: Full-width digits and signs, and the minus sign of typesetters, as a keyboard would have them.
_HALF_WIDTH = str.maketrans("０１２３４５６７８９．，－＋−", "0123456789.,-+-")
_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?")


def to_number(text: str) -> float | None:
    """Return the number a cell holds, None when it holds anything else; nothing is guessed.

    Full-width digits are folded and thousands separators are read where they stand in threes:
    ``１２，３４５`` is 12345.
    ``12,5``, ``1 234``, ``114°17'``, ``约300``, ``inf`` and an empty cell are not numbers.
    """
    text = text.strip().translate(_HALF_WIDTH)
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not _PLAIN.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def to_numbers(texts: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return :func:`to_number` of every cell; NaN where a cell holds no number."""
    numbers = (to_number(text) for text in texts)
    return np.array([math.nan if number is None else number for number in numbers], dtype=np.float64)
