"""Door-to-door values by literally splitting the edges: the contract's sections "Access" and "Trip"."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import networkx as nx
from shapely.geometry import LineString

from .osm import BY_CAR, GEOD, MODES, ON_FOOT, Barriers, Edge, World, directions, rint, road_class

if TYPE_CHECKING:
    from collections.abc import Sequence

LonLat = tuple[float, float]
Answer = tuple[str, int | None, str | None]

CANDIDATES = 24
KEPT = 8
# The search for candidates looks this much further in the working CRS than the geodesic limit.
SEARCH_FACTOR = 1.2
ACCESS_KMH = {"walk": 2.88, "walk_elderly": 0.8 * 2.88, "cycle": 8.0, "ebike": 10.0}


@dataclass(frozen=True)
class Leg:
    """From a point to its foot on an edge."""

    edge: Edge
    mm: int
    from_start_mm: int
    foot_xy: tuple[float, float]


def geodesic_mm(a: LonLat, b: LonLat) -> int:
    """Geodesic length in millimetres."""
    return rint(1000 * GEOD.inv(a[0], a[1], b[0], b[1])[2])


def leg_ms(mode: str, leg_mm: int) -> int:
    """Contract, leg ms; for cars the 50 m next to the point go at the walking access speed."""
    if mode in BY_CAR:
        return rint(min(leg_mm, 50000) * 3.6 / 2.88 + max(leg_mm - 50000, 0) * 3.6 / 12.0)
    return rint(leg_mm * 3.6 / ACCESS_KMH[mode])


def foot(xy: tuple[float, float], edge: Edge) -> tuple[int, float]:
    """Contract, Foot: (segment, t) of the nearest planar place; on steps only the two end nodes."""
    if road_class(edge.tags) == "steps":
        first, last = edge.xy[0], edge.xy[-1]
        to_first = (xy[0] - first[0]) ** 2 + (xy[1] - first[1]) ** 2
        to_last = (xy[0] - last[0]) ** 2 + (xy[1] - last[1]) ** 2
        return (0, 0.0) if to_first <= to_last else (len(edge.segments_m) - 1, 1.0)
    best = (float("inf"), 0, 0.0)
    for i, ((ax, ay), (bx, by)) in enumerate(pairwise(edge.xy)):
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        t = min(1.0, max(0.0, ((xy[0] - ax) * dx + (xy[1] - ay) * dy) / length2)) if length2 else 0.0
        # at its end a segment is its vertex: on a closed loop the first and the last place are equally near
        at = (bx, by) if t == 1.0 else (ax + t * dx, ay + t * dy)
        distance2 = (xy[0] - at[0]) ** 2 + (xy[1] - at[1]) ** 2
        if distance2 < best[0]:
            best = (distance2, i, t)
    return best[1], best[2]


def leg_to(lonlat: LonLat, xy: tuple[float, float], edge: Edge) -> Leg:
    """Contract, Foot: leg_mm and from_start_mm of a point on an edge."""
    i, t = foot(xy, edge)
    (lon_a, lat_a), (lon_b, lat_b) = edge.lonlat[i], edge.lonlat[i + 1]
    (xa, ya), (xb, yb) = edge.xy[i], edge.xy[i + 1]
    return Leg(
        edge=edge,
        mm=geodesic_mm(lonlat, (lon_a + t * (lon_b - lon_a), lat_a + t * (lat_b - lat_a))),
        from_start_mm=min(edge.mm, rint(1000 * (sum(edge.segments_m[:i]) + t * edge.segments_m[i]))),
        foot_xy=(xa + t * (xb - xa), ya + t * (yb - ya)),
    )


def candidate_legs(world: World, lonlat: LonLat, mode: str, limit_m: float = 1000) -> list[Leg]:
    """Contract, Candidates: within the limit, by (leg_mm, edge id), the first 24."""
    xy = world.xy(lonlat)
    legs = [leg_to(lonlat, xy, edge) for edge in world.attachable_near(mode, xy, SEARCH_FACTOR * limit_m + 1)]
    legs = [leg for leg in legs if leg.mm <= rint(1000 * limit_m)]
    return sorted(legs, key=lambda leg: (leg.mm, leg.edge.id))[:CANDIDATES]


def unbarred(world: World, lonlat: LonLat, legs: Sequence[Leg], barriers: Barriers) -> list[Leg]:
    """Contract, Candidates: the first 8 whose leg crosses no barrier."""
    xy = world.xy(lonlat)
    return [leg for leg in legs if not barriers.bar(xy, leg.foot_xy, leg.edge)][:KEPT]


def demand_legs(world: World, lonlat: LonLat, mode: str, limit_m: float = 1000) -> list[Leg]:
    """The kept legs of a demand point; none: unattached."""
    return unbarred(world, lonlat, candidate_legs(world, lonlat, mode, limit_m), world.barriers)


def facility_legs(world: World, lonlat: LonLat, mode: str, limit_m: float = 1000) -> tuple[list[Leg], bool]:
    """The kept legs of a facility, and whether walls were ignored for them (contract, Barriers, last line)."""
    candidates = candidate_legs(world, lonlat, mode, limit_m)
    legs = unbarred(world, lonlat, candidates, world.barriers)
    if legs:
        return legs, False
    legs = unbarred(world, lonlat, candidates, world.barriers_without_walls)
    return legs, bool(legs)


def split_graph(world: World, mode: str, measure: str, feet: Sequence[Leg]) -> nx.MultiDiGraph:
    """The mode's network with every foot inserted into its edge, in the direction of travel; weights are integers.

    The pieces of an edge are differences of from_start_ms (from_start_mm), so that they add up to the edge. A foot is
    the node ("foot", edge id, from_start_mm); it is never the junction itself, so that a one-way edge attached at its
    very end is still left and entered in its permitted direction only.
    """
    cuts: dict[int, set[int]] = defaultdict(set)
    for leg in feet:
        cuts[leg.edge.id].add(leg.from_start_mm)
    graph = nx.MultiDiGraph()
    for edge in world.mode_edges(mode):
        inner = sorted(cuts[edge.id])
        nodes: list[Any] = [
            ("junction", edge.nodes[0]),
            *(("foot", edge.id, mm) for mm in inner),
            ("junction", edge.nodes[-1]),
        ]
        if measure == "time":
            along = [0, *(edge.ms_from_start(mode, mm) for mm in inner), edge.ms(mode)]
        else:
            along = [0, *inner, edge.mm]
        forward, backward = directions(mode, edge.tags)
        for (a, b), (start, end) in zip(pairwise(nodes), pairwise(along), strict=True):
            if forward:
                graph.add_edge(a, b, weight=end - start)
            if backward:
                graph.add_edge(b, a, weight=end - start)
    return graph


def straight_walk(world: World, a: LonLat, b: LonLat, mode: str, measure: str, limit_m: float) -> int | None:
    """Contract, Straight walking: within the limit and across no barrier, None otherwise or for other modes."""
    if mode not in ON_FOOT:
        return None
    mm = geodesic_mm(a, b)
    if mm > rint(1000 * limit_m) or world.barriers.crossed_by(LineString([world.xy(a), world.xy(b)])):
        return None
    return leg_ms(mode, mm) if measure == "time" else mm


def check(
    mode: str, direction: str, measure: str, facility_lonlat: Sequence[LonLat], facility_ids: Sequence[str]
) -> None:
    """Refuse what the contract does not name."""
    for value, known in (
        (mode, MODES),
        (direction, ("to_facility", "from_facility")),
        (measure, ("time", "distance")),
    ):
        if value not in known:
            raise ValueError("unknown mode, direction or measure", value)
    if len(set(facility_ids)) != len(facility_ids) or len(facility_ids) != len(facility_lonlat):
        raise ValueError("facility ids must be unique, one for each position")


def leg_cost(mode: str, measure: str, leg: Leg) -> int:
    """A leg in the measure asked for."""
    return leg_ms(mode, leg.mm) if measure == "time" else leg.mm


def answer(values: Sequence[tuple[int, int]], names: Sequence[str], *, attached: bool) -> Answer:
    """Contract, States: the smallest (value, rank of the facility id), or why there is none."""
    if not values:
        return ("unreachable" if attached else "unattached"), None, None
    value, best = min(values)
    return "reached", value, names[best]


def door_to_door(
    world: World,
    demand_lonlat: Sequence[LonLat],
    facility_lonlat: Sequence[LonLat],
    facility_ids: Sequence[str],
    mode: str,
    *,
    direction: str = "to_facility",
    measure: str = "time",
    limit_m: float = 1000,
) -> list[Answer]:
    """Contract, Trip: (state, ms or mm, facility id) per demand point.

    One search from a node behind all doors, against the direction of travel for `to_facility`. Every weight is
    multiplied by the number of facilities and a door's own arc weighs the rank of its id: the shortest path then has
    the smallest value and, among equal values, the smallest facility id.
    """
    check(mode, direction, measure, facility_lonlat, facility_ids)
    demand = [(float(lon), float(lat)) for lon, lat in demand_lonlat]
    doors = [(float(lon), float(lat)) for lon, lat in facility_lonlat]
    if not doors:
        return [("no_facility", None, None)] * len(demand)
    names = sorted(facility_ids)
    rank = [names.index(name) for name in facility_ids]
    scale = len(names)
    from_demand = [demand_legs(world, lonlat, mode, limit_m) for lonlat in demand]
    from_door = [facility_legs(world, lonlat, mode, limit_m)[0] for lonlat in doors]

    graph = split_graph(world, mode, measure, [leg for legs in (*from_demand, *from_door) for leg in legs])
    if direction == "to_facility":
        graph = graph.reverse(copy=True)
    for _, _, data in graph.edges(data=True):
        data["weight"] *= scale
    graph.add_node("doors")
    for k, legs in enumerate(from_door):
        graph.add_edge("doors", ("door", k), weight=rank[k])
        for leg in legs:
            foot_node = ("foot", leg.edge.id, leg.from_start_mm)
            graph.add_edge(("door", k), foot_node, weight=scale * leg_cost(mode, measure, leg))
    for i, legs in enumerate(from_demand):
        for leg in legs:
            foot_node = ("foot", leg.edge.id, leg.from_start_mm)
            graph.add_edge(foot_node, ("demand", i), weight=scale * leg_cost(mode, measure, leg))
    found = nx.single_source_dijkstra_path_length(graph, "doors", weight="weight")

    answers: list[Answer] = []
    for i, lonlat in enumerate(demand):
        values = [divmod(found["demand", i], scale)] if ("demand", i) in found else []
        for k, door in enumerate(doors):
            walked = straight_walk(world, lonlat, door, mode, measure, limit_m)
            values += [] if walked is None else [(walked, rank[k])]
        answers.append(answer(values, names, attached=bool(from_demand[i])))
    return answers


def straight(
    demand_lonlat: Sequence[LonLat], facility_lonlat: Sequence[LonLat], facility_ids: Sequence[str]
) -> list[Answer]:
    """Contract, straight distance: geodesic mm to the nearest facility, without limit or barriers."""
    answers: list[Answer] = []
    for point in demand_lonlat:
        values = [(geodesic_mm(point, door), name) for door, name in zip(facility_lonlat, facility_ids, strict=True)]
        answers.append(("reached", *min(values)) if values else ("no_facility", None, None))
    return answers
