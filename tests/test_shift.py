"""Coordinates of a map service that nobody declared: found on real and made places, never suspected on right ones."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from servicecircle.doctor.looks import INPUT_LOOKS
from servicecircle.doctor.shift import PointFile, Roads, find_districts, judge_file, suspect_shift
from servicecircle.geo.coordinates import bd09_to_gcj02, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_gcj02
from servicecircle.inputs.gather import gather
from servicecircle.inputs.roads import Ways, read_osm
from servicecircle.study import load_study, study_from
from servicecircle.text import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicecircle.errors import Problem

ROOT = Path(__file__).resolve().parents[1]
SEEDS = range(200 if os.environ.get("SERVICECIRCLE_DEEP") == "1" else 3)
#: West, south, east, north of the real roads of a small Chinese town.
GUIXI = (117.1912, 28.2817, 117.2552, 28.3225)
#: Where foreign roads are put to stand in the rectangle of the services.
WUHAN = (114.3, 30.6)


def points(lon: Any, lat: Any, taken: str = "WGS84", cells: pd.DataFrame | None = None) -> PointFile:
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    return PointFile("x.csv", taken, False, lon, lat, pd.DataFrame(index=range(len(lon))) if cells is None else cells)


def said(one: Problem) -> Mapping[str, Any]:
    return vars(one)["values"]


def suspected(file: PointFile, roads: Roads, polygons: gpd.GeoDataFrame | None = None) -> list[str]:
    return [said(one)["service"] for one in judge_file(file, roads, polygons)]


def bd09(lon: Any, lat: Any) -> tuple[np.ndarray, np.ndarray]:
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


@pytest.fixture(scope="module")
def guixi(shared_data: Path) -> tuple[Roads, Ways]:
    ways = read_osm(shared_data / "cn_guixi_osm/guixi.osm", "guixi.osm", GUIXI).ways
    return Roads(ways, GUIXI), ways


def beside_roads(ways: Ways, box: tuple[float, ...], count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places about 30 m from nodes of the roads."""
    random = np.random.default_rng(seed)
    west, south, east, north = box
    inside = np.flatnonzero((ways.lon > west) & (ways.lon < east) & (ways.lat > south) & (ways.lat < north))
    chosen = random.choice(inside, count)
    return ways.lon[chosen] + random.normal(0, 3e-4, count), ways.lat[chosen] + random.normal(0, 3e-4, count)


def test_the_look_is_registered() -> None:
    assert suspect_shift in INPUT_LOOKS


@pytest.mark.parametrize("seed", SEEDS)
def test_places_beside_real_roads(guixi: tuple[Roads, Ways], seed: int) -> None:
    roads, ways = guixi
    lon, lat = beside_roads(ways, GUIXI, 250, seed)
    assert suspected(points(lon, lat), roads) == []
    assert suspected(points(*wgs84_to_gcj02(lon, lat)), roads) == ["GCJ-02"]
    assert suspected(points(*bd09(lon, lat)), roads) == ["BD-09"]
    # declared rightly: what the run reads is where they are
    assert suspected(points(lon, lat, "GCJ-02"), roads) == []
    # declared GCJ-02 but WGS 84 all along
    assert suspected(points(*gcj02_to_wgs84(lon, lat), "GCJ-02"), roads) == ["WGS84"]
    # declared BD-09 but GCJ-02
    assert suspected(points(*gcj02_to_wgs84(*bd09_to_gcj02(*wgs84_to_gcj02(lon, lat))), "BD-09"), roads) == ["GCJ-02"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [20, 60, 300])
def test_places_anywhere_say_nothing(guixi: tuple[Roads, Ways], count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    west, south, east, north = GUIXI
    anywhere = random.uniform(west, east, count), random.uniform(south, north, count)
    towns = random.integers(0, 5, count)
    gathered = [
        random.uniform(a, b, 5)[towns] + random.normal(0, 0.003, count) for a, b in ((west, east), (south, north))
    ]
    for lon, lat in (anywhere, gathered):
        assert suspected(points(lon, lat), guixi[0]) == []


@pytest.mark.parametrize(
    ("folder", "name", "box"),
    [
        ("porto_alegre", "poa_osm.pbf", (-51.30, -30.12, -51.10, -29.95)),
        ("andorra", "andorra.osm.pbf", (1.4, 42.4, 1.8, 42.7)),
        ("ngazidja", "ngazidja.osm.pbf", (43.2, -11.95, 43.55, -11.33)),
    ],
)
def test_dense_and_sparse_roads_put_into_china(shared_data: Path, folder: str, name: str, box: Any) -> None:
    ways = read_osm(shared_data / folder / name, name, box).ways
    # the whole net is moved, its shape kept: what is east of it stays as many metres east
    middle, squeeze = (
        shapely.box(*box).centroid,
        np.cos(np.radians((box[1] + box[3]) / 2)) / np.cos(np.radians(WUHAN[1])),
    )
    lon, lat = (ways.lon - middle.x) * squeeze + WUHAN[0], ways.lat - middle.y + WUHAN[1]
    ways = replace(ways, lon=lon, lat=lat)
    here = (
        float(np.nanpercentile(lon, 2)),
        float(np.nanpercentile(lat, 2)),
        float(np.nanpercentile(lon, 98)),
        float(np.nanpercentile(lat, 98)),
    )
    roads = Roads(ways, here)
    for seed in list(SEEDS)[:20]:
        random = np.random.default_rng(seed)
        x, y = beside_roads(ways, here, 300, seed)
        assert suspected(points(x, y), roads) == []
        assert (
            suspected(points(random.uniform(here[0], here[2], 300), random.uniform(here[1], here[3], 300)), roads) == []
        )
        assert suspected(points(*wgs84_to_gcj02(x, y)), roads) == ["GCJ-02"]
        assert suspected(points(*bd09(x, y)), roads) == ["BD-09"]


def test_too_few_places_and_places_far_from_roads_say_nothing(guixi: tuple[Roads, Ways]) -> None:
    roads, ways = guixi
    lon, lat = wgs84_to_gcj02(*beside_roads(ways, GUIXI, 250, 1))
    assert suspected(points(lon[:19], lat[:19]), roads) == []
    # one hospital in 250 rows is one place
    assert suspected(points(np.full(250, lon[0]), np.full(250, lat[0])), roads) == []
    assert suspected(points(lon + 1.0, lat), roads) == []


def test_outside_the_rectangle_nothing_is_suspected(shared_data: Path) -> None:
    for name in ("ngazidja", "porto_alegre"):
        study = load_study(ROOT / "geodata" / name / "study.toml")
        assert list(suspect_shift(study, gather(study))) == []


@pytest.mark.parametrize("name", ["sample/study.toml", "sample/study_more.toml", "demo/study.toml"])
def test_made_counties_declared_rightly_are_silent(name: str) -> None:
    study = load_study(ROOT / "geodata" / name)
    assert list(suspect_shift(study, gather(study))) == []


def told(crs: str | None, sheet: int = 0) -> list[Problem]:
    """Return what is said of the sample county with another declaration of one sheet."""
    path = ROOT / "geodata/sample/study.toml"
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    del tree["facilities"][sheet]["crs"]
    if crs is not None:
        tree["facilities"][sheet]["crs"] = crs
    study = study_from(tree, path)
    return list(suspect_shift(study, gather(study)))


@pytest.mark.parametrize("crs", [None, "WGS84", "CGCS2000"])
def test_the_sample_county_without_its_declaration(crs: str | None) -> None:
    (found,) = told(crs)
    assert found.key == ("shift.undeclared" if crs is None else "shift.declared")
    assert said(found)["service"] == "GCJ-02"
    zh, en = sentence("zh", found), sentence("en", found)
    for text in (zh, en):
        assert "facilities.xlsx [医疗卫生机构]" in text
        assert 'crs = "GCJ-02"' in text
        assert str(said(found)["count"]) in text
        assert text.count("m as read") + text.count("米，换算后") == 1
        assert "所在乡镇" in text


def test_the_sample_county_declared_as_the_other_service() -> None:
    (found,) = told("BD-09")
    assert (found.key, said(found)["taken"], said(found)["service"]) == ("shift.declared", "BD-09", "GCJ-02")


@pytest.fixture(scope="module")
def wuhan(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "cn_wuhan_hospitals/hospital.csv", encoding="utf-8-sig")


def districts_of(rows: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the districts of Wuhan: the land nearer to one of their WGS 84 places than to any other district's."""
    rows = rows.drop_duplicates(["XWGS", "YWGS"])
    places = shapely.points(rows["XWGS"], rows["YWGS"])
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(places), extend_to=shapely.box(113.5, 29.8, 115.2, 31.5))
    )
    place, cell = shapely.STRtree(cells).query(places, predicate="intersects")
    county = np.empty(len(cells), dtype=object)
    county[cell] = rows["COUNTY"].to_numpy()[place]
    names = sorted(set(rows["COUNTY"]))
    shapes = [shapely.union_all(cells[county == name]) for name in names]
    return gpd.GeoDataFrame({"id": names, "name": names, "parent": "", "basis": "surveyed"}, geometry=shapes, crs=4326)


@pytest.mark.parametrize("seed", list(SEEDS)[:40])
def test_wuhan_by_the_district_its_rows_name(wuhan: pd.DataFrame, seed: int) -> None:
    """One half of the rows draws the districts, the other half is judged: no row judges itself."""
    half = np.random.default_rng(seed).random(len(wuhan)) < 0.5
    districts, rows = districts_of(wuhan[half]), wuhan[~half]
    nothing = np.zeros(0, dtype=np.int64)
    no_roads = Roads(
        Ways(nothing, np.zeros(1, dtype=np.int64), nothing, np.zeros(0), np.zeros(0), ()), (113.7, 29.9, 115.1, 31.4)
    )
    cells = rows[["NAME", "COUNTY"]].rename(columns={"COUNTY": "adname"}).astype(str)
    wgs84, gcj02 = (rows["XWGS"], rows["YWGS"]), (rows["XGCJ"], rows["YGCJ"])
    for taken, place, wanted in (
        ("WGS84", gcj02, ["GCJ-02"]),
        ("WGS84", wgs84, []),
        ("WGS84", gcj02_to_bd09(*(np.asarray(axis) for axis in gcj02)), ["BD-09"]),
        ("GCJ-02", gcj02_to_wgs84(*(np.asarray(axis) for axis in gcj02)), []),
        ("GCJ-02", gcj02_to_wgs84(*(np.asarray(axis) for axis in wgs84)), ["WGS84"]),
    ):
        assert suspected(points(*place, taken, cells), no_roads, districts) == wanted


def squares(names: list[str], parents: list[str]) -> gpd.GeoDataFrame:
    shapes = [shapely.box(117.0 + 0.01 * k, 35.0, 117.01 + 0.01 * k, 35.01) for k in range(len(names))]
    frame = {
        "id": [f"37040610{k:04d}" for k in range(len(names))],
        "name": names,
        "parent": parents,
        "basis": "surveyed",
    }
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=4326)


def test_a_district_column_is_known_by_its_values() -> None:
    areas = squares(["甲村", "乙村", "丙村"], ["东山镇", "东山镇", "西河镇"])
    rows = [{"序": str(k), "地区": name, "类别": "诊所"} for k, name in enumerate(["东山镇", "西河"] * 15)]
    found = find_districts(pd.DataFrame(rows), areas)
    assert found is not None
    assert found.column == "地区"
    assert found.agrees(np.full(30, 117.005), np.full(30, 35.005)).tolist() == [True, False] * 15
    # a column of one word, or of words that are no districts, tells nothing
    assert find_districts(pd.DataFrame([{"乡镇": "东山镇"}] * 30), areas) is None
    assert find_districts(pd.DataFrame([{"乡镇": "某镇"}] * 30), areas) is None
    assert find_districts(pd.DataFrame(rows), areas.assign(basis="nearest_point")) is None


def test_a_finer_named_column_is_preferred() -> None:
    areas = squares(["甲村", "乙村", "丙村"], ["东山镇", "东山镇", "西河镇"])
    rows = [
        {"乡镇": town, "所在村": name}
        for name, town in (("甲村", "东山镇"), ("乙村委会", "东山镇"), ("丙村", "西河镇"))
    ]
    found = find_districts(pd.DataFrame(rows * 10), areas)
    assert found is not None
    assert found.column == "所在村"
