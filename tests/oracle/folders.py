"""Small county folders drawn in metres around 117.6 E 35.1 N, written as the files a sample county has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer

from .gcj import to_gcj02

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

BOARD = "+proj=tmerc +lat_0=35.1 +lon_0=117.6 +k=1 +datum=WGS84 +units=m +type=crs"
CELL_M = 100.0
_TO_DEGREES = Transformer.from_crs(BOARD, "EPSG:4326", always_xy=True)

XY = tuple[float, float]


def at(x: float, y: float) -> XY:
    """Degrees of a place on the board."""
    lon, lat = _TO_DEGREES.transform(x, y)
    return float(lon), float(lat)


def text(*places: XY) -> str:
    """Places as a counterfactual names them: lon,lat,lon,lat."""
    return ",".join(f"{v:.7f}" for p in places for v in at(*p))


@dataclass
class Drawing:
    """What a folder holds; all places in metres.

    `units` are (code, name, town, class, box); `cells` people by (column, row) of 100 m cells counted from (0, 0);
    `facilities` are (id, name, word, owner, x, y); `height` gives metres above sea for arrays x, y.
    """

    standards: Sequence[str]
    units: list[tuple[str, str, str, str, tuple[float, float, float, float]]] = field(default_factory=list)
    cells: dict[tuple[int, int], float] = field(default_factory=dict)
    ways: list[tuple[Sequence[XY], Mapping[str, str]]] = field(default_factory=list)
    facilities: list[tuple[str, str, str, str, float, float]] = field(default_factory=list)
    planted: list[tuple[str, str, str, str]] = field(default_factory=list)
    height: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def node(self, spot: XY) -> int:
        """The OSM node of a place."""
        return 1 + sorted({p for points, _ in self.ways for p in points}).index(spot)

    def write(self, folder: Path) -> Path:
        """Write all files and return the folder."""
        self._study(folder)
        frame = pd.DataFrame(self.units, columns=["code", "name", "town", "class", "box"])
        shapes = [shapely.Polygon([at(*p) for p in shapely.box(*b).exterior.coords]) for b in frame.pop("box")]
        layer = gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4326")
        layer.to_file(folder / "units.gpkg", layer="units", driver="GPKG")
        columns, rows = zip(*self.cells, strict=True)
        left, top = min(columns), max(rows) + 1
        band = np.full((top - min(rows), max(columns) - left + 1), -9.0, dtype="float32")
        for (column, row), persons in self.cells.items():
            band[top - 1 - row, column - left] = persons
        self._raster(folder / "population.tif", band, (left * CELL_M, top * CELL_M), CELL_M)
        if self.height is not None:
            x, y = np.arange(left * CELL_M - 3000, (max(columns) + 30) * CELL_M, 30.0), np.arange(3000.0, -6000, -30)
            grid = self.height(*np.meshgrid(x + 15, y - 15)).astype("float32")
            self._raster(folder / "dem.tif", grid, (float(x[0]), float(y[0])), 30.0)
        self._roads(folder / "roads.osm")
        self._facilities(folder / "facilities.xlsx")
        if self.planted:
            names = {unit[0]: unit[1] for unit in self.units}
            table = [(u, names[u], criterion, cause, "", edit) for u, criterion, cause, edit in self.planted]
            head = ["unit_id", "name", "criterion", "cause", "detail", "counterfactual"]
            pd.DataFrame(table, columns=head).to_csv(folder / "planted.csv", index=False, encoding="utf-8-sig")
        return folder

    def _study(self, folder: Path) -> None:
        lines = [
            "[study]", 'name = "small"', "[area]",
            'units = { path = "units.gpkg", layer = "units", id = "code", name = "name", parent = "town", area_class = "class" }',
            "[population]", 'raster = "population.tif"', "[roads]", 'osm = "roads.osm"', "[[facilities]]",
            'path = "facilities.xlsx"', 'layer = "机构"', 'crs = "GCJ-02"',
            'columns = { id = "机构编号", name = "机构名称", type = "类别", lon = "经度", lat = "纬度", ownership = "所有制" }',
            "[standards]", f"use = {list(self.standards)}".replace("'", '"'),
        ]  # fmt: skip
        (folder / "study.toml").write_text("\n".join(lines), encoding="utf-8")

    def _raster(self, path: Path, band: np.ndarray, corner: XY, cell: float) -> None:
        transform = Affine(cell, 0, corner[0], 0, -cell, corner[1])
        shape = {"height": band.shape[0], "width": band.shape[1], "count": 1, "dtype": band.dtype.name}
        with rasterio.open(path, "w", driver="GTiff", **shape, crs=BOARD, transform=transform, nodata=-9.0) as file:
            file.write(band, 1)

    def _roads(self, path: Path) -> None:
        root = ET.Element("osm", version="0.6")
        for number, spot in enumerate(sorted({p for points, _ in self.ways for p in points}), start=1):
            lon, lat = at(*spot)
            ET.SubElement(root, "node", id=str(number), version="1", lon=f"{lon:.7f}", lat=f"{lat:.7f}")
        for number, (points, tags) in enumerate(self.ways, start=1):
            element = ET.SubElement(root, "way", id=str(number), version="1")
            for spot in points:
                ET.SubElement(element, "nd", ref=str(self.node(spot)))
            for key, value in tags.items():
                ET.SubElement(element, "tag", k=key, v=value)
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)

    def _facilities(self, path: Path) -> None:
        rows = []
        for number, name, word, owner, x, y in self.facilities:
            lon, lat = to_gcj02(*(np.array([v]) for v in at(x, y)))
            rows.append((number, name, word, owner, round(float(lon[0]), 6), round(float(lat[0]), 6)))
        head = ["机构编号", "机构名称", "类别", "所有制", "经度", "纬度"]
        pd.DataFrame(rows, columns=head).to_excel(path, sheet_name="机构", index=False, engine="openpyxl")
