"""Access legs of many points at once: exactly those `travel.candidate_legs` and `unbarred` find one by one.

Points are taken in blocks; roads near a block's points are sought in growing circles and each point is done as soon as
every mode has its eight open legs, or twenty-four candidates, or the limit is reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.geometry import Point

from .fast_barriers import ManyLegs
from .osm import GEOD, MODES, Barriers, Edge, World, directions, rint, road_class
from .travel import CANDIDATES, KEPT, SEARCH_FACTOR

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = 4_000
CIRCLES_M = (130.0, 320.0, 700.0)
FIRST = 10  # legs looked at before all twenty-four are
# Planar and geodesic metres differ by less than this share (and some millimetres) within a county.
SLACK, SLACK_M = 1e-4, 0.05


@dataclass(frozen=True)
class Legs:
    """Kept legs, sorted by (point, leg_mm, edge): one row each."""

    point: np.ndarray
    edge: np.ndarray
    mm: np.ndarray
    from_start_mm: np.ndarray
    foot: np.ndarray

    def attached(self, count: int) -> np.ndarray:
        """Which of the points have a leg."""
        return np.bincount(self.point, minlength=count) > 0


@dataclass(frozen=True)
class ModeEdges:
    """What one mode may do on every edge: arrays over the edges' ids."""

    allowed: np.ndarray
    attachable: np.ndarray
    forward: np.ndarray
    backward: np.ndarray
    ms: np.ndarray


class FastWorld:
    """A world of `osm.World` as arrays."""

    def __init__(self, world: World) -> None:
        self.world, self.edges = world, world.edges
        self.mm = np.array([e.mm for e in self.edges], dtype=np.int64)
        ends = np.array([(e.nodes[0], e.nodes[-1]) for e in self.edges], dtype=np.int64).reshape(-1, 2)
        nodes, index = np.unique(ends, return_inverse=True)
        self.nodes, (self.tail, self.head) = len(nodes), index.reshape(-1, 2).T
        self._modes: dict[str, ModeEdges] = {}

    @cached_property
    def barriers(self) -> ManyLegs:
        """The barriers."""
        return ManyLegs(self.world.barriers.geometries)

    @cached_property
    def barriers_without_walls(self) -> ManyLegs:
        """The barriers but walls."""
        return ManyLegs(self.world.barriers_without_walls.geometries)

    @cached_property
    def meets_barrier(self) -> np.ndarray:
        """Edges that meet a barrier somewhere."""
        answer = np.zeros(len(self.edges), dtype=bool)
        answer[self.world.barriers.tree.query([e.line for e in self.edges], predicate="intersects")[0]] = True
        return answer

    def mode(self, mode: str) -> ModeEdges:
        """Speeds, directions and attachability of a mode."""
        if mode not in self._modes:
            seen: dict[tuple[int, bool], tuple[float | None, bool, bool]] = {}
            rows = []
            for e in self.edges:
                key = id(e.tags), e.urban
                if key not in seen:
                    seen[key] = (e.kmh(mode), *directions(mode, e.tags))
                rows.append(seen[key])
            speed = np.array([np.nan if r[0] is None else r[0] for r in rows], dtype=float)
            allowed = np.isfinite(speed)
            attachable = np.zeros(len(rows), dtype=bool)
            attachable[[e.id for e in self.world.attachable(mode)]] = True
            ms = np.zeros(len(rows), dtype=np.int64)
            ms[allowed] = np.rint(self.mm[allowed] * 3.6 / speed[allowed]).astype(np.int64)
            forward, backward = (np.array([r[k] for r in rows], dtype=bool) for k in (1, 2))
            self._modes[mode] = ModeEdges(allowed, attachable, forward & allowed, backward & allowed, ms)
        return self._modes[mode]

    @cached_property
    def pieces(self) -> Pieces:
        """The straight pieces of all edges some mode may attach to."""
        usable = np.zeros(len(self.edges), dtype=bool)
        for mode in MODES:
            usable |= self.mode(mode).attachable
        return Pieces([self.edges[k] for k in np.flatnonzero(usable)])

    def xy(self, lonlat: np.ndarray) -> np.ndarray:
        """Points (n x 2 degrees) in the working CRS."""
        return np.column_stack(self.world.transformer.transform(lonlat[:, 0], lonlat[:, 1]))


class Pieces:
    """The straight pieces of edges; of steps only their two ends, as pieces with a fixed place (0 or 1) on them."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        rows: list[tuple[float, ...]] = []
        for e in edges:
            before = [sum(e.segments_m[:i]) for i in range(len(e.segments_m))]
            last = len(before) - 1
            spots = [(i, np.nan) for i in range(last + 1)]
            if road_class(e.tags) == "steps":
                spots = [(0, 0.0), (last, 1.0)]
            rows += [
                (e.id, i, fixed, *e.xy[i], *e.xy[i + 1], *e.lonlat[i], *e.lonlat[i + 1], before[i], e.segments_m[i])
                for i, fixed in spots
            ]
        table = np.array(rows, dtype=float).reshape(-1, 13)
        self.edge, self.order = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
        self.fixed, self.a, self.b = table[:, 2], table[:, 3:5], table[:, 5:7]
        self.lonlat_a, self.lonlat_b = table[:, 7:9], table[:, 9:11]
        self.before_m, self.length_m = table[:, 11], table[:, 12]
        low, high = np.minimum(self.a, self.b), np.maximum(self.a, self.b)
        self.tree = shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))

    def feet(self, xy: np.ndarray, circle_m: float) -> Feet:
        """The nearest place of every edge at most so far (working CRS) from each point."""
        x, y = xy.T
        point, piece = self.tree.query(shapely.box(x - circle_m, y - circle_m, x + circle_m, y + circle_m))
        px, py = x[point], y[point]
        (ax, ay), (bx, by) = self.a[piece].T, self.b[piece].T
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        with np.errstate(invalid="ignore", divide="ignore"):
            t = np.minimum(1.0, np.maximum(0.0, ((px - ax) * dx + (py - ay) * dy) / length2))
        t = np.where(length2 > 0, t, 0.0)
        t = np.where(np.isnan(self.fixed[piece]), t, self.fixed[piece])
        at_x, at_y = np.where(t == 1.0, bx, ax + t * dx), np.where(t == 1.0, by, ay + t * dy)
        d2 = (px - at_x) ** 2 + (py - at_y) ** 2
        near = np.flatnonzero(d2 <= circle_m**2)
        order = near[np.lexsort((self.order[piece[near]], d2[near], self.edge[piece[near]], point[near]))]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (np.diff(point[order]) != 0) | (np.diff(self.edge[piece[order]]) != 0)
        best = order[first]
        return Feet(point[best], piece[best], t[best], np.sqrt(d2[best]))


@dataclass(frozen=True)
class Feet:
    """A place on an edge for each (point, edge) pair, sorted by point."""

    point: np.ndarray
    piece: np.ndarray
    t: np.ndarray
    planar_m: np.ndarray

    def some(self, rows: np.ndarray) -> Feet:
        """Some of them."""
        return Feet(self.point[rows], self.piece[rows], self.t[rows], self.planar_m[rows])


def _rank(point: np.ndarray) -> np.ndarray:
    """Position of each row within its point's run."""
    start = np.flatnonzero(np.concatenate([[True], point[1:] != point[:-1]])) if len(point) else np.zeros(0, int)
    return np.arange(len(point)) - np.repeat(start, np.diff([*start, len(point)]))


class LegFinder:
    """Finds legs of points in one world; `walls=False` lets walls be passed."""

    def __init__(self, fast: FastWorld, limit_m: float, *, walls: bool = True) -> None:
        self.fast, self.limit_m = fast, limit_m
        self.barriers = fast.barriers if walls else fast.barriers_without_walls
        self.slow: Barriers = fast.world.barriers if walls else fast.world.barriers_without_walls
        self.full_m = SEARCH_FACTOR * limit_m + 1

    def find(self, lonlat: np.ndarray, modes: Sequence[str]) -> dict[str, Legs]:
        """The kept legs of every point (n x 2 degrees) for each mode."""
        collected: dict[str, list[Legs]] = {mode: [] for mode in modes}
        xy = self.fast.xy(lonlat)
        # neighbours are taken together: they share the roads that are looked at
        order = np.lexsort((xy[:, 0], np.floor(xy[:, 1] / 2000)))
        for first in range(0, len(xy), BLOCK):
            rows = order[first : first + BLOCK]
            self._block(lonlat, xy, rows, collected)
        return {mode: _sorted(parts) for mode, parts in collected.items()}

    def _block(self, lonlat: np.ndarray, xy: np.ndarray, rows: np.ndarray, out: dict[str, list[Legs]]) -> None:
        circles = [c for c in CIRCLES_M if c < self.full_m] + [self.full_m]
        for circle in circles:
            if not len(rows):
                return
            last = circle == self.full_m
            known_m = np.inf if last else circle * (1 - 2 * SLACK) - 2 * SLACK_M
            feet = self.fast.pieces.feet(xy[rows], circle)
            done = np.ones(len(rows), dtype=bool)
            found = {mode: self._of_mode(mode, feet, lonlat[rows], xy[rows], known_m, done) for mode in out}
            for mode, legs in found.items():
                keep = done[legs.point]
                out[mode].append(
                    Legs(
                        rows[legs.point[keep]],
                        legs.edge[keep],
                        legs.mm[keep],
                        legs.from_start_mm[keep],
                        legs.foot[keep],
                    )
                )
            rows = rows[~done]

    def _of_mode(
        self, mode: str, feet: Feet, lonlat: np.ndarray, xy: np.ndarray, known_m: float, done: np.ndarray
    ) -> Legs:
        """The legs of one mode; takes the points that need a larger circle out of `done`."""
        edge = self.fast.pieces.edge[feet.piece]
        feet = feet.some(np.flatnonzero(self.fast.mode(mode).attachable[edge] & (feet.planar_m <= known_m)))
        known = np.bincount(feet.point, minlength=len(xy))
        # first the ten nearest; where fewer than eight of them are open, the twenty-four
        legs = self._open(self._nearest(feet, lonlat, FIRST), xy)
        enough = np.bincount(legs.point, minlength=len(xy)) >= KEPT
        again = ~enough & (known > FIRST)
        if again.any():
            more = self._open(self._nearest(feet.some(np.flatnonzero(again[feet.point])), lonlat, CANDIDATES), xy)
            legs = _sorted([_some(legs, ~again[legs.point]), more])
            enough |= np.bincount(legs.point, minlength=len(xy)) >= KEPT
        if np.isfinite(known_m):
            done &= enough | (known >= CANDIDATES)
        return _some(legs, _rank(legs.point) < KEPT)

    def _nearest(self, feet: Feet, lonlat: np.ndarray, count: int) -> Legs:
        """The first so many legs of every point by (leg_mm, edge id), within the limit, barred or not."""
        feet = feet.some(np.lexsort((feet.planar_m, feet.point)))
        rank = _rank(feet.point)
        bound = np.full(len(lonlat), np.inf)
        nth = rank == count - 1
        bound[feet.point[nth]] = feet.planar_m[nth] * (1 + 2 * SLACK) + SLACK_M
        feet = feet.some(np.flatnonzero(feet.planar_m <= bound[feet.point]))
        p, t = self.fast.pieces, feet.t[:, None]
        a, b = p.lonlat_a[feet.piece], p.lonlat_b[feet.piece]
        foot_lonlat, foot = a + t * (b - a), p.a[feet.piece] + t * (p.b[feet.piece] - p.a[feet.piece])
        metres = GEOD.inv(lonlat[feet.point, 0], lonlat[feet.point, 1], foot_lonlat[:, 0], foot_lonlat[:, 1])[2]
        mm = np.rint(1000 * np.asarray(metres)).astype(np.int64)
        edge = p.edge[feet.piece]
        along = np.rint(1000 * (p.before_m[feet.piece] + feet.t * p.length_m[feet.piece])).astype(np.int64)
        legs = Legs(feet.point, edge, mm, np.minimum(along, self.fast.mm[edge]), foot)
        legs = _sorted([_some(legs, mm <= rint(1000 * self.limit_m))])
        return _some(legs, _rank(legs.point) < count)

    def _open(self, legs: Legs, xy: np.ndarray) -> Legs:
        """The legs that cross no barrier."""
        barred = self.barriers.crossed(xy[legs.point], legs.foot)
        for k in np.flatnonzero(barred & self.fast.meets_barrier[legs.edge]):
            edge, foot = self.fast.edges[legs.edge[k]], tuple(map(float, legs.foot[k]))
            if self.slow.met_near(edge.line, Point(foot), 0.5):
                x, y = map(float, xy[legs.point[k]])
                barred[k] = self.slow.bar((x, y), foot, edge)
        return _some(legs, ~barred)


def _some(legs: Legs, rows: np.ndarray) -> Legs:
    return Legs(legs.point[rows], legs.edge[rows], legs.mm[rows], legs.from_start_mm[rows], legs.foot[rows])


def _sorted(parts: Sequence[Legs]) -> Legs:
    fields = ("point", "edge", "mm", "from_start_mm", "foot")
    point, edge, mm, from_start, foot = (np.concatenate([getattr(p, f) for p in parts]) for f in fields)
    legs = Legs(point.astype(np.int64), edge.astype(np.int64), mm.astype(np.int64), from_start, foot.reshape(-1, 2))
    return _some(legs, np.lexsort((legs.edge, legs.mm, legs.point)))
