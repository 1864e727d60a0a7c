"""Families 11 to 15: geometries, units, coordinate systems and layers that do not meet."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import shapely

from servicecircle.geo.coordinates import gcj02_to_bd09, wgs84_to_gcj02
from tests.bad_inputs.case import case
from tests.bad_inputs.desk import Desk
from tests.small_study import ORIGIN, lonlat, polygon

CSV = "facilities.csv"
UNITS = "units.geojson"
FIRST, SECOND, LAST = "370406100201", "370406100202", "370406101202"


def ring(*places: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[lonlat(*place) for place in (*places, places[0])]]}


# -- 11 geometries


@case(11, "a bow tie", "refused", "units.repair_too_large", UNITS, "1", FIRST)
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = ring((0, 0), (1000, 1000), (1000, 0), (0, 1000))


@case(11, "a loop of some square metres", "told", "units.repaired", UNITS, FIRST, units=4)
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = ring(
        (0, 0), (1000, 0), (1000, 1000), (500, 1000), (498, 1002), (498, 998), (500, 1000.1), (0, 1000)
    )


@case(11, "no geometry", "set_aside", "inputs.reason.no_geometry", UNITS, "4", LAST, units=3)
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = None


@case(11, "an empty polygon", "set_aside", "inputs.reason.no_geometry", UNITS, "4", LAST, units=3)
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = {"type": "Polygon", "coordinates": []}


@case(11, "a polygon without area", "set_aside", "units.no_area", UNITS, "4", LAST, units=3)
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = ring((1000, 1000), (2000, 1000), (1000, 1000), (2000, 1000))


@case(11, "a unit of two parts", "read", units=4)
def _(desk: Desk) -> None:
    parts = [polygon((1000, 1000, 1400, 2000))["coordinates"], polygon((1500, 1000, 2000, 2000))["coordinates"]]
    desk.units[3]["geometry"] = {"type": "MultiPolygon", "coordinates": parts}


@case(11, "a point among polygons", "refused", "units.not_polygons", UNITS, "4")
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = {"type": "Point", "coordinates": lonlat(1500, 1500)}


@case(11, "a collection among polygons", "refused", "units.not_polygons", UNITS, "4")
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = {"type": "GeometryCollection", "geometries": [desk.units[3]["geometry"]]}


@case(11, "heights", "read", units=4)
def _(desk: Desk) -> None:
    for unit in desk.units:
        unit["geometry"]["coordinates"] = [[(*place, 123.0) for place in unit["geometry"]["coordinates"][0]]]


@case(11, "most geometries missing", "refused", "units.most_lost", UNITS, "5")
def _(desk: Desk) -> None:
    desk.units += [desk.units[0] | {"code": f"9{k}", "geometry": None} for k in range(8)]


@case(11, "a facility drawn as an area", "told", "doors.read", "facilities.geojson", "1")
def _(desk: Desk) -> None:
    facility_layer(desk, [polygon((100, 100, 200, 200))])


@case(11, "a facility without geometry", "set_aside", "inputs.reason.no_geometry", "facilities.geojson", "2", "f1")
def _(desk: Desk) -> None:
    facility_layer(desk, [{"type": "Point", "coordinates": lonlat(100, 250)}, None])


@case(11, "a vertex that is no number", "set_aside", "inputs.reason.range", UNITS, "4", LAST, units=3)
def _(desk: Desk) -> None:
    desk.units[3]["geometry"]["coordinates"][0][1] = (float("nan"), 35.0)


@case(11, "a GeoJSON nested a hundred thousand deep", "refused", "intake.deep_json", UNITS)
def _(desk: Desk) -> None:
    desk.files[UNITS] = b'{"a":' * 100_000


def facility_layer(desk: Desk, shapes: Sequence[object]) -> None:
    features = [
        {"type": "Feature", "properties": {"id": f"f{k}", "type": "village_clinic"}, "geometry": shape}
        for k, shape in enumerate(shapes)
    ]
    desk.files["facilities.geojson"] = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    desk.tree["facilities"] = [{"path": "facilities.geojson"}]


# -- 12 overlapping or gapped units


@case(12, "an overlap of a tenth", "refused", "units.overlap", UNITS, FIRST, SECOND, "10.00%")
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = polygon((0, 0, 1100, 1000))


@case(12, "the same square under two codes", "refused", "units.overlap", UNITS, SECOND, LAST, "100.00%")
def _(desk: Desk) -> None:
    desk.units[3]["geometry"] = desk.units[1]["geometry"]


@case(12, "a town among its villages", "refused", "units.overlap", UNITS, "370406100000")
def _(desk: Desk) -> None:
    desk.units.append(
        desk.units[0] | {"code": "370406100000", "name": "南山镇", "geometry": polygon((0, 0, 2000, 1000))}
    )


@case(12, "an overlap of a hand's breadth", "told", "units.overlaps_cut", UNITS, FIRST, SECOND, units=4)
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = polygon((0, 0, 1000.2, 1000))


@case(12, "a gap between four units", "told", "unit_look.gaps", UNITS, FIRST, pending="people")
def _(desk: Desk) -> None:
    desk.units[0]["geometry"] = ring((0, 0), (1000, 0), (1000, 700), (700, 700), (700, 1000), (0, 1000))


@case(12, "a hole in a unit that nobody fills", "told", "unit_look.gaps", UNITS, FIRST, pending="people")
def _(desk: Desk) -> None:
    hole = polygon((300, 300, 600, 600))["coordinates"][0]
    desk.units[0]["geometry"]["coordinates"].append(hole[::-1])


@case(12, "a unit inside the hole of another", "read", units=5)
def _(desk: Desk) -> None:
    hole = polygon((300, 300, 600, 600))["coordinates"][0]
    desk.units[0]["geometry"]["coordinates"].append(hole[::-1])
    desk.units.append(
        desk.units[0] | {"code": "370406100203", "name": "新村", "geometry": polygon((300, 300, 600, 600))}
    )


# -- 13 missing CRS


@case(13, "a raster without", "refused", "inputs.no_crs", "people.tif")
def _(desk: Desk) -> None:
    desk.raster["crs"] = None


@case(13, "a shapefile without .prj", "refused", "inputs.no_crs", "units.shp")
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="UTF-8")
    desk.files["units.prj"] = lambda path: path.unlink()


@case(13, "a shapefile without .prj, declared", "read", units=4)
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="UTF-8")
    desk.files["units.prj"] = lambda path: path.unlink()
    desk.tree["area"]["units"]["crs"] = "WGS84"


@case(13, "a raster without, declared", "read", persons=1340.0)
def _(desk: Desk) -> None:
    desk.raster["crs"] = None
    desk.tree["population"]["raster"]["crs"] = "EPSG:32650"


@case(13, "a GeoPackage of the undefined system", "refused", "", "units.gpkg")
def _(desk: Desk) -> None:
    desk.units_layer("units.gpkg")
    write = desk.files["units.gpkg"]

    def undefined(path: Path) -> None:
        assert callable(write)
        write(path)
        with sqlite3.connect(path) as base:
            for table in ("gpkg_contents", "gpkg_geometry_columns"):
                base.execute(f"UPDATE {table} SET srs_id = -1")
        base.close()

    desk.files["units.gpkg"] = undefined


@case(13, "a table, undeclared", "told", "inputs.crs_assumed", CSV)
def _(desk: Desk) -> None:
    del desk.facility_file["crs"]


@case(13, "a broken .prj", "refused", "inputs.broken_crs", "units.shp")
def _(desk: Desk) -> None:
    desk.units_layer("units.shp", encoding="UTF-8")
    desk.files["units.prj"] = b"GEOGCS[nonsense"


@case(13, "a road layer without .prj", "refused", "inputs.no_crs", "lines.shp")
def _(desk: Desk) -> None:
    desk.lines(desk.streets())
    shapes = [shapely.LineString([lonlat(*place) for place in places]) for _, places in desk.streets()]
    desk.layer("lines.shp", {"kind": ["residential"] * len(shapes)}, shapes)
    desk.files["lines.prj"] = lambda path: path.unlink()
    desk.tree["roads"]["lines"]["path"] = "lines.shp"


# -- 14 CRS that disagrees with the coordinates


def metres(desk: Desk, crs: str, *, swapped: bool = False, prefix: float = 0) -> None:
    """Give the facilities in metres of a system."""
    transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    for row in desk.rows:
        x, y = transformer.transform(float(row["经度"]), float(row["纬度"]))
        x += prefix
        row["经度"], row["纬度"] = (f"{y:.2f}", f"{x:.2f}") if swapped else (f"{x:.2f}", f"{y:.2f}")


@case(14, "metres in a GeoJSON", "refused", "", UNITS)
def _(desk: Desk) -> None:
    for k, unit in enumerate(desk.units):
        x, y = ORIGIN[0] + 1000 * (k % 2), ORIGIN[1] + 1000 * (k // 2)
        unit["geometry"] = shapely.geometry.mapping(shapely.box(x, y, x + 1000, y + 1000))


@case(14, "metres declared as degrees", "refused", "", CSV)
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4548")


@case(14, "degrees declared as metres", "refused", "axes.degrees", CSV, "EPSG:4548")
def _(desk: Desk) -> None:
    desk.facility_file["crs"] = "EPSG:4548"


@case(14, "metres of CGCS2000, declared right", "read", facilities=8)
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4548")
    desk.facility_file["crs"] = "EPSG:4548"


@case(14, "the neighbouring zone declared", "refused", "axes.zone", CSV, "EPSG:4547")
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4548")
    desk.facility_file["crs"] = "EPSG:4547"


@case(14, "a zone number before the easting, undeclared", "refused", "axes.zone", CSV, "EPSG:4548")
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4548", prefix=39_000_000)
    desk.facility_file["crs"] = "EPSG:4548"


@case(14, "a zone number before the easting, declared", "read", facilities=8)
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4527")
    desk.facility_file["crs"] = "EPSG:4527"


@case(14, "northing before easting", "refused", "", CSV)
def _(desk: Desk) -> None:
    metres(desk, "EPSG:4548", swapped=True)
    desk.facility_file["crs"] = "EPSG:4548"


@case(14, "the file says one thing, the study another", "refused", "inputs.crs_conflict", "units.gpkg", "EPSG:32650")
def _(desk: Desk) -> None:
    desk.units_layer("units.gpkg")
    desk.tree["area"]["units"]["crs"] = "EPSG:32650"


@case(14, "a raster of the neighbouring zone", "refused", "flow.no_overlap", "people.tif", UNITS)
def _(desk: Desk) -> None:
    desk.raster["crs"] = "EPSG:32651"


@case(14, "a code that is none", "refused", "inputs.unknown_crs", CSV, "EPSG:454")
def _(desk: Desk) -> None:
    desk.facility_file["crs"] = "EPSG:454"


@case(14, "a raster in GCJ-02", "refused", "", "people.tif", "GCJ-02")
def _(desk: Desk) -> None:
    desk.raster["crs"] = None
    desk.tree["population"]["raster"]["crs"] = "GCJ-02"


@case(
    14, "a column that says GCJ-02, declared WGS84", "refused", "inputs.crs_mark", CSV, "gcj02_lon", "GCJ-02", "WGS84"
)
def _(desk: Desk) -> None:
    desk.files[CSV] = desk.csv().replace("经度", "gcj02_lon").replace("纬度", "gcj02_lat").encode()
    desk.facility_file["columns"] |= {"lon": "gcj02_lon", "lat": "gcj02_lat"}


def many(desk: Desk, shift: str, declared: str) -> None:
    """Give forty clinics along the streets, their places as a map service would have them."""
    desk.rows = []
    for k in range(40):
        x, y = (137.0 * k % 1990, 250.0 * (k % 9) + 12) if k % 2 else (250.0 * (k % 9) + 12, 173.0 * k % 1990)
        lon, lat = (np.array([one]) for one in lonlat(x, y))
        if shift != "WGS84":
            lon, lat = wgs84_to_gcj02(lon, lat)
        if shift == "BD-09":
            lon, lat = gcj02_to_bd09(lon, lat)
        village = ("东岭村", "西沟村", "北河村", "柳园村")[(x >= 1000) + 2 * (y >= 1000)]
        cells = (f"{k:03d}", f"第{k}卫生室", "村卫生室", f"{lon[0]:.7f}", f"{lat[0]:.7f}", "公立", "1", village)
        desk.rows.append(
            dict(
                zip(("机构编号", "机构名称", "类别", "经度", "纬度", "所有制", "床位数", "所在村"), cells, strict=True)
            )
        )
    desk.facility_file["crs"] = declared


@case(14, "GCJ-02 that nobody declared", "told", "shift.declared", CSV, "GCJ-02")
def _(desk: Desk) -> None:
    many(desk, "GCJ-02", "WGS84")


@case(14, "BD-09 that nobody declared", "told", "shift.declared", CSV, "BD-09")
def _(desk: Desk) -> None:
    many(desk, "BD-09", "WGS84")


@case(14, "WGS84 declared as GCJ-02", "told", "shift.declared", CSV, "GCJ-02", "WGS84")
def _(desk: Desk) -> None:
    many(desk, "WGS84", "GCJ-02")


@case(14, "GCJ-02 that is declared", "read", "inputs.converted", CSV, "GCJ-02", facilities=40)
def _(desk: Desk) -> None:
    many(desk, "GCJ-02", "GCJ-02")


def with_crs(desk: Desk, more: str) -> None:
    """Name a CRS in the units' GeoJSON and put something before their first feature."""
    name = '"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, '
    write = desk._units

    def spoilt(path: Path) -> None:
        write(path)
        text = path.read_text(encoding="utf-8")
        path.write_text("{" + name + more + text[1:], encoding="utf-8")

    desk.files[UNITS] = spoilt


@case(14, "a GeoJSON that names WGS 84, with a control character in a text", "read", units=4)
def _(desk: Desk) -> None:
    with_crs(desk, '"name": "a\x1bb", ')


@case(14, "a GeoJSON that names a system and is no JSON", "refused", "inputs.not_json", UNITS, "1")
def _(desk: Desk) -> None:
    with_crs(desk, '"name": Inf inity, ')


# -- 15 layers that do not overlap


@case(15, "people elsewhere", "refused", "flow.no_overlap", "people.tif", UNITS)
def _(desk: Desk) -> None:
    desk.raster["transform"] = rasterio.Affine(100, 0, 300_000, 0, -100, 3_000_000)


@case(15, "roads elsewhere", "refused", "roads.none_in_box", "roads.osm")
def _(desk: Desk) -> None:
    desk.files["roads.osm"] = (
        b'<osm version="0.6"><node id="1" version="1" lon="1" lat="1"/><node id="2" version="1" lon="1" lat="1.1"/>'
        b'<way id="1" version="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way></osm>'
    )


@case(15, "facilities elsewhere", "refused", "facilities.none", CSV)
def _(desk: Desk) -> None:
    for row in desk.rows:
        row["纬度"] = str(float(row["纬度"]) - 5)


@case(15, "units elsewhere", "refused", "flow.no_overlap", "people.tif", UNITS)
def _(desk: Desk) -> None:
    for k, unit in enumerate(desk.units):
        unit["geometry"] = shapely.geometry.mapping(shapely.box(110 + k / 100, 30, 110.01 + k / 100, 30.01))


@case(15, "the census of another county", "refused", "matching.most_lost", "census.csv", "2")
def _(desk: Desk) -> None:
    desk.census([600, 700], ("树林召镇", "白泥井镇"))


@case(15, "a group on another grid", "refused", "population.group_grid", "old.tif", "people.tif")
def _(desk: Desk) -> None:
    def write(path: Path) -> None:
        with rasterio.open(
            path, "w", driver="GTiff", height=10, width=10, count=1, dtype="float32", crs="EPSG:32650",
            transform=rasterio.Affine(200, 0, ORIGIN[0], 0, -200, ORIGIN[1] + 2000),
        ) as target:  # fmt: skip
            target.write(np.ones((1, 10, 10), dtype="float32"))

    desk.files["old.tif"] = write
    desk.tree["population"]["groups"] = {"65+": "old.tif"}


@case(15, "people on half of the units", "told", "people.empty", "people.tif", LAST)
def _(desk: Desk) -> None:
    for unit, box in zip(desk.units[2:], ((0, 1000, 1000, 2050), (1000, 1000, 2000, 2050)), strict=True):
        unit["geometry"] = polygon(box)
    desk.cells[:10] = 0


@case(15, "another maker's people elsewhere", "told", "people.compared", "other.tif")
def _(desk: Desk) -> None:
    def write(path: Path) -> None:
        with rasterio.open(
            path, "w", driver="GTiff", height=10, width=10, count=1, dtype="float32", crs="EPSG:32650",
            transform=rasterio.Affine(100, 0, 300_000, 0, -100, 3_000_000),
        ) as target:  # fmt: skip
            target.write(np.ones((1, 10, 10), dtype="float32"))

    desk.files["other.tif"] = write
    desk.tree["population"]["compare"] = "other.tif"
