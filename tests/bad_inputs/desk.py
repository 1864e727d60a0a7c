"""A small good study on a desk, to be spoilt: a corner of a county with two towns, four villages and all input files.

What is on the desk is data; :meth:`Desk.study` writes it as files. A case changes the data, or puts a file of its own
in place of one that would be written (:attr:`Desk.files`).
"""

from __future__ import annotations

import copy
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pyogrio
import rasterio
import shapely
from rasterio.transform import from_origin

from servicecircle.study import Study, study_from
from tests.small_study import CRS, ORIGIN, Way, lonlat, polygon, way, write_roads

HEADER = ("机构编号", "机构名称", "类别", "经度", "纬度", "所有制", "床位数", "所在村")
UNIT_HEADER = ("code", "name", "town", "class")
#: Villages and their squares of one kilometre.
VILLAGES = (
    ("370406100201", "东岭村", "南山镇", (0, 0, 1000, 1000)),
    ("370406100202", "西沟村", "南山镇", (1000, 0, 2000, 1000)),
    ("370406101201", "北河村", "北河镇", (0, 1000, 1000, 2000)),
    ("370406101202", "柳园村", "北河镇", (1000, 1000, 2000, 2000)),
)
#: Persons of the whole raster: 20 x 20 cells, every third one lived in.
PERSONS = 1340.0
CLINICS = ((120, 250), (820, 500), (1250, 120), (1750, 750), (250, 1380), (780, 1750), (1500, 1630), (1870, 1250))


def _facilities() -> list[dict[str, str]]:
    rows = []
    for k, (x, y) in enumerate(CLINICS):
        lon, lat = lonlat(x, y)
        village = next(v[1] for v in VILLAGES if v[3][0] <= x < v[3][2] and v[3][1] <= y < v[3][3])
        kind = "乡镇卫生院" if k in (1, 6) else "村卫生室"
        name = f"{village}{'一二'[k % 2]}号{kind[-3:]}"
        cells = (f"00{k + 1}", name, kind, f"{lon:.7f}", f"{lat:.7f}", "公立", str(4 * k), village)
        rows.append(dict(zip(HEADER, cells, strict=True)))
    return rows


@cache
def _cells() -> np.ndarray[Any, Any]:
    values = np.zeros((20, 20), dtype=np.float32)
    values.flat[::3] = 10
    return values


def _ways() -> list[Way]:
    """Streets every 250 m in both directions, joined where they cross."""
    steps = [250.0 * k for k in range(9)]
    along = [way(*((x, y) for x in steps), highway="residential", name=f"{int(y)}号路") for y in steps]
    return along + [way(*((x, y) for y in steps), highway="residential") for x in steps]


STANDARD = {
    "id": "t/walk",
    "title": {"zh": "步行", "en": "walk"},
    "kind": "circle",
    "types": ["village_clinic", "township_health_centre"],
    "measures": ["walk"],
    "limit_min": 15,
}


@dataclass
class Desk:
    """The data of the study, the tree of its study file and files that stand in place of those written from the data.

    Attributes
    ----------
    rows : list of dict
        Facilities by the columns of ``HEADER``.
    units : list of dict
        Units: ``code``, ``name``, ``town``, ``class`` and ``geometry`` (GeoJSON).
    cells : array
        Persons per cell, north first.
    raster : dict
        What the raster's profile has instead.
    tags : callable or None
        Called with the open raster.
    """

    folder: Path
    tree: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=_facilities)
    units: list[dict[str, Any]] = field(default_factory=list)
    cells: np.ndarray[Any, Any] = field(default_factory=lambda: _cells().copy())
    raster: dict[str, Any] = field(default_factory=dict)
    tags: Callable[[Any], None] | None = None
    ways: list[Way] = field(default_factory=_ways)
    nodes: dict[Any, Any] = field(default_factory=dict)
    files: dict[str, bytes | Callable[[Path], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        source = {"source": "县卫生健康局", "licence": "CC0-1.0"}
        columns = dict(zip(("id", "name", "type", "lon", "lat", "ownership", "beds"), HEADER, strict=False))
        self.tree = {
            "study": {"name": "小县"},
            "area": {
                "units": {
                    "path": "units.geojson",
                    "id": "code",
                    "name": "name",
                    "parent": "town",
                    "area_class": "class",
                },
            },
            "population": {"raster": {"path": "people.tif", **source}},
            "roads": {"osm": {"path": "roads.osm", **source}},
            "facilities": [{"path": "facilities.csv", "crs": "WGS84", "columns": columns, **source}],
            "standards": {"define": [copy.deepcopy(STANDARD)]},
        }
        self.units = [
            {"code": code, "name": name, "town": town, "class": "220", "geometry": polygon(box)}
            for code, name, town, box in VILLAGES
        ]

    # -- what cases write

    @property
    def facility_file(self) -> dict[str, Any]:
        """The entry of the facility file in the study."""
        entry: dict[str, Any] = self.tree["facilities"][0]
        return entry

    def csv(self, rows: Sequence[dict[str, Any]] | None = None, sep: str = ",") -> str:
        """Return facilities as CSV; a cell that holds the separator must be quoted by the case."""
        rows = self.rows if rows is None else rows
        return "\n".join([sep.join(rows[0]), *(sep.join(map(str, row.values())) for row in rows)]) + "\n"

    def book(self, rows: Sequence[Sequence[Any]] | None = None, change: Callable[[Any], None] | None = None) -> None:
        """Give the facilities as a workbook."""
        book = openpyxl.Workbook()
        for row in [HEADER, *(r.values() for r in self.rows)] if rows is None else rows:
            book.active.append(list(row))
        if change is not None:
            change(book)
        content = io.BytesIO()
        book.save(content)
        self.files["facilities.xlsx"] = content.getvalue()
        self.facility_file["path"] = "facilities.xlsx"

    def table(self, name: str, lines: Sequence[Sequence[Any]]) -> None:
        """Write a further CSV table."""
        self.files[name] = ("\n".join(",".join(map(str, line)) for line in lines) + "\n").encode()

    def layer(self, name: str, columns: dict[str, Sequence[Any]], shapes: Sequence[Any], **how: Any) -> None:
        """Write a vector layer by pyogrio."""
        frame = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=how.pop("crs", 4326))
        self.files[name] = lambda path: pyogrio.write_dataframe(frame, path, **how)

    def units_layer(self, name: str, **how: Any) -> None:
        """Give the units as another kind of layer."""
        columns = {key: [unit[key] for unit in self.units] for key in UNIT_HEADER}
        self.layer(name, columns, [shapely.geometry.shape(unit["geometry"]) for unit in self.units], **how)
        self.tree["area"]["units"]["path"] = name

    def people_table(self, persons: Sequence[Any], extra: Sequence[Sequence[Any]] = ()) -> None:
        """Give people as points: one in the middle of each village, and further rows."""
        lines = [("id", "persons", "lon", "lat")]
        for k, (unit, value) in enumerate(zip(VILLAGES, persons, strict=False)):
            west, south, east, north = unit[3]
            lines.append((f"p{k}", value, *lonlat((west + east) / 2, (south + north) / 2)))
        self.table("people.csv", [*lines, *extra])
        self.tree["population"] = {"points": {"path": "people.csv", "crs": "WGS84", "id": "id"}}

    def census(self, persons: Sequence[Any], names: Sequence[str] = ("南山镇", "北河镇"), **more: Any) -> None:
        """Add a census of the towns that the raster is scaled to."""
        rows = list(zip(names, persons, strict=True))
        self.table("census.csv", [("乡镇", "常住人口"), *rows])
        self.tree["population"]["calibrate"] = {"path": "census.csv", "unit": "town", "column": "常住人口", **more}

    def lines(self, rows: Sequence[tuple[Any, Sequence[tuple[float, float]]]], **keys: Any) -> None:
        """Give the roads as a layer of lines: class and vertices in metres."""
        shapes = [shapely.LineString([lonlat(*place) for place in places]) for _, places in rows]
        self.layer("lines.geojson", {"kind": [kind for kind, _ in rows]}, shapes)
        self.tree["roads"] = {"lines": {"path": "lines.geojson", "class": "kind", **keys}}

    def streets(self) -> list[tuple[Any, list[tuple[float, float]]]]:
        """Return the streets as lines with a class, split where they cross."""
        found: list[tuple[Any, list[tuple[float, float]]]] = []
        for one in self.ways:
            found += [("village", [a, b]) for a, b in zip(one.nodes, one.nodes[1:], strict=False)]
        return [("residential", places) for _, places in found]

    # -- the files

    def study(self) -> Study:
        """Write the files and return the study."""
        places: dict[str, Callable[[Path], None]] = {
            "facilities.csv": lambda path: path.write_text(self.csv(), encoding="utf-8") and None,
            "units.geojson": self._units,
            "people.tif": self._people,
            "roads.osm": self._roads,
        }
        for name, write in {**places, **self.files}.items():
            path = self.folder / name
            if callable(write):
                write(path)
            else:
                path.write_bytes(write)
        return study_from(self.tree, self.folder / "study.toml")

    def _units(self, path: Path) -> None:
        features = [
            {
                "type": "Feature",
                "properties": {key: value for key, value in unit.items() if key != "geometry"},
                "geometry": unit["geometry"],
            }
            for unit in self.units
        ]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")

    def _people(self, path: Path) -> None:
        values = self.cells if self.cells.ndim == 3 else self.cells[None]
        north = from_origin(ORIGIN[0], ORIGIN[1] + 2000, 100, 100)
        count, height, width = values.shape
        profile = {
            "driver": "GTiff", "height": height, "width": width, "count": count, "dtype": values.dtype, "crs": CRS,
            "nodata": -1, "transform": north,
        } | self.raster  # fmt: skip
        with rasterio.open(path, "w", **profile) as target:
            if self.tags is not None:
                self.tags(target)
            target.write(values)

    def _roads(self, path: Path) -> None:
        if self.ways == _ways() and not self.nodes:
            shutil.copyfile(_good_roads(), path)
        else:
            write_roads(path, self.ways, self.nodes)


@cache
def _good_roads() -> Path:
    """The roads as they are on most desks, written once."""
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_roads(folder / "roads.osm", _ways())
    return folder / "roads.osm"
