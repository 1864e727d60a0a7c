"""Gates a study gives for its areas: points, each of the area whose border is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.errors import Problem, problem
from servicecircle.geo.crs import WorkingCrs
from servicecircle.geo.outline import away_mm, is_area, outlines
from servicecircle.inputs import columns as pick
from servicecircle.inputs.corrections import NO_CORRECTIONS, Corrections
from servicecircle.inputs.places import Box, locate
from servicecircle.inputs.rows import RowCount, account
from servicecircle.inputs.setaside import SetAside
from servicecircle.inputs.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.study import Source

    #: Longitude and latitude of the gates, float64 (gates, 2), by the id of their area.
    Gates = dict[str, NDArray[np.float64]]

#: A gate lies at most so far from the border of its area; exactly so far is near enough.
FARTHEST_M = 20


@dataclass(frozen=True)
class GateReading:
    """The gates of the areas of one facility file.

    Attributes
    ----------
    gates : dict
    set_aside : tuple of SetAside
        Rows without usable coordinates, and gates that belong to no area.
    notices : tuple of Problem
    rows : RowCount
    """

    gates: Gates
    set_aside: tuple[SetAside, ...]
    notices: tuple[Problem, ...]
    rows: RowCount


def read_gates(
    source: Source,
    path: Path,
    shapes: Mapping[str, shapely.Geometry],
    box: Box | None,
    *,
    corrections: Corrections = NO_CORRECTIONS,
) -> GateReading:
    """Read the gates of the areas of one facility file.

    Parameters
    ----------
    source : Source
        The study's entry of the gate file.
    shapes : mapping
        Shapes of the facilities of the file by id, EPSG:4326; lines and sets of points have no gates.
    box : tuple of float or None
        Where the study lies; swapped coordinates are recognised by it.

    Returns
    -------
    GateReading
        Every area has an entry, whether gates belong to it or not. A gate belongs to the area with the nearest border
        (of equally near ones the smaller id), at most 20 m away.

    Raises
    ------
    StudyError
        The file is missing or broken, or its coordinates are.
    """
    table = corrections.apply(read_table(path, source.layer, file=source.path))
    labels = pick.recognised_labels(table)
    places = locate(table, source, labels, box=box, keep_outside=True)
    areas = {code: shapes[code] for code in sorted(shapes) if is_area(shapes[code])}
    owner = _owners(areas, places.lon[places.kept], places.lat[places.kept])
    rows = np.flatnonzero(places.kept)
    reason = problem("doors.no_area", limit=FARTHEST_M)
    left = [
        SetAside(
            source.path,
            table.layer,
            int(table.rows[row]),
            labels[row],
            _place(places.lon[row], places.lat[row]),
            reason,
        )
        for row, code in zip(rows.tolist(), owner, strict=True)
        if code is None
    ]
    gates = {}
    for code in areas:
        mine = rows[np.array([one == code for one in owner], dtype=bool)]
        gates[code] = np.column_stack((places.lon[mine], places.lat[mine]))
    lost = (*places.set_aside, *left)
    used = (table.rows[row] for row, code in zip(rows.tolist(), owner, strict=True) if code is not None)
    return GateReading(gates, lost, places.notices, account(table, used, lost))


def _place(lon: float, lat: float) -> str:
    return f"{lon:.6f}, {lat:.6f}"


def _owners(
    areas: Mapping[str, shapely.Geometry], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> list[str | None]:
    """Return the area each gate belongs to, None where there is none."""
    if not areas:
        return [None] * len(lon)
    codes, shapes = list(areas), np.array(list(areas.values()), dtype=object)
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    working = WorkingCrs((west, south, east, north))
    planar = shapely.transform(shapes, lambda xy: working.project(xy[:, 0], xy[:, 1]))
    points = shapely.points(working.project(lon, lat))
    # candidates from twice as far: far from its middle the working CRS stretches
    gate, area = shapely.STRtree(shapely.boundary(planar)).query(points, predicate="dwithin", distance=2.0 * FARTHEST_M)
    lines = {k: outlines(shapes[k]) for k in np.unique(area).tolist()}
    best: dict[int, tuple[int, str]] = {}
    for g, a in zip(gate.tolist(), area.tolist(), strict=True):
        mm = min(away_mm(line, np.array([lon[g], lat[g]]), working) for line in lines[a])
        if mm <= FARTHEST_M * 1000:
            best[g] = min(best.get(g, (mm, codes[a])), (mm, codes[a]))
    return [best[g][1] if g in best else None for g in range(len(lon))]
