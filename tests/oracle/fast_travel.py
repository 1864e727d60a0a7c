"""Door to door for a whole county: the answers of `travel.door_to_door`, for a hundred thousand points at once.

Only the doors are put into the graph (scipy's Dijkstra, one search from a node behind all doors); a demand point's
value follows from the two stops its leg lies between. Every weight is multiplied by the number of facilities and a door
weighs the rank of its id, so that the nearest facility comes with the value, ties to the smaller id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from .fast_legs import FastWorld, LegFinder, Legs, ModeEdges, _sorted
from .osm import BY_CAR, GEOD, MODES, ON_FOOT, rint
from .travel import ACCESS_KMH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .relief import Relief

# Room for an edge's stops in one integer key: edge * STRIDE + 1 + millimetres from its start.
STRIDE = 1 << 40
STATES = ("reached", "unreachable", "unattached", "no_facility")


@dataclass(frozen=True)
class Answers:
    """Per point: index into STATES, value in ms or mm (-1 where there is none), facility row (-1)."""

    state: np.ndarray
    value: np.ndarray
    facility: np.ndarray

    def within(self, limit: int) -> np.ndarray:
        """Points at most so far."""
        return (self.state == 0) & (self.value <= limit)


@dataclass
class Points:
    """Demand points or doors: lon/lat (n x 2) and their legs by mode."""

    lonlat: np.ndarray
    legs: dict[str, Legs]
    xy: np.ndarray
    walled: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))


def leg_ms_many(mode: str, mm: np.ndarray) -> np.ndarray:
    """`travel.leg_ms` for arrays."""
    if mode in BY_CAR:
        near, far = np.minimum(mm, 50000), np.maximum(mm - 50000, 0)
        return np.rint(near * 3.6 / 2.88 + far * 3.6 / 12.0).astype(np.int64)
    return np.rint(mm * 3.6 / ACCESS_KMH[mode]).astype(np.int64)


def geodesic_mm_many(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Geodesic millimetres between rows of two n x 2 arrays of degrees."""
    return np.rint(1000 * np.asarray(GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2])).astype(np.int64)


class Traveller:
    """Answers questions about one world; `relief` makes walking depend on the slope."""

    def __init__(self, fast: FastWorld, *, limit_m: float = 1000, relief: Relief | None = None) -> None:
        self.fast, self.limit_m, self.relief = fast, limit_m, relief

    def demand(self, lonlat: np.ndarray, modes: Sequence[str] = MODES) -> Points:
        """Points people start from (or are reached at)."""
        return Points(lonlat, LegFinder(self.fast, self.limit_m).find(lonlat, modes), self.fast.xy(lonlat))

    def doors(self, lonlat: np.ndarray, modes: Sequence[str] = MODES) -> Points:
        """Facilities: where nothing but walls keeps a facility from every road, walls are passed."""
        legs = LegFinder(self.fast, self.limit_m).find(lonlat, modes)
        without_walls = LegFinder(self.fast, self.limit_m, walls=False)
        walled = np.zeros(len(lonlat), dtype=bool)
        for mode in modes:
            bare = np.flatnonzero(~legs[mode].attached(len(lonlat)))
            if len(bare):
                more = without_walls.find(lonlat[bare], [mode])[mode]
                walled[bare[more.attached(len(bare))]] = True
                moved = Legs(bare[more.point], more.edge, more.mm, more.from_start_mm, more.foot)
                legs[mode] = _sorted([legs[mode], moved])
        return Points(lonlat, legs, self.fast.xy(lonlat), walled)

    def along(self, mode: str, measure: str, edge: np.ndarray, from_start_mm: np.ndarray) -> tuple[np.ndarray, ...]:
        """(forward, backward) ms or mm from an edge's start to a place on it."""
        if measure == "distance":
            return from_start_mm, from_start_mm
        if self.relief is not None and mode in ON_FOOT:
            return self.relief.along(mode, edge, from_start_mm)
        mm, ms = self.fast.mm[edge], self.fast.mode(mode).ms[edge]
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.rint(ms * from_start_mm / mm)
        value = np.where(mm > 0, np.nan_to_num(part), 0).astype(np.int64)
        return value, value

    def leg_cost(self, mode: str, measure: str, points: Points, *, outwards: bool) -> np.ndarray:
        """Cost of every leg of the points, away from them or towards them."""
        legs = points.legs[mode]
        if measure == "distance":
            return legs.mm
        flat = leg_ms_many(mode, legs.mm)
        if self.relief is None or mode not in ON_FOOT:
            return flat
        ends = (points.xy[legs.point], legs.foot)
        return self.relief.straight_ms(flat, *(ends if outwards else ends[::-1]))

    def reach(
        self, demand: Points, doors: Points, ids: Sequence[str], mode: str, *, direction: str = "to_facility",
        measure: str = "time",
    ) -> Answers:  # fmt: skip
        """Contract, Trip, for every demand point; `facility` is the row of the doors."""
        count = len(demand.lonlat)
        if not len(doors.lonlat):
            nothing = np.full(count, -1, dtype=np.int64)
            return Answers(np.full(count, 3), nothing, nothing)
        if direction not in ("to_facility", "from_facility") or measure not in ("time", "distance"):
            raise ValueError("unknown direction or measure", direction, measure)
        order = np.array(sorted(range(len(ids)), key=lambda k: ids[k]))
        rank = np.empty(len(ids), dtype=np.int64)
        rank[order] = np.arange(len(ids))
        scale, to = len(ids), direction == "to_facility"
        stops = _Stops(self, mode, measure, doors.legs[mode])
        cost = stops.search(self.leg_cost(mode, measure, doors, outwards=not to), rank, scale, to_facility=to)
        best = np.full(count, np.inf)
        legs = demand.legs[mode]
        values = stops.at(legs, cost, scale, to_facility=to)
        values = values + scale * self.leg_cost(mode, measure, demand, outwards=to).astype(float)
        np.minimum.at(best, legs.point, values)
        if mode in ON_FOOT:
            self._walk_straight(demand, doors, rank, scale, (mode, measure, to), best)
        found = np.isfinite(best)
        value = np.full(count, -1, dtype=np.int64)
        facility = value.copy()
        value[found], who = np.divmod(best[found].astype(np.int64), scale)
        facility[found] = order[who]
        state = np.where(found, 0, np.where(legs.attached(count), 1, 2))
        return Answers(state, value, facility)

    def _walk_straight(
        self, demand: Points, doors: Points, rank: np.ndarray, scale: int, how: tuple[str, str, bool], best: np.ndarray
    ) -> None:
        """Contract, Straight walking: lower `best` where a straight walk that crosses nothing is better."""
        mode, measure, to = how
        near = cKDTree(doors.xy).query_ball_point(demand.xy, 1.001 * self.limit_m + 1)
        point = np.repeat(np.arange(len(near)), [len(n) for n in near])
        door = np.fromiter((k for n in near for k in n), dtype=np.int64, count=len(point))
        mm = geodesic_mm_many(demand.lonlat[point], doors.lonlat[door])
        walked = leg_ms_many(mode, mm) if measure == "time" else mm
        if measure == "time" and self.relief is not None:
            ends = (demand.xy[point], doors.xy[door])
            walked = self.relief.straight_ms(walked, *(ends if to else ends[::-1]))
        value = (scale * walked + rank[door]).astype(float)
        useful = np.flatnonzero((mm <= rint(1000 * self.limit_m)) & (value < best[point]))
        barred = self.fast.barriers.crossed(demand.xy[point[useful]], doors.xy[door[useful]])
        useful = useful[~barred]
        np.minimum.at(best, point[useful], value[useful])


class _Stops:
    """The edges of one mode, each cut at the feet of the doors' legs: tail, feet in order, head."""

    def __init__(self, traveller: Traveller, mode: str, measure: str, legs: Legs) -> None:
        fast = self.fast = traveller.fast
        self.traveller, self.mode, self.measure, self.legs = traveller, mode, measure, legs
        self.use: ModeEdges = fast.mode(mode)
        edges = np.flatnonzero(self.use.allowed)
        self.feet, self.foot_of_leg = np.unique(legs.edge * STRIDE + 1 + legs.from_start_mm, return_inverse=True)
        foot_edge, foot_mm = np.divmod(self.feet - 1, STRIDE)
        key = np.concatenate([edges * STRIDE, self.feet, edges * STRIDE + STRIDE // 2])
        node = np.concatenate([fast.tail[edges], fast.nodes + np.arange(len(self.feet)), fast.head[edges]])
        edge = np.concatenate([edges, foot_edge, edges])
        mm = np.concatenate([np.zeros(len(edges), np.int64), foot_mm, fast.mm[edges]])
        order = np.argsort(key, kind="stable")
        self.key, self.node, self.edge, mm = key[order], node[order], edge[order], mm[order]
        self.forward, self.backward = traveller.along(mode, measure, self.edge, mm)

    def search(self, door_cost: np.ndarray, rank: np.ndarray, scale: int, *, to_facility: bool) -> np.ndarray:
        """Scaled cost between the doors and every stop's node."""
        same = np.flatnonzero(self.edge[1:] == self.edge[:-1])
        a, b, edge = self.node[same], self.node[same + 1], self.edge[same]
        go, back = np.diff(self.forward)[same], np.diff(self.backward)[same]
        f, r = self.use.forward[edge], self.use.backward[edge]
        start, end = np.concatenate([a[f], b[r]]), np.concatenate([b[f], a[r]])
        if to_facility:
            start, end = end, start
        weight = np.concatenate([go[f], back[r]]) * scale
        first_door = self.fast.nodes + len(self.feet)
        source = first_door + len(rank)
        start = np.concatenate([start, first_door + self.legs.point, np.full(len(rank), source)])
        end = np.concatenate([end, self.fast.nodes + self.foot_of_leg, first_door + np.arange(len(rank))])
        weight = np.concatenate([weight, scale * door_cost, rank])
        return dijkstra(_least(start, end, weight, source + 1), indices=source)

    def at(self, legs: Legs, cost: np.ndarray, scale: int, *, to_facility: bool) -> np.ndarray:
        """Scaled cost between the doors and the foot of every leg."""
        key = legs.edge * STRIDE + 1 + legs.from_start_mm
        after = np.searchsorted(self.key, key)
        exact = self.key[np.minimum(after, len(self.key) - 1)] == key if len(self.key) else np.zeros(0, dtype=bool)
        before = after - 1
        go, back = self.traveller.along(self.mode, self.measure, legs.edge, legs.from_start_mm)
        ahead = cost[self.node[after]] + scale * np.abs(self._side(after, to_facility) - (go if to_facility else back))
        behind = cost[self.node[before]] + scale * np.abs(
            (back if to_facility else go) - self._side(before, not to_facility)
        )
        f, r = self.use.forward[legs.edge], self.use.backward[legs.edge]
        use_ahead, use_behind = (f, r) if to_facility else (r, f)
        value = np.minimum(np.where(use_ahead, ahead, np.inf), np.where(use_behind, behind, np.inf))
        return np.where(exact, cost[self.node[after]], value)

    def _side(self, stop: np.ndarray, forward: bool) -> np.ndarray:
        return (self.forward if forward else self.backward)[stop]


def _least(start: np.ndarray, end: np.ndarray, weight: np.ndarray, count: int) -> csr_array:
    """A matrix of arcs, of parallel ones the least; arcs of no weight stay arcs."""
    order = np.lexsort((weight, end, start))
    start, end, weight = start[order], end[order], weight[order]
    first = np.ones(len(start), dtype=bool)
    first[1:] = (np.diff(start) != 0) | (np.diff(end) != 0)
    start, end, weight = start[first], end[first], weight[first]
    pointer = np.searchsorted(start, np.arange(count + 1)).astype(np.int32)
    return csr_array((weight.astype(float), end.astype(np.int32), pointer), shape=(count, count))


def straight_many(demand: Points, doors: Points, ids: Sequence[str]) -> Answers:
    """`travel.straight` for many points: geodesic millimetres to the nearest facility, ties to the smaller id."""
    count = len(demand.lonlat)
    if not len(ids):
        nothing = np.full(count, -1, dtype=np.int64)
        return Answers(np.full(count, 3), nothing, nothing)
    order = np.array(sorted(range(len(ids)), key=lambda k: ids[k]))
    nearest = cKDTree(doors.xy[order]).query(demand.xy)[0]
    near = cKDTree(doors.xy[order]).query_ball_point(demand.xy, nearest * 1.001 + 1)
    point = np.repeat(np.arange(count), [len(n) for n in near])
    door = np.fromiter((k for n in near for k in n), dtype=np.int64, count=len(point))
    mm = geodesic_mm_many(demand.lonlat[point], doors.lonlat[order[door]])
    first = np.lexsort((door, mm, point))
    first = first[np.searchsorted(point[first], np.arange(count))]
    return Answers(np.zeros(count, dtype=np.int64), mm[first], order[door[first]])
