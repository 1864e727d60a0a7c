"""Lines into a network: which vertices of which lines are one node.

Lines meet where their vertices coincide. A drawn layer also has ends that stop short of the road they belong to, and
lines that cross without a vertex; the first are joined within a tolerance, the second are found and joined only on
demand. Nothing here depends on the order of the lines: the caller hands them over sorted.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from servicecircle.geo.crs import SCALE_SLACK, geodesic_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from servicecircle.geo.crs import WorkingCrs

    Line: TypeAlias = NDArray[np.float64]
    """Longitude and latitude of a line's vertices, ``(vertices, 2)``, WGS 84 degrees."""

#: Vertices at most this far apart are one: a tenth of what anybody draws, ten times what a conversion loses.
COINCIDE_M = 0.01


@dataclass(frozen=True)
class Joined:
    """Lines whose ends were joined.

    Attributes
    ----------
    lines : list of float64 arrays
        Vertices that are one node are exactly equal.
    gaps : int
        Number of gaps that were closed.
    largest_m : float
        The widest of them, metres on the ellipsoid.
    """

    lines: list[Line]
    gaps: int
    largest_m: float


@dataclass(frozen=True)
class Crossing:
    """Two lines that cross at a place where they have no common vertex."""

    first: int
    second: int
    lon: float
    lat: float


@dataclass
class _Vertices:
    """All vertices of all lines; ``node`` is the number of the group of equal ones."""

    lonlat: NDArray[np.float64]
    line: NDArray[np.int64]
    position: NDArray[np.int64]
    along_m: NDArray[np.float64]
    node: NDArray[np.int64]
    place: NDArray[np.float64]
    """Longitude and latitude of each node: those of its westernmost vertex."""


def join_ends(lines: Sequence[Line], working: WorkingCrs, join_m: float) -> Joined:
    """Make coinciding vertices equal and join each line's end to what lies within ``join_m`` of it (limit included).

    An end goes to the nearest vertex of another line, else to the nearest line, which gets a vertex where the end
    lies. It never goes to a vertex of its own line less than twice ``join_m`` away along that line.
    """
    vertices = _gather(lines, working)
    metres = working.project(vertices.place[:, 0], vertices.place[:, 1])
    ends = np.unique(vertices.node[_ends(vertices)])
    to_vertex = _nearest_vertices(vertices, metres, ends, join_m)
    others = np.setdiff1d(ends, np.array(sorted(to_vertex), dtype=np.int64))
    to_line = _nearest_lines(vertices, metres, others, join_m)
    node, place = _merged(vertices, to_vertex, set(ends.tolist()))
    added: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    for end, (line, position, share, _) in to_line.items():
        added[line].append((position, share, end))
    found = []
    start = np.concatenate(([0], np.cumsum([len(line) for line in lines])))
    for number, (first, last) in enumerate(pairwise(start.tolist())):
        mine = [(float(k), own) for k, own in enumerate(vertices.node[first:last].tolist())]
        mine += [(position + share, end) for position, share, end in added.get(number, ())]
        found.append(_without_repeats(place[node[[own for _, own in sorted(mine)]]]))
    gaps = {(min(end, other), max(end, other)): gap for end, (other, gap) in to_vertex.items()}
    widths = [*gaps.values(), *(gap for *_, gap in to_line.values())]
    return Joined(found, len(widths), max(widths, default=0.0))


def _without_repeats(line: Line) -> Line:
    """Return a line without vertices equal to the one before."""
    return line[np.concatenate(([True], (np.diff(line, axis=0) != 0).any(axis=1)))]


def _gather(lines: Sequence[Line], working: WorkingCrs) -> _Vertices:
    """Put all vertices side by side and find those that coincide."""
    lonlat = np.concatenate(lines)
    counts = np.array([len(line) for line in lines])
    start = np.cumsum(counts) - counts
    line = np.repeat(np.arange(len(lines)), counts)
    step = np.zeros(len(lonlat))
    step[1:] = geodesic_m(lonlat[:-1, 0], lonlat[:-1, 1], lonlat[1:, 0], lonlat[1:, 1])
    step[start] = 0.0
    total = np.cumsum(step)
    distinct, which = np.unique(lonlat, axis=0, return_inverse=True)
    label = _groups(len(distinct), _close(distinct, working))
    first = np.full(label.max() + 1, len(distinct))
    np.minimum.at(first, label, np.arange(len(distinct)))
    position = np.arange(len(lonlat)) - start[line]
    return _Vertices(lonlat, line, position, total - total[start][line], label[which.ravel()], distinct[first])


def _close(lonlat: NDArray[np.float64], working: WorkingCrs) -> NDArray[np.int64]:
    """Return pairs of places at most ``COINCIDE_M`` apart."""
    tree = cKDTree(working.project(lonlat[:, 0], lonlat[:, 1]))
    return np.asarray(tree.query_pairs(COINCIDE_M, output_type="ndarray"), dtype=np.int64).reshape(-1, 2)


def _groups(size: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the connected group of each of ``size`` things."""
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    return np.asarray(connected_components(graph.tocsr(), directed=False)[1], dtype=np.int64)


def _ends(vertices: _Vertices) -> NDArray[np.bool_]:
    """Return which vertices are the first or the last of their line."""
    change = np.diff(vertices.line) != 0
    return np.concatenate(([True], change)) | np.concatenate((change, [True]))


def _nearest_vertices(
    vertices: _Vertices, metres: NDArray[np.float64], ends: NDArray[np.int64], join_m: float
) -> dict[int, tuple[int, float]]:
    """Return for each end node with another node within reach: that node and its distance."""
    reach = join_m * (1 + SCALE_SLACK)
    near = cKDTree(metres[ends]).sparse_distance_matrix(cKDTree(metres), reach, output_type="ndarray")
    pairs = np.column_stack((ends[near["i"]], near["j"]))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    a, b = vertices.place[pairs[:, 0]], vertices.place[pairs[:, 1]]
    gap = geodesic_m(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    pairs, gap = pairs[gap <= join_m], gap[gap <= join_m]
    uses = _uses(vertices, np.unique(pairs))
    found: dict[int, tuple[int, float]] = {}
    for k in np.lexsort((pairs[:, 1], gap)).tolist():
        end, other = int(pairs[k, 0]), int(pairs[k, 1])
        if end not in found and not _same_stretch(uses[end], uses[other], 2 * join_m):
            found[end] = other, float(gap[k])
    return found


def _uses(vertices: _Vertices, nodes: NDArray[np.int64]) -> dict[int, list[tuple[int, float]]]:
    """Return for some nodes the lines that pass them and the metres along each."""
    found: dict[int, list[tuple[int, float]]] = {node: [] for node in nodes.tolist()}
    for k in np.flatnonzero(np.isin(vertices.node, nodes)).tolist():
        found[int(vertices.node[k])].append((int(vertices.line[k]), float(vertices.along_m[k])))
    return found


def _same_stretch(one: list[tuple[int, float]], other: list[tuple[int, float]], metres: float) -> bool:
    """Return whether two nodes lie on one line less than some metres apart along it."""
    return any(a == b and abs(x - y) <= metres for a, x in one for b, y in other)


def _nearest_lines(
    vertices: _Vertices, metres: NDArray[np.float64], ends: NDArray[np.int64], join_m: float
) -> dict[int, tuple[int, int, float, float]]:
    """Return for each end node with a line within reach: line, segment, share along it and distance."""
    xy = metres[vertices.node]
    start = np.flatnonzero(vertices.position == 0)
    shapes = shapely.linestrings(xy, indices=vertices.line)
    tree = shapely.STRtree(shapes)
    which, line = tree.query(shapely.points(metres[ends]), predicate="dwithin", distance=join_m * (1 + SCALE_SLACK))
    stop = np.append(start[1:], len(xy))
    found: dict[int, tuple[int, int, float, float]] = {}
    for end, number in sorted(zip(ends[which].tolist(), line.tolist(), strict=True)):
        own = slice(start[number], stop[number])
        if end in vertices.node[own]:
            continue
        segment, share = _foot(xy[own], metres[end])
        a, b = vertices.place[vertices.node[own]][segment : segment + 2]
        foot, here = a + share * (b - a), vertices.place[end]
        gap = float(geodesic_m(foot[:1], foot[1:], here[:1], here[1:])[0])
        if gap <= join_m and (end not in found or gap < found[end][3]):
            found[end] = number, segment, share, gap
    return found


def _foot(line: NDArray[np.float64], point: NDArray[np.float64]) -> tuple[int, float]:
    """Return the segment of a line nearest to a point, and the share along it."""
    step = np.diff(line, axis=0)
    length2 = np.maximum((step**2).sum(axis=1), 1e-12)
    share = np.clip(((point - line[:-1]) * step).sum(axis=1) / length2, 0, 1)
    away = ((line[:-1] + share[:, None] * step - point) ** 2).sum(axis=1)
    segment = int(np.argmin(away))
    return segment, float(share[segment])


def _merged(
    vertices: _Vertices, joined: dict[int, tuple[int, float]], ends: set[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the new number of each node and the place of each new one: a vertex inside a line stays where it is."""
    pairs = np.array([(end, other) for end, (other, _) in joined.items()], dtype=np.int64).reshape(-1, 2)
    node = _groups(len(vertices.place), pairs)
    place = np.empty((node.max() + 1, 2))
    by_rank = np.lexsort((np.arange(len(node)), np.isin(np.arange(len(node)), list(ends))))
    place[node[by_rank[::-1]]] = vertices.place[by_rank[::-1]]  # the first of each group is written last
    return node, place


def find_crossings(lines: Sequence[Line], working: WorkingCrs, apart: NDArray[np.bool_]) -> list[Crossing]:
    """Return where lines cross without a common vertex; lines ``apart`` (bridges, tunnels) cross nothing.

    A line that crosses itself is not looked for. A line whose ends were joined into one place crosses nothing.
    """
    long = np.array([len(line) > 1 for line in lines], dtype=bool)
    drawn = [line if len(line) > 1 else np.repeat(line, 2, axis=0) for line in lines]
    every = np.concatenate(drawn)
    which = np.repeat(np.arange(len(drawn)), [len(line) for line in drawn])
    shapes = shapely.linestrings(working.project(every[:, 0], every[:, 1]), indices=which)
    level = np.flatnonzero(~apart & long)
    first, second = shapely.STRtree(shapes[level]).query(shapes[level], predicate="crosses")
    a, b = level[first[first < second]], level[second[first < second]]
    points, pair = shapely.get_parts(shapely.intersection(shapes[a], shapes[b]), return_index=True)
    single = shapely.get_type_id(points) == shapely.GeometryType.POINT
    points, pair = points[single], pair[single]
    lon, lat = working.unproject(shapely.get_coordinates(points))
    found = []
    keys = [line[:, 0] + 1j * line[:, 1] for line in lines]
    for k, p in enumerate(pair.tolist()):
        common = np.intersect1d(keys[a[p]], keys[b[p]])
        here = np.full(len(common), lon[k]), np.full(len(common), lat[k])
        if not (geodesic_m(common.real, common.imag, *here) <= COINCIDE_M).any():
            found.append(Crossing(int(a[p]), int(b[p]), float(lon[k]), float(lat[k])))
    return sorted(found, key=lambda c: (c.first, c.second, c.lon, c.lat))


def insert_crossings(lines: Sequence[Line], working: WorkingCrs, crossings: Sequence[Crossing]) -> list[Line]:
    """Return the lines with a vertex in both at each crossing."""
    added: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for crossing in crossings:
        for number in (crossing.first, crossing.second):
            added[number].append((crossing.lon, crossing.lat))
    found = list(lines)
    for number, places in added.items():
        line = lines[number]
        xy, new = working.project(line[:, 0], line[:, 1]), np.array(places)
        feet = [_foot(xy, point) for point in working.project(new[:, 0], new[:, 1])]
        at = np.array([*range(len(line)), *(segment + share for segment, share in feet)])
        found[number] = np.concatenate((line, new))[np.argsort(at, kind="stable")]
    return found


def number_nodes(lines: Sequence[Line], working: WorkingCrs) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
    """Return the node ids along each line, and longitude and latitude of each node.

    Ids count from 1 in the order of longitude and latitude, whatever the order of the lines.
    """
    vertices = _gather(lines, working)
    used = np.unique(vertices.node)
    order = used[np.lexsort((vertices.place[used, 1], vertices.place[used, 0]))]
    number = np.zeros(len(vertices.place), dtype=np.int64)
    number[order] = np.arange(1, len(order) + 1)
    ids = np.split(number[vertices.node], np.flatnonzero(vertices.position == 0)[1:])
    return [own[np.concatenate(([True], np.diff(own) != 0))] for own in ids], vertices.place[order]


def count_meetings(nodes: Sequence[NDArray[np.int64]]) -> int:
    """Return the number of nodes where at least three pieces of line meet."""
    flat = np.concatenate(nodes)
    pieces = np.full(len(flat), 2)
    last = np.cumsum([len(own) for own in nodes])
    pieces[last - 1] -= 1
    pieces[np.concatenate(([0], last[:-1]))] -= 1
    return int((np.bincount(flat, weights=pieces) >= 3).sum())
