"""Which coordinate system a file is in: what it says itself, what the study declares, what a column's name says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyproj
import pyproj.exceptions

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo import crs as gates
from servicecircle.geo.coordinates import bd09_to_gcj02, gcj02_to_wgs84
from servicecircle.inputs.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from servicecircle.study import Source

    Pair: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

#: Names a study may give a map service's coordinates, folded.
SERVICES = {"gcj02": "GCJ-02", "bd09": "BD-09"}
#: Marks of a coordinate system in the name of a column.
MARKS = {"gcj": "GCJ-02", "火星": "GCJ-02", "高德": "GCJ-02", "bd09": "BD-09", "百度": "BD-09", "wgs": "WGS84"}


@dataclass(frozen=True)
class Reference:
    """Coordinate system of one file: a map service's (``GCJ-02``, ``BD-09``) or a known CRS.

    Attributes
    ----------
    service : str
        ``GCJ-02``, ``BD-09`` or empty.
    crs : pyproj.CRS
        Used when ``service`` is empty.
    assumed : bool
        Neither the file nor the study says so.
    """

    service: str
    crs: pyproj.CRS
    assumed: bool = False

    def to_wgs84(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Pair:
        """Return WGS 84 longitude and latitude of coordinates, x before y; what cannot be converted is inf or NaN."""
        if self.service == "BD-09":
            return gcj02_to_wgs84(*bd09_to_gcj02(x, y))
        if self.service == "GCJ-02":
            return gcj02_to_wgs84(x, y)
        lon, lat = gates.to_wgs84(self.crs, x, y)
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)


def reference(table: Table, source: Source, marked: Sequence[str] = ()) -> Reference:
    """Return the coordinate system of a file: what it says, else what the study declares, else WGS 84 for tables.

    Parameters
    ----------
    table : Table
    source : Source
        The study's entry; its ``crs`` is the declaration.
    marked : sequence of str
        Names of the coordinate columns, which may carry a mark such as ``XGCJ``.

    Raises
    ------
    StudyError
        A layer without CRS and without declaration, a declaration that contradicts the file or the column's name,
        or an unknown name.
    """
    declared = source.crs
    if declared is None:
        if table.crs is None and table.geometry is not None:
            unknown = (one for one in table.notices if one.key == "axes.geojson_crs")
            raise StudyError(next(unknown, problem("inputs.no_crs", file=table.place)))
        _check_marks(table, marked, "WGS84", declared)
        return Reference("", table.crs or gates.WGS84, assumed=table.crs is None)
    service = SERVICES.get(declared.casefold().replace("-", "").replace("_", ""), "")
    if service:
        if table.crs is not None and not gates.is_wgs84(table.crs):
            raise StudyError(_conflict(table, declared))
        _check_marks(table, marked, service, declared)
        return Reference(service, gates.WGS84)
    try:
        crs = gates.parse_crs(declared)
    except pyproj.exceptions.CRSError as error:
        raise StudyError(problem("inputs.unknown_crs", file=table.place, crs=declared)) from error
    both_wgs84 = table.crs is not None and gates.is_wgs84(table.crs) and gates.is_wgs84(crs)
    if table.crs is not None and not both_wgs84 and not crs.equals(table.crs, ignore_axis_order=True):
        raise StudyError(_conflict(table, declared))
    _check_marks(table, marked, "WGS84" if gates.is_wgs84(crs) else "", declared)
    return Reference("", crs)


def _conflict(table: Table, declared: str) -> Problem:
    own = "" if table.crs is None else table.crs.name
    return problem("inputs.crs_conflict", file=table.place, declared=declared, own=own)


def _check_marks(table: Table, columns: Sequence[str], taken: str, declared: str | None) -> None:
    """Refuse a column whose name says another coordinate system than the one it would be read in."""
    for column in columns:
        mark = next((MARKS[m] for m in MARKS if m in column.casefold().replace("-", "")), taken)
        if mark != taken and {mark, taken} & set(SERVICES.values()):
            key = "inputs.crs_mark_undeclared" if declared is None else "inputs.crs_mark"
            raise StudyError(problem(key, file=table.place, column=column, mark=mark, declared=declared or ""))
