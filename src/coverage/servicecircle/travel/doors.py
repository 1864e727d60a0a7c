"""Access legs: the straight pieces between points (people or doors) and the network."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo.crs import SCALE_SLACK, geodesic_m
from servicecircle.travel.network import MS_KMH_PER_MM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from servicecircle.geo.crossings import Crossings
    from servicecircle.geo.crs import WorkingCrs
    from servicecircle.standards.modes import Mode
    from servicecircle.travel.network import Network

#: Legs kept per point, sought among the nearest edges of the mode (design section 9).
LEGS_KEPT = 8
EDGES_TRIED = 24
#: A leg that ends where its road meets a barrier is tested up to this far before its end.
ROAD_END_M = 0.5
#: Points whose candidate edges are gathered at once.
BLOCK = 5_000
#: First search radii in metres; the last resort is the access limit itself.
SEARCH_M = (60.0, 120.0, 250.0, 500.0)


@dataclass(frozen=True)
class Access:
    """Legs of many points for one mode, sorted by (point, leg length, edge).

    Attributes
    ----------
    points : int
        Number of points (some may have no leg).
    point, edge : int64 arrays (legs,)
    from_start_mm : int64 array (legs,)
        Place of the foot along the edge.
    leg_mm : int64 array (legs,)
    yielded : bool array (points,)
        Points whose legs cross a wall because nothing else was left.
    """

    points: int
    point: NDArray[np.int64]
    edge: NDArray[np.int64]
    from_start_mm: NDArray[np.int64]
    leg_mm: NDArray[np.int64]
    yielded: NDArray[np.bool_]

    def attached(self) -> NDArray[np.bool_]:
        """Return whether each point has a leg."""
        has = np.zeros(self.points, dtype=bool)
        has[self.point] = True
        return has

    def with_point(self, other: Access, row: int) -> Access:
        """Return the legs with those of one point of another set added as the last point."""
        legs = np.flatnonzero(other.point == row)
        return Access(
            self.points + 1,
            np.append(self.point, np.full(len(legs), self.points)),
            np.append(self.edge, other.edge[legs]),
            np.append(self.from_start_mm, other.from_start_mm[legs]),
            np.append(self.leg_mm, other.leg_mm[legs]),
            np.append(self.yielded, other.yielded[row]),
        )

    def without(self, points: NDArray[np.bool_]) -> Access:
        """Return the legs of the same points but those of some of them."""
        rows = ~points[self.point]
        return Access(
            self.points,
            self.point[rows],
            self.edge[rows],
            self.from_start_mm[rows],
            self.leg_mm[rows],
            self.yielded & ~points,
        )

    def subset(self, points: NDArray[np.int64]) -> Access:
        """Return the legs of some points, ascending, renumbered from 0."""
        # legs are sorted by point: only those of the points asked for are looked at
        first, last = (np.searchsorted(self.point, points, side) for side in ("left", "right"))
        count = last - first
        rows = spans(first, count)
        return Access(
            len(points),
            np.repeat(np.arange(len(points)), count),
            self.edge[rows],
            self.from_start_mm[rows],
            self.leg_mm[rows],
            self.yielded[points],
        )

    def shorter(self, most_mm: int) -> Access:
        """Return the legs of at most so many millimetres."""
        return self.only(self.leg_mm <= most_mm)

    def only(self, rows: NDArray[np.bool_]) -> Access:
        """Return some of the legs of the same points."""
        return Access(
            self.points, self.point[rows], self.edge[rows], self.from_start_mm[rows], self.leg_mm[rows], self.yielded
        )

    def united(self, other: Access, points: NDArray[np.int64]) -> Access:
        """Return the legs with those of another set, whose points are ``points`` of this one and have no legs here."""
        point = np.concatenate((self.point, points[other.point]))
        order = np.argsort(point, kind="stable")
        yielded = self.yielded.copy()
        yielded[points] = other.yielded
        return Access(
            self.points,
            point[order],
            np.concatenate((self.edge, other.edge))[order],
            np.concatenate((self.from_start_mm, other.from_start_mm))[order],
            np.concatenate((self.leg_mm, other.leg_mm))[order],
            yielded,
        )

    def reordered(self, order: NDArray[np.int64]) -> Access:
        """Return the legs of the same points in another order."""
        place = np.empty(self.points, dtype=np.int64)
        place[order] = np.arange(self.points)
        point = place[self.point]
        rows = np.argsort(point, kind="stable")
        return Access(
            self.points, point[rows], self.edge[rows], self.from_start_mm[rows], self.leg_mm[rows], self.yielded[order]
        )


def spans(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the whole numbers of several runs, one run after the other: ``count`` of them from each ``first``."""
    return np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())


def leg_ms(mode: Mode, leg_mm: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return milliseconds of access legs: the first metres at the walking access speed, the rest at the mode's."""
    near_mm = np.minimum(leg_mm, mode.near_access_m * 1000)
    far_mm = leg_mm - near_mm
    return np.rint(near_mm * MS_KMH_PER_MM / mode.near_access_kmh + far_mm * MS_KMH_PER_MM / mode.access_kmh).astype(
        np.int64
    )


@dataclass(frozen=True)
class _Feet:
    """Feet of points on edges, one row per (point, edge)."""

    point: NDArray[np.int64]
    edge: NDArray[np.int64]
    from_start_mm: NDArray[np.int64]
    leg_mm: NDArray[np.int64]
    foot_xy: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Feet:
        return _Feet(self.point[rows], self.edge[rows], self.from_start_mm[rows], self.leg_mm[rows], self.foot_xy[rows])


class AccessFinder:
    """Finds the edges near points, once for all modes.

    Parameters
    ----------
    limit_m : float
        Longest leg; a leg of exactly the limit is kept.
    """

    def __init__(self, network: Network, working: WorkingCrs, crossings: Crossings, *, limit_m: float) -> None:
        self._network = network
        self._working = working
        self._crossings = crossings
        self.limit_m = limit_m
        self._shapes = _attach_shapes(network, np.arange(network.size))
        self._trees: dict[tuple[str, ...], tuple[shapely.STRtree, NDArray[np.int64]]] = {}

    def _tree(self, modes: tuple[str, ...]) -> tuple[shapely.STRtree, NDArray[np.int64]]:
        """Return a tree of the edges that any of some modes may attach to, and those edges."""
        if modes not in self._trees:
            attachable = np.zeros(self._network.size, dtype=bool)
            for mode in modes:
                attachable |= self._network.modes[mode].attachable
            edges = np.flatnonzero(attachable)
            self._trees[modes] = shapely.STRtree(self._shapes[edges]), edges
        return self._trees[modes]

    def find(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], modes: Iterable[str], *, walls_yield: bool = False
    ) -> dict[str, Access]:
        """Return the kept legs of each point for each mode.

        Parameters
        ----------
        walls_yield : bool
            For facilities: where every candidate is barred and would not be without walls, walls are ignored.
        """
        same = self._like(tuple(modes))
        modes = tuple(dict.fromkeys(same.values()))
        found: dict[str, list[tuple[_Feet, NDArray[np.bool_]]]] = {mode: [] for mode in modes}
        for first in range(0, len(lon), BLOCK):
            last = min(first + BLOCK, len(lon))
            xy = self._working.project(lon[first:last], lat[first:last])
            feet, candidates = self._nearest(lon[first:last], lat[first:last], xy, modes)
            wanted = np.ones(len(feet.point), dtype=bool)
            barred = self._barred(feet, xy, wanted, ignore_walls=False)
            free = self._barred(feet, xy, wanted & barred, ignore_walls=True) if walls_yield else barred
            for mode, rows in candidates.items():
                part, yielded = _keep(feet, rows, barred, free, last - first, walls_yield=walls_yield)
                shifted = _Feet(part.point + first, part.edge, part.from_start_mm, part.leg_mm, part.foot_xy)
                found[mode].append((shifted, yielded))
        joined = {mode: _joined(parts, len(lon)) for mode, parts in found.items()}
        return {mode: joined[first] for mode, first in same.items()}

    def _like(self, modes: tuple[str, ...]) -> dict[str, str]:
        """Return for each mode the first that may attach to the same edges: their legs are the same."""
        firsts: dict[bytes, str] = {}
        return {mode: firsts.setdefault(self._network.modes[mode].attachable.tobytes(), mode) for mode in modes}

    @property
    def _farthest(self) -> float:
        """Planar metres that miss no edge within the limit, not even one a few millimetres inside it."""
        return self.limit_m * (1 + SCALE_SLACK) + 0.01

    def limited(self, limit_m: float) -> AccessFinder:
        """Return a finder of the same edges with another limit; what is indexed is shared."""
        other = copy.copy(self)
        other.limit_m = limit_m
        return other

    def near(self, lon: NDArray[np.float64], lat: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the points, ascending, that lie within the limit of any of some edges, or beyond it by a hair."""
        tree = shapely.STRtree(self._shapes[edges])
        points = shapely.points(self._working.project(lon, lat))
        return np.unique(tree.query(points, predicate="dwithin", distance=self._farthest)[0])

    def _nearest(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], xy: NDArray[np.float64], modes: tuple[str, ...]
    ) -> tuple[_Feet, dict[str, NDArray[np.int64]]]:
        """Return the feet on the nearest edges of all modes, each once, and each mode's rows among them.

        Rows are sorted by (point, leg, edge). Rings grow for a point and a mode until enough edges of the mode lie
        well inside: what lies beyond cannot be nearer. A wider ring asks only for edges of modes that still lack some.
        """
        lacking = np.ones((len(lon), len(modes)), dtype=bool)
        found: dict[str, list[_Feet]] = {mode: [] for mode in modes}
        last = self._farthest
        for radius in (*[r for r in SEARCH_M if r < self.limit_m], last):
            enough = radius * 1000 * (1 - SCALE_SLACK) if radius < last else -1.0
            for wanted in np.unique(lacking[lacking.any(axis=1)], axis=0):
                points = np.flatnonzero((lacking == wanted).all(axis=1))
                chosen = tuple(mode for mode, yes in zip(modes, wanted, strict=True) if yes)
                feet = self._feet(lon, lat, xy, points, radius, chosen)
                for mode in chosen:
                    mine, done = self._of_mode(feet, mode, points, enough)
                    found[mode].append(mine)
                    lacking[done, modes.index(mode)] = False
            if not lacking.any():
                break
        return _united({mode: _concatenate(parts) for mode, parts in found.items()})

    def _of_mode(
        self, feet: _Feet, mode: str, points: NDArray[np.int64], enough_mm: float
    ) -> tuple[_Feet, NDArray[np.int64]]:
        """Return the nearest feet of one mode for the points that are done with this ring, and those points."""
        of_mode = self._network.modes[mode].attachable[feet.edge] & (feet.leg_mm <= round(self.limit_m * 1000))
        rows = np.flatnonzero(of_mode)
        done = np.zeros(int(points.max(initial=0)) + 1, dtype=bool)
        inside = np.bincount(feet.point[rows[feet.leg_mm[rows] < enough_mm]], minlength=len(done))
        done[points] = (inside[points] >= EDGES_TRIED) | (enough_mm < 0)
        rows = rows[done[feet.point[rows]]]
        return feet.take(rows[_rank(feet.point[rows]) < EDGES_TRIED]), np.flatnonzero(done)

    def _feet(
        self,
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        xy: NDArray[np.float64],
        points: NDArray[np.int64],
        radius: float,
        modes: tuple[str, ...],
    ) -> _Feet:
        """Return the feet of some points on all edges of some modes within ``radius`` metres, by (point, leg, edge)."""
        tree, edges = self._tree(modes)
        row, shape = tree.query(shapely.points(xy[points]), predicate="dwithin", distance=radius)
        point, edge = points[row], edges[shape]
        foot = _foot(self._network, xy[point], edge)
        leg_m = geodesic_m(lon[point], lat[point], foot.lon, foot.lat)
        leg_mm = np.rint(leg_m * 1000).astype(np.int64)
        order = np.lexsort((edge, leg_mm, point))
        return _Feet(point, edge, foot.from_start_mm, leg_mm, foot.xy).take(order)

    def _barred(
        self, feet: _Feet, xy: NDArray[np.float64], wanted: NDArray[np.bool_], *, ignore_walls: bool
    ) -> NDArray[np.bool_]:
        """Return which wanted legs cross a barrier; one ending where its road meets a barrier is tested short of it."""
        barred = np.zeros(len(feet.point), dtype=bool)
        rows = np.flatnonzero(wanted)
        start, end = xy[feet.point[rows]], feet.foot_xy[rows]
        crossing = rows[self._crossings.crossed(start, end, ignore_walls=ignore_walls)]
        barred[crossing] = True
        start, end = xy[feet.point[crossing]], feet.foot_xy[crossing]
        length = np.hypot(*(end - start).T)
        keep = np.maximum(length - ROAD_END_M, 0.0) / np.maximum(length, ROAD_END_M)
        short = crossing[
            ~self._crossings.crossed(start, start + (end - start) * keep[:, None], ignore_walls=ignore_walls)
        ]
        lines = _edge_lines(self._network, feet.edge[short])
        meets = self._crossings.meets_near(lines, feet.foot_xy[short], ROAD_END_M, ignore_walls=ignore_walls)
        barred[short[meets]] = False
        return barred


def _united(feet: dict[str, _Feet]) -> tuple[_Feet, dict[str, NDArray[np.int64]]]:
    """Unite the feet of several modes, each (point, edge) once, and return each mode's rows among them."""
    everything = _concatenate(list(feet.values()))
    order = np.lexsort((everything.edge, everything.leg_mm, everything.point))
    ordered = everything.take(order)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(ordered.point) != 0) | (np.diff(ordered.edge) != 0)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    starts = np.concatenate(([0], np.cumsum([len(part.point) for part in feet.values()])))
    rows = {mode: np.sort(place[starts[i] : starts[i + 1]]) for i, mode in enumerate(feet)}
    return ordered.take(new), rows


def _rank(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each row inside its group; groups are contiguous."""
    if len(group) == 0:
        return np.zeros(0, dtype=np.int64)
    first = np.flatnonzero(np.concatenate(([True], np.diff(group) != 0)))
    size = np.diff(np.concatenate((first, [len(group)])))
    return np.arange(len(group)) - np.repeat(first, size)


def _keep(
    feet: _Feet,
    rows: NDArray[np.int64],
    barred: NDArray[np.bool_],
    barred_without_walls: NDArray[np.bool_],
    points: int,
    *,
    walls_yield: bool,
) -> tuple[_Feet, NDArray[np.bool_]]:
    """Keep the first legs of each point that cross nothing; say whose walls had to yield."""
    yielded = np.zeros(points, dtype=bool)
    free = rows[~barred[rows]]
    if walls_yield:
        has = np.zeros(points, dtype=bool)
        has[feet.point[free]] = True
        rescued = rows[~has[feet.point[rows]] & ~barred_without_walls[rows]]
        yielded[feet.point[rescued]] = True
        free = np.sort(np.concatenate((free, rescued)))
    return feet.take(free[_rank(feet.point[free]) < LEGS_KEPT]), yielded


def _concatenate(parts: list[_Feet]) -> _Feet:
    return _Feet(
        np.concatenate([p.point for p in parts]),
        np.concatenate([p.edge for p in parts]),
        np.concatenate([p.from_start_mm for p in parts]),
        np.concatenate([p.leg_mm for p in parts]),
        np.concatenate([p.foot_xy for p in parts]),
    )


def _joined(parts: list[tuple[_Feet, NDArray[np.bool_]]], points: int) -> Access:
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Access(points, none, none, none, none, np.zeros(points, dtype=bool))
    feet = _concatenate([part for part, _ in parts])
    return Access(points, feet.point, feet.edge, feet.from_start_mm, feet.leg_mm, np.concatenate([y for _, y in parts]))


def _edge_lines(network: Network, edges: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return edges as lines in the working CRS."""
    return network_lines(network, edges, network.xy)


def network_lines(network: Network, edges: NDArray[np.int64], vertices: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return edges as lines through ``vertices``, float64 (vertices of the network, 2)."""
    first, last = network.point_start[edges], network.point_start[edges + 1]
    count = last - first
    vertex = spans(first, count)
    if len(edges) == 0:
        return np.zeros(0, dtype=object)
    return np.asarray(
        shapely.linestrings(vertices[vertex], indices=np.repeat(np.arange(len(edges)), count)), dtype=object
    )


def _attach_shapes(network: Network, edges: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return what legs may end on: the whole edge; of steps only the two ends."""
    shapes = _edge_lines(network, edges)
    for i in np.flatnonzero(network.road_class[edges] == "steps"):
        edge = edges[i]
        shapes[i] = shapely.MultiPoint(network.xy[[network.point_start[edge], network.point_start[edge + 1] - 1]])
    return shapes


@dataclass(frozen=True)
class _Foot:
    xy: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    from_start_mm: NDArray[np.int64]


def _foot(network: Network, xy: NDArray[np.float64], edge: NDArray[np.int64]) -> _Foot:
    """Return the nearest place on each edge (of the first nearest segment; of steps, the nearer end)."""
    segment, t = _nearest_segment(network, xy, edge)
    along = network.along_m[segment] + t * (network.along_m[segment + 1] - network.along_m[segment])
    foot_xy = network.xy[segment] + t[:, None] * (network.xy[segment + 1] - network.xy[segment])
    lon = network.lon[segment] + t * (network.lon[segment + 1] - network.lon[segment])
    lat = network.lat[segment] + t * (network.lat[segment + 1] - network.lat[segment])
    mm = np.minimum(np.rint(along * 1000).astype(np.int64), network.mm[edge])
    return _Foot(foot_xy, lon, lat, mm)


def _nearest_segment(
    network: Network, xy: NDArray[np.float64], edge: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, per (point, edge), the first vertex of the nearest segment and the place on it (0 to 1)."""
    if len(edge) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    first = network.point_start[edge]
    count = network.point_start[edge + 1] - first - 1
    begin = np.concatenate(([0], np.cumsum(count)[:-1]))
    owner = np.repeat(np.arange(len(edge)), count)
    segment = np.repeat(first - begin, count) + np.arange(count.sum())
    a = network.xy[segment]
    step = network.xy[segment + 1] - a
    square = (step**2).sum(axis=1)
    t = ((xy[owner] - a) * step).sum(axis=1) / np.where(square > 0, square, 1.0)
    t = np.clip(t, 0.0, 1.0)
    # the end of a segment is the vertex itself: on a closed loop its first and last place are equally near
    ahead = np.where((t == 1.0)[:, None], xy[owner] - network.xy[segment + 1], xy[owner] - a - t[:, None] * step)
    distance = np.hypot(*ahead.T)
    is_steps = (network.road_class[edge] == "steps")[owner]
    if is_steps.any():
        t, distance = _only_ends(network, xy, edge, owner, segment, is_steps, t, distance)
    best = np.minimum.reduceat(distance, begin)
    hit = np.flatnonzero(distance == best[owner])
    chosen = hit[np.unique(owner[hit], return_index=True)[1]]
    return segment[chosen], t[chosen]


def _only_ends(
    network: Network,
    xy: NDArray[np.float64],
    edge: NDArray[np.int64],
    owner: NDArray[np.int64],
    segment: NDArray[np.int64],
    is_steps: NDArray[np.bool_],
    t: NDArray[np.float64],
    distance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Let steps be reached at their two ends only."""
    t, distance = t.copy(), distance.copy()
    first = network.point_start[edge][owner]
    last = network.point_start[edge + 1][owner] - 2
    to_tail = np.hypot(*(xy[owner] - network.xy[first]).T)
    to_head = np.hypot(*(xy[owner] - network.xy[last + 1]).T)
    distance[is_steps] = np.inf
    for end, place, value in ((last, 1.0, to_head), (first, 0.0, to_tail)):
        at = is_steps & (segment == end) & (value < distance)
        at |= is_steps & (segment == end) & (place == 0.0) & (value <= distance)
        t[at], distance[at] = place, value[at]
    return t, distance
