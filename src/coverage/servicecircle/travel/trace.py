"""Follow one trip door to door: the legs, and the metres by road class and speed, so that a number can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.travel.straight import straight_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.travel.doors import Access
    from servicecircle.travel.reach import Doors, Ends, Places, Search, StraightWalk


@dataclass(frozen=True)
class Stretch:
    """Roads of one class travelled at one speed."""

    road_class: str
    kmh: float
    mm: int
    value: int
    """Milliseconds, or millimetres where distance is measured."""


@dataclass(frozen=True)
class Trip:
    """One trip; its parts sum to ``value``.

    Attributes
    ----------
    straight : bool
        The trip is a straight walk without roads; its length is ``start_leg_mm``.
    start_leg_mm, end_leg_mm : int
        Access legs at the demand point and at the door.
    start_leg, end_leg : int
        Their value.
    other : int
        Junction penalties and door seconds.
    door : int
        Row of the door used, in the places of the doors.
    """

    straight: bool
    start_leg_mm: int
    start_leg: int
    stretches: tuple[Stretch, ...]
    end_leg_mm: int
    end_leg: int
    other: int
    value: int
    door: int


@dataclass(frozen=True)
class _Part:
    """Part of one edge."""

    edge: int
    mm: int
    value: int


def trace(
    search: Search, demand: Places, point: int, doors: Doors, walk: StraightWalk, *, at_most: float = np.inf
) -> Trip | None:
    """Return the best trip between one demand point and the doors of one facility; None when there is none.

    ``at_most`` bounds the search: the value of the trip where it is known.
    """
    door_s = round(search.mode.door_s * 1000) if search.measure == "time" else 0
    options = [_by_network(search, demand, point, doors, at_most), _same_edge(search, demand, point, doors)]
    if search.mode.straight_walking:
        options.append(_straight(search, demand, point, doors, walk))
    known = [trip for trip in options if trip is not None]
    if not known:
        return None
    best = min(known, key=lambda trip: trip.value)
    return Trip(**(vars(best) | {"other": best.other + door_s, "value": best.value + door_s}))


def _legs_of(places: Places, mode: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the legs of some points, ascending; legs are sorted by point."""
    point, wanted = places.access[mode].point, np.unique(rows)
    first, last = np.searchsorted(point, wanted, "left"), np.searchsorted(point, wanted, "right")
    return np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])


def _by_network(search: Search, demand: Places, point: int, doors: Doors, limit: float) -> Trip | None:
    mode = search.mode.id
    access, door_access = demand.access[mode], doors.places.access[mode]
    seeds = search.ends(door_access, _legs_of(doors.places, mode, doors.row), at_door=True)
    ends = search.ends(access, _legs_of(demand, mode, np.array([point])), at_door=False)
    if len(seeds.node) == 0 or len(ends.node) == 0:
        return None
    cost, before = search.run_with_path(seeds.node, seeds.value, limit=limit)
    total = cost[ends.node] + ends.value
    at = int(total.argmin())
    if not np.isfinite(total[at]):
        return None
    here = int(ends.node[at])
    parts = [_part(search, access, ends, at)]
    while before[here] < len(cost):
        there = int(before[here])
        parts.append(_whole(search, there, here))
        here = there
    rows = np.flatnonzero(seeds.node == here)
    door = int(rows[seeds.value[rows].argmin()])
    parts.append(_part(search, door_access, seeds, door))
    legs = int(access.leg_mm[ends.row[at]]), int(door_access.leg_mm[seeds.row[door]])
    return _trip(search, legs, parts, int(total[at]), int(door_access.point[seeds.row[door]]))


def _part(search: Search, access: Access, ends: Ends, at: int) -> _Part:
    """Return the part of an edge between a foot and the end it is left by or entered from."""
    row = ends.row[at : at + 1]
    edge, mm = access.edge[row], access.from_start_mm[row]
    place = int(search.position(edge, mm)[0])
    if ends.at_tail[at]:
        return _Part(int(edge[0]), int(mm[0]), place)
    return _Part(int(edge[0]), int(search.network.mm[edge[0]] - mm[0]), int(search.length[edge[0]]) - place)


def _whole(search: Search, there: int, here: int) -> _Part:
    """Return the edge of the arc between two nodes."""
    graph = search.graph
    arcs = slice(graph.start[there], graph.start[there + 1])
    edge = int(graph.edge[arcs][graph.node[arcs] == here][0])
    return _Part(edge, int(search.network.mm[edge]), int(search.length[edge]))


def _same_edge(search: Search, demand: Places, point: int, doors: Doors) -> Trip | None:
    mode = search.mode.id
    access, door_access = demand.access[mode], doors.places.access[mode]
    leg, door, value = search.same_edge(
        access, _legs_of(demand, mode, np.array([point])), door_access, _legs_of(doors.places, mode, doors.row)
    )
    if len(leg) == 0:
        return None
    at = int(value.argmin())
    edge = access.edge[leg[at]]
    places = search.position(
        np.array([edge, edge]), np.array([access.from_start_mm[leg[at]], door_access.from_start_mm[door[at]]])
    )
    mm = abs(int(access.from_start_mm[leg[at]]) - int(door_access.from_start_mm[door[at]]))
    part = _Part(int(edge), mm, abs(int(places[0]) - int(places[1])))
    legs = int(access.leg_mm[leg[at]]), int(door_access.leg_mm[door[at]])
    return _trip(search, legs, [part], int(value[at]), int(door_access.point[door[at]]))


def _straight(search: Search, demand: Places, point: int, doors: Doors, walk: StraightWalk) -> Trip | None:
    lon, lat = doors.places.lon[doors.row], doors.places.lat[doors.row]
    here = slice(point, point + 1)
    _, door, mm = straight_pairs(demand.lon[here], demand.lat[here], lon, lat, walk.working, limit_m=walk.limit_m)
    start = walk.working.project(np.repeat(demand.lon[here], len(door)), np.repeat(demand.lat[here], len(door)))
    free = ~walk.crossings.crossed(start, walk.working.project(lon[door], lat[door]))
    if not free.any():
        return None
    nearest = int(np.flatnonzero(free)[mm[free].argmin()])
    shortest = int(mm[nearest])
    value = int(search.leg(np.array([shortest]))[0])
    return Trip(
        straight=True,
        start_leg_mm=shortest,
        start_leg=value,
        stretches=(),
        end_leg_mm=0,
        end_leg=0,
        other=0,
        value=value,
        door=int(doors.row[door[nearest]]),
    )


def _trip(search: Search, legs_mm: tuple[int, int], parts: list[_Part], total: int, door: int) -> Trip:
    start_mm, end_mm = legs_mm
    start, end = (int(v) for v in search.leg(np.array(legs_mm)))
    edges = search.network.modes[search.mode.id]
    merged: dict[tuple[str, float], list[int]] = {}
    for part in parts:
        if part.mm == 0 and part.value == 0:
            continue
        key = (str(search.network.road_class[part.edge]), float(edges.kmh[part.edge]))
        sums = merged.setdefault(key, [0, 0])
        sums[0] += part.mm
        sums[1] += part.value
    stretches = tuple(Stretch(cls, kmh, mm, value) for (cls, kmh), (mm, value) in merged.items())
    other = total - start - end - sum(s.value for s in stretches)
    return Trip(
        straight=False,
        start_leg_mm=start_mm,
        start_leg=start,
        stretches=stretches,
        end_leg_mm=end_mm,
        end_leg=end,
        other=other,
        value=total,
        door=door,
    )
