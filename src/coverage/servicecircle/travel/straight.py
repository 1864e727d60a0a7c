"""Straight lines: nearest facility as the crow flies, and short straight walks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from servicecircle.geo.crs import SCALE_SLACK, geodesic_m

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.geo.crs import WorkingCrs

BLOCK = 100_000


def nearest_straight(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    to_lon: NDArray[np.float64],
    to_lat: NDArray[np.float64],
    working: WorkingCrs,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, per point, the geodesic millimetres to the nearest target and that target's index.

    Unbounded; equal millimetres go to the smaller index. The working CRS only finds candidates.
    """
    tree = cKDTree(working.project(to_lon, to_lat))
    xy = working.project(lon, lat)
    best = np.empty(len(lon), dtype=np.int64)
    who = np.empty(len(lon), dtype=np.int64)
    todo = np.arange(len(lon))
    wanted = min(4, len(to_lon))
    while len(todo):
        left = []
        for first in range(0, len(todo), BLOCK):
            part = todo[first : first + BLOCK]
            planar, index = (np.asarray(a) for a in tree.query(xy[part], k=np.arange(1, wanted + 1)))
            # what is farther in the plane than the slack allows cannot be nearest on the ellipsoid, nor as near
            close = planar <= planar[:, :1] * (1 + SCALE_SLACK) / (1 - SCALE_SLACK) + 0.01
            row, target = np.repeat(part, close.sum(axis=1)), index[close]
            mm = np.rint(geodesic_m(lon[row], lat[row], to_lon[target], to_lat[target]) * 1000).astype(np.int64)
            order = np.lexsort((target, mm, row))
            leading = np.concatenate(([True], np.diff(row[order]) != 0))
            best[part], who[part] = mm[order][leading], target[order][leading]
            beyond = planar[:, -1] * 1000 * (1 - SCALE_SLACK)
            left.append(part[(beyond <= best[part]) & (wanted < len(to_lon))])
        todo = np.concatenate(left)
        wanted = min(wanted * 4, len(to_lon))
    return best, who


def straight_pairs(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    to_lon: NDArray[np.float64],
    to_lat: NDArray[np.float64],
    working: WorkingCrs,
    *,
    limit_m: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return point, target and geodesic millimetres of every pair at most ``limit_m`` apart, sorted by point."""
    tree = cKDTree(working.project(lon, lat))
    found = tree.query_ball_point(working.project(to_lon, to_lat), limit_m * (1 + SCALE_SLACK))
    near: list[list[int]] = list(found)  # type: ignore[arg-type]
    count = np.array([len(n) for n in near], dtype=np.int64)
    target = np.repeat(np.arange(len(to_lon)), count)
    point = (
        np.concatenate([np.asarray(n, dtype=np.int64) for n in near]) if count.sum() else np.zeros(0, dtype=np.int64)
    )
    mm = np.rint(geodesic_m(lon[point], lat[point], to_lon[target], to_lat[target]) * 1000).astype(np.int64)
    inside = mm <= round(limit_m * 1000)
    point, target, mm = point[inside], target[inside], mm[inside]
    order = np.lexsort((target, point))
    return point[order], target[order], mm[order]
