"""OpenStreetMap ways to edges, barriers and components: the contract's sections up to "Barriers", read literally."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import osmium
import shapely
from pyproj import Geod, Transformer
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

GEOD = Geod(ellps="WGS84")

MODES = ("walk", "walk_elderly", "cycle", "ebike", "drive", "ambulance")
ON_FOOT = ("walk", "walk_elderly")
BY_CYCLE = ("cycle", "ebike")
BY_CAR = ("drive", "ambulance")

WITH_LINK = ("motorway", "trunk", "primary", "secondary", "tertiary")
WITHOUT_LINK = (
    "unclassified", "residential", "living_street", "service", "road",
    "track", "path", "footway", "pedestrian", "steps", "cycleway", "bridleway",
)  # fmt: skip
ALLOWING = frozenset({"yes", "designated", "permissive", "official"})
DENYING = frozenset(
    {"no", "private", "agricultural", "forestry", "military", "emergency", "use_sidepath", "permit", "residents"}
)
DENYING_AMBULANCE = frozenset({"no", "military"})
ACCESS_TAGS = {
    "walk": ("foot", "access"),
    "walk_elderly": ("foot", "access"),
    "cycle": ("bicycle", "vehicle", "access"),
    "ebike": ("bicycle", "vehicle", "access"),
    "drive": ("motorcar", "motor_vehicle", "vehicle", "access"),
    "ambulance": ("motorcar", "motor_vehicle", "vehicle", "access"),
}
# class: (km/h in an urban area, km/h in a rural one); None: the class is not allowed there.
DRIVE_KMH: dict[str, tuple[float | None, float]] = {
    "motorway": (100.0, 100.0),
    "trunk": (50.0, 70.0),
    "primary": (40.0, 60.0),
    "secondary": (35.0, 50.0),
    "tertiary": (30.0, 40.0),
    "unclassified": (25.0, 30.0),
    "road": (25.0, 30.0),
    "residential": (20.0, 25.0),
    "living_street": (15.0, 15.0),
    "service": (15.0, 15.0),
    "track": (None, 15.0),
}
FERRY_KMH = 10.0
PLACE_KMH = {"urban": 50.0, "rural": 80.0, "motorway": 120.0, "living_street": 20.0, "zone30": 30.0, "zone:30": 30.0}

Tags = Mapping[str, str]
WayNode = tuple[int, float | None, float | None]
Way = tuple[int, Sequence[WayNode], Tags]


def rint(value: float) -> int:
    """The contract's one rounding: numpy.rint of a float64, then int."""
    return int(np.rint(np.float64(value)))


# --- tags -------------------------------------------------------------------------------------------------------------


def is_set(tags: Tags, key: str) -> bool:
    """Contract, Access and Barriers: the tag is there and is not `no`."""
    return key in tags and tags[key] != "no"


def road_class(tags: Tags) -> str | None:
    """Contract, Highway classes: the class a way counts as (links as their class), `ferry`, or None."""
    if tags.get("area") == "yes":
        return None
    highway = tags.get("highway")
    if highway is None:
        return "ferry" if tags.get("route") == "ferry" else None
    if highway in WITHOUT_LINK or highway in WITH_LINK:
        return highway
    if highway.endswith("_link") and highway.removesuffix("_link") in WITH_LINK:
        return highway.removesuffix("_link")
    return None


def denied(mode: str, tags: Tags) -> bool:
    """Contract, access: the first tag present decides; a `;`-list denies only when every part does."""
    denying = DENYING_AMBULANCE if mode == "ambulance" else DENYING
    for key in ACCESS_TAGS[mode]:
        if key in tags:
            return all(part.strip() in denying for part in tags[key].split(";"))
    return False


def maxspeed_part(text: str) -> float | None:
    """Contract, maxspeed: one value in km/h, None when unknown."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?", text)
    if number:
        kmh = float(number[1]) * (1.609344 if number[2] == "mph" else 1.0)
        return kmh if kmh > 0 else None
    if text == "walk":
        return 6.0
    place = re.fullmatch(r"[A-Za-z]{2}:(.+)", text)
    return PLACE_KMH.get(place[1]) if place else None


def maxspeed(tags: Tags) -> float | None:
    """Contract, maxspeed: of a `;`- or `|`-list the smallest known part."""
    parts = [maxspeed_part(part.strip()) for part in re.split(r"[;|]", tags.get("maxspeed", ""))]
    return min((part for part in parts if part is not None), default=None)


def foot_kmh(mode: str, kind: str, tags: Tags) -> float | None:
    """Contract, walk and walk_elderly."""
    if kind == "motorway" or (tags.get("motorroad") == "yes" and tags.get("foot") not in ALLOWING):
        return None
    if mode == "walk":
        return 1.8 if kind == "steps" else 3.6
    return None if kind == "steps" else 2.88


def cycle_kmh(mode: str, kind: str, tags: Tags) -> float | None:
    """Contract, cycle and ebike."""
    if kind in ("motorway", "steps") or tags.get("motorroad") == "yes":
        return None
    if kind in ("footway", "pedestrian") and tags.get("bicycle") not in ALLOWING:
        return None
    return 12.0 if mode == "cycle" else 18.0


def car_kmh(mode: str, kind: str, tags: Tags, urban: bool) -> float | None:
    """Contract, drive and ambulance."""
    speed = DRIVE_KMH[kind][0 if urban else 1] if kind in DRIVE_KMH else None
    if speed is None:
        return None
    limit = maxspeed(tags)
    if limit is not None:
        speed = min(0.8 * limit, speed)
    return 1.1 * speed if mode == "ambulance" else speed


def kmh(mode: str, tags: Tags, urban: bool) -> float | None:
    """Contract, Which modes may use a way, at what speed: km/h, or None when the mode may not use the way."""
    kind = road_class(tags)
    if kind is None or denied(mode, tags):
        return None
    if kind == "ferry":
        return FERRY_KMH
    if mode in ON_FOOT:
        return foot_kmh(mode, kind, tags)
    if mode in BY_CYCLE:
        return cycle_kmh(mode, kind, tags)
    return car_kmh(mode, kind, tags, urban)


def directions(mode: str, tags: Tags) -> tuple[bool, bool]:
    """Contract, oneway: (forward allowed, backward allowed)."""
    key = "oneway:foot" if mode in ON_FOOT else "oneway:bicycle" if mode in BY_CYCLE else "oneway"
    value = tags.get(key)
    if value in ("yes", "true", "1"):
        return True, False
    if value in ("-1", "reverse"):
        return False, True
    if value is None and mode in BY_CAR:
        roundabout = tags.get("junction") in ("roundabout", "circular")
        if roundabout or tags.get("highway") in ("motorway", "motorway_link"):
            return True, False
    return True, True


def routable(tags: Tags) -> bool:
    """Contract, routable: at least one mode may use the way, in an urban or in a rural area."""
    return any(kmh(mode, tags, urban) is not None for mode in MODES for urban in (True, False))


def attachable_tags(tags: Tags) -> bool:
    """Contract, Attachable: neither bridge, tunnel, motorway(_link) nor ferry."""
    return not is_set(tags, "bridge") and not is_set(tags, "tunnel") and road_class(tags) not in ("motorway", "ferry")


# --- ways to edges ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edge:
    """A road between two junctions; forward is the way's node order."""

    id: int
    way_id: int
    position: int
    nodes: tuple[int, ...]
    lonlat: tuple[tuple[float, float], ...]
    xy: tuple[tuple[float, float], ...]
    segments_m: tuple[float, ...]
    mm: int
    tags: Tags
    urban: bool

    @property
    def line(self) -> LineString:
        """The edge in the working CRS, straight between its projected vertices."""
        return LineString(self.xy)

    def kmh(self, mode: str) -> float | None:
        """Speed of the mode here, None when it may not use the edge."""
        return kmh(mode, self.tags, self.urban)

    def ms(self, mode: str) -> int:
        """Contract, edge_ms: the same in both directions."""
        speed = self.kmh(mode)
        if speed is None:
            raise ValueError("the mode may not use the edge", mode, self.id)
        return rint(self.mm * 3.6 / speed)

    def ms_from_start(self, mode: str, from_start_mm: int) -> int:
        """Contract, from_start_ms: 0 on an edge without length."""
        return rint(self.ms(mode) * from_start_mm / self.mm) if self.mm else 0


def runs(nodes: Sequence[WayNode]) -> Iterator[list[tuple[int, int, float, float]]]:
    """Contract, Ways -> edges: runs of (position in the way, node id, lon, lat), at least two nodes each."""
    run: list[tuple[int, int, float, float]] = []
    for position, (node, lon, lat) in enumerate(nodes):
        if lon is None or lat is None:
            if len(run) >= 2:
                yield run
            run = []
        elif not run or run[-1][1] != node:
            run.append((position, node, lon, lat))
    if len(run) >= 2:
        yield run


def halfway(lonlat: Sequence[tuple[float, float]], segments_m: Sequence[float]) -> tuple[float, float]:
    """Contract, urban/rural of an edge: the point half-way along it."""
    left = sum(segments_m) / 2
    for (a, b), length in zip(pairwise(lonlat), segments_m, strict=True):
        if length > 0 and left <= length:
            t = left / length
            return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])
        left -= length
    return lonlat[-1] if sum(segments_m) else lonlat[0]


def cut_edges(
    ways: Iterable[Way], transformer: Transformer, urban: BaseGeometry | None, default_class: str
) -> list[Edge]:
    """Contract, Ways -> edges: junctions, edges between them, ids by (way id, position of the first node)."""
    way_runs = [(way, tags, run) for way, nodes, tags in ways if routable(tags) for run in runs(nodes)]
    seen = Counter(node for _, _, run in way_runs for _, node, _, _ in run)
    pieces: list[tuple[int, int, list[tuple[int, int, float, float]], Tags]] = []
    for way, tags, run in way_runs:
        start = 0
        for k in range(1, len(run)):
            if k == len(run) - 1 or seen[run[k][1]] > 1:
                pieces.append((way, run[start][0], run[start : k + 1], tags))
                start = k
    pieces.sort(key=lambda piece: piece[:2])
    edges = []
    for rank, (way, position, run, tags) in enumerate(pieces):
        lon, lat = [p[2] for p in run], [p[3] for p in run]
        segments = [float(d) for d in GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]]
        lonlat = tuple(zip(lon, lat, strict=True))
        x, y = transformer.transform(lon, lat)
        inside = default_class == "urban"
        if urban is not None:
            inside = bool(urban.intersects(Point(halfway(lonlat, segments))))
        edges.append(
            Edge(
                id=rank,
                way_id=way,
                position=position,
                nodes=tuple(p[1] for p in run),
                lonlat=lonlat,
                xy=tuple(zip(map(float, x), map(float, y), strict=True)),
                segments_m=tuple(segments),
                mm=rint(1000 * sum(segments)),
                tags=tags,
                urban=inside,
            )
        )
    return edges


# --- barriers ---------------------------------------------------------------------------------------------------------


def is_water_area(tags: Tags) -> bool:
    """Contract, Barriers, areas."""
    return tags.get("natural") == "water" or tags.get("waterway") == "riverbank"


def is_barrier_line(tags: Tags) -> bool:
    """Contract, Barriers, lines (walls are told apart by `is_wall`)."""
    tunnel = is_set(tags, "tunnel")
    if tags.get("natural") == "coastline":
        return True
    if tags.get("waterway") in ("river", "canal") and not tunnel:
        return True
    if tags.get("railway") in ("rail", "light_rail", "narrow_gauge") and not tunnel and not is_set(tags, "bridge"):
        return True
    return tags.get("highway") in ("motorway", "motorway_link") and not tunnel


def is_wall(tags: Tags) -> bool:
    """Contract, Barriers, lines: barrier=wall|city_wall."""
    return tags.get("barrier") in ("wall", "city_wall")


def closed_way(nodes: Sequence[WayNode]) -> Polygon | None:
    """A closed way with all its nodes as a lon/lat polygon."""
    if len(nodes) < 4 or nodes[0][0] != nodes[-1][0] or any(lon is None or lat is None for _, lon, lat in nodes):
        return None
    return Polygon([(lon, lat) for _, lon, lat in nodes])


def project(geometry: BaseGeometry, transformer: Transformer) -> BaseGeometry:
    """Contract, Barriers: projected vertex by vertex to the working CRS."""

    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    return shapely.transform(geometry, move)


def polygons(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of a geometry, made valid where it is not."""
    parts = shapely.get_parts(geometry if geometry.is_valid else shapely.make_valid(geometry))
    flat = [q for p in parts for q in (p.geoms if isinstance(p, MultiPolygon) else [p])]
    return [p for p in flat if isinstance(p, Polygon) and not p.is_empty]


def merged(lines: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Contract, Barriers: lines merged with line_merge before use."""
    flat = [part for line in lines for part in shapely.get_parts(line)]
    if not flat:
        return []
    return list(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(flat))))


class Barriers:
    """Barrier geometries in the working CRS and the two questions asked of them."""

    def __init__(self, geometries: Sequence[BaseGeometry]) -> None:
        self.geometries = list(geometries)
        self.tree = shapely.STRtree(self.geometries)

    def crossed_by(self, leg: LineString) -> bool:
        """Contract, A leg crosses: interiors meet (T********); a leg shorter than 1 mm crosses nothing."""
        if leg.length < 0.001:
            return False
        near = self.tree.query(leg, predicate="intersects")
        return any(shapely.relate_pattern(leg, self.geometries[k], "T********") for k in near)

    def met_near(self, line: LineString, foot: Point, within_m: float) -> bool:
        """Contract, tested again: the edge itself meets a barrier within 0.5 m of the foot."""
        near = self.tree.query(line, predicate="intersects")
        return any(shapely.distance(foot, line.intersection(self.geometries[k])) <= within_m for k in near)

    def bar(self, point: tuple[float, float], foot: tuple[float, float], edge: Edge) -> bool:
        """Contract, Barriers: whether the leg from the point to the foot on the edge is barred."""
        leg = LineString([point, foot])
        if not self.crossed_by(leg):
            return False
        if not self.met_near(edge.line, Point(foot), 0.5):
            return True
        if leg.length <= 0.5:
            return False
        keep = (leg.length - 0.5) / leg.length
        end = (point[0] + keep * (foot[0] - point[0]), point[1] + keep * (foot[1] - point[1]))
        return self.crossed_by(LineString([point, end]))


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Edges and barriers of one area in one working CRS."""

    edges: list[Edge]
    transformer: Transformer
    barriers: Barriers
    barriers_without_walls: Barriers
    trees: dict[str, tuple[list[Edge], shapely.STRtree]] = field(default_factory=dict)

    def mode_edges(self, mode: str) -> list[Edge]:
        """The edges the mode may use."""
        return [edge for edge in self.edges if edge.kmh(mode) is not None]

    def refused(self, mode: str) -> set[int]:
        """Contract, Components: ids of the mode's edges in pieces shorter than min(1 % of all, 5,000 m)."""
        edges = self.mode_edges(mode)
        graph = nx.Graph()
        graph.add_edges_from((edge.nodes[0], edge.nodes[-1]) for edge in edges)
        piece_of = {node: k for k, piece in enumerate(nx.connected_components(graph)) for node in piece}
        length: Counter[int] = Counter()
        for edge in edges:
            length[piece_of[edge.nodes[0]]] += edge.mm
        least = min(0.01 * sum(length.values()), 5_000_000)
        return {edge.id for edge in edges if length[piece_of[edge.nodes[0]]] < least}

    def attachable(self, mode: str) -> list[Edge]:
        """Contract, Attachable."""
        refused = self.refused(mode)
        return [edge for edge in self.mode_edges(mode) if edge.id not in refused and attachable_tags(edge.tags)]

    def attachable_near(self, mode: str, xy: tuple[float, float], distance: float) -> list[Edge]:
        """The attachable edges at most so far from a point in the working CRS."""
        if mode not in self.trees:
            edges = self.attachable(mode)
            self.trees[mode] = edges, shapely.STRtree([edge.line for edge in edges])
        edges, tree = self.trees[mode]
        return [edges[k] for k in tree.query(Point(xy), predicate="dwithin", distance=distance)]

    def xy(self, lonlat: tuple[float, float]) -> tuple[float, float]:
        """A point in the working CRS."""
        x, y = self.transformer.transform(*lonlat)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError("outside the working CRS", lonlat)
        return float(x), float(y)


def world_from_ways(
    ways: Iterable[Way],
    working_crs: Any,
    *,
    urban: BaseGeometry | None = None,
    default_class: str = "rural",
    extra_barriers: Iterable[BaseGeometry] = (),
    multipolygons: Iterable[tuple[BaseGeometry, Tags]] = (),
) -> World:
    """A world from ways (id, [(node id, lon, lat)...], tags); lon and lat are None for a node without a location.

    `urban` is a lon/lat geometry: edges half-way inside it are urban, all others rural; without it every edge is of
    `default_class`. `extra_barriers` are lon/lat lines, `multipolygons` lon/lat areas with the tags of their relation.
    """
    if default_class not in ("urban", "rural"):
        raise ValueError("neither urban nor rural", default_class)
    transformer = Transformer.from_crs("EPSG:4326", working_crs, always_xy=True)
    ways = list(ways)
    areas: list[Polygon] = []
    lines: list[BaseGeometry] = [project(line, transformer) for line in extra_barriers]
    walls: list[BaseGeometry] = []
    for _, nodes, tags in ways:
        if is_water_area(tags) and tags.get("area") != "no":
            polygon = closed_way(nodes)
            if polygon is not None:
                areas += polygons(project(polygon, transformer))
        if is_barrier_line(tags) or is_wall(tags):
            # A way that is both (say, a wall along a railway) stands in both lists: without walls it still bars.
            for run in runs(nodes):
                line = project(LineString([(lon, lat) for _, _, lon, lat in run]), transformer)
                if is_barrier_line(tags):
                    lines.append(line)
                if is_wall(tags):
                    walls.append(line)
    for geometry, tags in multipolygons:
        if is_water_area(tags):
            areas += polygons(project(geometry, transformer))
    others = [*areas, *merged(lines)]
    return World(
        edges=cut_edges(ways, transformer, urban, default_class),
        transformer=transformer,
        barriers=Barriers([*others, *merged(walls)]),
        barriers_without_walls=Barriers(others),
    )


def read_world(
    osm_path: str | Path,
    working_crs: Any,
    *,
    urban: BaseGeometry | None = None,
    default_class: str = "rural",
    extra_barriers: Iterable[BaseGeometry] = (),
) -> World:
    """A world from an OSM file (nodes before ways): roads and lines from ways, areas from ways and multipolygons."""
    ways: list[Way] = []
    multipolygons: list[tuple[BaseGeometry, Tags]] = []
    area_tags = osmium.filter.TagFilter(("natural", "water"), ("waterway", "riverbank"))
    for item in osmium.FileProcessor(str(osm_path)).with_areas(area_tags):
        if isinstance(item, osmium.osm.Way):
            nodes: list[WayNode] = [
                (n.ref, n.lon, n.lat) if n.location.valid() else (n.ref, None, None) for n in item.nodes
            ]
            ways.append((item.id, nodes, dict(item.tags)))
        elif isinstance(item, osmium.osm.Area) and not item.from_way():
            parts = [
                Polygon(
                    [(n.lon, n.lat) for n in outer],
                    [[(n.lon, n.lat) for n in inner] for inner in item.inner_rings(outer)],
                )
                for outer in item.outer_rings()
            ]
            multipolygons.append((MultiPolygon(parts), dict(item.tags)))
    return world_from_ways(
        ways,
        working_crs,
        urban=urban,
        default_class=default_class,
        extra_barriers=extra_barriers,
        multipolygons=multipolygons,
    )
