"""Tiny studies drawn in metres: what is declared is written as files into a folder and read like any other study.

``x`` is metres east and ``y`` metres north of one origin, on the grid of EPSG:32650. The origin lies where the scale of
that grid is 1: within ten kilometres a metre drawn is a geodesic metre up to 5 parts in 100,000. Road nodes are stored
to 1e-7 degrees, about a centimetre.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pyproj
import rasterio
from rasterio.transform import from_origin

import servicecircle
from servicecircle.study import study_from

if TYPE_CHECKING:
    from pathlib import Path

    from rasterio import Affine

    from servicecircle.results import Results
    from servicecircle.study import Study

Metres = tuple[float, float]
Box = tuple[float, float, float, float]
Geometry = dict[str, Any]

CRS = "EPSG:32650"
ORIGIN = (680_500.0, 3_880_000.0)
CELL_M = 100.0
_TO_WGS84 = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)


@dataclass(frozen=True)
class Way:
    """A way of the road file; ways that name the same place share its node. ``oneway__foot`` is ``oneway:foot``."""

    nodes: Sequence[Metres]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Unit:
    """A unit: a box ``(west, south, east, north)`` or a point ``(x, y)``; a study holds one sort."""

    id: str
    place: Box | Metres
    town: str = ""


@dataclass(frozen=True)
class Facility:
    """A row of the facility table."""

    x: float
    y: float
    type: str = "clinic"
    ownership: str = ""


@dataclass(frozen=True)
class People:
    """A row of a table of people at points."""

    x: float
    y: float
    persons: float
    id: str = ""


def way(*nodes: Metres, **tags: str) -> Way:
    """Return a way through places."""
    return Way(nodes, {key.replace("__", ":"): value for key, value in tags.items()})


def circle(limit_min: float, *modes: str, name: str = "circle", **more: Any) -> dict[str, Any]:
    """Return a record ``t/<name>``: clinics within minutes."""
    return _record(name, "circle", limit_min=limit_min, measures=list(modes), **more)


def radius(limit_km: float, *measures: str, name: str = "radius", **more: Any) -> dict[str, Any]:
    """Return a record ``t/<name>``: clinics within kilometres, ``straight`` unless told."""
    return _record(name, "radius", limit_km=limit_km, measures=list(measures or ("straight",)), **more)


def presence(*, name: str = "presence", **more: Any) -> dict[str, Any]:
    """Return a record ``t/<name>``: one clinic per village unless told."""
    return _record(name, "presence", **more)


def _record(name: str, kind: str, **values: Any) -> dict[str, Any]:
    return {"id": f"t/{name}", "title": {"zh": name, "en": name}, "kind": kind, "types": ["clinic"]} | values


#: A street along y = 50, where the facilities of most studies stand.
STREET = way((0, 50), (1000, 50), highway="residential")


@dataclass(frozen=True)
class SmallStudy:
    """What a study is about; people live in ``cells`` or, where given, at ``people``.

    Attributes
    ----------
    cells : mapping
        Persons by ``(column, row)`` of a raster of 100 m cells: column 2 lies between x = 200 and 300.
    sections : mapping
        Further tables of the study file (``siting``, ``barriers`` ...); their keys are added to those made here.
    nodes : mapping
        Tags of nodes of the road file by place, those of ways or others.
    """

    units: Sequence[Unit]
    facilities: Sequence[Facility]
    standards: Sequence[Mapping[str, Any]]
    cells: Mapping[tuple[int, int], float] = field(default_factory=dict)
    people: Sequence[People] = ()
    ways: Sequence[Way] = (STREET,)
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nodes: Mapping[Metres, Mapping[str, str]] = field(default_factory=dict)

    def write(self, folder: Path) -> Study:
        """Write the files of the study into a folder and return the study."""
        tree: dict[str, Any] = {
            "study": {"name": "small"},
            "area": {},
            "population": {},
            "roads": {"osm": "roads.osm"},
            "facilities": [{"path": "facilities.csv", "crs": "WGS84"}],
            "standards": {"define": [dict(record) for record in self.standards]},
            "outputs": {"language": "en"},
        }
        write_roads(folder / "roads.osm", self.ways, self.nodes)
        rows = [(f"c{k}", f"C{k}", f.type, *lonlat(f.x, f.y), f.ownership) for k, f in enumerate(self.facilities)]
        _write_table(folder / "facilities.csv", ("id", "name", "type", "lon", "lat", "ownership"), rows)
        if any(len(unit.place) == 2 for unit in self.units):
            places = [(u.id, u.id, u.town, *lonlat(u.place[0], u.place[1])) for u in self.units]
            _write_table(folder / "units.csv", ("id", "name", "town", "lon", "lat"), places)
            tree["area"] = {"points": {"path": "units.csv", "crs": "WGS84", "parent": "town"}}
        else:
            areas = {u.id: {"name": u.id, "town": u.town, "geometry": polygon(u.place)} for u in self.units}
            write_geojson(folder / "units.geojson", areas)
            tree["area"] = {"units": {"path": "units.geojson", "parent": "town"}}
        if self.people:
            persons = [(p.id, p.persons, *lonlat(p.x, p.y)) for p in self.people]
            _write_table(folder / "people.csv", ("id", "persons", "lon", "lat"), persons)
            tree["population"] = {"points": {"path": "people.csv", "id": "id", "crs": "WGS84"}}
        else:
            write_raster(folder / "people.tif", raster_of(self.cells))
            tree["population"] = {"raster": "people.tif"}
        for name, keys in self.sections.items():
            tree[name] = tree.get(name, {}) | dict(keys)
        return study_from(tree, folder / "study.toml")

    def run(self, folder: Path) -> Results:
        """Write the study into a folder and run it."""
        return servicecircle.run(self.write(folder))


def lonlat(x: float, y: float) -> tuple[float, float]:
    """Return WGS 84 degrees of a place in metres."""
    lon, lat = _TO_WGS84.transform(ORIGIN[0] + x, ORIGIN[1] + y)
    return float(lon), float(lat)


def polygon(box: Sequence[float]) -> Geometry:
    """Return a GeoJSON polygon of a box in metres."""
    west, south, east, north = box
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [[lonlat(*corner) for corner in corners]]}


def raster_of(cells: Mapping[tuple[int, int], float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return people of cells as rows from north to south; the south-west corner of the raster is the origin."""
    values = np.zeros((max(row for _, row in cells) + 1, max(column for column, _ in cells) + 1))
    for (column, row), persons in cells.items():
        values[len(values) - 1 - row, column] = persons
    return values


def write_raster(path: Path, values: np.ndarray[Any, np.dtype[np.float64]], *, transform: Affine | None = None) -> None:
    """Write persons per cell as GeoTIFF; north-up with its south-west corner at the origin unless told."""
    height, width = values.shape
    north_up = from_origin(ORIGIN[0], ORIGIN[1] + height * CELL_M, CELL_M, CELL_M)
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype="float64", crs=CRS, nodata=-1,
        transform=transform or north_up,
    ) as raster:  # fmt: skip
        raster.write(values, 1)


def write_geojson(path: Path, features: Mapping[str, Mapping[str, Any]]) -> None:
    """Write features by id; the key ``geometry`` holds the geometry, in degrees, the others are attributes."""
    rows = [
        {
            "type": "Feature",
            "properties": {"id": name} | {key: value for key, value in feature.items() if key != "geometry"},
            "geometry": feature["geometry"],
        }
        for name, feature in features.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}), encoding="utf-8")


def write_roads(path: Path, ways: Sequence[Way], tags: Mapping[Metres, Mapping[str, str]] | None = None) -> None:
    """Write ways, and tags of nodes, as OSM XML; their ids count from 1, as do those of the nodes."""
    tags = tags or {}
    places = sorted({*chain.from_iterable(w.nodes for w in ways), *tags})
    number = {place: k for k, place in enumerate(places, start=1)}
    root = ET.Element("osm", version="0.6")
    for place, k in number.items():
        lon, lat = lonlat(*place)
        node = ET.SubElement(root, "node", id=str(k), version="1", lon=f"{lon:.7f}", lat=f"{lat:.7f}")
        for key, value in tags.get(place, {}).items():
            ET.SubElement(node, "tag", k=key, v=value)
    for k, one in enumerate(ways, start=1):
        element = ET.SubElement(root, "way", id=str(k), version="1")
        for place in one.nodes:
            ET.SubElement(element, "nd", ref=str(number[place]))
        for key, value in one.tags.items():
            ET.SubElement(element, "tag", k=key, v=value)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
