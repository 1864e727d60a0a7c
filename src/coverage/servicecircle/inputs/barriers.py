"""Barrier lines and areas the study gives beside those of the road file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import StudyError, problem
from servicecircle.inputs.columns import recognised_labels
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.places import reference
from servicecircle.inputs.roads import BarrierShapes
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import read_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    """

    shapes: BarrierShapes
    set_aside: tuple[SetAside, ...] = ()
    rows: tuple[RowCount, ...] = ()


def read_given_barriers(study: Study, *, corrections: Corrections = NO_CORRECTIONS) -> GivenBarriers:
    """Return the study's own barriers, EPSG:4326, kind ``given``; none when the study names no file.

    Multi-part geometries and collections are taken apart.

    Raises
    ------
    StudyError
        The file is missing, cannot be read, is a table, has no or a contradictory CRS, or holds rows that are neither
        lines nor areas.
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
    shapes = BarrierShapes(np.asarray(moved, dtype=object), np.full(len(parts), "given"))
    names = recognised_labels(table)
    reason = problem("inputs.reason.no_geometry")
    left = tuple(
        SetAside(source.path, table.layer, int(table.rows[k]), names[k], "", reason)
        for k in np.setdiff1d(np.arange(len(given)), np.searchsorted(table.rows, row)).tolist()
    )
    return GivenBarriers(shapes, left, (account(table, row, left),))


def _taken_apart(shapes: NDArray[np.object_], rows: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    while np.isin(shapely.get_type_id(shapes), COLLECTIONS).any():
        shapes, index = shapely.get_parts(shapes, return_index=True)
        rows = rows[index]
    return shapes, rows
