"""What lies in a folder: each file opened, none written, and what its content says it is.

Looked at are the files of the folder and of its sub-folders, one level deep; folders with a ``run.json`` are results.
"""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import rasterio.errors
import rasterio.warp
import shapely

from servicecircle.errors import Problem, StudyError, problem
from servicecircle.geo import crs as gates
from servicecircle.inputs.formats import TABLES, WORKBOOKS, sheet_names
from servicecircle.inputs.gdal import RASTER_DRIVER, raster_settings
from servicecircle.inputs.layers import GEOJSON, LAYERS, layer_names
from servicecircle.inputs.population import DENSITY
from servicecircle.inputs.roads import SUFFIXES as OSM
from servicecircle.inputs.tables import Table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from rasterio.io import DatasetReader

    from servicecircle.inputs.places import Box

RECORD = "run.json"
RASTERS = (".tif", ".tiff")
#: Words in a raster's file name and band names, and what they say it is.
POPULATION = re.compile(r"pop|ppp|person|people|inhab|landscan|人口|居民", re.IGNORECASE)
ELEVATION = re.compile(
    r"elev|(?<![a-z])(dem|dtm|dsm|alt|hgt)(?![a-z])|srtm|aster|height|terrain|高程|海拔", re.IGNORECASE
)
COVER = re.compile(r"land.?(cover|use)|lulc|(?<![a-z])lc(?![a-z])|fraction|ndvi|slope|土地|地类|坡度", re.IGNORECASE)
#: Rasters with more cells are looked at through every n-th cell, and their sum is an estimate.
MOST_CELLS = 10_000_000
#: Mean step between neighbours over the spread of all values: terrain is smooth, people are not.
SMOOTH = 0.05
#: So few different whole numbers are classes.
FEW_CLASSES = 40


@dataclass(frozen=True)
class Raster:
    """A GeoTIFF.

    Attributes
    ----------
    kind : str
        ``population``, ``elevation``, ``cover`` or ``other``.
    score : int
        How sure "population" is: 3 by name and values, 2 or 1 by values alone, 0 for all other kinds.
    total : float
        Sum of the valid cells of the first band.
    estimated : bool
        Whether ``total`` comes from a sample.
    box : tuple of float
        West, south, east, north, WGS 84 degrees; None where the file has no CRS.
    """

    path: Path
    name: str
    bands: int
    kind: str
    score: int
    low: float
    high: float
    total: float
    estimated: bool
    box: Box | None


@dataclass(frozen=True)
class Seen:
    """A table or layer: ``shape`` is ``point``, ``line``, ``polygon``, ``mixed`` or ``none``."""

    path: Path
    name: str
    layer: str | None
    table: Table
    shape: str

    @property
    def title(self) -> str:
        """File and layer as comments name them."""
        return f"{self.name} [{self.layer}]" if self.layer else self.name

    def texts(self, column: str) -> NDArray[np.object_]:
        """Return the cells of a column."""
        return self.table.texts(self.table.columns.index(column))

    @property
    def columns(self) -> list[str]:
        """Column names that can be written in a study: not empty, not twice."""
        names = self.table.columns
        return [name for name in names if name and names.count(name) == 1]


@dataclass
class Folder:
    """Everything found, in the order of the names."""

    path: Path
    osm: list[Path] = field(default_factory=list)
    graphml: list[Path] = field(default_factory=list)
    rasters: list[Raster] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    unreadable: list[tuple[str, Problem]] = field(default_factory=list)

    def shown(self, path: Path) -> str:
        """Return a path as comments name it, relative to the folder."""
        return path.relative_to(self.path).as_posix()


def look(folder: Path) -> Folder:
    """Open every file of a folder that could be an input.

    Raises
    ------
    StudyError
        There is no such folder.
    """
    if not folder.is_dir():
        raise StudyError(problem("starter.no_folder", folder=str(folder)))
    found = Folder(folder)
    for path in _files(found):
        name, suffix = path.name.lower(), path.suffix.lower()
        if name.endswith(OSM):
            found.osm.append(path)
        elif suffix == ".graphml":
            found.graphml.append(path)
        elif suffix in RASTERS:
            _add_raster(found, path)
        elif suffix in (*TABLES, *WORKBOOKS, *LAYERS, ".kmz"):
            _add_tables(found, path)
    return found


def _files(found: Folder) -> list[Path]:
    def visible(folder: Path) -> list[Path]:
        entries = (one for one in folder.iterdir() if not one.name.startswith((".", "~$", "__")))
        return sorted(entries, key=lambda one: one.name)

    files = []
    for one in visible(found.path):
        if one.is_file():
            files.append(one)
        elif one.is_dir() and not (one / RECORD).exists():
            with _kept(found, one):
                files += [inner for inner in visible(one) if inner.is_file()]
    return files


def _add_raster(found: Folder, path: Path) -> None:
    with raster_settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            with rasterio.open(path, driver=RASTER_DRIVER) as dataset:
                found.rasters.append(_raster(dataset, path, found.shown(path)))
        except (rasterio.errors.RasterioError, rasterio.errors.CRSError) as error:
            reason = problem("population.not_raster", file=found.shown(path), detail=str(error))
            found.unreadable.append((found.shown(path), reason))


def _raster(dataset: DatasetReader, path: Path, name: str) -> Raster:
    step = max(int(np.ceil(np.sqrt(dataset.width * dataset.height / MOST_CELLS))), 1)
    shape = (-(-dataset.height // step), -(-dataset.width // step))
    cells = dataset.read(1, masked=True, out_shape=shape)
    cells = cells.real.astype(np.float64)
    cells = np.ma.masked_where(~np.isfinite(cells.filled(np.nan)) | (np.abs(cells.filled(0)) > 1e30), cells)
    cells = np.ma.masked_where(np.isin(cells.filled(0), (-9999.0, -99999.0)), cells)
    values = cells.compressed()
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    words = " ".join(str(one) for one in (path.stem, *dataset.descriptions, *dataset.units) if one)
    steps = np.abs(np.diff(cells, axis=1)).compressed()
    spread = float(values.std()) if len(values) else 0.0
    rough = float(steps.mean()) / spread if spread > 0 and len(steps) else 1.0
    whole = bool((values == np.round(values)).all())
    classes = whole and len(np.unique(values)) <= FEW_CLASSES
    positive = dataset.count == 1 and low >= 0 and high > 0
    kind, score = _kind(words, positive=positive, terrain=whole and rough < SMOOTH, classes=classes, low=low)
    if kind == "population" and score < 3 and not whole:
        score += 1
    box = None
    if dataset.crs is not None and not dataset.transform.is_identity:
        box = rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
    total = float(values.sum()) * step * step
    return Raster(path, name, dataset.count, kind, score, low, high, total, step > 1, box)


def _kind(words: str, *, positive: bool, terrain: bool, classes: bool, low: float) -> tuple[str, int]:
    """Return what a raster is by the words of its name, else by its values, and how sure "population" is."""
    if COVER.search(words):
        return "cover", 0
    if ELEVATION.search(words):
        return "elevation", 0
    if not positive or DENSITY.search(words) or "dens" in words.casefold():
        return ("elevation" if low < 0 and terrain else "other"), 0
    if POPULATION.search(words):
        return "population", 3
    if classes:
        return "cover", 0
    return ("elevation", 0) if terrain else ("population", 1)


def _add_tables(found: Folder, path: Path) -> None:
    name = found.shown(path)
    layers: list[str | None] = [None]
    with _kept(found, path):
        layers = _layers(path, name)
    for layer in layers:
        with _kept(found, path):
            table = read_table(path, layer, file=name)
            if len(table.cells):
                found.seen.append(Seen(path, name, None if len(layers) == 1 else layer, table, _shape(table)))


def _layers(path: Path, name: str) -> list[str | None]:
    """Return the layers or sheets of a file; None alone where there is one."""
    suffix = path.suffix.lower()
    if suffix in WORKBOOKS:
        return list(sheet_names(path, name))
    known = layer_names(path, name) if suffix in LAYERS else []
    return list(known) if len(known) > 1 else [None]


@contextmanager
def _kept(found: Folder, path: Path) -> Iterator[None]:
    """Note why a file cannot be read, once, and go on with the next."""
    try:
        yield
    except StudyError as error:
        # notes in .txt and settings in .json are no inputs, and nobody need hear that they are not
        if path.suffix.lower() not in (".txt", GEOJSON[1]):
            told = [(found.shown(path), one) for one in error.problems]
            found.unreadable += [one for one in told if one not in found.unreadable]
    except OSError as error:
        reason = problem("inputs.unreadable_file", file=found.shown(path), detail=error.strerror or str(error))
        found.unreadable.append((found.shown(path), reason))


def _shape(table: Table) -> str:
    if table.geometry is None:
        return "none"
    kinds = set(shapely.get_type_id(table.geometry[~shapely.is_missing(table.geometry)]).tolist())
    for shape, ids in (("point", {0, 4}), ("line", {1, 2, 5}), ("polygon", {3, 6})):
        if kinds <= ids:
            return shape if kinds else "none"
    return "mixed"


def box_of(seen: Seen, lon: NDArray[np.float64] | None, lat: NDArray[np.float64] | None) -> Box | None:
    """Return west, south, east, north of a table or layer in WGS 84 degrees; None where it cannot be known."""
    if lon is not None and lat is not None:
        fine = np.isfinite(lon) & np.isfinite(lat)
        if not fine.any():
            return None
        # a few wild rows do not say where the table lies
        west, east = np.percentile(lon[fine], (2, 98))
        south, north = np.percentile(lat[fine], (2, 98))
        return float(west), float(south), float(east), float(north)
    if seen.table.geometry is None or seen.table.crs is None:
        return None
    west, south, east, north = shapely.total_bounds(seen.table.geometry)
    if not np.isfinite((west, south, east, north)).all():
        return None
    x, y = gates.to_wgs84(seen.table.crs, np.array([west, east]), np.array([south, north]))
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])
