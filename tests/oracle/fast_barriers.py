"""Which of many straight legs cross a barrier: the slow oracle's question, asked of all legs at once.

The method is another one: a leg crosses when it passes clean through one piece of a barrier's outline (the signs of
four turns say so) or starts inside an area; only the rare leg that merely touches something is put to GEOS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

# A turn whose sign could be rounding: doubled area in square metres, for coordinates of up to a few hundred kilometres.
UNSURE_M2 = 1e-4
SHORTEST_LEG_M = 0.001


def _turn(ax: np.ndarray, ay: np.ndarray, bx: np.ndarray, by: np.ndarray, cx: np.ndarray, cy: np.ndarray) -> np.ndarray:
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


class ManyLegs:
    """Barrier geometries (working CRS, metres) cut into the single pieces of their outlines."""

    def __init__(self, geometries: Sequence[BaseGeometry]) -> None:
        self.geometries = np.array(list(geometries), dtype=object)
        shapely.prepare(self.geometries)
        parts, owner = shapely.get_parts(shapely.boundary(self.geometries), return_index=True)
        is_line = shapely.get_type_id(self.geometries) == shapely.GeometryType.LINESTRING
        line_rows = np.flatnonzero(is_line)
        ring = ~is_line[owner] if len(owner) else np.zeros(0, dtype=bool)
        outlines = np.concatenate([self.geometries[line_rows], parts[ring]])
        owners = np.concatenate([line_rows, owner[ring]]).astype(np.int64)
        xy, line_of = shapely.get_coordinates(outlines, return_index=True)
        same = line_of[1:] == line_of[:-1] if len(line_of) else np.zeros(0, dtype=bool)
        self.start, self.end = xy[:-1][same], xy[1:][same]
        self.owner = owners[line_of[:-1][same]] if len(same) else np.zeros(0, dtype=np.int64)
        low, high = np.minimum(self.start, self.end), np.maximum(self.start, self.end)
        self.tree = shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
        self.area_rows = np.flatnonzero(~is_line)

    def inside(self, xy: np.ndarray) -> np.ndarray:
        """(point row, geometry row) of points strictly inside a barrier area."""
        some = np.zeros(len(xy), dtype=bool)
        for west, south, east, north in shapely.bounds(self.geometries[self.area_rows]):
            some |= (xy[:, 0] > west) & (xy[:, 0] < east) & (xy[:, 1] > south) & (xy[:, 1] < north)
        near = np.flatnonzero(some)
        tree = shapely.STRtree(shapely.points(xy[near]))
        area, point = tree.query(self.geometries[self.area_rows], predicate="contains_properly")
        return np.column_stack([near[point], self.area_rows[area]])

    def crossed(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """For legs from start to end (arrays n x 2): does the leg's interior meet a barrier's interior?"""
        answer = np.zeros(len(start), dtype=bool)
        if not len(self.geometries) or not len(start):
            return answer
        long_enough = np.flatnonzero(np.hypot(*(end - start).T) >= SHORTEST_LEG_M)
        start, end = start[long_enough], end[long_enough]
        low, high = np.minimum(start, end), np.maximum(start, end)
        leg, piece = self.tree.query(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
        found = np.zeros(len(start), dtype=bool)
        corners = (*start[leg].T, *end[leg].T)
        c, d = self.start[piece].T, self.end[piece].T
        of_leg = _turn(*corners, *c), _turn(*corners, *d)
        of_piece = _turn(*c, *d, *start[leg].T), _turn(*c, *d, *end[leg].T)
        unsure = np.zeros(len(leg), dtype=bool)
        apart = np.zeros(len(leg), dtype=bool)
        for one, other in (of_leg, of_piece):
            sure = (np.abs(one) > UNSURE_M2) & (np.abs(other) > UNSURE_M2)
            apart |= sure & ((one > 0) == (other > 0))
            unsure |= ~sure
        found[leg[~apart & ~unsure]] = True
        inside = self.inside(start)
        inside = inside[~found[inside[:, 0]]] if len(inside) else inside
        open_pairs = ~apart & unsure & ~found[leg]
        ask = np.concatenate([np.column_stack([leg[open_pairs], self.owner[piece[open_pairs]]]), inside]).astype(int)
        ask = np.unique(ask, axis=0)
        lines = shapely.linestrings(np.stack([start[ask[:, 0]], end[ask[:, 0]]], axis=1)) if len(ask) else []
        met = shapely.relate_pattern(lines, self.geometries[ask[:, 1]], "T********") if len(ask) else []
        found[ask[np.asarray(met, dtype=bool), 0]] = True
        answer[long_enough] = found
        return answer
