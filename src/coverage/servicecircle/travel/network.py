"""The road network: junction-to-junction edges with integer milliseconds and millimetres per mode."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from servicecircle.geo.crs import geodesic_m
from servicecircle.standards.modes import standard_modes
from servicecircle.travel import tags as rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.geo.crs import WorkingCrs
    from servicecircle.inputs.roads import Ways
    from servicecircle.standards.modes import Mode

#: Hours per second over thousandths: ``milliseconds = millimetres * 3.6 / (km/h)``.
MS_KMH_PER_MM = 3.6


@dataclass(frozen=True)
class ModeEdges:
    """What one mode makes of the edges.

    Attributes
    ----------
    ms : int64 array (edges,)
        Milliseconds along the edge, the same in both directions; 0 where the mode may not go.
    forward, backward : bool arrays (edges,)
        Permitted directions.
    component : int32 array (edges,)
        Weakly connected piece of the mode's edges, -1 where the mode may not go.
    attachable : bool array (edges,)
        Whether access legs may end here.
    kmh : float64 array (edges,)
    posted : bool array (edges,)
        Whether a posted limit made the speed.
    """

    ms: NDArray[np.int64]
    forward: NDArray[np.bool_]
    backward: NDArray[np.bool_]
    component: NDArray[np.int32]
    attachable: NDArray[np.bool_]
    kmh: NDArray[np.float64]
    posted: NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """Edges between junctions, sorted by (way id, place along the way); immutable.

    Attributes
    ----------
    tail, head : int32 arrays (edges,)
        Node index of the first and last junction in the way's node order.
    mm : int64 array (edges,)
        Geodesic length.
    way : int64 array (edges,)
        OSM way id.
    tags : tuple of dict
        Tags of each edge's way (shared, not copied).
    road_class : str array (edges,)
    urban : bool array (edges,)
    point_start : int64 array (edges + 1,)
        Edge ``i`` owns vertices ``point_start[i]:point_start[i + 1]``.
    lon, lat : float64 arrays (vertices,)
    xy : float64 array (vertices, 2)
        Vertices in the working CRS.
    along_m : float64 array (vertices,)
        Geodesic metres from the edge's first vertex.
    node_id : int64 array (nodes,)
        OSM node id of each junction.
    modes : dict of ModeEdges
    """

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    mm: NDArray[np.int64]
    way: NDArray[np.int64]
    tags: tuple[Mapping[str, str], ...]
    road_class: NDArray[np.str_]
    urban: NDArray[np.bool_]
    point_start: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    xy: NDArray[np.float64]
    along_m: NDArray[np.float64]
    node_id: NDArray[np.int64]
    modes: Mapping[str, ModeEdges]
    component_rule: str

    @property
    def size(self) -> int:
        """Number of edges."""
        return len(self.mm)


def build_network(
    ways: Ways,
    modes: Sequence[Mode],
    working: WorkingCrs,
    *,
    urban: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]],
    component_share: float = 0.01,
    component_km: float = 5.0,
) -> Network:
    """Cut ways at junctions and give every edge its length and, per mode, its time.

    Parameters
    ----------
    urban : callable
        ``(lon, lat) -> bool array``: whether the middle of an edge lies in an urban unit.
    component_share, component_km : float
        A piece of a mode's network shorter than both the share of its total length and the kilometres is
        not attached to.
    """
    kept, classes = _routable(ways)
    runs = _edges(ways, kept)
    lon, lat = ways.lon[runs.vertex], ways.lat[runs.vertex]
    along_m, length_m = _lengths(lon, lat, runs.start)
    mm = np.rint(length_m * 1000).astype(np.int64)
    junctions, ends = np.unique(np.concatenate((runs.tail_id, runs.head_id)), return_inverse=True)
    tail, head = ends[: len(mm)].astype(np.int32), ends[len(mm) :].astype(np.int32)
    used, way = np.unique(runs.way, return_inverse=True)
    way_tags = tuple(ways.tags[w] for w in used)
    way_class = np.array([classes[w] for w in used], dtype=str)
    is_urban = urban(*_midpoints(lon, lat, along_m, runs.start)) if len(mm) else np.zeros(0, bool)
    facts = _Facts(way_tags, way_class, way, is_urban, mm, tail, head)
    tables = {mode.id: _mode_edges(mode, facts, (component_share, component_km)) for mode in modes}
    return Network(
        tail=tail,
        head=head,
        mm=mm,
        way=ways.id[runs.way],
        tags=tuple(way_tags[w] for w in way),
        road_class=way_class[way],
        urban=is_urban,
        point_start=runs.start,
        lon=lon,
        lat=lat,
        xy=working.project(lon, lat),
        along_m=along_m,
        node_id=junctions,
        modes=tables,
        component_rule=f"min({component_share:g} x length, {component_km:g} km)",
    )


def retimed(network: Network, modes: Sequence[Mode]) -> Network:
    """Return the network with the times of some modes at other speeds, as :func:`build_network` would make them.

    The modes differ from those the network was built with in their speeds alone, and none of these becomes 0: where a
    mode may go, and where legs end, stays as it is.
    """
    limits = [tags.get("maxspeed") for tags in network.tags]
    kinds = list(zip(network.road_class.tolist(), limits, network.urban.tolist(), strict=True))
    tables = dict(network.modes)
    for mode in modes:
        edges = tables[mode.id]
        usable = edges.forward | edges.backward
        of_kind = {
            (cls, limit, urban): rules.speed_kmh(cls, mode, urban=urban, posted_kmh=rules.maxspeed_kmh(limit))
            for cls, limit, urban in set(kinds)
        }
        kmh = np.where(usable, np.array([of_kind[kind] for kind in kinds], dtype=float), 0.0)
        tables[mode.id] = replace(edges, ms=_edge_ms(network.mm, kmh, usable), kmh=kmh)
    return replace(network, modes=tables)


def _edge_ms(mm: NDArray[np.int64], kmh: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return whole milliseconds along each edge, 0 where the mode may not go."""
    ms = np.zeros(len(mm), dtype=np.int64)
    ms[usable] = np.rint(mm[usable] * MS_KMH_PER_MM / kmh[usable])
    return ms


def _routable(ways: Ways) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Return the ways some shipped mode may use (by way id) and their class.

    All shipped modes are asked, whichever a study judges: where roads are cut, and so where access legs end,
    must not depend on the question.
    """
    modes = tuple(standard_modes().values())
    classes: dict[int, str] = {}
    for index, tags in enumerate(ways.tags):
        cls = rules.road_class(tags)
        if cls is not None and any(rules.allowed(tags, cls, mode) for mode in modes):
            classes[index] = cls
    kept = np.array(list(classes), dtype=np.int64)
    return kept[np.argsort(ways.id[kept], kind="stable")], classes


@dataclass(frozen=True)
class _Runs:
    """Edges as slices of the vertex list."""

    way: NDArray[np.int64]
    start: NDArray[np.int64]
    vertex: NDArray[np.int64]
    tail_id: NDArray[np.int64]
    head_id: NDArray[np.int64]


def _edges(ways: Ways, kept: NDArray[np.int64]) -> _Runs:
    """Cut the kept ways at missing nodes and at junctions.

    A junction is a node that occurs more than once in all runs, or the first or last node of a run.
    """
    runs: list[tuple[int, NDArray[np.int64]]] = []
    for way in kept:
        index = np.arange(ways.start[way], ways.start[way + 1])
        known = ~np.isnan(ways.lon[index])
        pieces = np.split(index, np.flatnonzero(~known))
        for piece in pieces:
            piece = piece[~np.isnan(ways.lon[piece])]  # noqa: PLW2901 - the missing node itself opens each later piece
            if len(piece):
                piece = piece[np.concatenate(([True], np.diff(ways.node[piece]) != 0))]  # noqa: PLW2901
            if len(piece) > 1:
                runs.append((int(way), piece))
    if not runs:
        empty = np.zeros(0, np.int64)
        return _Runs(empty, np.zeros(1, np.int64), empty, empty, empty)
    nodes = ways.node[np.concatenate([piece for _, piece in runs])]
    ids, count = np.unique(nodes, return_counts=True)
    way_of, slices = [], []
    for way, piece in runs:
        is_cut = count[np.searchsorted(ids, ways.node[piece])] > 1
        is_cut[0] = is_cut[-1] = True
        cuts = np.flatnonzero(is_cut)
        for first, last in pairwise(cuts):
            way_of.append(way)
            slices.append(piece[first : last + 1])
    start = np.concatenate(([0], np.cumsum([len(s) for s in slices]))).astype(np.int64)
    vertex = np.concatenate(slices)
    return _Runs(
        np.array(way_of, dtype=np.int64), start, vertex, ways.node[vertex[start[:-1]]], ways.node[vertex[start[1:] - 1]]
    )


def _lengths(
    lon: NDArray[np.float64], lat: NDArray[np.float64], start: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return metres along each edge at every vertex, and each edge's length."""
    along = np.zeros(len(lon))
    if len(lon) == 0:
        return along, along
    step = np.zeros(len(lon))
    step[1:] = geodesic_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    step[start[:-1]] = 0.0
    for first, last in pairwise(start):
        along[first:last] = np.cumsum(step[first:last])
    return along, along[start[1:] - 1]


def _midpoints(
    lon: NDArray[np.float64], lat: NDArray[np.float64], along_m: NDArray[np.float64], start: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the point half-way along each edge."""
    x, y = np.empty(len(start) - 1), np.empty(len(start) - 1)
    for i, (first, last) in enumerate(pairwise(start)):
        half = along_m[last - 1] / 2
        x[i] = np.interp(half, along_m[first:last], lon[first:last])
        y[i] = np.interp(half, along_m[first:last], lat[first:last])
    return x, y


@dataclass(frozen=True)
class _Facts:
    """What is known before any mode looks: tags and class by way, the rest by edge."""

    tags: tuple[Mapping[str, str], ...]
    road_class: NDArray[np.str_]
    way: NDArray[np.int64]
    urban: NDArray[np.bool_]
    mm: NDArray[np.int64]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]


def _mode_edges(mode: Mode, facts: _Facts, component_limits: tuple[float, float]) -> ModeEdges:
    way, mm = facts.way, facts.mm
    pairs = list(zip(facts.tags, facts.road_class, strict=True))
    permitted = np.array([rules.allowed(tags, cls, mode) for tags, cls in pairs], dtype=bool)[way]
    directions = np.array([rules.directions(tags, mode) for tags in facts.tags], dtype=bool).reshape(-1, 2)[way]
    closed = np.array([rules.is_tagged(t, "bridge") or rules.is_tagged(t, "tunnel") for t in facts.tags], dtype=bool)
    closed |= np.isin(facts.road_class, ("motorway", "ferry"))
    kmh, free = _speeds(mode, pairs, posted=True), _speeds(mode, pairs, posted=False)
    kmh, free = (np.where(facts.urban, by_way[way, 0], by_way[way, 1]) for by_way in (kmh, free))
    usable = permitted & (kmh > 0)
    component, tiny = _components(usable, facts, *component_limits)
    return ModeEdges(
        ms=_edge_ms(mm, kmh, usable),
        forward=usable & directions[:, 0],
        backward=usable & directions[:, 1],
        component=component,
        attachable=usable & ~tiny & ~closed[way],
        kmh=np.where(usable, kmh, 0.0),
        posted=usable & (kmh != free),
    )


def _speeds(mode: Mode, ways: list[tuple[Mapping[str, str], str]], *, posted: bool) -> NDArray[np.float64]:
    """Return urban and rural speed of each way, with or without its posted limit."""
    speeds = [
        [rules.speed_kmh(cls, mode, urban=urban, posted_kmh=limit) for urban in (True, False)]
        for tags, cls in ways
        for limit in (rules.maxspeed_kmh(tags.get("maxspeed")) if posted else None,)
    ]
    return np.array(speeds, dtype=float).reshape(-1, 2)


def _components(
    usable: NDArray[np.bool_], facts: _Facts, share: float, km: float
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the piece of each usable edge, and whether that piece is too short to attach to."""
    mm, tail, head = facts.mm, facts.tail, facts.head
    component = np.full(len(mm), -1, dtype=np.int32)
    if not usable.any():
        return component, np.zeros(len(mm), dtype=bool)
    size = int(max(tail.max(), head.max())) + 1
    graph = coo_array((np.ones(usable.sum()), (tail[usable], head[usable])), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=False)
    component[usable] = label[tail[usable]]
    length = np.bincount(component[usable], weights=mm[usable])
    tiny = length < min(share * length.sum(), km * 1e6)
    return component, usable & tiny[component]
