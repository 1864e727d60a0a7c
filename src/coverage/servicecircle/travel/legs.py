"""How much of a trip is access: the straight pieces at both ends, out of what the search has already found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from servicecircle.travel.reach import State, door_legs, ranks_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.travel.doors import Access
    from servicecircle.travel.reach import Doors, Ends, Places, Reach, Search

#: Arcs counted beside a door leg, so that a step along a shortest way is never free; more than any network has nodes.
STEPS = 2**24


def access_values(search: Search, demand: Places, doors: Doors, reach: Reach) -> NDArray[np.int64]:
    """Return ``int64 (points,)``: milliseconds or millimetres of the trip's access legs, at both ends together.

    Of several trips of the same value to the same facility the one with the least access counts. A trip that only a
    straight walk makes is access from end to end. -1 where there is no trip.

    Parameters
    ----------
    reach : Reach
        What the same search found for these points and doors, unbounded.
    """
    result = np.full(len(demand.lon), -1, dtype=np.int64)
    reached = reach.state == State.REACHED
    if not reached.any():
        return result
    factor = ranks_from(doors)
    door_ms = round(search.mode.door_s * 1000) if search.measure == "time" else 0
    value = np.where(reached, reach.value.astype(np.int64) - door_ms, 0)
    best = np.where(reached, value * factor + np.where(reached, reach.facility, 0), -1).astype(float)
    access, door_access = demand.access[search.mode.id], doors.places.access[search.mode.id]
    least = np.full(len(demand.lon), np.inf)
    for leg, at_door in _trips(search, access, door_access, doors, best, factor):
        np.minimum.at(least, access.point[leg], search.leg(access.leg_mm[leg]) + at_door)
    # what no road explains was walked straight
    result[reached] = np.where(np.isfinite(least), least, value)[reached].astype(np.int64)
    return result


def _trips(
    search: Search, access: Access, door_access: Access, doors: Doors, best: NDArray[np.float64], factor: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return the demand legs of trips of the least value, and the value of the leg at their other end."""
    rows, facility_of = door_legs(doors, door_access)
    seeds = search.ends(door_access, rows, at_door=True)
    price = seeds.value * factor + facility_of[seeds.row]
    cost = search.run(seeds.node, price, factor)
    at_door = _least_door_leg(search, seeds, price, cost, search.leg(door_access.leg_mm), factor)
    ends = search.ends(access, np.arange(len(access.point)), at_door=False)
    hit = cost[ends.node] + ends.value * factor == best[access.point[ends.row]]
    leg, door, direct = search.same_edge(access, np.arange(len(access.point)), door_access, rows)
    along = direct * factor + facility_of[door] == best[access.point[leg]]
    return [
        (ends.row[hit], at_door[ends.node[hit]]),
        (leg[along], search.leg(door_access.leg_mm[door[along]]).astype(float)),
    ]


def _least_door_leg(
    search: Search,
    seeds: Ends,
    price: NDArray[np.int64],
    cost: NDArray[np.float64],
    leg: NDArray[np.int64],
    factor: int,
) -> NDArray[np.float64]:
    """Return, per node, the least leg at the door of any way of the node's cost; infinite where there is none.

    Only arcs and seeds on such ways are kept; each arc then costs one step, which is less than any leg's unit.
    """
    graph, nodes = search.graph, len(cost)
    tail = np.repeat(np.arange(nodes), np.diff(graph.start))
    known = np.isfinite(cost)
    on_way = known[tail] & (cost[tail] + graph.cost * factor == cost[graph.node])
    begins = np.flatnonzero(price + search.penalty[seeds.node] * factor == cost[seeds.node])
    node, own = seeds.node[begins], leg[seeds.row[begins]]
    order = np.lexsort((own, node))
    first = np.concatenate(([True], np.diff(node[order]) != 0)) if len(order) else np.zeros(0, dtype=bool)
    node, own = node[order][first], own[order][first]
    start = np.concatenate(([0], np.cumsum(np.bincount(tail[on_way], minlength=nodes)), [on_way.sum() + len(node)]))
    data = np.concatenate((np.ones(on_way.sum()), own.astype(float) * STEPS + 1))
    matrix = csr_array(
        (data, np.concatenate((graph.node[on_way], node)).astype(np.int32), start.astype(np.int32)),
        shape=(nodes + 1, nodes + 1),
    )
    found = np.asarray(dijkstra(matrix, indices=nodes))[:-1]  # type: ignore[call-overload]
    return np.floor(found / STEPS)
