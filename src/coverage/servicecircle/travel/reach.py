"""Reach: for every demand point the value and the nearest facility, for one mode, direction and measure.

The search runs on whole numbers: a cost is ``value x K + rank``, with ``K`` a power of two above the number of
facilities and ``rank`` the place of the facility id in string order, so that of equal values the smaller id
wins whatever the order of the search. Dijkstra is scipy's; another engine has to fill :class:`Search` only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from servicecircle.errors import InternalError, problem
from servicecircle.travel.doors import leg_ms, spans
from servicecircle.travel.straight import straight_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from servicecircle.geo.crossings import Crossings
    from servicecircle.geo.crs import WorkingCrs
    from servicecircle.standards.model import Direction
    from servicecircle.standards.modes import Mode
    from servicecircle.travel.doors import Access
    from servicecircle.travel.network import Network

Measure = Literal["time", "road"]

#: Stands in ``Reach.value`` and ``Reach.facility`` where the state says that there is no value.
NO_VALUE = np.iinfo(np.int32).max
#: Largest whole number a float64 holds exactly.
EXACT = 2**53
#: Pairs of people and doors a walk remembers: 25 bytes each.
MOST_REMEMBERED = 8_000_000


class State(IntEnum):
    """What is known of a demand point."""

    REACHED = 0
    UNREACHABLE = 1
    UNATTACHED = 2
    NO_FACILITY = 3


@dataclass(frozen=True)
class Reach:
    """Value, nearest facility and state per demand point, unbounded.

    Attributes
    ----------
    value : int32 array (points,)
        Milliseconds or millimetres; ``NO_VALUE`` unless the state is ``REACHED``.
    facility : int32 array (points,)
        Index of the nearest facility among those searched; of equal values the smaller id.
    state : int8 array (points,)
    """

    value: NDArray[np.int32]
    facility: NDArray[np.int32]
    state: NDArray[np.int8]


def no_facility(points: int) -> Reach:
    """Return the reach of a filter that leaves no facility."""
    nothing = np.full(points, NO_VALUE, dtype=np.int32)
    return Reach(nothing, nothing, np.full(points, State.NO_FACILITY, dtype=np.int8))


@dataclass(frozen=True)
class Places:
    """Points with their legs: demand points, or doors with the rank of their facility.

    Attributes
    ----------
    lon, lat : float64 arrays (points,)
    access : dict of Access
        Legs by mode.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    access: Mapping[str, Access]

    def subset(self, points: NDArray[np.int64], mode: str) -> Places:
        """Return some of the points, ascending, with their legs of one mode."""
        return Places(self.lon[points], self.lat[points], {mode: self.access[mode].subset(points)})


@dataclass(frozen=True)
class Doors:
    """Doors of the facilities searched: rows of a :class:`Places` and the facility each belongs to."""

    places: Places
    row: NDArray[np.int64]
    """Row of each door in ``places``."""
    facility: NDArray[np.int64]
    """Facility of each door, 0 .. count - 1 in string order of the ids."""
    count: int


@dataclass(frozen=True)
class Graph:
    """Arcs of one mode in the direction of the search, parallel arcs reduced to the shortest."""

    start: NDArray[np.int32]
    node: NDArray[np.int32]
    cost: NDArray[np.int64]
    edge: NDArray[np.int64]


@dataclass(frozen=True)
class Ends:
    """Pieces between feet and the ends of their edges.

    Attributes
    ----------
    row : int64 array (pieces,)
        Leg row the piece belongs to.
    node : int64 array (pieces,)
    value : int64 array (pieces,)
        Value of the piece and the leg.
    at_tail : bool array (pieces,)
        Whether the piece runs to the first node of the edge (else to the last).
    """

    row: NDArray[np.int64]
    node: NDArray[np.int64]
    value: NDArray[np.int64]
    at_tail: NDArray[np.bool_]


class Search:
    """Shortest paths on one network for one mode, direction and measure.

    Parameters
    ----------
    direction : str
        ``to_facility`` or ``from_facility``: which way the trip goes. The search always starts at the doors.
    """

    def __init__(self, network: Network, mode: Mode, *, direction: Direction, measure: Measure) -> None:
        self.network, self.mode, self.measure = network, mode, measure
        edges = network.modes[mode.id]
        self.length = edges.ms if measure == "time" else np.where(edges.forward | edges.backward, network.mm, 0)
        toward = direction == "to_facility"
        self._out = edges.forward if toward else edges.backward
        self._back = edges.backward if toward else edges.forward
        penalty = round(mode.junction_s * 1000) if measure == "time" else 0
        usable = edges.forward | edges.backward
        roads = np.bincount(
            np.concatenate((network.tail[usable], network.head[usable])), minlength=len(network.node_id)
        )
        self.penalty = np.where(roads >= 3, penalty, 0).astype(np.int64)  # three roads of the mode make a junction
        self.graph = self._graph()

    def _graph(self) -> Graph:
        """Arcs walk the trip backwards for ``to_facility``: from the head to the tail of a forward edge."""
        net = self.network
        edge = np.arange(net.size)
        source = np.concatenate((net.head[self._out], net.tail[self._back]))
        target = np.concatenate((net.tail[self._out], net.head[self._back]))
        index = np.concatenate((edge[self._out], edge[self._back]))
        cost = self.length[index] + self.penalty[target]
        order = np.lexsort((index, cost, target, source))
        source, target, index, cost = source[order], target[order], index[order], cost[order]
        first = np.ones(len(order), dtype=bool)
        first[1:] = (np.diff(source) != 0) | (np.diff(target) != 0)
        start = np.searchsorted(source[first], np.arange(len(net.node_id) + 1)).astype(np.int32)
        return Graph(start, target[first].astype(np.int32), cost[first], index[first])

    def farthest_m(self, limit: int) -> float:
        """Return metres, as the crow flies, beyond which no trip of at most ``limit`` can lead."""
        if self.measure == "road":
            return limit / 1000
        fastest = max(
            float(self.network.modes[self.mode.id].kmh.max(initial=0.0)),
            self.mode.access_kmh,
            self.mode.near_access_kmh,
        )
        return limit / 1000 * fastest / 3.6

    def position(self, edge: NDArray[np.int64], from_start_mm: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the value from the edge's first node to a foot; the rest of the edge is the complement."""
        if self.measure == "road":
            return from_start_mm
        # an edge without length has its foot at its start: 0 / 1
        mm = np.maximum(self.network.mm[edge], 1)
        return np.rint(self.length[edge] * from_start_mm / mm).astype(np.int64)

    def leg(self, leg_mm: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the value of access legs."""
        return leg_ms(self.mode, leg_mm) if self.measure == "time" else leg_mm

    def ends(self, access: Access, rows: NDArray[np.int64], *, at_door: bool) -> Ends:
        """Return the pieces between feet and the ends of their edges, in permitted directions, with their legs.

        At the door of a trip ``to_facility`` the edge is travelled towards the foot, at the demand point away from it.
        """
        edge, place = access.edge[rows], self.position(access.edge[rows], access.from_start_mm[rows])
        rest = self.length[edge] - place
        leg = self.leg(access.leg_mm[rows])
        by_tail = self._out[edge] if at_door else self._back[edge]
        by_head = self._back[edge] if at_door else self._out[edge]
        tail, head = self.network.tail[edge].astype(np.int64), self.network.head[edge].astype(np.int64)
        return Ends(
            np.concatenate((rows[by_tail], rows[by_head])),
            np.concatenate((tail[by_tail], head[by_head])),
            np.concatenate(((place + leg)[by_tail], (rest + leg)[by_head])),
            np.concatenate((np.ones(by_tail.sum(), dtype=bool), np.zeros(by_head.sum(), dtype=bool))),
        )

    def by_leg(self, access: Access, cost: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
        """Return the cost of each demand leg by the better end of its edge; ``ends`` without the pieces."""
        edge = access.edge
        place, leg = self.position(edge, access.from_start_mm), self.leg(access.leg_mm)
        tail = cost[self.network.tail[edge]] + (place + leg) * factor
        head = cost[self.network.head[edge]] + (self.length[edge] - place + leg) * factor
        return np.minimum(np.where(self._back[edge], tail, np.inf), np.where(self._out[edge], head, np.inf))

    def same_edge(
        self, demand: Access, rows: NDArray[np.int64], doors: Access, door_rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], ...]:
        """Return demand leg, door leg and value of trips along one and the same edge, in the permitted direction."""
        order = door_rows[np.argsort(doors.edge[door_rows], kind="stable")]
        edges = doors.edge[order]
        has_door = np.zeros(self.network.size, dtype=bool)
        has_door[edges] = True
        rows = rows[has_door[demand.edge[rows]]]
        first, last = (
            np.searchsorted(edges, demand.edge[rows], "left"),
            np.searchsorted(edges, demand.edge[rows], "right"),
        )
        count = last - first
        leg = np.repeat(rows, count)
        door = order[spans(first, count)]
        edge = demand.edge[leg]
        here, there = self.position(edge, demand.from_start_mm[leg]), self.position(edge, doors.from_start_mm[door])
        ok = ((there >= here) & self._out[edge]) | ((there <= here) & self._back[edge])
        value = np.abs(there - here) + self.leg(demand.leg_mm[leg]) + self.leg(doors.leg_mm[door])
        return leg[ok], door[ok], value[ok]

    def run(
        self, node: NDArray[np.int64], cost: NDArray[np.int64], factor: int, *, limit: float = np.inf
    ) -> NDArray[np.float64]:
        """Return the least cost of every node from seeds; arcs cost ``factor`` times their value."""
        matrix = self._with_source(node, cost, factor)
        best = np.asarray(dijkstra(matrix, indices=len(self.network.node_id), limit=limit))  # type: ignore[call-overload]
        reached = best[np.isfinite(best)]
        if len(reached) and reached.max() >= EXACT:
            raise InternalError(problem("flow.too_far", cost=float(reached.max())))
        return best[:-1]

    def run_with_path(
        self, node: NDArray[np.int64], cost: NDArray[np.int64], *, limit: float = np.inf
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return costs and predecessors (the source is the last node) for tracing one trip."""
        matrix = self._with_source(node, cost, 1)
        best, before = dijkstra(  # type: ignore[call-overload]
            matrix, indices=len(self.network.node_id), return_predecessors=True, limit=limit
        )
        return best[:-1], before[:-1]

    def _with_source(self, node: NDArray[np.int64], cost: NDArray[np.int64], factor: int) -> csr_array:
        """Return the graph with one more node that leads to every seed at its cost (the junction counts as passed)."""
        cost = cost + self.penalty[node] * factor
        order = np.lexsort((cost, node))
        first = np.concatenate(([True], np.diff(node[order]) != 0)) if len(order) else np.zeros(0, dtype=bool)
        seeds, price = node[order][first], cost[order][first]
        data = np.concatenate((self.graph.cost * factor, price)).astype(float)
        indices = np.concatenate((self.graph.node, seeds.astype(np.int32)))
        start = np.concatenate((self.graph.start, [len(indices)])).astype(np.int32)
        size = len(self.network.node_id) + 1
        return csr_array((data, indices, start), shape=(size, size))


@dataclass(frozen=True)
class StraightPairs:
    """Demand points and doors near enough for a straight walk, sorted by point.

    Attributes
    ----------
    point, door : int64 arrays (pairs,)
        Row of the demand point; place of the door among the doors searched.
    mm : int64 array (pairs,)
        Geodesic distance.
    """

    point: NDArray[np.int64]
    door: NDArray[np.int64]
    mm: NDArray[np.int64]


@dataclass(frozen=True)
class StraightWalk:
    """What a straight walk needs: where barriers are, and how far people walk without a road."""

    working: WorkingCrs
    crossings: Crossings
    limit_m: float

    def pairs(self, demand: Places, doors: Doors) -> StraightPairs:
        """Return the demand points and doors at most ``limit_m`` apart, whatever lies between."""
        lon, lat = doors.places.lon[doors.row], doors.places.lat[doors.row]
        return StraightPairs(*straight_pairs(demand.lon, demand.lat, lon, lat, self.working, limit_m=self.limit_m))

    def free(self, demand: Places, doors: Doors, pairs: StraightPairs, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return, for some of the pairs, whether nothing lies between."""
        point, door = pairs.point[rows], doors.row[pairs.door[rows]]
        start = self.working.project(demand.lon[point], demand.lat[point])
        end = self.working.project(doors.places.lon[door], doors.places.lat[door])
        return ~self.crossings.crossed(start, end)


@dataclass(frozen=True)
class RememberedWalk(StraightWalk):
    """A straight walk of one set of demand points that remembers pairs and what lies between, door set by door set.

    Many searches that differ in speed alone ask for the same pairs. At most ``MOST_REMEMBERED`` are kept: what comes
    beyond is sought and tested each time.
    """

    _pairs: dict[bytes, StraightPairs] = field(default_factory=dict, repr=False)
    _known: dict[bytes, NDArray[np.int8]] = field(default_factory=dict, repr=False)

    @staticmethod
    def _key(doors: Doors) -> bytes:
        return doors.places.lon[doors.row].tobytes() + doors.places.lat[doors.row].tobytes()

    def pairs(self, demand: Places, doors: Doors) -> StraightPairs:
        """Return the pairs of these doors, searched once."""
        key = self._key(doors)
        if key in self._pairs:
            return self._pairs[key]
        found = super().pairs(demand, doors)
        if len(found.point) + sum(map(len, self._known.values())) <= MOST_REMEMBERED:
            self._pairs[key] = found
            self._known[key] = np.full(len(found.point), -1, dtype=np.int8)
        return found

    def free(self, demand: Places, doors: Doors, pairs: StraightPairs, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether nothing lies between; each pair is tested once."""
        known = self._known.get(self._key(doors))
        if known is None:
            return super().free(demand, doors, pairs, rows)
        new = rows[known[rows] < 0]
        if len(new):
            known[new] = super().free(demand, doors, pairs, new)
        return np.asarray(known[rows] == 1)


def network_reach(
    search: Search, demand: Places, doors: Doors, walk: StraightWalk, *, at_most: int | None = None
) -> Reach:
    """Return the reach of the demand points to the nearest of the doors' facilities, door to door.

    The trip takes the best of all kept legs on both sides, along one and the same edge too; walking modes
    may also walk straight within the access limit where no barrier lies between.

    Parameters
    ----------
    at_most : int, optional
        Values up to this are exact; what lies beyond may read ``UNREACHABLE``. Without it the search is unbounded.
    """
    points = len(demand.lon)
    if doors.count == 0:
        return no_facility(points)
    factor = ranks_from(doors)
    limit = np.inf if at_most is None else float((at_most + 1) * factor)
    best = _by_network(search, demand, doors, factor, limit)
    if search.mode.straight_walking:
        best = _by_straight_walk(search, demand, doors, walk, factor, best, limit)
    door_ms = round(search.mode.door_s * 1000) if search.measure == "time" else 0
    reached = np.isfinite(best)
    whole = np.where(reached, best, 0).astype(np.int64)
    value = np.where(reached, whole // factor + door_ms, NO_VALUE)
    if value.max(initial=0) > NO_VALUE:
        raise InternalError(problem("flow.too_far", cost=float(value.max())))
    attached = demand.access[search.mode.id].attached()
    state = np.where(reached, State.REACHED, np.where(attached, State.UNREACHABLE, State.UNATTACHED))
    facility = np.where(reached, whole % factor, NO_VALUE)
    return Reach(value.astype(np.int32), facility.astype(np.int32), state.astype(np.int8))


def ranks_from(doors: Doors) -> int:
    """Return K of ``value x K + rank``: a power of two above the number of facilities."""
    return 1 << max(1, int(doors.count - 1).bit_length())


def door_legs(doors: Doors, access: Access) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the leg rows of the searched doors, and the facility of every leg row (-1: not searched)."""
    facility_of = np.full(access.points, -1, dtype=np.int64)
    # of two facilities at one row the smaller keeps it: equal places have equal values
    order = np.argsort(-doors.facility, kind="stable")
    facility_of[doors.row[order]] = doors.facility[order]
    of_leg = facility_of[access.point]
    return np.flatnonzero(of_leg >= 0), of_leg


def _by_network(search: Search, demand: Places, doors: Doors, factor: int, limit: float) -> NDArray[np.float64]:
    access, door_access = demand.access[search.mode.id], doors.places.access[search.mode.id]
    door_rows, facility_of = door_legs(doors, door_access)
    seeds = search.ends(door_access, door_rows, at_door=True)
    cost = search.run(seeds.node, seeds.value * factor + facility_of[seeds.row], factor, limit=limit)
    best = _by_point(access, search.by_leg(access, cost, factor))
    leg, door, direct = search.same_edge(access, np.arange(len(access.point)), door_access, door_rows)
    np.minimum.at(best, access.point[leg], (direct * factor + facility_of[door]).astype(float))
    return best


def _by_point(access: Access, by_leg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least value of each point's legs (they are sorted by point); infinite where a point has none."""
    best = np.full(access.points, np.inf)
    if len(by_leg):
        first = np.flatnonzero(np.diff(access.point, prepend=-1))
        best[access.point[first]] = np.minimum.reduceat(by_leg, first)
    return best


def _by_straight_walk(
    search: Search,
    demand: Places,
    doors: Doors,
    walk: StraightWalk,
    factor: int,
    best: NDArray[np.float64],
    limit: float,
) -> NDArray[np.float64]:
    """Let people walk straight where that is quicker and nothing lies between; only such pairs are tested."""
    pairs = walk.pairs(demand, doors)
    cost = (search.leg(pairs.mm) * factor + doors.facility[pairs.door]).astype(float)
    rows = np.flatnonzero((cost < best[pairs.point]) & (cost < limit))
    rows = rows[walk.free(demand, doors, pairs, rows)]
    best = best.copy()
    np.minimum.at(best, pairs.point[rows], cost[rows])
    return best
