"""Barrier lines and areas the study gives beside those of the road file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.columns import recognised_labels
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.places import reference
from servicecircle.inputs.roads import BarrierShapes
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.inputs.roads import Bounds
    from servicecircle.study import Study

#: shapely type ids of lines (also closed ones) and polygons, and of geometries made of others.
BARRING = (1, 2, 3)
COLLECTIONS = (4, 5, 6, 7)


@dataclass(frozen=True)
class GivenBarriers:
    """The barriers a study gives itself.

    Attributes
    ----------
    shapes : BarrierShapes
    set_aside : tuple of SetAside
        Rows without geometry.
    rows : tuple of RowCount
    notices : tuple of Problem
        What is doubtful about them: none at all, or none where the study lies.
    """

    shapes: BarrierShapes
    set_aside: tuple[SetAside, ...] = ()
    rows: tuple[RowCount, ...] = ()
    notices: tuple[Problem, ...] = ()


def read_given_barriers(
    study: Study, box: Bounds | None = None, *, corrections: Corrections = NO_CORRECTIONS
) -> GivenBarriers:
    """Return the study's own barriers, EPSG:4326, kind ``given``; none when the study names no file.

    Multi-part geometries and collections are taken apart.

    Parameters
    ----------
    box : tuple of float or None
        Where the study lies (west, south, east, north, WGS 84 degrees). A file none of whose shapes meets it is told;
        one whose shapes would meet it with longitude and latitude exchanged is refused.

    Raises
    ------
    StudyError
        The file is missing, cannot be read, is a table, has no or a contradictory CRS, holds rows that are neither
        lines nor areas, or has its coordinates swapped.
    """
    source = study.barriers.lines
    if source is None:
        return GivenBarriers(BarrierShapes(np.zeros(0, dtype=object), np.zeros(0, dtype=str)))
    table = corrections.apply(read_table(study.locate(source.path), source.layer, file=source.path))
    if table.geometry is None:
        raise StudyError(problem("roads.barriers_not_a_layer", file=table.place))
    place = reference(table, source)
    given = ~(shapely.is_missing(table.geometry) | shapely.is_empty(table.geometry))
    parts, row = _taken_apart(table.geometry[given], table.rows[given])
    wrong = ~np.isin(shapely.get_type_id(parts), BARRING)
    if wrong.any():
        rows = ", ".join(str(r) for r in np.unique(row[wrong])[:5])
        raise StudyError(problem("roads.barriers_not_lines", file=table.place, rows=rows))
    finite = np.array([np.isfinite(shapely.get_coordinates(part)).all() for part in parts], dtype=bool)
    if not finite.all():
        rows = ", ".join(str(r) for r in np.unique(row[~finite])[:5])
        raise StudyError(problem("roads.barriers_not_finite", file=table.place, rows=rows))
    # a polygon that crosses itself bars by its outline and what it encloses
    parts, row = _taken_apart(shapely.make_valid(parts), row)
    moved = shapely.transform(parts, lambda c: np.column_stack(place.to_wgs84(c[:, 0], c[:, 1])))
    moved = np.asarray(moved, dtype=object)
    shapes = BarrierShapes(moved, np.full(len(parts), "given"))
    names = recognised_labels(table)
    reason = problem("inputs.reason.no_geometry")
    left = tuple(
        SetAside(source.path, table.layer, int(table.rows[k]), names[k], "", reason)
        for k in np.setdiff1d(np.arange(len(given)), np.searchsorted(table.rows, row)).tolist()
    )
    return GivenBarriers(shapes, left, (account(table, row, left),), _elsewhere(table.place, moved, box))


def _elsewhere(file: str, shapes: NDArray[np.object_], box: Bounds | None) -> tuple[Problem, ...]:
    """Return what is to be told of shapes none of which lies where the study does.

    Raises
    ------
    StudyError
        They lie there with longitude and latitude exchanged.
    """
    if not len(shapes):
        return (problem("unit_look.barriers_empty", file=file),)
    if box is None or _meets(shapes, box):
        return ()
    own = " ".join(f"{v:.3f}" for v in shapely.total_bounds(shapes))
    told = {"file": file, "own": own, "box": " ".join(f"{v:.3f}" for v in box)}
    if _meets(shapely.transform(shapes, lambda c: c[:, ::-1]), box):
        raise StudyError(problem("unit_look.barriers_swapped", **told))
    return (problem("unit_look.barriers_outside", count=len(shapes), **told),)


def _meets(shapes: NDArray[np.object_], box: Bounds) -> bool:
    return bool(shapely.intersects(shapes, shapely.box(*box)).any())


def _taken_apart(shapes: NDArray[np.object_], rows: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    while np.isin(shapely.get_type_id(shapes), COLLECTIONS).any():
        shapes, index = shapely.get_parts(shapes, return_index=True)
        rows = rows[index]
    return shapes, rows
