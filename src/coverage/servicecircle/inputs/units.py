"""Units: what gaps are named for, from polygons or points, with their kind and class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs import columns as pick
from servicecircle.inputs.borders import clean_polygons
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.places import Box, locate, locate_polygons, place_problems
from servicecircle.inputs.problems import collect, duplicate_ids, some
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import UNITS, Table, check_frame, read_table
from servicecircle.study import UnitPoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from servicecircle.study import Study, UnitPolygons

#: Endings of a name and the kind of unit they mean; the longest ending that fits decides.
KIND_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "village": (
        *("村", "村委会", "村委", "村民委员会", "行政村"),
        *("嘎查", "嘎查委员会", "嘎查村", "嘎查村委会", "嘎查村民委员会"),
    ),
    "community": ("社区", "居委会", "居委", "居民委员会", "社区居委", "社区居委会", "社区居民委员会"),
    "street": ("街道", "街道办", "街道办事处", "办事处"),
    "town": ("镇", "乡", "苏木", "镇政府", "乡政府", "镇人民政府", "乡人民政府", "苏木人民政府"),
}
#: Words and codes of the division list that say whether a unit is urban; 111-112 and 121-123 are town.
CLASS_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("urban", "城镇", "城", "城市", "城区", "镇区"), "urban"),
    **dict.fromkeys(("rural", "乡村", "农村", "乡", "农牧区", "农村牧区"), "rural"),
}
CLASS_CODES: Mapping[str, str] = {
    **dict.fromkeys(("111", "112", "121", "122", "123"), "urban"),
    **dict.fromkeys(("210", "220"), "rural"),
}


#: So many rows may be lost before "most are lost" stops a run.
FEW_LOST = 5


@dataclass(frozen=True)
class UnitReading:
    """The units of a study.

    Attributes
    ----------
    frame : GeoDataFrame, EPSG:4326
        One row per unit, sorted by id (columns: ``UNITS`` of :mod:`servicecircle.inputs.tables`).
    set_aside : tuple of SetAside
        Rows without geometry or coordinates.
    notices : tuple of Problem
        Repairs, overlaps that were cut, classes taken by default.
    rows : tuple of RowCount
        What became of the rows of the file.
    """

    frame: gpd.GeoDataFrame
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    rows: tuple[RowCount, ...] = ()


@dataclass(frozen=True)
class _Texts:
    """The attributes of all rows of a unit file, unchecked."""

    id: NDArray[np.object_]
    name: NDArray[np.object_]
    parent: NDArray[np.object_]
    class_word: NDArray[np.object_]


def unit_kind(name: str) -> str:
    """Return ``village``, ``community``, ``street`` or ``town`` by the ending of a Chinese name, else an empty text.

    Examples
    --------
    >>> unit_kind("西花园社区居委会"), unit_kind("赛乌素嘎查"), unit_kind("Mitsoudjé")
    ('community', 'village', '')
    """
    name = name.strip()
    endings = [(len(end), kind) for kind, ends in KIND_ENDINGS.items() for end in ends if name.endswith(end)]
    return max(endings, default=(0, ""))[1]


def town_of(units: pd.DataFrame) -> pd.Series[str]:
    """Return the town of each unit: its parent, its own name where it has none and is a town or street, else empty."""
    own = (units["parent"] == "") & units["name"].map(unit_kind).isin(["town", "street"])
    return units["parent"].where(~own, units["name"])


def read_units(
    study: Study, *, box: Box | None = None, corrections: Corrections = NO_CORRECTIONS
) -> UnitReading | None:
    """Read the units of a study, polygons or points; None when the study names neither.

    Parameters
    ----------
    study : Study
    box : tuple of float or None
        Where the study lies (west, south, east, north, WGS 84 degrees); swapped coordinates are recognised by it.
        Units outside are kept.
    corrections : Corrections

    Raises
    ------
    StudyError
        The file is missing or broken, a layer has no CRS, an identifier is missing or stands twice, a class is not a
        class, a repair changes an area by more than the study allows, or overlaps exceed 0.1 % of a unit.
    """
    area = study.area
    source = area.units or area.points
    if source is None:
        return None
    table = corrections.apply(read_table(study.locate(source.path), source.layer, file=source.path))
    return _read(study, source, table, box)


def _read(study: Study, source: UnitPolygons, table: Table, box: Box | None) -> UnitReading:
    texts = _texts(table, source)
    problems: list[Problem] = _no_id(table, texts.id) + duplicate_ids(table.place, list(texts.id), list(table.rows))
    classes: list[_Class] = []
    with collect(problems):
        classes = _classes(table, texts, study.area.default_class)
    shapes = np.full(len(table.cells), None, dtype=object)
    left: tuple[SetAside, ...] = ()
    notices: tuple[Problem, ...] = ()
    with collect(problems):
        if isinstance(source, UnitPoints):
            shapes, left, notices = _points(table, source, texts, box)
        else:
            shapes, left, notices = _polygons(table, source, texts, box, study.area.repair_up_to)
    if problems:
        raise StudyError(problems)
    kept = ~shapely.is_missing(shapes)
    if not kept.any():
        raise StudyError(problem("units.none", file=table.place))
    if len(kept) - kept.sum() > max(int(kept.sum()), FEW_LOST):
        reason = left[0].reason if left else ""
        counts = {"lost": int((~kept).sum()), "rows": len(kept)}
        raise StudyError(
            problem("units.most_lost", file=table.place, row=left[0].row if left else 0, reason=reason, **counts)
        )
    kinds = [unit_kind(str(name)) for name in texts.name]
    basis = "nearest_point" if isinstance(source, UnitPoints) else "surveyed"
    frame = gpd.GeoDataFrame(
        {
            "id": texts.id[kept],
            "name": texts.name[kept],
            "parent": texts.parent[kept],
            "kind": np.array(kinds, dtype=object)[kept],
            "area_class": np.array([one.area_class for one in classes], dtype=object)[kept],
            "class_basis": np.array([one.basis for one in classes], dtype=object)[kept],
            "next_class": np.array([one.next_class for one in classes], dtype=object)[kept],
            "next_basis": np.array([one.next_basis for one in classes], dtype=object)[kept],
            "basis": np.full(int(kept.sum()), basis, dtype=object),
        },
        geometry=shapes[kept],
        crs="EPSG:4326",
    )
    frame = frame.sort_values("id", kind="stable").reset_index(drop=True)
    check_frame(frame, UNITS)
    defaulted = int((frame["class_basis"] == "default").sum())
    if defaulted:
        assumed = problem(f"units.class.{study.area.default_class}")
        notices = (*notices, problem("units.default_class", file=table.place, count=defaulted, assumed=assumed))
    return UnitReading(frame, left, notices, (account(table, table.rows[kept], left),))


def _texts(table: Table, source: UnitPolygons) -> _Texts:
    problems: list[Problem] = []
    cells = {role: np.full(len(table.cells), "", dtype=object) for role in ("id", "name", "parent", "class")}
    for role in ("id", "name"):
        # The schema's default is a guess; a column the study names itself must exist.
        given = getattr(source, role) if role in source.model_fields_set else None
        with collect(problems):
            cells[role] = table.texts(pick.need(table, role, given))
    for role, given in (("parent", source.parent), ("class", source.area_class)):
        if given is not None:
            with collect(problems):
                cells[role] = table.texts(pick.named(table, given))
    if problems:
        # Polygons have no coordinate columns to look for.
        if isinstance(source, UnitPoints) or table.geometry is not None:
            problems += place_problems(table, source, _lonlat(source))
        raise StudyError(problems)
    return _Texts(cells["id"], cells["name"], cells["parent"], cells["class"])


def _no_id(table: Table, ids: NDArray[np.object_]) -> list[Problem]:
    rows = table.rows[ids == ""]
    return [problem("units.no_id", file=table.place, count=len(rows), rows=some(rows))] if len(rows) else []


@dataclass(frozen=True)
class _Class:
    """Area class of a row and its basis; what the file would say without that basis, empty where it says nothing."""

    area_class: str
    basis: str
    next_class: str = ""
    next_basis: str = ""


def _classes(table: Table, texts: _Texts, default: str) -> list[_Class]:
    """Return area class and its basis for every row.

    Raises
    ------
    StudyError
        The column holds a word that is neither a class nor a code of the division list.
    """
    classes, wrong = [], []
    for row, name, word in zip(table.rows, texts.name, texts.class_word, strict=True):
        folded = pick.fold(str(word))
        by_kind = ("urban", "kind") if unit_kind(str(name)) in ("community", "street") else ("", "")
        if folded in CLASS_WORDS:
            classes.append(_Class(CLASS_WORDS[folded], "column", *by_kind))
        elif folded in CLASS_CODES:
            classes.append(_Class(CLASS_CODES[folded], "code", *by_kind))
        elif folded:
            wrong.append(f"{row} ({word})")
        else:
            classes.append(_Class(*by_kind) if by_kind[0] else _Class(default, "default"))
    if wrong:
        raise StudyError(problem("units.class_word", file=table.place, count=len(wrong), rows=some(wrong)))
    return classes


def _lonlat(source: UnitPolygons) -> tuple[str | None, str | None]:
    return (source.lon, source.lat) if isinstance(source, UnitPoints) else (None, None)


def _labels(texts: _Texts) -> list[str]:
    return [str(one or name) for one, name in zip(texts.id, texts.name, strict=True)]


def _points(
    table: Table, source: UnitPolygons, texts: _Texts, box: Box | None
) -> tuple[NDArray[np.object_], tuple[SetAside, ...], tuple[Problem, ...]]:
    places = locate(table, source, _labels(texts), columns=_lonlat(source), box=box, keep_outside=True)
    points = np.full(len(table.cells), None, dtype=object)
    points[places.kept] = shapely.points(places.lon[places.kept], places.lat[places.kept])
    return points, places.set_aside, places.notices


def _polygons(
    table: Table, source: UnitPolygons, texts: _Texts, box: Box | None, repair_up_to: float
) -> tuple[NDArray[np.object_], tuple[SetAside, ...], tuple[Problem, ...]]:
    if table.geometry is None:
        raise StudyError(problem("units.no_geometry", file=table.place))
    labels = _labels(texts)
    raw, places = locate_polygons(table, source, labels, box=box)
    shapes, notices = clean_polygons(table, raw, labels, repair_up_to=repair_up_to)
    flat = ~shapely.is_missing(shapes) & ~(shapely.area(shapes) > 0)
    shapes[flat] = None
    rows = np.flatnonzero(flat).tolist()
    without_area = tuple(
        SetAside(table.file, table.layer, int(table.rows[row]), labels[row], "", problem("units.no_area"))
        for row in rows
    )
    return shapes, (*places.set_aside, *without_area), (*places.notices, *notices)
