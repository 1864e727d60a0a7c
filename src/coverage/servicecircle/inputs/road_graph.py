"""Road graphs saved by osmnx (``ox.save_graphml``): edges put together into ways again.

The network built from them equals the one of the extract the graph came from, as far as the graph still holds it:

* both directions of a two-way edge are one way, in the node order of its OpenStreetMap way;
* edges cut out of one way are joined again, so that roads are cut where an extract's are;
* vertices between a simplified edge's ends have ids of their own (negative) and are no junctions.

Where osmnx merged several ways into one edge, their values stand as a list, and which part had which is lost. Then the
value that lets fewest people through stands: of classes the one nobody knows, else motorway, else the lowest; of
access values one that refuses. The lowest posted limit of a list counts. A bridge or tunnel somewhere along a merged
edge is forgotten: an access leg may end anywhere on it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import pyproj.exceptions
import shapely
import shapely.errors

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo.crs import is_wgs84, to_wgs84
from servicecircle.inputs.graphml import parse_graphml
from servicecircle.inputs.road_ways import ROAD_CLASSES, Way, as_barriers, as_ways, is_routable, no_places
from servicecircle.inputs.roads import WAY_TAGS, RoadData, none_in_box
from servicecircle.inputs.tables import require_file
from servicecircle.standards.modes import DENIED

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.inputs.graphml import GraphFile
    from servicecircle.inputs.roads import Bounds

    Tags = dict[str, str]
    Attributes = dict[str, str]

#: Attributes of an edge that are tags of its way; the second line makes barriers, where a graph keeps them.
TAGS = WAY_TAGS | {"natural", "waterway", "railway", "barrier"}
WANTED = TAGS | {"osmid", "geometry", "reversed", "from", "to", "x", "y"}
ACCESS = ("access", "foot", "bicycle", "vehicle", "motor_vehicle", "motorcar")
STRUCTURES = ("bridge", "tunnel")
#: Decimals of a degree that OpenStreetMap keeps: what a projected graph gives back is rounded to them.
OSM_DECIMALS = 7
MOST_LIST = 100_000
#: What is counted and told: edges that are no roads, edges of several classes, bridges somewhere along an edge.
LOST = ("left_out", "mixed", "structures")


@dataclass(frozen=True)
class _Edge:
    """One edge as it is travelled, or in its way's node order where it is travelled both ways.

    Attributes
    ----------
    osmids : tuple of int
        Sorted ids of the ways it was made of.
    tags : tuple of pairs
    nodes : pair of int
    inner : tuple of pairs
        Longitude and latitude between the two nodes.
    """

    osmids: tuple[int, ...]
    tags: tuple[tuple[str, str], ...]
    nodes: tuple[int, int]
    inner: tuple[tuple[float, float], ...]

    def turned(self) -> _Edge:
        return _Edge(self.osmids, self.tags, self.nodes[::-1], self.inner[::-1])

    @property
    def key(self) -> tuple[object, ...]:
        return self.nodes, self.inner


def require_graph(path: Path, shown: str) -> None:
    """Check that a graph file is there and named ``.graphml``.

    Raises
    ------
    StudyError
        It is not.
    """
    require_file(path, shown)
    if path.suffix.lower() != ".graphml":
        raise StudyError(problem("roads.ending", file=shown, endings=".graphml"))


def read_graph(path: Path, shown: str, box: Bounds) -> RoadData:
    """Read a road graph within ``box`` (west, south, east, north in degrees).

    A way belongs to the box when its bounding box meets it; it is kept whole.

    Raises
    ------
    StudyError
        The file is missing, is no road graph of osmnx, has no CRS, or holds no road in the box.
    """
    require_graph(path, shown)
    graph = parse_graphml(path, shown, WANTED)
    crs = _crs(graph, shown)
    places = _node_places(graph, crs, shown)
    edges, counts = _edges(graph, crs, places, shown)
    ways = [way for way in _ways(edges, places) if way.meets(box)]
    roads = as_ways(ways)
    if len(roads.id) == 0:
        raise none_in_box(shown, box)
    origin = {"kind": "graphml", "crs": crs.name, "edges": len(graph.edges), **counts}
    return RoadData(roads, as_barriers(ways), no_places(), 0, tuple(_notices(shown, crs, counts, edges)), origin=origin)


def _notices(shown: str, crs: pyproj.CRS, counts: dict[str, int], edges: list[_Edge]) -> list[Problem]:
    notices = [] if is_wgs84(crs) else [problem("inputs.projected", file=shown, crs=crs.name)]
    notices += [problem(f"roads.graph.{key}", file=shown, count=counts[key]) for key in LOST if counts[key]]
    if not any(dict(edge.tags).get("oneway") == "yes" for edge in edges):
        notices.append(problem("roads.graph.no_oneway", file=shown))
    return notices


def _crs(graph: GraphFile, shown: str) -> pyproj.CRS:
    text = graph.graph.get("crs", "")
    if not text:
        raise StudyError(problem("roads.graph.no_crs", file=shown))
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise StudyError(problem("roads.graph.unknown_crs", file=shown, crs=text[:100])) from error


def _degrees(
    crs: pyproj.CRS, x: NDArray[np.float64], y: NDArray[np.float64], shown: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return WGS 84 degrees, those of a projected graph as OpenStreetMap would store them."""
    try:
        lon, lat = to_wgs84(crs, x, y)
    except pyproj.exceptions.ProjError as error:
        raise StudyError(problem("roads.graph.unknown_crs", file=shown, crs=crs.name)) from error
    if not is_wgs84(crs):
        lon, lat = np.round(lon, OSM_DECIMALS), np.round(lat, OSM_DECIMALS)
    if not (np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)).all():
        raise StudyError(problem("roads.graph.not_finite", file=shown, crs=crs.name))
    return lon, lat


def _node_places(graph: GraphFile, crs: pyproj.CRS, shown: str) -> dict[int, tuple[float, float]]:
    """Return longitude and latitude of each node."""
    try:
        ids = [int(name) for name in graph.nodes]
        x = np.array([float(values["x"]) for values in graph.nodes.values()])
        y = np.array([float(values["y"]) for values in graph.nodes.values()])
    except (KeyError, ValueError) as error:
        raise StudyError(problem("roads.graph.not_osmnx", file=shown, detail=f"node: {error}")) from error
    if not ids:
        raise StudyError(problem("roads.graph.not_osmnx", file=shown, detail="0 nodes"))
    lon, lat = _degrees(crs, x, y, shown)
    return dict(zip(ids, zip(lon.tolist(), lat.tolist(), strict=True), strict=True))


def _edges(
    graph: GraphFile, crs: pyproj.CRS, places: dict[int, tuple[float, float]], shown: str
) -> tuple[list[_Edge], dict[str, int]]:
    """Return the edges that are roads or barriers, each once and sorted, and counts of what was lost."""
    inner = _inner_vertices(graph, crs, shown)
    found: dict[_Edge, None] = {}
    counts = dict.fromkeys(LOST, 0)
    for number, (tail, head, values) in enumerate(graph.edges):
        try:
            nodes = _ends(graph, tail, head, values)
            osmids = tuple(sorted({int(text) for text in _listed(values["osmid"])}))
        except (KeyError, ValueError) as error:
            raise StudyError(problem("roads.graph.not_osmnx", file=shown, detail=f"edge: {error}")) from error
        if not (nodes[0] in places and nodes[1] in places and osmids):
            raise StudyError(problem("roads.graph.not_osmnx", file=shown, detail=f"edge {tail} - {head}"))
        tags = _tags(values, merged=len(osmids) > 1)
        if not is_routable(tags) and not set(tags) & (TAGS - WAY_TAGS):
            counts["left_out"] += 1
            continue
        edge = _Edge(osmids, tuple(sorted(tags.items())), nodes, _between(inner.get(number), nodes, places))
        edge = _in_way_order(edge, values)
        if edge not in found:
            counts["mixed"] += len(set(_listed(values.get("highway", "")))) > 1
            counts["structures"] += len(osmids) > 1 and any(key in values for key in STRUCTURES)
        found[edge] = None
    return sorted(found, key=lambda edge: (edge.osmids, edge.tags, edge.nodes, edge.inner)), counts


def _ends(graph: GraphFile, tail: str, head: str, values: Attributes) -> tuple[int, int]:
    """Return the nodes of an edge; an undirected graph keeps its direction in ``from`` and ``to``."""
    if not graph.directed:
        tail, head = values.get("from", tail), values.get("to", head)
    return int(tail), int(head)


def _inner_vertices(graph: GraphFile, crs: pyproj.CRS, shown: str) -> dict[int, list[tuple[float, float]]]:
    """Return the vertices of each edge that has a geometry, WGS 84 degrees."""
    numbers = [number for number, (_, _, values) in enumerate(graph.edges) if values.get("geometry")]
    try:
        lines = shapely.from_wkt([graph.edges[number][2]["geometry"] for number in numbers])
    except shapely.errors.ShapelyError as error:
        raise StudyError(problem("roads.graph.geometry", file=shown, detail=str(error).splitlines()[0])) from error
    lines = np.asarray(lines, dtype=object)
    if (shapely.get_type_id(lines) != shapely.GeometryType.LINESTRING).any():
        raise StudyError(problem("roads.graph.geometry", file=shown, detail="no LINESTRING"))
    xy, index = shapely.get_coordinates(lines, return_index=True)
    lon, lat = _degrees(crs, xy[:, 0], xy[:, 1], shown)
    found: dict[int, list[tuple[float, float]]] = {number: [] for number in numbers}
    for line, *place in zip(index.tolist(), lon.tolist(), lat.tolist(), strict=True):
        found[numbers[line]].append((place[0], place[1]))
    return found


def _between(
    line: list[tuple[float, float]] | None, nodes: tuple[int, int], places: dict[int, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Return the vertices between an edge's nodes, from its first to its last."""
    if not line:
        return ()
    first, last = places[nodes[0]], places[nodes[1]]
    if first != last and line[0] == last and line[-1] == first:  # an undirected graph may hold it the other way round
        line = line[::-1]
    return tuple(line[line[0] == first : len(line) - (line[-1] == last)])


def _in_way_order(edge: _Edge, values: Attributes) -> _Edge:
    """Turn an edge that is travelled both ways into the order of its way: its two directions become equal."""
    if ("oneway", "yes") in edge.tags:
        return edge
    turned = set(_listed(values.get("reversed", "")))
    if turned == {"True"}:
        return edge.turned()
    return edge if turned == {"False"} else min(edge, edge.turned(), key=lambda one: one.key)


# --- tags -------------------------------------------------------------------------------------------------------------


def _listed(text: str) -> list[str]:
    """Return the values of an attribute: osmnx writes several as a Python list."""
    if text[:1] + text[-1:] in ("[]", "{}") and len(text) <= MOST_LIST:
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [text]
        return [str(value) for value in found]
    return [text] if text else []


def _tags(values: Attributes, *, merged: bool) -> Tags:
    """Return the tags of an edge's way; ``merged`` edges were made of more than one way."""
    tags = {}
    for key in sorted(TAGS & set(values)):
        if merged and key in STRUCTURES:
            continue
        value = _one_way(_listed(values[key])) if key == "oneway" else _one_value(key, _listed(values[key]))
        if value:
            tags[key] = value
    return tags


def _one_way(values: list[str]) -> str:
    """Return the ``oneway`` tag of an edge, whose direction is the permitted one already.

    osmnx writes True and False; False says nothing, as a motorway without a tag is two-way to osmnx. With its setting
    ``all_oneway`` the tag itself is kept, and ways that may be travelled only backward have been turned.
    """
    if set(values) & {"True", "yes", "true", "1", "-1", "reverse"}:
        return "yes"
    return "no" if set(values) & {"no", "false", "0"} else ""


def _one_value(key: str, values: list[str]) -> str:
    """Return the value that stands for a list."""
    distinct = sorted(set(values))
    if len(distinct) < 2:
        return "".join(distinct)
    if key == "highway":
        return min(distinct, key=_openness)
    if key in ACCESS:
        return next((value for value in DENIED if value in distinct), distinct[0])
    if key in ("junction", "barrier", "natural", "waterway", "railway"):
        return distinct[0]
    if key in ("area", "motorroad"):
        return "yes" if "yes" in distinct else distinct[0]
    return ";".join(distinct)


def _openness(highway: str) -> tuple[int, str]:
    """Rank a class by how few may pass: unknown, motorways, then from the lowest class up."""
    if highway not in ROAD_CLASSES:
        return -2, highway
    if highway.startswith("motorway"):
        return -1, highway
    return len(ROAD_CLASSES) - ROAD_CLASSES.index(highway), highway


# --- edges into ways --------------------------------------------------------------------------------------------------


def _ways(edges: list[_Edge], places: dict[int, tuple[float, float]]) -> list[Way]:
    """Return ways with ids of OpenStreetMap; inner vertices are numbered downwards in the order of the ways."""
    groups: dict[tuple[object, ...], list[_Edge]] = defaultdict(list)
    ends: dict[int, int] = defaultdict(int)
    for edge in edges:
        groups[edge.osmids, edge.tags].append(edge)
        for end in edge.nodes:
            ends[end] += 1
    own = min(0, *places) - 1
    ways = []
    for group in groups.values():
        for chain in _chains(group, ends):
            node = [chain[0].nodes[0]]
            place = [places[node[0]]]
            for edge in chain:
                node += [*range(own, own - len(edge.inner), -1), edge.nodes[1]]
                place += [*edge.inner, places[edge.nodes[1]]]
                own -= len(edge.inner)
            lon, lat = np.array(place, dtype=float).T
            tags = dict(chain[0].tags)
            ways.append(Way(chain[0].osmids[0], np.array(node, dtype=np.int64), lon, lat, tags))
    return ways


def _chains(edges: list[_Edge], ends: dict[int, int]) -> list[list[_Edge]]:
    """Join the edges of one way head to tail, up to nodes where the way ends or meets itself.

    A ring without such a node is cut where most edges of the graph meet, at the smallest of these nodes: where its way
    began is not known.
    """
    out: dict[int, list[_Edge]] = defaultdict(list)
    into: dict[int, int] = defaultdict(int)
    for edge in edges:
        out[edge.nodes[0]].append(edge)
        into[edge.nodes[1]] += 1

    def passes(node: int) -> bool:
        return len(out[node]) == 1 and into[node] == 1

    chains = []
    used: set[_Edge] = set()
    starts = [edge for edge in edges if not passes(edge.nodes[0])]
    for first in [*starts, *sorted(edges, key=lambda edge: (-ends[edge.nodes[0]], edge.nodes[0]))]:
        if first in used:
            continue
        chain = [first]
        used.add(first)
        while passes(chain[-1].nodes[1]):
            following = out[chain[-1].nodes[1]][0]
            if following in used:
                break
            chain.append(following)
            used.add(following)
        chains.append(chain)
    return chains
