"""How files are given to GDAL, of which there are two: rasterio and pyogrio each bring a library of their own.

Both are held to the same: a file on disk under its own path, opened by the drivers its suffix allows
(:data:`DRIVERS`, :data:`RASTER_DRIVER`), no side files written, nothing read from the network, no code of a virtual
raster run. Settings of one library say nothing to the other, so each has its own block below and gives back what it
found.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyogrio

from servicecircle.errors import Problem, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import rasterio

#: The only driver that may open a raster.
RASTER_DRIVER = "GTiff"
#: The drivers that may open a vector file of a suffix; a wheel of pyogrio has one or both of the KML drivers.
DRIVERS: Mapping[str, tuple[str, ...]] = {
    ".geojson": ("GeoJSON",),
    ".json": ("GeoJSON",),
    ".gpkg": ("GPKG",),
    ".shp": ("ESRI Shapefile",),
    ".kml": ("LIBKML", "KML"),
}
#: Settings of both libraries while they read or write.
SETTINGS: Mapping[str, str] = {
    # no .aux.xml beside the user's raster
    "GDAL_PAM_ENABLED": "NO",
    # the only address that could be asked is none
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "-",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    # a GeoPackage loads no program, reads no other file
    "OGR_SQLITE_LOAD_EXTENSIONS": "",
    "PROJ_NETWORK": "OFF",
}
#: Addresses and GDAL's own file systems (``/vsicurl/``, ``/vsizip/``): what begins so is no file on a disk.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/+|[/\\]?vsi[a-z0-9_]+[/\\]", re.IGNORECASE)


def address_problem(path: str) -> Problem | None:
    """Return the problem of a path, as the study gives it, that is an address or a place only GDAL knows."""
    return problem("gdal.address", file=path) if _ADDRESS.match(path) else None


def raster_settings(**more: str) -> rasterio.Env:
    """Return a block in which rasterio's library is held; a setting given here is added."""
    import rasterio

    return rasterio.Env(**(dict(SETTINGS) | more))


@contextmanager
def vector_settings(more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Hold pyogrio's library within a block; settings given here are added."""
    wanted = dict(SETTINGS) | dict(more or {})
    before = {name: pyogrio.get_gdal_config_option(name) for name in wanted}
    pyogrio.set_gdal_config_options(wanted)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)
