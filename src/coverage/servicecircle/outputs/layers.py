"""The GeoPackage ``study.gpkg``: the results as layers in EPSG:4326, with their styles inside.

Layers: ``units`` (outlines), ``unit_results_map`` (a view: every criterion and unit with the unit's outline;
filter it by ``criterion``), ``gaps``, ``facilities`` (points), ``facility_shapes`` (areas and lines as drawn),
``doors`` (where facilities are entered), ``sites``, ``service_areas``; where people are given at points also
``travel_times`` (a raster has its own files); the table ``unit_results`` (no geometry) holds what the view shows.
Column names are those of the CSV files.

The file is GeoPackage 1.2 (older desktop programs warn about newer ones) and its bytes are equal for equal
results: the clock is set to :data:`CLOCK` while it is written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from servicecircle.inputs.gdal import vector_settings
from servicecircle.outputs.styles import layer_styles
from servicecircle.outputs.tables import TABLES, Column, columns
from servicecircle.travel.reach import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servicecircle.results import Results, TravelTimes
    from servicecircle.study import Study

CLOCK = "2000-01-01T00:00:00.000Z"
VERSION = "1.2"
GDAL_ERRORS = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError)
VIEW = "unit_results_map"
_DTYPES = {"flag": "boolean", "count": "Int64"} | dict.fromkeys(("persons", "share", "value", "degrees"), "Float64")


def write_layers(results: Results, path: Path) -> None:
    """Write the GeoPackage.

    Raises
    ------
    OSError
        The file cannot be written, or does not read back whole (a full disk can show only then).
    """
    points = {name: _points(name, frame) for name, frame in (("gaps", results.gaps), ("sites", results.sites))}
    outlines = results.drawings.units
    layers = {
        "units": _layer("unit_outlines", outlines, _family(outlines)),
        "facilities": _layer("facilities", results.facilities, "Point"),
        "facility_shapes": _layer("facility_shapes", results.shapes, "Unknown"),
        "doors": _layer("doors", results.doors, "Point"),
        "service_areas": _layer("service_areas", results.drawings.service_areas, "MultiPolygon"),
        **points,
    }
    if results.travel_times is not None and results.travel_times.grid is None:
        layers["travel_times"] = _points("travel_times", _time_rows(results.travel_times))
    try:
        with _fixed_clock():
            for name, (frame, family) in layers.items():
                _write(frame, path, name, family)
            _write(_attributes("units", results.units), path, "unit_results", None)
        _finish(path, layers["units"][1], results.study)
        _check(path, {name: len(frame) for name, (frame, _) in layers.items()} | {"unit_results": len(results.units)})
    except (*GDAL_ERRORS, sqlite3.Error) as error:
        raise OSError(None, str(error), str(path)) from error


@contextlib.contextmanager
def _fixed_clock() -> Iterator[None]:
    """Hold GDAL's clock still and leave syncing to the one who publishes; both are set back afterwards."""
    with vector_settings({"OGR_CURRENT_DATE": CLOCK, "OGR_SQLITE_SYNCHRONOUS": "OFF"}):
        yield


def _attributes(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table's columns with values as the CSV files round them, each in a type that knows "unknown"."""
    return pd.DataFrame({column.name: pd.array(cells, dtype=_dtype(column)) for column, cells in columns(table, frame)})


def _dtype(column: Column) -> Any:
    return _DTYPES.get(column.shape, "str")


def _points(table: str, frame: pd.DataFrame) -> tuple[gpd.GeoDataFrame, str]:
    attributes = _attributes(table, frame)
    places = attributes[["lon", "lat"]].astype("float64")
    geometry = gpd.points_from_xy(places["lon"], places["lat"], crs="EPSG:4326")
    geometry[places.isna().any(axis=1).to_numpy()] = None
    return gpd.GeoDataFrame(attributes, geometry=geometry, crs="EPSG:4326"), "Point"


def _time_rows(times: TravelTimes) -> pd.DataFrame:
    """Return one row per criterion and person point: criteria of equal times repeat them, so any can be filtered."""
    place = pd.DataFrame({"point_id": times.id, "lon": times.lon, "lat": times.lat, "persons": times.persons})
    states = np.array([state.name.lower() for state in State], dtype=object)
    frames = [
        place.assign(criterion=key, minutes=layer.minutes, state=states[layer.state])
        for layer in times.layers
        for key in layer.criteria
    ]
    columns_ = [column.name for column in TABLES["travel_times"]]
    return pd.concat(frames, ignore_index=True)[columns_] if frames else pd.DataFrame(columns=columns_)


def _layer(table: str, frame: gpd.GeoDataFrame, family: str) -> tuple[gpd.GeoDataFrame, str]:
    attributes = _attributes(table, frame)
    geometry = [_as_multi(g) if family.startswith("Multi") else g for g in frame.geometry]
    return gpd.GeoDataFrame(attributes, geometry=gpd.GeoSeries(geometry, crs="EPSG:4326"), crs="EPSG:4326"), family


def _as_multi(geometry: Any) -> Any:
    return shapely.MultiPolygon([geometry]) if isinstance(geometry, shapely.Polygon) else geometry


def _family(frame: gpd.GeoDataFrame) -> str:
    """Return the one geometry type of the units; ``Unknown`` where outlines and points are mixed."""
    kinds = set(frame.geom_type.dropna())
    if kinds <= {"Polygon", "MultiPolygon"}:
        return "MultiPolygon"
    return "Point" if kinds == {"Point"} else "Unknown"


def _write(frame: pd.DataFrame, path: Path, layer: str, family: str | None) -> None:
    options: dict[str, Any] = {"dataset_options": {"VERSION": VERSION}} if not path.exists() else {"append": False}
    if family is not None:
        options |= {"geometry_type": family, "layer_options": {"GEOMETRY_NAME": "geom"}}
    else:
        options |= {"layer_options": {"ASPATIAL_VARIANT": "GPKG_ATTRIBUTES"}}
    pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG", **options)


def _finish(path: Path, family: str, study: Study) -> None:
    """Add the view of results on outlines, the default styles and the study's name, in one transaction."""
    shape = {"MultiPolygon": "MULTIPOLYGON", "Point": "POINT"}.get(family, "GEOMETRY")
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        _add_view(base, shape)
        _add_styles(base, study.outputs.language, shape)
        base.execute("UPDATE gpkg_contents SET description = ?", (study.study.name,))


def _add_view(base: sqlite3.Connection, shape: str) -> None:
    names = ", ".join(f'r."{column.name}"' for column in TABLES["units"])
    base.execute(
        f'CREATE VIEW "{VIEW}" AS SELECT r.fid AS OGC_FID, u.geom AS geom, {names} '  # noqa: S608 - own names only
        "FROM unit_results r JOIN units u ON u.unit_id = r.unit_id"
    )
    bounds = base.execute("SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = 'units'").fetchone()
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, "
        "min_x, min_y, max_x, max_y, srs_id) VALUES (?, 'features', ?, '', ?, ?, ?, ?, ?, 4326)",
        (VIEW, VIEW, CLOCK, *bounds),
    )
    base.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 4326, 0, 0)", (VIEW, shape))


STYLE_TABLE = """CREATE TABLE layer_styles (
id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
f_table_name TEXT(256),
f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN,
description TEXT, owner TEXT(30), ui TEXT(30), update_time DATETIME)"""


def _add_styles(base: sqlite3.Connection, language: str, shape: str) -> None:
    base.execute(STYLE_TABLE)
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (CLOCK,),
    )
    for layer, qml in layer_styles(language, shape).items():
        base.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
            "styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
            "VALUES ('', '', ?, 'geom', ?, ?, '', 1, '', '', '', ?)",
            (layer, layer, qml, CLOCK),
        )


def _check(path: Path, rows: dict[str, int]) -> None:
    """Read the file back: a write that failed late must not pass for a whole file."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
        verdict = base.execute("PRAGMA integrity_check").fetchone()[0]
        for layer, wanted in rows.items():
            found = base.execute(f'SELECT count(*) FROM "{layer}"').fetchone()[0]  # noqa: S608 - own names only
            if found != wanted or verdict != "ok":
                raise OSError(None, f"layer {layer}: {found} of {wanted} rows, {verdict}", str(path))
