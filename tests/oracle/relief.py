"""Walking on slopes: Tobler's rule in the direction walked, on heights smoothed over at least 60 m.

A road (and a straight walk) is cut into pieces of at least 60 m, shorter ones stay whole; the slope of a piece is that
between its ends, at most 35 degrees. Bridges and tunnels run straight between their ends. Tobler's factor is taken
relative to level ground: on the level a mode keeps its own speed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from pyproj import CRS, Transformer
from rasterio.fill import fillnodata

from .osm import is_set

if TYPE_CHECKING:
    from pathlib import Path

    from .fast_legs import FastWorld

PIECE_M = 60.0
STEEPEST = float(np.tan(np.radians(35.0)))
FILE = "dem.tif"


def slowness(rise: np.ndarray, run: np.ndarray) -> np.ndarray:
    """Time over the time on level ground, walking up `rise` metres along `run` metres."""
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.clip(np.nan_to_num(rise / run), -STEEPEST, STEEPEST)
    return np.exp(3.5 * (np.abs(slope + 0.05) - 0.05))


class Heights:
    """An elevation raster, read between its cell centres; holes are filled from their rims."""

    def __init__(self, path: Path) -> None:
        with rasterio.open(path) as source:
            band, mask = source.read(1).astype("float32"), source.read_masks(1)
            self.transform = source.transform
            self.crs = CRS.from_user_input(source.crs)
        known = (mask > 0) & np.isfinite(band)
        self.band = fillnodata(np.where(known, band, 0), mask=known.astype("uint8"), max_search_distance=200.0)

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Metres at places in the raster's CRS, bilinear; outside, those of its edge."""
        t = self.transform
        col = np.clip((x - t.c) / t.a - 0.5, 0, self.band.shape[1] - 1.001)
        row = np.clip((y - t.f) / t.e - 0.5, 0, self.band.shape[0] - 1.001)
        c, r = col.astype(int), row.astype(int)
        u, v = col - c, row - r
        upper = self.band[r, c] * (1 - u) + self.band[r, c + 1] * u
        lower = self.band[r + 1, c] * (1 - u) + self.band[r + 1, c + 1] * u
        return np.asarray(upper * (1 - v) + lower * v)


class Relief:
    """Slowness along every edge of a world, both ways, and along straight walks."""

    def __init__(self, heights: Heights, fast: FastWorld) -> None:
        self.heights, self.fast = heights, fast
        working = fast.world.transformer.target_crs
        self.to_raster = Transformer.from_crs(working, heights.crs, always_xy=True)
        fraction, go, back, first = [], [], [], [0]
        for edge in fast.edges:
            xy = np.array(edge.xy)
            before = np.concatenate([[0.0], np.cumsum(edge.segments_m)])
            level = is_set(edge.tags, "bridge") or is_set(edge.tags, "tunnel")
            count = 1 if level else max(1, int(before[-1] // PIECE_M))
            at = before[-1] * np.arange(count + 1) / count
            z = self.height(np.column_stack([np.interp(at, before, xy[:, k]) for k in (0, 1)]))
            run = np.diff(at)
            fraction.append(np.arange(count + 1) / count)
            for out, rise in ((go, np.diff(z)), (back, -np.diff(z))):
                out.append(np.concatenate([[0.0], np.cumsum(slowness(rise, run) / count)]))
            first.append(first[-1] + count + 1)
        # one rising key for all edges: edge + fraction / 2
        self.key = np.concatenate([k + f / 2 for k, f in enumerate(fraction)])
        self.go, self.back = np.concatenate(go), np.concatenate(back)

    def height(self, xy: np.ndarray) -> np.ndarray:
        """Metres at places in the working CRS."""
        return self.heights.at(*self.to_raster.transform(xy[:, 0], xy[:, 1]))

    def along(self, mode: str, edge: np.ndarray, from_start_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(forward, backward) ms from an edge's start to a place on it."""
        mm, ms = self.fast.mm[edge], self.fast.mode(mode).ms[edge]
        key = edge + np.where(mm > 0, from_start_mm / np.maximum(mm, 1), 0.0) / 2
        go, back = (np.rint(ms * np.interp(key, self.key, table)).astype(np.int64) for table in (self.go, self.back))
        return go, back

    def straight_ms(self, flat_ms: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Time of straight walks (working CRS) that take `flat_ms` on level ground."""
        length = np.hypot(*(end - start).T)
        pieces = np.maximum(1, (length // PIECE_M).astype(int))
        walk = np.repeat(np.arange(len(start)), pieces)
        number = np.arange(len(walk)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        from_, to = number / pieces[walk], (number + 1) / pieces[walk]
        z0, z1 = (self.height(start[walk] + part[:, None] * (end - start)[walk]) for part in (from_, to))
        slow = slowness(z1 - z0, (length / pieces)[walk])
        mean = np.bincount(walk, weights=slow, minlength=len(start)) / pieces
        return np.rint(flat_ms * mean).astype(np.int64)


def read_relief(folder: Path, study: dict[str, Any], fast: FastWorld) -> Relief:
    """The relief of a study (`[relief]`), else of the folder's `dem.tif`."""
    spec = study.get("relief", {})
    given = spec.get("raster", spec.get("path", FILE))
    return Relief(Heights(folder / (given if isinstance(given, str) else given["path"])), fast)
