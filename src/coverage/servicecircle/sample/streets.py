"""Streets and roads as drawn lines: lattices of streets in settlements, roads between them, farm tracks.

A road meets another where both have a vertex; :mod:`servicecircle.sample.network` makes nodes of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay

from servicecircle.sample.graphs import graph_between
from servicecircle.sample.land import BRIDGES_AT, Land, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.settle import Places

#: Lattice of streets by kind of settlement: metres between streets, radius in metres (None: the county town's).
LATTICES: dict[str, tuple[float, float | None]] = {
    "core": (165.0, None),
    "seat": (150.0, 520.0),
    "village": (110.0, 190.0),
    "summit": (110.0, 560.0),
}
#: Share of street pieces left out of a town's lattice (blocks are not all alike, some streets end).
LEFT_OUT = 0.13
#: Farm tracks for each village, and their length in metres.
TRACKS = 0.8
TRACK_M = (300.0, 900.0)
#: No track comes nearer to a planted place without a usable road.
ROADLESS_M = 1600.0
#: Vertex spacing of roads between settlements.
VERTEX_M = 110.0
ONEWAY_IN_TOWN = 0.3
#: Lanes that leave a street corner and end: for each corner of a town, for each village; length over the lattice's.
ENDING_IN_TOWN, ENDING_IN_VILLAGE, ENDING_LENGTH = 0.18, 1.8, 0.5


@dataclass(frozen=True)
class Line:
    """One drawn way.

    Attributes
    ----------
    xy : float64 array (vertices, 2)
    tags : dict
    edge : tuple of int or None
        The two settlements a road leads between.
    meets : bool
        Whether crossing lines get a common vertex with it.
    in_town : bool
        Whether it is a street of a town: more of them have a name.
    """

    xy: NDArray[np.float64]
    tags: dict[str, str]
    edge: tuple[int, int] | None = None
    meets: bool = True
    in_town: bool = False


@dataclass(frozen=True)
class Lattice:
    """The streets of one settlement: a turned square lattice of nodes.

    Attributes
    ----------
    xy : float64 array (nodes, 2)
    """

    xy: NDArray[np.float64]
    lines: tuple[Line, ...]

    def doorstep(self, towards: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the street corner nearest to a place outside."""
        return np.asarray(self.xy[int(np.argmin(np.hypot(*(self.xy - towards).T)))])


def lattices(land: Land, places: Places, seed: int, *, summit: int | None = None) -> list[Lattice]:
    """Return the streets of every settlement; the committees of the county town share one lattice.

    Parameters
    ----------
    summit : int or None
        The planted village on a steep hill: its lanes reach down the hill.
    """
    rng, one_way = stream(seed, "streets"), stream(seed, "one-way streets")
    core = _lattice(land.core_xy, "core", LATTICES["core"][0], land.core_m, rng)
    result = []
    for k, (xy, kind) in enumerate(zip(places.xy, places.kind, strict=True)):
        step, radius = LATTICES["summit" if k == summit else str(kind)]
        if radius is None:
            result.append(core)
        else:
            grown = radius if k == summit else radius * rng.uniform(0.8, 1.25)
            lattice = _lattice(xy, str(kind), step, grown, rng)
            result.append(_with_one_ways(lattice, one_way) if kind == "seat" else lattice)
    return result


def _with_one_ways(lattice: Lattice, rng: np.random.Generator) -> Lattice:
    """Return a small town's streets, some of them one-way as in the county town; its main streets never are."""
    lines = [
        replace(line, tags=line.tags | {"oneway": "yes"})
        if draw < ONEWAY_IN_TOWN and line.tags["highway"] == "residential"
        else line
        for line, draw in zip(lattice.lines, rng.random(len(lattice.lines)), strict=True)
    ]
    return Lattice(lattice.xy, tuple(lines))


def _lattice(middle: NDArray[np.float64], kind: str, step: float, radius: float, rng: np.random.Generator) -> Lattice:
    most = int(radius / step)
    turn = rng.uniform(0, np.pi / 2)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) * step
    steps = np.arange(-most, most + 1)
    i, j = (a.ravel() for a in np.meshgrid(steps, steps, indexing="ij"))
    # a village has three by three corners at least
    kept = (np.hypot(i, j) * step <= radius) | (np.maximum(np.abs(i), np.abs(j)) <= 1)
    i, j = i[kept], j[kept]
    place = {(int(a), int(b)): np.round(middle + a * axes[0] + b * axes[1], 2) for a, b in zip(i, j, strict=True)}
    lines: list[Line] = []
    for across in (False, True):
        for k in steps.tolist():
            row = sorted(m for m in steps.tolist() if ((k, m) if across else (m, k)) in place)
            points = [place[(k, m) if across else (m, k)] for m in row]
            lines += _street(points, kind, main=k == 0, rng=rng)
    return Lattice(np.array(list(place.values())), tuple(lines))


def _street(points: list[NDArray[np.float64]], kind: str, *, main: bool, rng: np.random.Generator) -> list[Line]:
    """Return a street of a lattice, in pieces where a block has no street."""
    if len(points) < 2:
        return []
    tags = _street_tags(kind, main=main, rng=rng)
    broken = np.zeros(len(points) - 1, dtype=bool)
    if kind != "village" and not main:
        broken = rng.random(len(broken)) < LEFT_OUT
    pieces, first = [], 0
    for k, gap in enumerate([*broken.tolist(), True]):
        if gap:
            if k > first:
                pieces.append(Line(np.array(points[first : k + 1]), tags, in_town=kind != "village"))
            first = k + 1
    return pieces


def _street_tags(kind: str, *, main: bool, rng: np.random.Generator) -> dict[str, str]:
    if kind == "village":
        return {"highway": "residential"} if main or rng.random() < 0.7 else {"highway": "service"}
    if main:
        return {"highway": "primary" if kind == "core" else "tertiary"}
    draw = rng.random()
    tags = {"highway": "tertiary" if draw < 0.2 else "residential" if draw < 0.9 else "service"}
    if kind == "core" and rng.random() < ONEWAY_IN_TOWN * 1.25:
        tags["oneway"] = "yes"
        if rng.random() < 0.3:
            tags["oneway:bicycle"] = "no"
    return tags


def road_graph(land: Land, places: Places, seed: int) -> dict[tuple[int, int], str]:
    """Return which settlements a road joins and its class: a spanner of the triangulation over three bridges.

    Only one committee of the county town, the one nearest to its middle, stands for all of them.
    """
    rng = stream(seed, "roads")
    edges = _possible(land, places)
    length = np.hypot(*(places.xy[edges[:, 0]] - places.xy[edges[:, 1]]).T)
    bridging = _bridging(land, places, edges, length)
    side = land.east_of_river(places.xy)
    free = side[edges[:, 0]] == side[edges[:, 1]]
    usable = free.copy()
    usable[bridging] = True
    edges, length = edges[usable], length[usable]
    is_bridge = np.isin(np.flatnonzero(usable), bridging)
    chosen = _spanner(places.count, edges, length, is_bridge, land.preset.spanner)
    return _classes(land, places, edges[chosen], length[chosen], rng)


def _hub(land: Land, places: Places) -> int:
    core = places.of_kind("core")
    return int(core[np.argmin(np.hypot(*(places.xy[core] - land.core_xy).T))])


def _possible(land: Land, places: Places) -> NDArray[np.int64]:
    """Return the pairs a road may join: neighbours in the triangulation, not across the county town."""
    nodes = np.append(places.of_kind("seat", "village"), _hub(land, places))
    if len(nodes) < 4:
        others = nodes[:-1]
        return np.array([(min(a, nodes[-1]), max(a, nodes[-1])) for a in others], dtype=np.int64).reshape(-1, 2)
    triangles = nodes[Delaunay(places.xy[nodes]).simplices]
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1)
    pairs = np.unique(pairs, axis=0)
    lines = shapely.linestrings(places.xy[pairs])
    hub = _hub(land, places)
    core = shapely.Point(*land.core_xy).buffer(land.core_m + 250)
    through = shapely.intersects(lines, core) & ~(pairs == hub).any(axis=1)
    inside = shapely.covers(land.outline.buffer(-50), lines)
    return np.asarray(pairs[~through & inside], dtype=np.int64)


def _bridging(land: Land, places: Places, edges: NDArray[np.int64], length: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the three edges that cross the river on a bridge, each near its latitude, once and not far."""
    side = land.east_of_river(places.xy)
    crossing = np.flatnonzero(side[edges[:, 0]] != side[edges[:, 1]])
    middle = places.xy[edges[crossing]].mean(axis=1)
    found: list[int] = []
    for share in BRIDGES_AT:
        y = land.core_xy[1] + share * land.size_m[1]
        cost = np.abs(middle[:, 1] - y) + 0.3 * length[crossing]
        once = shapely.get_num_geometries(
            shapely.intersection(shapely.linestrings(places.xy[edges[crossing]]), land.river)
        )
        cost[(once != 1) | np.isin(crossing, found)] = np.inf
        if np.isfinite(cost).any():
            found.append(int(crossing[np.argmin(cost)]))
    return np.array(found, dtype=np.int64)


def _spanner(
    count: int, edges: NDArray[np.int64], length: NDArray[np.float64], is_bridge: NDArray[np.bool_], stretch: float
) -> NDArray[np.int64]:
    """Return the edges of the shortest tree and, by length, those without which the way round is too long."""
    weight = np.where(is_bridge, 1e-3, length)
    tree = minimum_spanning_tree(graph_between(count, edges, weight)).tocoo()
    in_tree = {(min(a, b), max(a, b)) for a, b in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    chosen = [k for k, (a, b) in enumerate(edges.tolist()) if (a, b) in in_tree or is_bridge[k]]
    for k in np.argsort(length, kind="stable").tolist():
        if k in chosen:
            continue
        graph = graph_between(count, edges[chosen], length[chosen])
        limit = stretch * length[k]
        a, b = edges[k]
        if dijkstra(graph, directed=False, indices=a, limit=limit)[b] > limit:
            chosen.append(k)
    return np.array(sorted(chosen), dtype=np.int64)


def _classes(
    land: Land, places: Places, edges: NDArray[np.int64], length: NDArray[np.float64], rng: np.random.Generator
) -> dict[tuple[int, int], str]:
    """Return the class of each road: primary and secondary on the ways to the seats, the rest village roads."""
    hub = _hub(land, places)
    graph = graph_between(places.count, edges, length)
    away, before = dijkstra(graph, directed=False, indices=hub, return_predecessors=True)  # type: ignore[call-overload]
    draw = rng.random(len(edges))
    result = {
        (int(a), int(b)): "tertiary" if d > 0.8 else "unclassified" for (a, b), d in zip(edges, draw, strict=True)
    }
    seats = sorted(places.of_kind("seat").tolist(), key=lambda k: -away[k])
    for rank, seat in enumerate(seats):
        at = seat
        while at != hub and before[at] >= 0:
            key = (min(at, int(before[at])), max(at, int(before[at])))
            if rank < 3 or result[key] != "primary":
                result[key] = "primary" if rank < 3 else "secondary"
            at = int(before[at])
    return result


def meander(
    start: NDArray[np.float64], end: NDArray[np.float64], sinuosity: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a winding line between two points, about ``sinuosity`` times as long as the straight one."""
    span = end - start
    length = float(np.hypot(*span))
    pieces = max(int(length / VERTEX_M), 2)
    share = np.linspace(0, 1, pieces + 1)
    bends = max(round(length / 420.0), 1)
    # a sine of amplitude A and n half-waves over L is about 1 + (A n pi / L)^2 / 4 times as long
    amplitude = 2 * length * np.sqrt(max(sinuosity - 1, 0)) / (np.pi * bends)
    off = amplitude * np.sin(np.pi * bends * share + np.pi * rng.integers(2)) * np.sin(np.pi * share) ** 0.35
    across = np.array([-span[1], span[0]]) / max(length, 1.0)
    line = start + share[:, None] * span + off[:, None] * across
    return np.round(np.concatenate(([start], line[1:-1], [end])), 2)


def roads_between(
    land: Land, places: Places, graph: dict[tuple[int, int], str], streets: list[Lattice], seed: int
) -> list[Line]:
    """Return the roads between settlements, from street corner to street corner."""
    rng = stream(seed, "meander")
    lines = []
    for (a, b), kind in sorted(graph.items()):
        start, end = streets[a].doorstep(places.xy[b]), streets[b].doorstep(places.xy[a])
        start = streets[a].doorstep(end)
        hilly = float(land.hills(((start + end) / 2)[None])[0])
        sinuosity = 1.06 + 0.17 * hilly
        line = meander(start, end, sinuosity, rng)
        across = land.east_of_river(places.xy[[a, b]])
        if across[0] != across[1] or _wet(land, line):
            line = np.array([start, end])
        if across[0] == across[1] and _wet(land, line):
            continue  # the river bends in between: no road
        lines.append(Line(line, {"highway": kind}, (a, b)))
    return lines


def _wet(land: Land, xy: NDArray[np.float64]) -> bool:
    return bool(shapely.intersects(shapely.LineString(xy), land.river_area.buffer(15)))


def outgoing(land: Land, streets: list[Lattice], places: Places, roads: list[Line]) -> list[Line]:
    """Return main roads from the county town out of the county: where bridges are missing, and over the expressway."""
    hub = streets[_hub(land, places)]
    west, _, east, _ = land.outline.bounds
    sides = land.east_of_river(places.xy)
    bridges = sum(1 for line in roads if line.edge is not None and sides[line.edge[0]] != sides[line.edge[1]])
    ends = [(west - 1500, land.core_xy[1] + share * land.size_m[1]) for share in BRIDGES_AT[bridges:]]
    crossed = [shapely.intersects(shapely.LineString(line.xy), land.motorway_zone) for line in roads]
    if not any(crossed):
        ends.append((east + 2500, land.core_xy[1]))
    result = []
    for end in ends:
        far = np.round(np.array(end), 2)
        start = hub.doorstep(far)
        share = np.linspace(0, 1, max(int(np.hypot(*(far - start)) / 400), 2))[:, None]
        result.append(Line(np.round(start + share * (far - start), 2), {"highway": "primary", "name": "虚拟大道"}))
    return result


def quarries(land: Land, lines: list[Line], seed: int, *, apart_from: NDArray[np.float64]) -> list[Line]:
    """Return tracks that meet no other road: about 1.3 % of the length, in pieces of a kilometre."""
    rng = stream(seed, "quarries")
    shapes = [shapely.LineString(line.xy) for line in lines]
    wanted = 0.013 * sum(shape.length for shape in shapes)
    kept_clear = shapely.buffer(shapely.points(apart_from), ROADLESS_M)
    tree = shapely.STRtree([*shapes, land.river_area, land.rail, land.motorway_zone, *kept_clear])
    west, south, east, north = land.outline.bounds
    found: list[Line] = []
    for _ in range(4000):
        if wanted <= 0:
            break
        start = rng.uniform((west, south), (east, north))
        angle = rng.uniform(0, 2 * np.pi)
        length = rng.uniform(500, min(1300, 60 + land.core_m / 2))
        end = np.round(start + length * np.array([np.cos(angle), np.sin(angle)]), 2)
        xy = meander(np.round(start, 2), end, 1.1, rng)
        shape = shapely.LineString(xy)
        apart = len(tree.query(shape, predicate="dwithin", distance=60.0)) == 0
        if apart and land.outline.contains(shape):
            found.append(Line(xy, {"highway": "track", "name": "采石便道"}))
            wanted -= shape.length
    return found


def ending_lanes(streets: list[Lattice], places: Places, seed: int, *, apart_from: list[int]) -> list[Line]:
    """Return lanes that lead from a street corner into the block and end there, as courtyards and yards have them.

    Parameters
    ----------
    apart_from : list of int
        Planted settlements: nothing is added to them.
    """
    rng = stream(seed, "ending lanes")
    lines: list[Line] = []
    seen: set[int] = set()
    for k, lattice in enumerate(streets):
        village = places.kind[k] == "village"
        count = int(rng.poisson(ENDING_IN_VILLAGE if village else ENDING_IN_TOWN * len(lattice.xy)))
        order = rng.permutation(len(lattice.xy))[:count]
        quarter = rng.integers(0, 4, len(order))
        if id(lattice) in seen or k in apart_from:
            continue
        seen.add(id(lattice))
        for at, turns in zip(order.tolist(), quarter.tolist(), strict=True):
            corner = lattice.xy[at]
            away = np.hypot(*(lattice.xy - corner).T)
            along = lattice.xy[int(np.argmin(np.where(away > 0, away, np.inf)))] - corner
            # between two streets: an eighth of a turn, and quarters
            angle = np.pi / 4 + turns * np.pi / 2
            into = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ along
            end = np.round(corner + ENDING_LENGTH * into, 2)
            tags = {"highway": "service" if village else "residential"}
            lines.append(Line(np.array([corner, end]), tags, in_town=not village))
    return lines


def tracks(
    land: Land, places: Places, streets: list[Lattice], seed: int, *, apart_from: NDArray[np.float64]
) -> list[Line]:
    """Return farm tracks that lead from villages into the fields and end there.

    Parameters
    ----------
    apart_from : float64 array (places, 2)
        Planted places no track comes near.
    """
    rng = stream(seed, "tracks")
    kept_clear = shapely.buffer(shapely.points(apart_from), ROADLESS_M)
    closed = shapely.union_all([land.river_area.buffer(25), land.motorway_zone, land.rail.buffer(25), *kept_clear])
    shapely.prepare(closed)
    lines = []
    for k in places.of_kind("village").tolist():
        for _ in range(int(rng.poisson(TRACKS))):
            angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(*TRACK_M)
            far = places.xy[k] + (length + 200) * np.array([np.cos(angle), np.sin(angle)])
            start = streets[k].doorstep(far)
            line = meander(start, np.round(start + (far - start) * length / np.hypot(*(far - start)), 2), 1.08, rng)
            shape = shapely.LineString(line)
            tags = {"highway": "track"} | ({"surface": "unpaved"} if rng.random() < 0.3 else {})
            if not closed.intersects(shape) and land.outline.contains(shape):
                lines.append(Line(line, tags))
    return lines
