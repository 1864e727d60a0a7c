"""Units: kinds and classes by their basis, borders repaired and cut within limits, everything else refused."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Geod

from servicecircle.errors import StudyError
from servicecircle.geo.coordinates import wgs84_to_gcj02
from servicecircle.inputs.tables import UNITS, check_frame
from servicecircle.inputs.units import UnitReading, read_units, unit_kind
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, sentence

#: A square of about 9 x 11 km whose sides are 0.1 degree.
WEST, SOUTH, SIDE = 117.0, 35.0, 0.1


def make_study(folder: Path, **area: Mapping[str, Any] | str) -> Study:
    tree = {
        "study": {"name": "t"},
        "area": area,
        "population": {"raster": "people.tif"},
        "roads": {"osm": "roads.osm.pbf"},
        "facilities": [{"path": "a.csv"}],
        "standards": {},
    }
    return study_from(tree, folder / "study.toml")


def square(column: float = 0, row: float = 0, width: float = 1, height: float = 1) -> shapely.Polygon:
    west, south = WEST + column * SIDE, SOUTH + row * SIDE
    return shapely.box(west, south, west + width * SIDE, south + height * SIDE)


def layer(folder: Path, *shapes: shapely.Geometry | None, file: str = "u.gpkg", **columns: list[Any]) -> str:
    count = len(shapes)
    data = {"id": [f"{k:02d}" for k in range(count)], "name": [f"甲{k}村" for k in range(count)]} | columns
    frame = gpd.GeoDataFrame(data, geometry=list(shapes), crs="EPSG:4326")
    pyogrio.write_dataframe(frame, folder / file)
    return file


def read(folder: Path, file: str, /, **options: Any) -> UnitReading:
    reading = read_units(make_study(folder, units={"path": file} | options))
    assert reading is not None
    for one in (*reading.notices, *(row.reason for row in reading.set_aside)):
        assert all(sentence(language, one) for language in LANGUAGES)
    return reading


def refused(study: Study, **options: Any) -> dict[str, list[dict[str, Any]]]:
    with pytest.raises(StudyError) as caught:
        read_units(study, **options)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in caught.value.problems:
        assert all(sentence(language, one) for language in LANGUAGES)
        found.setdefault(one.key, []).append(dict(one.values))
    return found


def area_m2(shape: shapely.Geometry) -> float:
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0])


def keys(reading: UnitReading) -> list[str]:
    return [notice.key for notice in reading.notices]


# -- kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("东村", "village"),
        ("东村村委会", "village"),
        ("东村村民委员会 ", "village"),
        ("赛乌素嘎查", "village"),
        ("赛乌素嘎查村民委员会", "village"),
        ("西花园社区居委会", "community"),
        ("新村社区", "community"),
        ("解放路居民委员会", "community"),
        ("新村居委会", "community"),
        ("社区村", "village"),
        ("中城街道", "street"),
        ("中城街道办事处", "street"),
        ("山城镇", "town"),
        ("北庄乡", "town"),
        ("展旦召苏木", "town"),
        ("Mitsoudjé", ""),
        ("", ""),
        ("国营农场", ""),
        ("村里", ""),
    ],
)
def test_kind_by_the_ending_of_the_name(name: str, kind: str) -> None:
    assert unit_kind(name) == kind


def test_kinds_of_1306_real_names(shared_data: Path) -> None:
    with (shared_data / "cn_five_places/towns_villages_2021.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = [unit_kind(row["unit"]) for row in rows]
    assert len(kinds) == 1306
    # The data's own note counts 132 villages and gacha in Dalad, 252 in Shanting, 233 in Yanhu.
    for county, villages in (("150621", 132), ("370406", 252), ("140802", 233), ("150603", 0)):
        assert sum(r["county_code"] == county and k == "village" for r, k in zip(rows, kinds, strict=True)) == villages
    assert kinds.count("") == 0
    assert {unit_kind(row["town"]) for row in rows} <= {"street", "town", ""}


# -- reading


def test_none_without_units(tmp_path: Path) -> None:
    assert read_units(make_study(tmp_path)) is None


def test_polygons(tmp_path: Path) -> None:
    name = layer(tmp_path, square(1), square(0), id=["007", "001"], name=["东社区", "西村"], town=["甲镇", "乙镇"])
    reading = read(tmp_path, name, parent="town")
    frame = reading.frame
    check_frame(frame, UNITS)
    assert frame.crs.to_epsg() == 4326
    assert frame["id"].tolist() == ["001", "007"]
    assert frame["parent"].tolist() == ["乙镇", "甲镇"]
    assert frame["kind"].tolist() == ["village", "community"]
    assert frame["area_class"].tolist() == ["rural", "urban"]
    assert frame["class_basis"].tolist() == ["default", "kind"]
    assert set(frame["basis"]) == {"surveyed"}
    assert frame.geometry[0].equals(square(0))
    assert keys(reading) == ["units.default_class"]


def test_class_by_column_code_kind_and_default(tmp_path: Path) -> None:
    words = ["urban", "乡村", "112", "220", "", "", "城镇", "121"]
    names = ["a村", "b社区", "c村", "d社区", "e社区", "f村", "g村", "h村"]
    name = layer(tmp_path, *(square(k) for k in range(8)), name=names, **{"class": words})
    frame = read(tmp_path, name, area_class="class").frame
    assert list(zip(frame["area_class"], frame["class_basis"], strict=True)) == [
        ("urban", "column"),
        ("rural", "column"),
        ("urban", "code"),
        ("rural", "code"),
        ("urban", "kind"),
        ("rural", "default"),
        ("urban", "column"),
        ("urban", "code"),
    ]
    study = make_study(tmp_path, units={"path": name, "area_class": "class"}, default_class="urban")
    other = read_units(study)
    assert other is not None
    assert other.frame["area_class"][5] == "urban"


def test_a_word_that_is_no_class_is_refused_with_its_row(tmp_path: Path) -> None:
    name = layer(tmp_path, square(0), square(1), **{"class": ["郊区", "111"]})
    (values,) = refused(make_study(tmp_path, units={"path": name, "area_class": "class"}))["units.class_word"]
    assert (values["count"], values["rows"]) == (1, "1 (郊区)")


def test_identifiers_missing_or_twice(tmp_path: Path) -> None:
    name = layer(tmp_path, *(square(k) for k in range(4)), id=["a", "", "a", "b"])
    found = refused(make_study(tmp_path, units={"path": name}))
    assert found["units.no_id"][0]["rows"] == "2"
    assert (found["inputs.duplicate_id"][0]["id"], found["inputs.duplicate_id"][0]["rows"]) == ("a", "1, 3")


def test_null_and_empty_geometries_are_set_aside(tmp_path: Path) -> None:
    reading = read(tmp_path, layer(tmp_path, square(0), None, shapely.Polygon()))
    assert reading.frame["id"].tolist() == ["00"]
    assert [(s.row, s.id, s.reason.key) for s in reading.set_aside] == [
        (2, "01", "inputs.reason.no_geometry"),
        (3, "02", "inputs.reason.no_geometry"),
    ]
    name = layer(tmp_path, None, file="v.gpkg")
    assert "units.none" in refused(make_study(tmp_path, units={"path": name}))


def test_points_and_tables_are_no_polygons(tmp_path: Path) -> None:
    name = layer(tmp_path, shapely.Point(117, 35), square(0))
    assert refused(make_study(tmp_path, units={"path": name}))["units.not_polygons"][0]["rows"] == "1"
    (tmp_path / "u.csv").write_text("id,name,lon,lat\n1,甲村,117.1,35.1\n", encoding="utf-8")
    assert "units.no_geometry" in refused(make_study(tmp_path, units={"path": "u.csv"}))


def test_all_problems_of_columns_and_crs_are_told_at_once(tmp_path: Path, shared_data: Path) -> None:
    units = {"path": str(shared_data / "messy_files/no_prj/sz.shp"), "parent": "qu"}
    found = refused(make_study(tmp_path, units=units))
    assert set(found) == {"inputs.no_alias", "inputs.no_column", "inputs.no_crs"}
    assert found["inputs.no_column"][0]["nearest"] == "qh"


def test_polygons_in_other_coordinate_systems(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame({"id": ["a"], "name": ["甲村"]}, geometry=[square()], crs="EPSG:4326")
    pyogrio.write_dataframe(frame.to_crs(4548), tmp_path / "u.gpkg")
    shape = read(tmp_path, "u.gpkg").frame.geometry[0]
    assert shapely.hausdorff_distance(shape, square()) < 1e-8
    shifted = shapely.transform(square(), lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1])))
    pyogrio.write_dataframe(
        frame.set_geometry([shifted], crs="EPSG:4326"),
        tmp_path / "g.geojson",
        layer_options={"COORDINATE_PRECISION": "15"},
    )
    reading = read(tmp_path, "g.geojson", crs="GCJ-02")
    assert shapely.hausdorff_distance(reading.frame.geometry[0], square()) < 1e-9
    assert "inputs.converted" in keys(reading)


def test_swapped_polygons_are_refused(tmp_path: Path) -> None:
    turned = [shapely.transform(square(k), lambda xy: xy[:, ::-1]) for k in range(3)]
    name = layer(tmp_path, *turned)
    for box in (None, (116.5, 34.5, 118.0, 36.0)):
        assert "inputs.swapped_file" in refused(make_study(tmp_path, units={"path": name}), box=box)
    name = layer(tmp_path, square(0), square(1), turned[2], file="v.gpkg")
    assert refused(make_study(tmp_path, units={"path": name}))["inputs.swapped_row"][0]["row"] == 3


def test_a_polygon_that_leaves_the_world_is_set_aside(tmp_path: Path) -> None:
    far = shapely.Polygon([(117, 35), (117.1, 35), (117.1, 100)])
    reading = read(tmp_path, layer(tmp_path, square(2), far))
    assert [(s.row, s.reason.key) for s in reading.set_aside] == [(2, "inputs.reason.range")]
    assert reading.frame["id"].tolist() == ["00"]


def test_units_outside_the_box_are_kept(tmp_path: Path) -> None:
    study = make_study(tmp_path, units={"path": layer(tmp_path, square(0), square(30))})
    reading = read_units(study, box=(116.9, 34.9, 117.3, 35.3))
    assert reading is not None
    assert len(reading.frame) == 2


# -- borders


def spike(width_deg: float) -> shapely.Polygon:
    """Return the unit square with a bow-tie of the given width at its upper right corner."""
    east, north = WEST + SIDE, SOUTH + SIDE
    ring = [(WEST, SOUTH), (east, SOUTH), (east, north), (east + width_deg, north + width_deg)]
    ring += [(east + width_deg, north), (east, north + width_deg / 2), (WEST, north)]
    return shapely.Polygon(ring)


def test_a_small_repair_is_reported(tmp_path: Path) -> None:
    broken = spike(1e-4)
    assert not broken.is_valid
    reading = read(tmp_path, layer(tmp_path, broken))
    (notice,) = [n for n in reading.notices if n.key == "units.repaired"]
    assert notice.values["areas"].startswith("00 (")
    assert notice.values["method"] == "make_valid (structure)"
    shape = reading.frame.geometry[0]
    assert shape.is_valid
    assert 0 < notice.values["change"] <= 0.001


def test_a_bow_tie_is_refused(tmp_path: Path) -> None:
    tie = shapely.Polygon([(117, 35), (117.1, 35.1), (117.1, 35), (117, 35.1)])
    (values,) = refused(make_study(tmp_path, units={"path": layer(tmp_path, square(3), tie)}))["units.repair_too_large"]
    assert (values["row"], values["id"]) == (2, "01")
    assert values["before"] < 0.01 * values["after"]


def test_touching_units_do_not_overlap(tmp_path: Path) -> None:
    # The third touches the first two along half their borders: a T junction.
    shapes = [square(0), square(1), square(0.5, 1), square(0, 2, 2, 1)]
    reading = read(tmp_path, layer(tmp_path, *shapes))
    assert keys(reading) == ["units.default_class"]
    for shape, given in zip(reading.frame.geometry, shapes, strict=True):
        assert shape.equals_exact(given)


@pytest.mark.parametrize("order", [("01", "02"), ("02", "01")])
def test_a_small_overlap_belongs_to_the_smaller_identifier(tmp_path: Path, order: tuple[str, str]) -> None:
    shapes = [square(0), square(0.9992)]
    reading = read(tmp_path, layer(tmp_path, *shapes, id=list(order)))
    (notice,) = [n for n in reading.notices if n.key == "units.overlaps_cut"]
    assert notice.values["pairs"] == "01 / 02"
    shared = area_m2(shapely.intersection(*shapes))
    assert notice.values["area"] == pytest.approx(shared, rel=1e-3)
    by_id = dict(zip(reading.frame["id"], reading.frame.geometry, strict=True))
    given = dict(zip(order, shapes, strict=True))
    assert by_id["01"].equals(given["01"])
    assert by_id["02"].equals(shapely.difference(given["02"], given["01"]))
    assert shapely.intersection(by_id["01"], by_id["02"]).area == 0  # lint: degrees only compared with nothing


def test_three_units_over_one_place(tmp_path: Path) -> None:
    shapes = [square(0), square(0.9995), square(0.9994, 0.9995)]
    reading = read(tmp_path, layer(tmp_path, *shapes, id=["c", "b", "a"]))
    # In square degrees on purpose: straight edges in degrees are what was cut.
    total = shapely.area(reading.frame.geometry.to_numpy()).sum()
    assert total == pytest.approx(shapely.area(shapely.union_all(shapes)), rel=1e-12)
    assert reading.frame.geometry[0].equals(shapes[2])


def test_a_large_overlap_is_refused_and_the_pair_named(tmp_path: Path) -> None:
    (values,) = refused(make_study(tmp_path, units={"path": layer(tmp_path, square(0), square(0.998), square(5))}))[
        "units.overlap"
    ]
    assert (values["one"], values["other"]) == ("00", "01")
    assert values["share"] == pytest.approx(0.002, rel=1e-3)


def test_overlaps_of_one_unit_are_added_up(tmp_path: Path) -> None:
    # Two neighbours overlap the middle unit by 0.06 % each: 0.12 % together is too much.
    shapes = [square(0), square(0.9994), square(1.9988)]
    assert len(refused(make_study(tmp_path, units={"path": layer(tmp_path, *shapes)}))["units.overlap"]) == 2


# -- points


def test_points_from_a_table(tmp_path: Path) -> None:
    text = "村代码,村名,乡镇,经度,纬度\n370406001201,东村,山城街道,117.4,35.1\n370406001002,西社区,山城街道,117.5,35.2\n3,南村,,,\n"
    (tmp_path / "村.csv").write_text(text, encoding="utf-8")
    reading = read_units(make_study(tmp_path, points={"path": "村.csv", "parent": "乡镇", "crs": "CGCS2000"}))
    assert reading is not None
    assert reading.frame["id"].tolist() == ["370406001002", "370406001201"]
    assert reading.frame["class_basis"].tolist() == ["kind", "default"]
    assert set(reading.frame["basis"]) == {"nearest_point"}
    assert reading.frame.geometry[1].equals(shapely.Point(117.4, 35.1))
    assert [(s.row, s.id, s.reason.key) for s in reading.set_aside] == [(4, "3", "inputs.reason.no_coordinates")]
    check_frame(reading.frame, UNITS)


def test_swapped_points_and_missing_columns(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("id,name,lon,lat\n1,甲村,35.1,117.1\n", encoding="utf-8")
    assert "inputs.swapped_file" in refused(make_study(tmp_path, points={"path": "u.csv"}))
    found = refused(make_study(tmp_path, points={"path": "u.csv", "name": "nane", "lon": "lom"}))
    assert [v["nearest"] for v in found["inputs.no_column"]] == ["name", "lon"]


def test_points_from_a_layer(tmp_path: Path) -> None:
    name = layer(tmp_path, shapely.Point(117.1, 35.1), shapely.Point(117.2, 35.1))
    reading = read_units(make_study(tmp_path, points={"path": name}))
    assert reading is not None
    assert reading.frame.geometry.tolist() == [shapely.Point(117.1, 35.1), shapely.Point(117.2, 35.1)]


# -- real files


def test_chongqing_shapefile(shared_data: Path) -> None:
    folder = shared_data / "messy_files/gbk_no_cpg"
    before = sorted(path.name for path in folder.iterdir())
    reading = read(folder, "区县界_area.shp", id="ADMINCODE", name="NAME")
    assert len(reading.frame) == 38
    assert reading.frame["id"].str.fullmatch("500[0-9]{3}").all()
    assert "渝中区" in set(reading.frame["name"])
    assert sorted(path.name for path in folder.iterdir()) == before


def test_porto_alegre_hexagon_centres(shared_data: Path) -> None:
    study = make_study(shared_data / "porto_alegre", points={"path": "poa_hexgrid.csv", "name": "id"})
    reading = read_units(study, box=(-51.4, -30.4, -51.0, -29.9))
    assert reading is not None
    assert len(reading.frame) == 1227


def test_neighbouring_counties(shared_data: Path) -> None:
    study = make_study(shared_data / "cn_five_places", units={"path": "boundaries.geojson", "id": "adcode"})
    reading = read_units(study)
    assert reading is not None
    assert len(reading.frame) == 10
    assert keys(reading) == ["units.default_class"]
