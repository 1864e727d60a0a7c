"""Drawn lines into one OSM network: shared nodes where ways meet, bridges where they must not, ids that stay put."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.sample.land import BEYOND_M, CARRIAGEWAY_M, Land
from servicecircle.sample.streets import Line

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Places this near are one node.
GRID_M = 0.01
LINK_M = 420.0


@dataclass(frozen=True)
class Node:
    """A node with tags of its own."""

    xy: tuple[float, float]
    tags: dict[str, str]


def over_water(land: Land, lines: list[Line]) -> list[Line]:
    """Cut roads at the river and the expressway and carry the piece between over it on a bridge."""
    river, motorway = land.river_area.buffer(12), land.motorway_zone
    result: list[Line] = []
    for line in lines:
        pieces = [line]
        for zone, layer in ((river, "1"), (motorway, "2")):
            pieces = [part for piece in pieces for part in _bridged(piece, zone, layer)]
        result += pieces
    return result


def _bridged(line: Line, zone: shapely.Polygon, layer: str) -> list[Line]:
    shape = shapely.LineString(line.xy)
    if "bridge" in line.tags or not zone.intersects(shape):
        return [line]
    cuts = shapely.get_coordinates(shapely.intersection(shape, zone.boundary))
    if len(cuts) == 0:
        return [line]
    xy, marks = _with_vertices(line.xy, np.round(cuts, 2))
    middle = [shapely.LineString(xy[a : b + 1]).interpolate(0.5, normalized=True) for a, b in marks]
    return [
        Line(
            xy[a : b + 1],
            line.tags | ({"bridge": "yes", "layer": layer} if zone.contains(at) else {}),
            line.edge,
            line.meets,
            line.in_town,
        )
        for (a, b), at in zip(marks, middle, strict=True)
    ]


def _with_vertices(
    xy: NDArray[np.float64], extra: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """Return a line with more vertices, and the ranges between them."""
    shape = shapely.LineString(xy)
    own = shapely.line_locate_point(shape, shapely.points(xy))
    own[-1] = shape.length
    at = shapely.line_locate_point(shape, shapely.points(extra))
    keep = (at > GRID_M) & (at < shape.length - GRID_M)
    extra, at = extra[keep], at[keep]
    place = np.concatenate((own, at))
    points = np.concatenate((xy, extra))
    order = np.argsort(place, kind="stable")
    merged = points[order]
    cut = np.flatnonzero(order >= len(xy))
    ends = [0, *cut.tolist(), len(merged) - 1]
    return merged, [(a, b) for a, b in pairwise(ends) if b > a]


def noded(lines: list[Line], rail: shapely.LineString) -> tuple[list[Line], Line, list[Node]]:
    """Give crossing lines a common vertex; bridges cross without one.

    Returns
    -------
    lines : list of Line
        The roads, in the order given.
    rail : Line
        The railway with a vertex at each level crossing.
    crossings : list of Node
    """
    everything = [*lines, Line(shapely.get_coordinates(rail), {"railway": "rail", "name": "虚拟铁路"})]
    level = np.array([k for k, line in enumerate(everything) if line.meets and "bridge" not in line.tags])
    shapes = np.array([shapely.LineString(everything[k].xy) for k in level], dtype=object)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = one < other
    one, other = one[pair], other[pair]
    meet = shapely.intersection(shapes[one], shapes[other])
    points, index = shapely.get_coordinates(meet, return_index=True)
    points = np.round(points, 2)
    extra: dict[int, list[NDArray[np.float64]]] = {}
    crossings: list[Node] = []
    for xy, k in zip(points, index, strict=True):
        a, b = int(level[one[k]]), int(level[other[k]])
        extra.setdefault(a, []).append(xy)
        extra.setdefault(b, []).append(xy)
        if b == len(lines):
            crossings.append(Node((float(xy[0]), float(xy[1])), {"railway": "level_crossing"}))
    result = [
        replace(line, xy=_unique(_with_vertices(line.xy, np.array(extra[k]))[0])) if k in extra else line
        for k, line in enumerate(everything)
    ]
    return result[:-1], result[-1], crossings


def _unique(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop vertices that repeat their predecessor."""
    keep = np.ones(len(xy), dtype=bool)
    keep[1:] = np.abs(np.diff(xy, axis=0)).max(axis=1) > GRID_M / 2
    return xy[keep]


def expressway(land: Land, roads: list[Line]) -> list[Line]:
    """Return two carriageways, and an interchange at the main road that passes over them."""
    _, south, _, north = land.outline.bounds
    x, low, high = land.motorway_x, south - BEYOND_M, north + BEYOND_M
    gate = _interchange(land, roads)
    tags = {"highway": "motorway", "ref": "G0000", "oneway": "yes", "name": "虚拟高速"}
    stops = [low, high] if gate is None else [low, gate[1] - LINK_M, gate[1] + LINK_M, high]
    up = np.array([(x + CARRIAGEWAY_M, y) for y in stops])
    down = np.array([(x - CARRIAGEWAY_M, y) for y in stops[::-1]])
    lines = [Line(np.round(up, 2), tags), Line(np.round(down, 2), tags)]
    if gate is None:
        return lines
    west, _, east = gate
    link = {"highway": "motorway_link", "oneway": "yes"}
    for first, last in ((up[1], east), (east, up[2]), (down[1], west), (west, down[2])):
        lines.append(Line(np.round(np.array([first, last]), 2), link))
    return lines


def _interchange(land: Land, roads: list[Line]) -> tuple[NDArray[np.float64], float, NDArray[np.float64]] | None:
    """Return the west end, the latitude and the east end of the bridge nearest to the county town's latitude."""
    over = [line for line in roads if line.tags.get("layer") == "2"]
    if not over:
        return None
    main = [line for line in over if line.tags["highway"] in ("primary", "secondary")] or over
    line = min(main, key=lambda each: abs(each.xy[:, 1].mean() - land.core_xy[1]))
    ends = line.xy[[0, -1]]
    west, east = ends[np.argsort(ends[:, 0])]
    return west, float(ends[:, 1].mean()), east
