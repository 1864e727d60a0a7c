"""OpenStreetMap extracts: routable ways, barriers nobody walks across, named places.

Only reads; what a tag means for a mode of travel is decided in ``travel/tags.py``.
"""

from __future__ import annotations

import bz2
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import osmium
import osmium.filter
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.inputs.gdal import address_problem
from servicecircle.inputs.problems import some

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.inputs.rows import RowCount
    from servicecircle.inputs.setaside import SetAside

Bounds = tuple[float, float, float, float]

#: Tags of a way that anything downstream looks at.
WAY_TAGS = frozenset(
    "highway route area access foot bicycle vehicle motor_vehicle motorcar oneway oneway:foot oneway:bicycle "
    "junction maxspeed bridge tunnel motorroad name service surface".split()
)
PLACES = ("city", "town", "suburb", "quarter", "neighbourhood", "village", "hamlet")
RAILWAYS = ("rail", "light_rail", "narrow_gauge")
#: Nodes where an area is entered: gates in its wall or fence, and entrances but those nobody comes in by.
GATES = ("gate", "swing_gate", "lift_gate", "entrance", "kissing_gate", "turnstile")
NO_ENTRANCES = ("no", "exit", "emergency")
#: An element an editor deleted, and its id; bytes of XML that are searched at once.
_DELETED = re.compile(rb"<(node|way|relation)\b[^>]*?\saction\s*=\s*[\"']delete[\"'][^>]*>")
_ID = re.compile(rb"\sid\s*=\s*[\"'](-?[0-9]+)[\"']")
_BLOCK_BYTES = 1 << 24
SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.bz2")


@dataclass(frozen=True)
class Ways:
    """Ways with a ``highway`` tag and ferry routes.

    Attributes
    ----------
    id : int64 array (ways,)
    start : int64 array (ways + 1,)
        Way ``i`` owns ``node[start[i]:start[i + 1]]``.
    node : int64 array
        OSM node ids along the ways, in order.
    lon, lat : float64 arrays
        Coordinates beside ``node``; NaN where the extract lacks the node.
    tags : tuple of dict
    """

    id: NDArray[np.int64]
    start: NDArray[np.int64]
    node: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tags: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class BarrierShapes:
    """Lines and areas nobody walks across, EPSG:4326.

    ``kind`` is ``water``, ``river``, ``coastline``, ``railway``, ``motorway``, ``wall`` or ``given``, one per geometry.
    """

    geometry: NDArray[np.object_]
    kind: NDArray[np.str_]


@dataclass(frozen=True)
class Places:
    """Named places."""

    id: NDArray[np.str_]
    name: NDArray[np.str_]
    place: NDArray[np.str_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True)
class RoadData:
    """What one road source holds within a box.

    Attributes
    ----------
    set_aside : tuple of SetAside
        Rows of a line layer that are no roads.
    origin : mapping
        What ``run.json`` tells of the source beside the file itself: its kind, what was joined, when it was downloaded.
    files : tuple of str
        Files that were read though the study does not name them, relative to the study file.
    gates : float64 array (gates, 2)
        Longitude and latitude of gates and entrances, by node id.
    rows : tuple of RowCount
        What became of the rows of a line layer.
    """

    ways: Ways
    barriers: BarrierShapes
    places: Places
    turn_restrictions: int
    notices: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=lambda: {"kind": "osm"})
    files: tuple[str, ...] = ()
    gates: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    rows: tuple[RowCount, ...] = ()


def require_osm(path: Path, shown: str) -> None:
    """Check that an extract is there and of a kind that is read; ``shown`` names it in messages.

    Raises
    ------
    StudyError
        It is missing, its name has none of the endings that are read, or it holds a document type.
    """
    if not path.is_file():
        raise StudyError(address_problem(shown) or problem("roads.missing", file=shown))
    if not path.name.lower().endswith(SUFFIXES):
        raise StudyError(problem("roads.ending", file=shown, endings=" ".join(SUFFIXES)))
    _refuse_doctype(path, shown)


def _refuse_doctype(path: Path, shown: str) -> None:
    """Refuse XML with a document type: entities are no part of OSM and can blow up a parser."""
    if _format(path) == "pbf":
        return
    try:
        with _text_of(path) as file:
            head = file.read(4096)
    except (OSError, EOFError) as error:
        raise StudyError(problem("roads.unreadable", file=shown, detail=str(error))) from error
    if b"<!DOCTYPE" in head.upper() or b"<!ENTITY" in head.upper():
        raise StudyError(problem("roads.doctype", file=shown))


def _format(path: Path) -> str:
    """Return the format of an extract by the ending of its name, whatever its case."""
    name = path.name.lower()
    return "pbf" if name.endswith("pbf") else "osm.bz2" if name.endswith(".bz2") else "osm"


def _text_of(path: Path) -> IO[bytes]:
    """Open the XML of an extract, compressed or not."""
    return cast("IO[bytes]", bz2.open(path, "rb") if _format(path) == "osm.bz2" else path.open("rb"))


def osm_file(path: Path) -> osmium.io.File:
    """Return an extract as pyosmium reads it: its own eyes see endings in small letters alone."""
    return osmium.io.File(str(path), _format(path))


def deleted_in_editor(path: Path) -> frozenset[tuple[str, int]]:
    """Return (``node``, ``way`` or ``relation``, id) of the objects an editor marks as deleted but still writes.

    JOSM writes ``action="delete"``, which is no part of OpenStreetMap's format: pyosmium does not know of it.

    Raises
    ------
    OSError, EOFError
        The file cannot be read.
    """
    if _format(path) == "pbf":
        return frozenset()
    found: set[tuple[str, int]] = set()
    with _text_of(path) as file:
        rest = b""
        while block := file.read(_BLOCK_BYTES):
            text = rest + block
            if b"delete" in text:
                found |= {
                    (tag[1].decode(), int(of[1])) for tag in _DELETED.finditer(text) if (of := _ID.search(tag[0]))
                }
            # an element that the end of the block cuts begins in the last "<"
            rest = text[max(text.rfind(b"<"), 0) :] if b"<" in text else b""
    return frozenset(found)


def read_osm(path: Path, shown: str, box: Bounds) -> RoadData:
    """Read an extract within ``box`` (west, south, east, north in degrees); ``shown`` names it in messages.

    A way belongs to the box when its bounding box meets it; it is kept whole.

    Raises
    ------
    StudyError
        The file is missing, cannot be read, or holds no road in the box.
    """
    require_osm(path, shown)
    collector = None
    try:
        deleted = deleted_in_editor(path)
        collector = _collect(path, box, deleted)
        areas, broken = _water_areas(path, box, deleted)
    except (
        RuntimeError,
        ValueError,
        OSError,
        EOFError,
        osmium.InvalidLocationError,
    ) as error:  # how pyosmium reports the faults of a file
        if collector is not None and "ID twice" in str(error):
            raise StudyError(_twice(shown, collector.way_id)) from error
        raise StudyError(problem("roads.unreadable", file=shown, detail=str(error).splitlines()[0])) from error
    if not collector.way_id:
        raise none_in_box(shown, box)
    notices = (
        [problem("roads.broken_water", file=shown, count=len(broken), names=", ".join(broken[:5]))] if broken else []
    )
    if deleted:
        ids = some(f"{kind} {code}" for kind, code in sorted(deleted))
        notices.append(problem("road_look.deleted", file=shown, count=len(deleted), ids=ids))
    return collector.finish(areas, tuple(notices))


def _twice(shown: str, ways: list[int]) -> Problem:
    """Return the problem of an extract in which the id of a way, or of a relation, stands twice."""
    twice = sorted(code for code, count in Counter(ways).items() if count > 1)
    return problem("road_look.ways_twice", file=shown, count=max(len(twice), 1), rows=some(twice) or "-")


def read_places(path: Path, shown: str) -> Places:
    """Read the named places of the whole road file, for a study that nothing else gives an extent.

    Raises
    ------
    StudyError
        The file is missing or cannot be read.
    """
    collector = _Collector((-180.0, -90.0, 180.0, 90.0))
    try:
        deleted = deleted_in_editor(path)
        nodes = osmium.FileProcessor(osm_file(path), osmium.osm.NODE).with_filter(osmium.filter.KeyFilter("place"))
        for node in nodes:
            if isinstance(node, osmium.osm.Node) and not node.deleted and ("node", node.id) not in deleted:
                collector.add_node(node)
    except (RuntimeError, ValueError, OSError, EOFError, osmium.InvalidLocationError) as error:
        detail = str(error).splitlines()[0]
        raise StudyError(problem("roads.unreadable", file=shown, detail=detail)) from error
    return collector.finish([]).places


def none_in_box(shown: str, box: Bounds) -> StudyError:
    """Return the error of a source without any road in the box."""
    return StudyError(problem("roads.none_in_box", file=shown, box=" ".join(f"{v:.3f}" for v in box)))


class _Collector:
    """Gathers ways, barrier lines and places while the file streams by."""

    def __init__(self, box: Bounds) -> None:
        self.box = box
        self.way_id: list[int] = []
        self.count: list[int] = []
        self.node: list[int] = []
        self.lon: list[float] = []
        self.lat: list[float] = []
        self.tags: list[dict[str, str]] = []
        self.lines: list[Any] = []
        self.line_kind: list[str] = []
        self.places: list[tuple[int, str, str, float, float]] = []
        self.gates: list[tuple[int, float, float]] = []
        self.restrictions = 0

    def add_node(self, node: Any) -> None:
        if _is_gate(node.tags) and self._inside(node.location.lon, node.location.lat):
            self.gates.append((node.id, node.location.lon, node.location.lat))
        place, name = node.tags.get("place"), node.tags.get("name")
        if place in PLACES and name and self._inside(node.location.lon, node.location.lat):
            self.places.append((node.id, name, place, node.location.lon, node.location.lat))

    def _inside(self, lon: float, lat: float) -> bool:
        west, south, east, north = self.box
        return west <= lon <= east and south <= lat <= north

    def _meets(self, lon: list[float], lat: list[float]) -> bool:
        """Return whether the bounding box of a way meets the box: a long straight river may have no node inside."""
        x, y = [v for v in lon if not math.isnan(v)], [v for v in lat if not math.isnan(v)]
        west, south, east, north = self.box
        return bool(x) and min(x) <= east and max(x) >= west and min(y) <= north and max(y) >= south

    def add_way(self, way: Any) -> None:
        tags = way.tags
        highway = tags.get("highway")
        kind = _line_kind(tags, highway)
        routable = highway is not None or tags.get("route") == "ferry"
        if not routable and kind is None:
            return
        ids, lon, lat = [], [], []
        for ref in way.nodes:
            x, y = (ref.lon, ref.lat) if ref.location.valid() else (math.nan, math.nan)
            ids.append(ref.ref)
            lon.append(x)
            lat.append(y)
        if not self._meets(lon, lat):
            return
        if routable:
            self.way_id.append(way.id)
            self.count.append(len(ids))
            self.node += ids
            self.lon += lon
            self.lat += lat
            self.tags.append({t.k: t.v for t in tags if t.k in WAY_TAGS})
        if kind is not None:
            self._add_line(kind, lon, lat)

    def _add_line(self, kind: str, lon: list[float], lat: list[float]) -> None:
        """Add a barrier line; where the extract lacks a node the line is cut, as a road is."""
        for known, run in groupby(zip(lon, lat, strict=True), key=lambda point: not math.isnan(point[0])):
            points = list(run)
            if known and len(points) > 1:
                self.lines.append(shapely.LineString(points))
                self.line_kind.append(kind)

    def finish(self, areas: list[Any], notices: tuple[Problem, ...] = ()) -> RoadData:
        ways = Ways(
            np.array(self.way_id, dtype=np.int64),
            np.concatenate(([0], np.cumsum(self.count))).astype(np.int64),
            np.array(self.node, dtype=np.int64),
            np.array(self.lon, dtype=float),
            np.array(self.lat, dtype=float),
            tuple(self.tags),
        )
        shapes = np.empty(len(self.lines) + len(areas), dtype=object)
        shapes[:] = self.lines + areas
        barriers = BarrierShapes(shapes, np.array(self.line_kind + ["water"] * len(areas), dtype=str))
        rows = sorted(self.places)
        places = Places(
            np.array([f"node:{r[0]}" for r in rows], dtype=str),
            np.array([r[1] for r in rows], dtype=str),
            np.array([r[2] for r in rows], dtype=str),
            np.array([r[3] for r in rows], dtype=float),
            np.array([r[4] for r in rows], dtype=float),
        )
        gates = np.array([g[1:] for g in sorted(self.gates)], dtype=float).reshape(-1, 2)
        return RoadData(ways, barriers, places, self.restrictions, notices, gates=gates)


def _tagged(tags: Any, key: str) -> bool:
    return bool(tags.get(key, "no") != "no")


def _line_kind(tags: Any, highway: str | None) -> str | None:
    """Return the kind of barrier line a way is, or None."""
    if tags.get("natural") == "coastline":
        return "coastline"
    if tags.get("waterway") in ("river", "canal") and not _tagged(tags, "tunnel"):
        return "river"
    if tags.get("railway") in RAILWAYS and not _tagged(tags, "tunnel") and not _tagged(tags, "bridge"):
        return "railway"
    if highway in ("motorway", "motorway_link") and not _tagged(tags, "tunnel"):
        return "motorway"
    if tags.get("barrier") in ("wall", "city_wall"):
        return "wall"
    return None


def _is_gate(tags: Any) -> bool:
    """Return whether a node lets people into an area; a gate that is private, or closed to people on foot, does not."""
    if tags.get("barrier") not in GATES and tags.get("entrance", "no") in NO_ENTRANCES:
        return False
    return tags.get("foot", tags.get("access")) not in ("no", "private")


def _collect(path: Path, box: Bounds, deleted: frozenset[tuple[str, int]] = frozenset()) -> _Collector:
    collector = _Collector(box)
    keys = osmium.filter.KeyFilter(
        "place", "highway", "route", "natural", "waterway", "railway", "barrier", "entrance", "restriction"
    )
    for item in osmium.FileProcessor(osm_file(path)).with_locations().with_filter(keys):
        if not isinstance(item, osmium.osm.Changeset) and (item.deleted or (_kind(item), item.id) in deleted):
            continue
        if isinstance(item, osmium.osm.Node):
            collector.add_node(item)
        elif isinstance(item, osmium.osm.Way):
            collector.add_way(item)
        elif item.tags.get("type") == "restriction":
            collector.restrictions += 1
    return collector


def _kind(item: Any) -> str:
    return "node" if isinstance(item, osmium.osm.Node) else "way" if isinstance(item, osmium.osm.Way) else "relation"


def _is_water(tags: Any) -> bool:
    return bool(tags.get("natural") == "water" or tags.get("waterway") == "riverbank")


def _water_areas(
    path: Path, box: Bounds, deleted: frozenset[tuple[str, int]] = frozenset()
) -> tuple[list[Any], list[str]]:
    """Return water areas (closed ways and multipolygons) that meet the box, and the names of broken ones."""
    factory = osmium.geom.WKBFactory()
    window = shapely.box(*box)
    found, broken = [], []
    keys = osmium.filter.KeyFilter("natural", "waterway")
    for item in osmium.FileProcessor(osm_file(path)).with_areas(keys).with_filter(keys):
        if not isinstance(item, osmium.osm.Area) or not _is_water(item.tags):
            continue
        if ("way" if item.from_way() else "relation", item.orig_id()) in deleted:
            continue
        try:
            shape = shapely.from_wkb(bytes.fromhex(factory.create_multipolygon(item)))
        except RuntimeError:  # rings that cross or do not close: pyosmium can make no area of them
            broken.append(f"{'way' if item.from_way() else 'relation'} {item.orig_id()}")
            continue
        if shape.intersects(window):
            found.append((item.id, shape))
    return [shape for _, shape in sorted(found, key=lambda pair: pair[0])], sorted(broken)
