"""Unit borders: invalid polygons repaired, overlaps cut, both measured and refused above a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import EqualArea
from servicecircle.inputs.problems import NAMED_ROWS, some

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from servicecircle.inputs.tables import Table

    #: Measures the areas of shapes in degrees, square metres.
    Measure: TypeAlias = Callable[[NDArray[np.object_]], NDArray[np.float64]]

#: Largest share of a unit's area that may overlap with other units, and that a repair may change unless the study says
#: otherwise.
TOLERATED_SHARE = 0.001
#: Largest share as messages print it.
_TOLERATED_PERCENT = f"{TOLERATED_SHARE:.1%}"
#: How an invalid polygon is repaired: every ring is made valid, shells are joined and holes taken out of them.
METHOD = "structure"


def clean_polygons(
    table: Table, shapes: NDArray[np.object_], ids: Sequence[str], *, repair_up_to: float = TOLERATED_SHARE
) -> tuple[NDArray[np.object_], tuple[Problem, ...]]:
    """Return valid polygons that do not overlap, and what was changed.

    Parameters
    ----------
    table : Table
        For the names in messages.
    shapes : object array (rows,) of polygons, EPSG:4326
        None where a row is set aside.
    ids : sequence of str (rows,)
        Identifiers; a small overlap belongs to the smaller one.
    repair_up_to : float
        Largest share of a unit's area that a repair may change, 0-1; exactly so much is tolerated.

    Returns
    -------
    shapes : object array (rows,)
    notices : tuple of Problem

    Raises
    ------
    StudyError
        A repair changes an area by more than ``repair_up_to``, or the overlaps of a unit make up more than 0.1 % of it.
        Areas are measured in an equal-area projection around the units; exactly 0.1 % is tolerated.
    """
    if shapely.is_missing(shapes).all():
        return shapes, ()
    measure = EqualArea(shapes).areas_m2
    valid, repaired = _repair(table, shapes, ids, measure, repair_up_to)
    cut, overlaps = _cut(table, valid, ids, measure)
    return cut, (*repaired, *overlaps)


def _repair(
    table: Table, shapes: NDArray[np.object_], ids: Sequence[str], measure: Measure, most: float
) -> tuple[NDArray[np.object_], list[Problem]]:
    broken = np.flatnonzero(~(shapely.is_valid(shapes) | shapely.is_missing(shapes)))
    if not len(broken):
        return shapes, []
    mended = shapely.make_valid(shapes[broken], method=METHOD, keep_collapsed=False)
    mended = np.array([_polygonal(shape) for shape in mended], dtype=object)
    before, after = measure(shapes[broken]), measure(mended)
    change = np.abs(after - before) / np.maximum(np.maximum(before, after), 1e-9)
    problems = [
        problem(
            "units.repair_too_large",
            file=table.place,
            row=int(table.rows[row]),
            id=ids[row],
            detail=shapely.is_valid_reason(shapes[row]),
            before=before[k],
            after=after[k],
            share=float(change[k]),
            limit=f"{most:.6g}",
        )
        for k, row in enumerate(broken.tolist())
        if change[k] > most
    ]
    if problems:
        raise StudyError(problems)
    result = shapes.copy()
    result[broken] = mended
    # the largest change first
    worst = np.lexsort((broken, -change)).tolist()
    areas = some(f"{ids[broken[k]]} ({before[k]:,.0f} → {after[k]:,.0f} m²)" for k in worst)
    told = {"method": f"make_valid ({METHOD})", "areas": areas, "change": float(change.max())}
    return result, [problem("units.repaired", file=table.place, count=len(broken), **told)]


def _polygonal(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry as one (multi)polygon; lines and points left by an operation are dropped."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = shapely.get_parts(shape)
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])


def _cut(
    table: Table, shapes: NDArray[np.object_], ids: Sequence[str], measure: Measure
) -> tuple[NDArray[np.object_], list[Problem]]:
    one, other, shared = _overlaps(shapes, ids, measure)
    if not len(one):
        return shapes, []
    total = np.zeros(len(shapes))
    np.add.at(total, one, shared)
    np.add.at(total, other, shared)
    own = measure(shapes)
    over = total > TOLERATED_SHARE * own
    bad = np.flatnonzero(over[one] | over[other])
    if len(bad):
        raise StudyError(_too_much(table, ids, [(one[k], other[k], shared[k]) for k in bad], own))
    result = shapes.copy()
    for row in np.unique(other):
        # ``one`` holds the smaller id of each pair: it keeps the shared ground.
        smaller = shapely.union_all(shapes[one[other == row]])
        result[row] = _polygonal(shapely.difference(shapes[row], smaller))
    pairs = some(f"{ids[a]} / {ids[b]}" for a, b in zip(one, other, strict=True))
    return result, [
        problem("units.overlaps_cut", file=table.place, count=len(one), pairs=pairs, area=float(shared.sum()))
    ]


def _overlaps(
    shapes: NDArray[np.object_], ids: Sequence[str], measure: Measure
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of each overlapping pair (smaller id first) and the square metres they share."""
    rows = np.flatnonzero(~shapely.is_missing(shapes))
    tree = shapely.STRtree(shapes[rows])
    left, right = tree.query(shapes[rows], predicate="intersects")
    order = np.argsort(np.argsort(np.array([ids[row] for row in rows.tolist()], dtype=object), kind="stable"))
    pair = order[left] < order[right]
    one, other = rows[left[pair]], rows[right[pair]]
    shared = measure(shapely.intersection(shapes[one], shapes[other])) if len(one) else np.zeros(0)
    real = shared > 0
    sequence = np.lexsort((other[real], one[real]))
    return one[real][sequence], other[real][sequence], shared[real][sequence]


def _too_much(
    table: Table, ids: Sequence[str], pairs: list[tuple[int, int, float]], own: NDArray[np.float64]
) -> list[Problem]:
    worst = sorted(pairs, key=lambda pair: (-pair[2] / max(min(own[pair[0]], own[pair[1]]), 1e-9), ids[pair[0]]))
    problems = [
        problem(
            "units.overlap",
            file=table.place,
            one=ids[a],
            other=ids[b],
            area=float(area),
            share=float(area / max(min(own[a], own[b]), 1e-9)),
            limit=_TOLERATED_PERCENT,
        )
        for a, b, area in worst[:NAMED_ROWS]
    ]
    if len(worst) > NAMED_ROWS:
        problems.append(problem("units.more_overlaps", file=table.place, count=len(worst) - NAMED_ROWS))
    return problems
