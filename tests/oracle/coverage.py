"""People counted the slow way: raster totals, cells shared by area, sub-points and true discs."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import shapely
from pyproj import CRS, Geod, Transformer
from shapely.geometry import Polygon

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

GEOD = Geod(ellps="WGS84")
# Sides of cells and discs are cut into this many straight pieces before they are projected.
PIECES_PER_SIDE = 8
PIECES_PER_DISC = 3600


@dataclass(frozen=True)
class RasterTotal:
    """What a population raster holds: people in valid cells and the number of cells not counted, by reason."""

    people: float
    valid: int
    nodata: int
    negative: int
    not_finite: int


@dataclass(frozen=True)
class Cell:
    """A valid raster cell: people, and its corner points in the raster's CRS."""

    row: int
    col: int
    people: float
    corners: tuple[tuple[float, float], ...]


def _classify(value: float, nodata: float | None) -> str:
    if nodata is not None and (value == nodata or (math.isnan(nodata) and math.isnan(value))):
        return "nodata"
    if not math.isfinite(value):
        return "not_finite"
    return "negative" if value < 0 else "valid"


def raster_total(path: str | Path) -> RasterTotal:
    """Float64 sum of the first band's valid cells: neither nodata nor negative nor NaN or infinite."""
    with rasterio.open(path) as source:
        nodata = source.nodata
        values = [float(v) for v in source.read(1).ravel()]
    kinds = [_classify(v, nodata) for v in values]
    return RasterTotal(
        people=math.fsum(v for v, kind in zip(values, kinds, strict=True) if kind == "valid"),
        valid=kinds.count("valid"),
        nodata=kinds.count("nodata"),
        negative=kinds.count("negative"),
        not_finite=kinds.count("not_finite"),
    )


def cells(path: str | Path) -> Iterator[Cell]:
    """The valid cells, row by row."""
    with rasterio.open(path) as source:
        band, nodata = source.read(1), source.nodata
        a, b, c, d, e, f = source.transform[:6]
    for row, col in np.ndindex(band.shape):
        value = float(band[row, col])
        if _classify(value, nodata) == "valid":
            spots = ((col, row), (col + 1, row), (col + 1, row + 1), (col, row + 1))
            corners = tuple((a * x + b * y + c, d * x + e * y + f) for x, y in spots)
            yield Cell(row, col, value, corners)


def raster_crs(path: str | Path) -> CRS:
    """The CRS of a raster; a raster without one is refused."""
    with rasterio.open(path) as source:
        if source.crs is None:
            raise ValueError("raster without a CRS", str(path))
        return CRS.from_user_input(source.crs)


def sub_points(path: str | Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(lon/lat of the n x n points of every valid cell, people at each), people shared evenly inside a cell."""
    xy: list[tuple[float, float]] = []
    people: list[float] = []
    for cell in cells(path):
        (x0, y0), (x1, y1), _, (x3, y3) = cell.corners
        for i in range(n):
            for j in range(n):
                u, v = (j + 0.5) / n, (i + 0.5) / n
                xy.append((x0 + u * (x1 - x0) + v * (x3 - x0), y0 + u * (y1 - y0) + v * (y3 - y0)))
                people.append(cell.people / n**2)
    if not xy:
        return np.empty((0, 2)), np.empty(0)
    to_lonlat = Transformer.from_crs(raster_crs(path), "EPSG:4326", always_xy=True)
    lon, lat = to_lonlat.transform([p[0] for p in xy], [p[1] for p in xy])
    return np.column_stack([lon, lat]), np.array(people)


def people_by_label(people: Iterable[float], labels: Iterable[Hashable]) -> dict[Hashable, float]:
    """Exact sums of people by unit, state, or any other label (None is a label too)."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for value, label in zip(people, labels, strict=True):
        groups[label].append(float(value))
    return {label: math.fsum(values) for label, values in groups.items()}


def people_by_unit(path: str | Path, units: Mapping[str, BaseGeometry]) -> dict[str | None, float]:
    """People of each unit (lon/lat polygons), a cut cell shared by planar area in the raster's CRS; None: outside all.

    Units are taken not to overlap: a cell's people outside are what its units leave of it.
    """
    to_raster = Transformer.from_crs("EPSG:4326", raster_crs(path), always_xy=True)

    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(to_raster.transform(xy[:, 0], xy[:, 1]))

    projected = {name: shapely.transform(geometry, move) for name, geometry in units.items()}
    shares: dict[str | None, list[float]] = {name: [] for name in (*units, None)}
    for cell in cells(path):
        square = Polygon(cell.corners)
        rest = 1.0
        for name, geometry in projected.items():
            if geometry.intersects(square):
                share = geometry.intersection(square).area / square.area
                shares[name].append(share * cell.people)
                rest -= share
        shares[None].append(rest * cell.people)
    return {name: math.fsum(values) for name, values in shares.items()}


def disc_people(path: str | Path, lon: float, lat: float, radius_m: float) -> float:
    """People inside the true geodesic disc: each cell's people times the share of its area inside.

    Areas are taken in the Lambert azimuthal equal-area projection centred on the position.
    """
    local = CRS.from_proj4(f"+proj=laea +lat_0={lat!r} +lon_0={lon!r} +datum=WGS84 +units=m +type=crs")
    from_lonlat = Transformer.from_crs("EPSG:4326", local, always_xy=True)
    from_raster = Transformer.from_crs(raster_crs(path), local, always_xy=True)
    azimuths = np.arange(PIECES_PER_DISC) * 360.0 / PIECES_PER_DISC
    full = np.full(PIECES_PER_DISC, 1.0)
    rim_lon, rim_lat, _ = GEOD.fwd(lon * full, lat * full, azimuths, radius_m * full)
    disc = Polygon(np.column_stack(from_lonlat.transform(rim_lon, rim_lat)))
    inside = []
    for cell in cells(path):
        x, y = from_raster.transform([p[0] for p in cell.corners], [p[1] for p in cell.corners])
        reach = max(math.dist((x[0], y[0]), (x[2], y[2])), math.dist((x[1], y[1]), (x[3], y[3])))
        if math.hypot(x[0], y[0]) > 1.01 * radius_m + reach:
            continue
        side = float(shapely.length(shapely.LinearRing(cell.corners))) / 4
        ring = shapely.segmentize(shapely.LinearRing(cell.corners), side / PIECES_PER_SIDE)
        outline = shapely.get_coordinates(ring)
        shape = Polygon(np.column_stack(from_raster.transform(outline[:, 0], outline[:, 1])))
        inside.append(cell.people * shape.intersection(disc).area / shape.area)
    return math.fsum(inside)


def disc_people_at_points(
    lonlat: Sequence[tuple[float, float]] | np.ndarray, people: Sequence[float] | np.ndarray, lon: float, lat: float,
    radius_m: float,
) -> float:  # fmt: skip
    """People at points whose geodesic millimetres to the position are at most the radius (inclusive)."""
    limit = int(np.rint(1000 * radius_m))
    near = [int(np.rint(1000 * GEOD.inv(a, b, lon, lat)[2])) <= limit for a, b in lonlat]
    return math.fsum(float(p) for p, keep in zip(people, near, strict=True) if keep)
