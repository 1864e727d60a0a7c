"""Metres read as degrees, degrees read as metres, easting and northing exchanged, zone numbers where none belong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from servicecircle.errors import Problem, StudyError
from servicecircle.inputs.axes import FAMILIES
from servicecircle.inputs.places import locate, locate_polygons
from servicecircle.inputs.tables import read_table
from servicecircle.study.base import Source
from servicecircle.text import sentence

#: A county on the middle meridian of a three degree zone, 114 E, and its people.
PLACE = (114.2, 30.5)
BOX = (113.9, 30.2, 114.5, 30.8)


def in_grid(crs: str, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    lon, lat = PLACE[0] + 0.01 * np.arange(count), PLACE[1] + 0.01 * np.arange(count)
    return pyproj.Transformer.from_crs("EPSG:4490", crs, always_xy=True).transform(lon, lat)


def table(folder: Path, x: Any, y: Any, header: str = "id,X,Y") -> Path:
    path = folder / "成果.csv"
    rows = [f"{k},{a!r},{b!r}" for k, (a, b) in enumerate(zip(map(float, x), map(float, y), strict=True))]
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def layer(folder: Path, x: Any, y: Any, crs: str | None) -> Path:
    path = folder / "点.shp"
    gpd.GeoDataFrame({"id": range(len(x))}, geometry=gpd.points_from_xy(x, y), crs=crs).to_file(path)
    return path


def refusal(path: Path, crs: str | None = None, box: Any = BOX, columns: Any = (None, None)) -> Problem:
    read = read_table(path)
    with pytest.raises(StudyError) as error:
        locate(read, Source(path=path.name, crs=crs), [""] * len(read.cells), box=box, columns=columns)
    (found,) = error.value.problems
    for language in ("zh", "en"):
        text = sentence(language, found)
        assert path.name in text
        assert str(found.values["value"]) in text
        assert f"{found.values['row']}" in text
    return found


def system(found: Problem) -> str:
    """Return the coordinate system the remedy names."""
    remedy = found.values["remedy"]
    remedy = remedy.values.get("system", remedy)
    return str(remedy.values.get("crs", "same"))


@pytest.mark.parametrize("box", [BOX, None])
@pytest.mark.parametrize("declared", ["EPSG:4547", "EPSG:4546"])
def test_an_easting_with_its_zone_number(tmp_path: Path, declared: str, box: Any) -> None:
    # zone 38 of three degrees is 114 E: EPSG:4526 with the number, EPSG:4547 without
    x, y = in_grid("EPSG:4526")
    assert 38_400_000 < x[0] < 38_600_000
    found = refusal(table(tmp_path, x, y), declared, box)
    assert (found.key, system(found)) == ("axes.zone", "EPSG:4526")
    assert found.values["row"] == 2


@pytest.mark.parametrize("box", [BOX, None])
def test_an_easting_without_the_zone_number_the_grid_has(tmp_path: Path, box: Any) -> None:
    x, y = in_grid("EPSG:4547")
    found = refusal(table(tmp_path, x, y), "EPSG:4526", box)
    assert (found.key, system(found)) == ("axes.zone", "EPSG:4547")


def test_the_neighbouring_zone_is_found_by_the_people(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:4547")
    found = refusal(table(tmp_path, x, y), "EPSG:4548")
    assert (found.key, system(found)) == ("axes.zone", "EPSG:4547")


@pytest.mark.parametrize("box", [BOX, None])
def test_x_is_the_northing_of_a_survey(tmp_path: Path, box: Any) -> None:
    x, y = in_grid("EPSG:4547")
    found = refusal(table(tmp_path, y, x), "EPSG:4547", box)
    assert (found.key, system(found)) == ("axes.exchanged", "same")
    assert 'lon = "Y"' in sentence("zh", found)
    assert 'lat = "X"' in sentence("en", found)
    places = locate(
        read_table(tmp_path / "成果.csv"), Source(path="x", crs="EPSG:4547"), [""] * 5, box=BOX, columns=("Y", "X")
    )
    assert places.kept.all()
    assert abs(places.lon[0] - PLACE[0]) < 1e-8


@pytest.mark.parametrize("box", [BOX, None])
def test_exchanged_and_with_a_zone_number(tmp_path: Path, box: Any) -> None:
    x, y = in_grid("EPSG:4526")
    found = refusal(table(tmp_path, y, x), "EPSG:4547", box)
    assert (found.key, system(found)) == ("axes.zone", "EPSG:4526")
    assert 'lon = "Y"' in sentence("zh", found)


@pytest.mark.parametrize("box", [BOX, None])
@pytest.mark.parametrize("crs", ["WGS84", "CGCS2000", None, "GCJ-02"])
def test_metres_in_a_system_of_degrees(tmp_path: Path, crs: str | None, box: Any) -> None:
    x, y = in_grid("EPSG:4526")
    found = refusal(table(tmp_path, x, y), crs, box)
    assert (found.key, system(found)) == ("axes.metres", "EPSG:4526")


def test_metres_without_a_zone_number_need_the_people(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:4547")
    found = refusal(table(tmp_path, x, y), "WGS84")
    assert (found.key, system(found)) == ("axes.metres", "EPSG:4547")
    found = refusal(table(tmp_path, x, y), "WGS84", None)
    assert found.values["remedy"].key == "axes.remedy.ask"


def test_metres_of_a_web_map(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:3857")
    found = refusal(table(tmp_path, x, y), None)
    assert (found.key, system(found)) == ("axes.metres", "EPSG:3857")


def test_a_layer_whose_prj_says_degrees_and_whose_points_are_metres(tmp_path: Path) -> None:
    found = refusal(layer(tmp_path, *in_grid("EPSG:4547"), "EPSG:4326"))
    assert (found.key, system(found), found.values["row"]) == ("axes.metres", "EPSG:4547", 1)


@pytest.mark.parametrize("box", [BOX, None])
def test_a_layer_whose_prj_is_a_grid_and_whose_points_are_degrees(tmp_path: Path, box: Any) -> None:
    path = layer(tmp_path, [114.2, 114.3, 114.4], [30.5, 30.6, 30.7], "EPSG:4547")
    found = refusal(path, box=box)
    assert (found.key, system(found)) == ("axes.degrees", "WGS84")


def test_a_layer_with_exchanged_axes(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:4547")
    found = refusal(layer(tmp_path, y, x, "EPSG:4547"))
    assert found.key == "axes.exchanged"
    assert found.values["remedy"].key == "axes.remedy.layer"


def test_polygons_too(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:4547")
    path = tmp_path / "村界.gpkg"
    gpd.GeoDataFrame({"id": range(5)}, geometry=shapely.box(x, y, x + 900, y + 900), crs="EPSG:4326").to_file(path)
    with pytest.raises(StudyError) as error:
        locate_polygons(read_table(path), Source(path="村界.gpkg"), [""] * 5, box=BOX)
    assert [one.key for one in error.value.problems] == ["axes.metres"]


@pytest.mark.parametrize(
    "crs", ["EPSG:4547", "EPSG:4526", "EPSG:4509", "EPSG:4498", "EPSG:32650", "EPSG:3857", "EPSG:2383", "CGCS2000"]
)
@pytest.mark.parametrize("box", [BOX, None])
def test_what_is_declared_rightly_is_read(tmp_path: Path, crs: str, box: Any) -> None:
    x, y = in_grid("EPSG:4490" if crs == "CGCS2000" else crs)
    read = read_table(table(tmp_path, x, y))
    places = locate(read, Source(path="x", crs=crs), [""] * 5, box=box)
    assert places.kept.all()
    assert abs(places.lon[0] - PLACE[0]) < 2e-3  # Xian 1980 is another datum


def test_one_strange_row_is_set_aside_and_the_file_is_read(tmp_path: Path) -> None:
    x, y = in_grid("EPSG:4547")
    x = np.array(x)
    x[2] += 38_000_000
    places = locate(read_table(table(tmp_path, x, y)), Source(path="x", crs="EPSG:4547"), [""] * 5, box=BOX)
    assert places.kept.tolist() == [True, True, False, True, True]


def test_a_whole_province_in_a_grid_is_no_wrong_zone(tmp_path: Path) -> None:
    lon, lat = (axis.ravel() for axis in np.meshgrid(np.linspace(109, 116, 15), np.linspace(29.1, 33.2, 15)))
    x, y = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True).transform(lon, lat)
    read = read_table(table(tmp_path, x, y))
    places = locate(read, Source(path="x", crs="EPSG:4547"), [""] * 225, box=BOX)
    assert 0 < places.kept.sum() < 20


@pytest.mark.parametrize("datum", FAMILIES)
def test_the_codes_are_the_grids_they_stand_for(datum: int) -> None:
    """Oracle: the EPSG registry of pyproj says zone, meridian and false easting of each code."""
    family = FAMILIES[datum]
    for zone in (*range(13, 24), *range(25, 46)):
        crs = pyproj.CRS(family.with_zone(zone))
        values = {p.name: p.value for p in crs.coordinate_operation.params}
        assert crs.geodetic_crs.to_epsg() == datum
        assert values["False easting"] == zone * 1e6 + 5e5
        assert values["Longitude of natural origin"] == (6 * zone - 3 if zone < 24 else 3 * zone)
    for meridian in range(75, 136, 3):
        for six in (False, True):
            code = family.at_meridian(meridian, six=six)
            assert bool(code) == (not six or meridian % 6 == 3)
            if code:
                values = {p.name: p.value for p in pyproj.CRS(code).coordinate_operation.params}
                assert (values["Longitude of natural origin"], values["False easting"]) == (meridian, 5e5)
                assert pyproj.CRS(code).geodetic_crs.to_epsg() == datum
    assert family.with_zone(24) == family.with_zone(46) == family.at_meridian(72) == family.at_meridian(76) == ""


def geojson(folder: Path, crs: Any, *, member: bool = True) -> Path:
    point = {"type": "Feature", "properties": {"id": 1}, "geometry": {"type": "Point", "coordinates": [114.2, 30.5]}}
    tree = {"type": "FeatureCollection", **({"crs": crs} if member else {}), "features": [point]}
    path = folder / "点.geojson"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "name", "properties": {"name": "GCJ02"}},
        {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::999999"}},
        {"type": "link", "properties": {"href": "http://example.com/crs", "type": "proj4"}},
        {"type": "name", "properties": {}},
        "火星坐标",
        None,
    ],
)
def test_a_geojson_of_an_unknown_system_is_not_wgs84(tmp_path: Path, crs: Any) -> None:
    read = read_table(geojson(tmp_path, crs))
    with pytest.raises(StudyError) as error:
        locate(read, Source(path="点.geojson"), [""])
    (found,) = error.value.problems
    assert found.key == "axes.geojson_crs"
    assert "点.geojson" in sentence("zh", found)
    # what the study declares is then the only word there is
    places = locate(read, Source(path="点.geojson", crs="GCJ-02"), [""])
    assert 114.19 < places.lon[0] < 114.196


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4490", "urn:ogc:def:crs:EPSG::4326"]
)
def test_a_geojson_that_names_degrees(tmp_path: Path, name: str) -> None:
    read = read_table(geojson(tmp_path, {"type": "name", "properties": {"name": name}}))
    places = locate(read, Source(path="点.geojson"), [""])
    assert (places.lon[0], places.lat[0]) == (114.2, 30.5)


def test_a_geojson_without_the_member_is_wgs84(tmp_path: Path) -> None:
    read = read_table(geojson(tmp_path, None, member=False))
    assert locate(read, Source(path="点.geojson"), [""]).lon[0] == 114.2


def test_a_geojson_that_names_a_grid_is_read_in_it(tmp_path: Path) -> None:
    path = geojson(tmp_path, {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}})
    x, y = in_grid("EPSG:4547", 1)
    path.write_text(path.read_text().replace("114.2, 30.5", f"{x[0]}, {y[0]}"))
    places = locate(read_table(path), Source(path="点.geojson"), [""])
    assert abs(places.lon[0] - PLACE[0]) < 1e-8
