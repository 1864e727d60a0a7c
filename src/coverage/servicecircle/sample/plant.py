"""Planted places: villages made to fall short for one known cause each.

Each is checked from outside: the truth of a county is worked out anew from its files, and a planted cause counts only
when taking it away covers the place.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse.csgraph import connected_components, dijkstra

from servicecircle.sample.graphs import graph_between
from servicecircle.sample.land import Land, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.settle import Places
    from servicecircle.sample.streets import Line

    Point = tuple[float, float]

#: A road that ends this far short of its junction, as a slip of the drawing hand leaves it.
GAP_M = 3.0
#: A longer road cut off with its village would be a network of its own that people may use.
LONGEST_GAP_M = 2400.0
#: No facility of the kind within this distance of the planted village without one.
LONELY_M = 3600.0
#: No clinic on the west bank within this distance of the planted village there.
BANK_M = 4200.0
#: Distances by road between the county town's middle and the one-way village: direct, and the way round.
DIRECT_M, ROUND_M = (2300.0, 3900.0), 6900.0
#: People of planted places live between these distances from the middle.
RINGS = {
    "summit": (350.0, 540.0),
    "twin_west": (0.0, 420.0),
    "one_way": (0.0, 380.0),
    "off_road": (0.0, 300.0),
    "road_gap": (0.0, 400.0),
}
#: Code of the division list for land between town and country: urban.
FRINGE = "122"


@dataclass(frozen=True)
class Planted:
    """What is planted where.

    Attributes
    ----------
    roles : dict
        Role to index of the settlement: ``twin_west``, ``twin_east``, ``lonely``, ``off_road``, ``road_gap``,
        ``one_way``, ``summit``.
    graph : dict
        The roads between settlements after the changes.
    no_clinic : set of int
        Settlements that get no clinic, whatever the draw.
    private : tuple of int
        Villages whose only clinic is private.
    hub_edge : tuple of int or None
        The road between the one-way village and the county town.
    rings : dict
        Settlement to the least and greatest distance of its people from the middle, metres.
    """

    roles: dict[str, int]
    graph: dict[tuple[int, int], str]
    no_clinic: frozenset[int] = frozenset()
    private: tuple[int, ...] = ()
    hub_edge: tuple[int, int] | None = None
    rings: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def roadless(self) -> list[int]:
        """Settlements no track may come near."""
        return [self.roles[role] for role in ("off_road", "road_gap") if role in self.roles]

    def graph_nodes(self) -> list[int]:
        """Return the settlements a road leads to."""
        return sorted({k for edge in self.graph for k in edge})

    @property
    def gap_edge(self) -> tuple[int, int] | None:
        """The one road of the village whose road ends short of its junction."""
        return next((edge for edge in self.graph if self.roles.get("road_gap") in edge), None)


def plant(land: Land, places: Places, graph: dict[tuple[int, int], str], seed: int) -> Planted:
    """Choose the planted places of a county; what its preset has no criterion for is left out."""
    rng = stream(seed, "plant")
    preset, roles, graph = land.preset, dict(places.roles), dict(graph)
    if preset.slope_circle:
        roles["summit"] = _summit(land, places, roles)
    if preset.drive_out and (found := _one_way(land, places, graph, roles)) is not None:
        roles["one_way"] = found
    if preset.villages >= 20:
        roles["off_road"] = _remote(places, graph, roles)
        graph = {edge: kind for edge, kind in graph.items() if roles["off_road"] not in edge}
        village = _remote(places, graph, roles, longest_m=LONGEST_GAP_M)
        if village >= 0:
            roles["road_gap"] = village
            mine = sorted((edge for edge in graph if village in edge), key=lambda e: _length_m(places, e))
            graph = {edge: kind for edge, kind in graph.items() if edge not in mine[1:]}
    if preset.straight_circle:
        roles["lonely"] = _lonely(places, roles)
    no_clinic = _without(land, places, roles)
    candidates = [k for k in places.of_kind("village").tolist() if k not in roles.values() and k not in no_clinic]
    private = tuple(sorted(rng.permutation(candidates)[: min(3, len(candidates) // 6)].tolist()))
    rings = {roles[role]: ring for role, ring in RINGS.items() if role in roles}
    return Planted(roles, graph, frozenset(no_clinic), private, _hub_edge(places, graph, roles), rings)


def _length_m(places: Places, edge: tuple[int, int]) -> float:
    return float(np.hypot(*(places.xy[edge[0]] - places.xy[edge[1]])))


def _hub_edge(places: Places, graph: dict[tuple[int, int], str], roles: dict[str, int]) -> tuple[int, int] | None:
    core = set(places.of_kind("core").tolist())
    mine = [edge for edge in sorted(graph) if roles.get("one_way") in edge]
    return next((edge for edge in mine if edge[0] in core or edge[1] in core), None)


def with_gap(lines: list[Line], planted: Planted) -> list[Line]:
    """Let the one road of the planted village end a few metres short of the other village's street corner."""
    village = planted.roles.get("road_gap")
    result = []
    for line in lines:
        if line.edge is None or line.edge != planted.gap_edge:
            result.append(line)
            continue
        xy = line.xy if line.edge[1] == village else line.xy[::-1]
        step = xy[1] - xy[0]
        short = np.round(xy[0] + step * GAP_M / np.hypot(*step), 2)
        result.append(replace(line, xy=np.concatenate(([short], xy[1:])), meets=False))
    return result


def gap_ends(lines: list[Line], planted: Planted, corner: NDArray[np.float64]) -> tuple[Point, Point] | None:
    """Return the end of the planted road and the street corner it misses, None where nothing is planted."""
    line = next((line for line in lines if line.edge is not None and line.edge == planted.gap_edge), None)
    if line is None:
        return None
    return (float(line.xy[0][0]), float(line.xy[0][1])), (float(corner[0]), float(corner[1]))


def with_one_way(lines: list[Line], planted: Planted) -> list[Line]:
    """Let the planted village's road to the county town be one-way, towards the town."""
    village = planted.roles.get("one_way")
    edge = None if village is None else planted.hub_edge
    return [
        replace(line, tags=line.tags | {"oneway": "yes" if line.edge[0] == village else "-1"})
        if line.edge is not None and line.edge == edge
        else line
        for line in lines
    ]


def reclassed(places: Places, planted: Planted) -> Places:
    """Return the places with the one-way village counted as urban: the urban radius applies to it."""
    if "one_way" not in planted.roles:
        return places
    codes = places.class_code.copy()
    codes[planted.roles["one_way"]] = FRINGE
    return replace(places, class_code=codes)


def _without(land: Land, places: Places, roles: dict[str, int]) -> set[int]:
    """Return the settlements that must have no clinic: around the lonely village, and on the west bank."""
    found: set[int] = set()
    for role in ("lonely", "twin_west"):
        if role in roles:
            away = np.hypot(*(places.xy - places.xy[roles[role]]).T)
            near = away < LONELY_M if role == "lonely" else (away < BANK_M) & ~land.east_of_river(places.xy)
            found |= set(np.flatnonzero(near).tolist())
    return found


def _free(places: Places, roles: dict[str, int], *, apart_m: float = 4500.0) -> NDArray[np.int64]:
    """Return villages far from every planted one."""
    villages = places.of_kind("village")
    if not roles:
        return villages
    taken = places.xy[list(roles.values())]
    near = np.min(np.hypot(*(places.xy[villages][:, None] - taken[None]).T), axis=0)
    return np.asarray(villages[near > apart_m])


def _summit(land: Land, places: Places, roles: dict[str, int]) -> int:
    free = _free(places, roles)
    others = np.sort(np.hypot(*(places.xy[free][:, None] - places.xy[None]).T), axis=0)[1]
    score = others * (land.hills(places.xy[free]) > 0.8) * (land.clearance_m(places.xy[free]) > 1500)
    return int(free[np.argmax(score)])


def _lonely(places: Places, roles: dict[str, int]) -> int:
    """Return the village with the fewest settlements around it: so few others must lose their clinics."""
    free = _free(places, roles, apart_m=6500.0)
    around = (np.hypot(*(places.xy[free][:, None] - places.xy[None]).T) < LONELY_M).sum(axis=0)
    return int(free[np.argmin(around)])


def _remote(
    places: Places, graph: dict[tuple[int, int], str], roles: dict[str, int], *, longest_m: float = np.inf
) -> int:
    """Return the village farthest from roads that are not its own, on which no other road depends.

    Only villages whose shortest road is at most ``longest_m`` long are looked at; -1 where there is none.
    """
    edges = np.array(sorted(graph))
    lines = shapely.linestrings(places.xy[edges])
    best, found = -1.0, -1
    for k in _free(places, roles).tolist():
        other = ~(edges == k).any(axis=1)
        if min((_length_m(places, edge) for edge in graph if k in edge), default=np.inf) > longest_m:
            continue
        roads = float(shapely.distance(shapely.Point(places.xy[k]), lines[other]).min())
        villages = float(np.partition(np.hypot(*(places.xy - places.xy[k]).T), 1)[1]) - 250
        # the village's own tracks and neighbours are not counted: what matters is the nearest road of others
        score = min(roads, villages)
        if score > best and _still_joined(places.count, edges[other], k):
            best, found = score, k
    return found


def _still_joined(count: int, edges: NDArray[np.int64], left_out: int) -> bool:
    graph = graph_between(count, edges, np.ones(len(edges)))
    label = connected_components(graph, directed=False)[1]
    used = np.setdiff1d(np.unique(edges), [left_out])
    return len(set(label[used].tolist())) == 1


def _one_way(land: Land, places: Places, graph: dict[tuple[int, int], str], roles: dict[str, int]) -> int | None:
    """Return a village beside the county town whose road there may become one-way: the other way is long."""
    edges = np.array(sorted(graph))
    length = 1.12 * np.hypot(*(places.xy[edges[:, 0]] - places.xy[edges[:, 1]]).T)
    core = places.of_kind("core")
    hub = int(next(k for k in np.unique(edges) if k in set(core.tolist())))
    best: tuple[float, int] | None = None
    for k, (a, b) in enumerate(edges.tolist()):
        other = b if a == hub else a if b == hub else -1
        straight = float(np.hypot(*(places.xy[other] - land.core_xy))) if other >= 0 else 0.0
        if other < 0 or places.kind[other] != "village" or other in roles.values():
            continue
        rest = np.arange(len(edges)) != k
        graph_without = graph_between(places.count, edges[rest], length[rest])
        around = float(dijkstra(graph_without, directed=False, indices=hub)[other])  # type: ignore[call-overload]
        direct = straight * 1.15
        if DIRECT_M[0] <= direct <= DIRECT_M[1] and around >= ROUND_M and np.isfinite(around):
            best = max(best or (-np.inf, -1), (-direct, other))
    return None if best is None else best[1]
