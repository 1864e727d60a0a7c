"""Travel times as rasters: one Cloud Optimized GeoTIFF for each set of facilities, mode and direction.

Every file lies on the population raster's own grid and CRS and has two bands of 32-bit floats:

``minutes``
    Minutes of the cell's middle person (:mod:`servicecircle.analysis.times`), never limited; no value where that
    person reaches nothing. Milliseconds survive up to four hours.
``state``
    0 reached, 1 unreachable, 2 unattached, 3 no facility; no value in cells without people in units.

"No value" is NaN, so that no statistic takes it for a number; *unreachable* is a state, never a large time.
Overviews take the nearest cell: they show no time that the full raster does not hold.

Criteria of equal times (the same facilities, mode and direction) share a file. It is called after the first of
them; its tag ``criteria`` names all, and the column ``travel_time_file`` of ``criteria.csv`` leads from each.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.inputs.gdal import raster_settings
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.record import RASTER
from servicecircle.standards.model import Criterion
from servicecircle.standards.modes import standard_modes
from servicecircle.standards.wording import limit_text
from servicecircle.text.text import say
from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicecircle.geo.grid import Grid
    from servicecircle.results import Results, TimeLayer, TravelTimes

BANDS = ("minutes", "state")
#: Characters a file name keeps of a criterion's key; with prefix, mark and side files it stays below 255 bytes.
LONGEST_BYTES = 160
_UNSAFE = re.compile(r"[^\w.-]+")

#: Creation options; predictor and level are stated so that another default of the library changes no byte.
OPTIONS = {
    "driver": "COG",
    "dtype": "float32",
    "nodata": float("nan"),
    "compress": "DEFLATE",
    "level": 6,
    "predictor": "YES",
    "overview_resampling": "NEAREST",
    "num_threads": "1",
}


def layer_names(times: TravelTimes) -> list[str]:
    """Return the file name of each layer: ``travel_time_shanting-S01_walk.tif``.

    A name holds letters, digits and ``._-`` only and differs from the others also where case does not count;
    names that would not are cut or marked with a hash of the criterion's key.
    """
    taken: set[str] = set()
    names = []
    for layer in times.layers:
        stem = _stem(layer.criteria[0])
        if stem.casefold() in taken:
            stem = f"{stem}-{_mark(layer.criteria[0])}"
        taken.add(stem.casefold())
        names.append(f"{RASTER[0]}{stem}{RASTER[1]}")
    return names


def _stem(key: str) -> str:
    standard, _, measure = key.rpartition("/")
    stem = f"{_UNSAFE.sub('-', standard)}_{_UNSAFE.sub('-', measure)}"
    if len(stem.encode()) <= LONGEST_BYTES:
        return stem
    return f"{stem.encode()[:LONGEST_BYTES].decode(errors='ignore')}-{_mark(key)}"


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def time_files(results: Results) -> dict[str, str]:
    """Return the file that holds the times of each time criterion, by criterion key."""
    times = results.travel_times
    if times is None:
        return {}
    names = ["study.gpkg"] * len(times.layers) if times.grid is None else layer_names(times)
    return {key: name for layer, name in zip(times.layers, names, strict=True) for key in layer.criteria}


def raster_files(results: Results) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each raster, one at a time; none where people are given at points."""
    times = results.travel_times
    if times is None or times.grid is None:
        return
    for name, layer in zip(layer_names(times), times.layers, strict=True):
        yield name, _tiff(times.grid, _bands(times, layer), _tags(results, layer))


def _bands(times: TravelTimes, layer: TimeLayer) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return ``float32 (2, rows, columns)``."""
    rows, columns = times.grid.shape if times.grid else (0, 0)
    bands = np.full((len(BANDS), rows * columns), np.nan, dtype=np.float32)
    bands[0, times.cell] = layer.minutes
    bands[1, times.cell] = layer.state
    return bands.reshape(len(BANDS), rows, columns)


def _tags(results: Results, layer: TimeLayer) -> dict[str, str]:
    study = results.study
    language = study.outputs.language
    by_key = {summary.criterion.key: summary.criterion for summary in results.summaries}
    separator = say(language, "standards.clause.join")
    return {
        "study": study.study.name,
        "note": study.study.note,
        "criteria": " ".join(layer.criteria),
        "requirements": separator.join(_requirement(by_key[key], language) for key in layer.criteria if key in by_key),
        "mode": layer.mode,
        "mode_name": standard_modes()[layer.mode].title.in_language(language),
        "direction": layer.direction,
        "facilities": str(layer.facilities),
        "unit": "min",
        "sources": separator.join(credit_lines(study)),
    }


def _requirement(criterion: Criterion, language: str) -> str:
    return f"{criterion.standard.title.in_language(language)} ({limit_text(criterion, language)})"


def _tiff(grid: Grid, bands: np.ndarray[tuple[int, ...], np.dtype[np.float32]], tags: dict[str, str]) -> bytes:
    from rasterio.io import MemoryFile

    _, height, width = bands.shape
    place = {"crs": grid.crs.to_wkt(), "transform": grid.transform, "height": height, "width": width}
    # Written in memory: what does not fit a GeoTIFF would go into a side file, and nothing has to be cleared away.
    with raster_settings(), MemoryFile() as memory:
        with memory.open(count=len(BANDS), **place, **OPTIONS) as raster:
            raster.write(bands)
            raster.update_tags(**{name: value for name, value in tags.items() if value})
            for number, name in enumerate(BANDS, start=1):
                raster.set_band_description(number, name)
            raster.set_band_unit(1, "min")
            raster.update_tags(2, **{str(int(state)): state.name.lower() for state in State})
        content: bytes = memory.read()
    return content
