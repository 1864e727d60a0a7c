"""Does a straight leg cross a barrier?

Crossing means that the interiors meet (DE-9IM ``T********``); touching is not crossing. Lines that meet end to end
are merged; merged lines are indexed in short pieces that overlap by one segment, so that every inner vertex is an
inner vertex of some piece. Where three or more lines meet, a leg through the meeting point crosses too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Vertices in one indexed piece of a barrier line.
PIECE_VERTICES = 16
#: Legs tested at once: bounds the memory of the candidate pairs.
BLOCK = 200_000
INTERIORS_MEET = "T********"
#: A leg shorter than this crosses nothing (metres).
NO_LEG_M = 0.001


class Crossings:
    """Barriers in the working CRS, indexed once.

    Parameters
    ----------
    shapes : object array of shapely geometries
        Lines and areas in the working CRS.
    is_wall : bool array
        Which of them are walls (they yield for a facility that nothing else bars).
    """

    def __init__(self, shapes: NDArray[np.object_], is_wall: NDArray[np.bool_]) -> None:
        self._walls = _Index(shapes[is_wall])
        self._others = _Index(shapes[~is_wall])

    def crossed(
        self, start_xy: NDArray[np.float64], end_xy: NDArray[np.float64], *, ignore_walls: bool = False
    ) -> NDArray[np.bool_]:
        """Return, for legs ``(legs, 2) -> (legs, 2)`` in metres, whether each crosses a barrier."""
        result = np.zeros(len(start_xy), dtype=bool)
        for first in range(0, len(start_xy), BLOCK):
            part = slice(first, first + BLOCK)
            result[part] = self._crossed(start_xy[part], end_xy[part], ignore_walls=ignore_walls)
        return result

    def _crossed(
        self, start_xy: NDArray[np.float64], end_xy: NDArray[np.float64], *, ignore_walls: bool
    ) -> NDArray[np.bool_]:
        result = np.zeros(len(start_xy), dtype=bool)
        long = np.flatnonzero(np.hypot(*(end_xy - start_xy).T) > NO_LEG_M)
        legs = shapely.linestrings(np.stack((start_xy[long], end_xy[long]), axis=1))
        hit = self._others.crossed(legs)
        if not ignore_walls:
            hit |= self._walls.crossed(legs)
        result[long] = hit
        return result

    def meets_near(
        self,
        shapes: NDArray[np.object_],
        places_xy: NDArray[np.float64],
        within_m: float,
        *,
        ignore_walls: bool = False,
    ) -> NDArray[np.bool_]:
        """Return whether each geometry touches or crosses a barrier at most ``within_m`` from its place."""
        places = shapely.points(places_xy)
        hit = self._others.meets_near(shapes, places, within_m)
        return hit if ignore_walls else hit | self._walls.meets_near(shapes, places, within_m)


class _Index:
    """Pieces of lines, the vertices where lines meet, and areas, each in its own tree."""

    def __init__(self, shapes: NDArray[np.object_]) -> None:
        parts = shapely.get_parts(np.asarray(shapes, dtype=object))
        kind = shapely.get_type_id(parts)
        areas = parts[np.isin(kind, (3,))]
        # a line without length (a way that repeats one node) bars nothing
        is_line = np.isin(kind, (1, 2)) & (shapely.length(parts) > 0)
        merged = [shapely.get_coordinates(line) for line in _merged(parts[is_line])]
        lines = [piece for line in merged for piece in _pieces(line)]
        self._areas = areas
        shapely.prepare(self._areas)
        self._lines = np.array([shapely.LineString(c) for c in lines], dtype=object)
        self._vertices = _shared_ends(merged)
        self._area_tree = shapely.STRtree(self._areas)
        self._line_tree = shapely.STRtree(self._lines)
        self._vertex_tree = shapely.STRtree(self._vertices)

    def crossed(self, legs: NDArray[np.object_]) -> NDArray[np.bool_]:
        hit = np.zeros(len(legs), dtype=bool)
        for tree, shapes in (
            (self._line_tree, self._lines),
            (self._vertex_tree, self._vertices),
            (self._area_tree, self._areas),
        ):
            leg, shape = tree.query(legs)
            pair = np.column_stack((leg, shape))
            pair = pair[~hit[pair[:, 0]]]
            if len(pair) == 0:
                continue
            pair = pair[shapely.intersects(shapes[pair[:, 1]], legs[pair[:, 0]])]
            meet = shapely.relate_pattern(shapes[pair[:, 1]], legs[pair[:, 0]], INTERIORS_MEET)
            hit[pair[meet, 0]] = True
        return hit

    def meets_near(
        self, shapes: NDArray[np.object_], places: NDArray[np.object_], within_m: float
    ) -> NDArray[np.bool_]:
        hit = np.zeros(len(shapes), dtype=bool)
        for tree, parts in ((self._line_tree, self._lines), (self._area_tree, self._areas)):
            row, part = tree.query(places, predicate="dwithin", distance=within_m)
            # whole geometries: a clipped piece of a shape that runs along a barrier no longer lies exactly on it
            common = shapely.intersection(shapes[row], parts[part])
            hit[row[shapely.distance(common, places[row]) <= within_m]] = True
        return hit


def _merged(lines: NDArray[np.object_]) -> list[Any]:
    """Join lines where exactly two of them meet end to end."""
    if len(lines) == 0:
        return []
    return list(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(list(lines)))))


def _pieces(coordinates: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Cut a line into pieces that overlap by one segment; a ring's last piece goes on past its first vertex.

    With pieces that only share a vertex, a leg within a rounding error of that vertex would slip between them.
    """
    if len(coordinates) <= PIECE_VERTICES:
        return [coordinates]
    if np.array_equal(coordinates[0], coordinates[-1]):
        coordinates = np.concatenate((coordinates, coordinates[1:2]))
    step = PIECE_VERTICES - 2
    return [coordinates[i : i + PIECE_VERTICES] for i in range(0, len(coordinates) - 2, step)]


def _shared_ends(lines: list[NDArray[np.float64]]) -> NDArray[Any]:
    """Return the vertices where at least two lines end."""
    if not lines:
        return np.zeros(0, dtype=object)
    ends = np.concatenate([line[[0, -1]] for line in lines])
    unique, count = np.unique(ends, axis=0, return_counts=True)
    return np.asarray(shapely.points(unique[count > 1]), dtype=object).reshape(-1)
