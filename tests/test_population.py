"""Population: the sum is the file's sum, no-data never counts, nothing is written beside the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import rasterio
from rasterio.transform import from_origin

from servicecircle.errors import StudyError
from servicecircle.geo.coordinates import wgs84_to_gcj02
from servicecircle.inputs.population import PointPeople, RasterPeople, read_population
from servicecircle.inputs.tables import PEOPLE, check_frame
from servicecircle.study import Study, study_from
from servicecircle.text.text import LANGUAGES, sentence

TRANSFORM = from_origin(117.0, 35.2, 0.001, 0.001)


def make_study(folder: Path, **population: Mapping[str, Any] | str) -> Study:
    tree = {
        "study": {"name": "t"},
        "population": population,
        "roads": {"osm": "roads.osm.pbf"},
        "facilities": [{"path": "a.csv"}],
        "standards": {},
    }
    return study_from(tree, folder / "study.toml")


def write_raster(path: Path, values: Any, dtype: str = "float32", **options: Any) -> Path:
    data = np.asarray(values, dtype=dtype)
    data = data if data.ndim == 3 else data[None]
    profile: dict[str, Any] = {"crs": "EPSG:4326", "transform": TRANSFORM} | options
    mask, scale = profile.pop("mask", None), profile.pop("scale", None)
    words = profile.pop("description", None)
    count, height, width = data.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", "GTiff", width, height, count, dtype=dtype, **profile) as file,
    ):
        file.write(data)
        if mask is not None:
            file.write_mask(np.asarray(mask))
        if scale is not None:
            file.scales, file.offsets = [scale[0]], [scale[1]]
        if words is not None:
            file.set_band_description(1, words)
    return path


def raster(folder: Path, values: Any, dtype: str = "float32", **options: Any) -> RasterPeople:
    write_raster(folder / "people.tif", values, dtype, **options)
    found = read_population(make_study(folder, raster="people.tif"))
    assert isinstance(found, RasterPeople)
    return found


def table(folder: Path, text: str, **options: Any) -> PointPeople:
    (folder / "people.csv").write_text(text, encoding="utf-8")
    found = read_population(make_study(folder, points={"path": "people.csv"} | options))
    assert isinstance(found, PointPeople)
    return found


def refused(study: Study) -> dict[str, list[dict[str, Any]]]:
    with pytest.raises(StudyError) as caught:
        read_population(study)
    found: dict[str, list[dict[str, Any]]] = {}
    for one in caught.value.problems:
        assert all(sentence(language, one) for language in LANGUAGES)
        found.setdefault(one.key, []).append(dict(one.values))
    return found


def keys(people: RasterPeople | PointPeople) -> list[str]:
    assert all(sentence(language, one) for one in people.notices for language in LANGUAGES)
    return [notice.key for notice in people.notices]


# -- rasters


def test_plain_raster(tmp_path: Path) -> None:
    people = raster(tmp_path, [[1.5, 0, 2], [3, -1, 4]], nodata=-1)
    assert people.persons == 10.5
    assert people.valid_cells == 5
    assert people.surface.unit == "persons"
    assert people.surface.values.dtype == np.float64
    assert np.isnan(people.surface.values[1, 1])
    assert np.isnan(people.surface.values).sum() == 1
    assert people.surface.grid.shape == (2, 3)
    assert people.surface.grid.transform == TRANSFORM
    assert people.surface.grid.crs.to_epsg() == 4326
    lon, lat = people.surface.grid.centres(np.array([0]))
    assert (round(lon[0], 9), round(lat[0], 9)) == (117.0005, 35.1995)
    assert keys(people) == []
    with pytest.raises(ValueError, match="read-only"):
        people.surface.values[0, 0] = 1


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (-9999, "float32", "-9999"),
        (-99999, "float64", "-99999"),
        (-9999, "int16", "-9999"),
        (-99999, "int32", "-99999"),
        (-3.4e38, "float32", "±3.4e38"),
        (-3.4028235e38, "float32", "±3.4e38"),
        (3.4e38, "float64", "±3.4e38"),
        (np.inf, "float32", "±inf"),
        (-np.inf, "float64", "±inf"),
        (65535, "uint16", "65535"),
        (4294967295, "uint32", "4294967295"),
        (-32768, "int16", "-32768"),
        (2147483647, "int32", "2147483647"),
        (np.nan, "float32", None),
    ],
)
def test_undeclared_no_data_is_recognised_and_counted(
    tmp_path: Path, value: float, dtype: str, said: str | None
) -> None:
    people = raster(tmp_path, [[7, value, 8], [value, value, 5]], dtype)
    assert people.persons == 20.0
    assert people.valid_cells == 3
    if said is None:
        assert keys(people) == []
    else:
        (notice,) = people.notices
        assert (notice.key, notice.values["value"], notice.values["count"]) == ("population.undeclared", said, 3)


@pytest.mark.parametrize("value", [-1, -999, -0.5, -1e30])
def test_negative_cells_are_refused_with_their_number(tmp_path: Path, value: float) -> None:
    write_raster(tmp_path / "people.tif", [[7, value, value]])
    (values,) = refused(make_study(tmp_path, raster="people.tif"))["population.negative_cells"]
    assert values["count"] == 2
    assert values["lowest"] == np.float32(value)


def test_mask_band(tmp_path: Path) -> None:
    people = raster(tmp_path, [[1, 2], [3, -7]], mask=[[255, 0], [255, 0]])
    assert (people.persons, people.valid_cells) == (4.0, 2)


def test_declared_nan_and_declared_beside_undeclared(tmp_path: Path) -> None:
    people = raster(tmp_path, [[1, np.nan], [-9999, 4]], nodata=float("nan"))
    assert (people.persons, people.valid_cells) == (5.0, 2)
    assert keys(people) == ["population.undeclared"]
    people = raster(tmp_path, [[0, 3], [2, 65534]], "uint16", nodata=0)
    assert (people.persons, people.valid_cells) == (65539.0, 3)


def test_scale_and_offset_are_applied_aloud_after_the_marks(tmp_path: Path) -> None:
    people = raster(tmp_path, [[10, 20], [-9999, 0]], "int16", scale=(0.1, 0.5))
    assert people.persons == pytest.approx(1.5 + 2.5 + 0.5, rel=1e-15)
    assert np.isnan(people.surface.values[1, 0])
    assert keys(people) == ["population.undeclared", "population.scaled"]


def test_a_full_byte_is_reported_not_dropped(tmp_path: Path) -> None:
    people = raster(tmp_path, [[255, 5]], "uint8")
    assert people.persons == 260.0
    assert keys(people) == ["population.saturated"]


def test_the_sum_is_correctly_rounded(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    values = random.lognormal(0, 6, (80, 90))
    people = raster(tmp_path, values, "float64")
    assert people.persons == float(sum(map(Fraction, values.ravel().tolist())))
    assert people.persons == raster(tmp_path, values[::-1, ::-1].copy(), "float64").persons


def test_what_a_raster_must_have_is_told_at_once(tmp_path: Path) -> None:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write_raster(tmp_path / "a.tif", np.ones((2, 3, 3)), crs=None, transform=None)
    found = refused(make_study(tmp_path, raster="a.tif"))
    assert set(found) == {"population.bands", "population.no_position", "inputs.no_crs"}
    assert found["population.bands"][0]["count"] == 2


def test_crs_of_a_raster(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", [[1, 2]], crs=None)
    assert "inputs.no_crs" in refused(make_study(tmp_path, raster="a.tif"))
    declared = read_population(make_study(tmp_path, raster={"path": "a.tif", "crs": "CGCS2000"}))
    assert isinstance(declared, RasterPeople)
    assert declared.surface.grid.crs.to_epsg() == 4490
    for crs, key in (("GCJ-02", "population.shifted_grid"), ("EPSG:0", "inputs.unknown_crs")):
        assert key in refused(make_study(tmp_path, raster={"path": "a.tif", "crs": crs}))
    write_raster(tmp_path / "b.tif", [[1, 2]], crs="EPSG:4548")
    assert "inputs.crs_conflict" in refused(make_study(tmp_path, raster={"path": "b.tif", "crs": "WGS84"}))
    own = read_population(make_study(tmp_path, raster={"path": "b.tif", "crs": "EPSG:4548"}))
    assert isinstance(own, RasterPeople)
    assert own.surface.grid.crs.to_epsg() == 4548


def test_nobody_density_and_broken_files(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", [[0, 0, -9999]])
    assert refused(make_study(tmp_path, raster="a.tif"))["population.nobody"][0]["count"] == 2
    write_raster(tmp_path / "a.tif", [[np.nan, -9999]])
    assert refused(make_study(tmp_path, raster="a.tif"))["population.nobody"][0]["count"] == 0
    write_raster(tmp_path / "a.tif", [[1, 2]], description="persons per km2")
    assert "population.density" in refused(make_study(tmp_path, raster="a.tif"))
    (tmp_path / "a.tif").write_bytes(b"no raster")
    assert "population.not_raster" in refused(make_study(tmp_path, raster="a.tif"))
    write_raster(tmp_path / "a.tif", np.random.default_rng(1).random((300, 300)))
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) // 2])
    assert "population.not_raster" in refused(make_study(tmp_path, raster="a.tif"))
    assert refused(make_study(tmp_path, raster="b.tif"))["inputs.no_file"][0]["nearest"] == "a.tif"


def test_no_file_is_written_beside_the_raster(tmp_path: Path) -> None:
    write_raster(tmp_path / "people.tif", [[1, 2]], mask=[[255, 255]])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    read_population(make_study(tmp_path, raster="people.tif"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_ngazidja(shared_data: Path) -> None:
    people = read_population(make_study(shared_data / "ngazidja", raster="population_2020.tif"))
    assert isinstance(people, RasterPeople)
    assert people.valid_cells == 123_287
    assert round(people.persons) == 449_425
    with rasterio.open(shared_data / "ngazidja/population_2020.tif") as file:
        raw = file.read(1)
    assert people.persons == math.fsum(raw[raw != -99999].astype(float))
    assert keys(people) == []


# -- points


def test_points(tmp_path: Path) -> None:
    people = table(tmp_path, 'code,经度,纬度,人口\nb,117.2,35.1,"1,200"\na,117.1,35.1,３０\n', crs="WGS84")
    assert people.frame["id"].tolist() == ["a", "b"]
    assert people.frame["persons"].tolist() == [30.0, 1200.0]
    assert people.frame["row"].tolist() == [3, 2]
    assert people.persons == 1230.0
    assert keys(people) == []
    check_frame(people.frame, PEOPLE)


def test_rows_without_place_or_number_are_set_aside_and_their_people_counted(tmp_path: Path) -> None:
    text = "id,lon,lat,persons\n1,117.1,35.1,10\n2,,,20\n3,117.1,35.2,约30\n4,117.1,35.3,\n5,0,0,5\n6,117,35,0\n"
    people = table(tmp_path, text)
    assert {row.row: row.reason.key for row in people.set_aside} == {
        3: "inputs.reason.no_coordinates",
        6: "inputs.reason.zero",
        4: "numbers.approximate",
        5: "inputs.reason.persons",
    }
    assert people.frame["id"].tolist() == ["1", "6"]
    assert people.persons == 10.0
    notice = next(n for n in people.notices if n.key == "population.unplaced")
    assert notice.values["persons"] == 25.0
    assert keys(people) == ["inputs.crs_assumed", "population.unplaced"]


def test_negative_people_and_duplicate_identifiers_are_refused_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,lon,lat,persons\n01,117.1,35.1,-1\n1,117.1,35.2,2\n01,117.1,35.3,3\n")
    found = refused(make_study(tmp_path, points={"path": "a.csv"}))
    assert found["population.negative_rows"][0]["rows"] == "2 (-1)"
    (values,) = found["inputs.duplicate_id"]
    assert (values["id"], values["rows"]) == ("01", "2, 4")


def test_swapped_rows_are_refused(tmp_path: Path) -> None:
    lines = [f"{k},117.{k},35.{k},1" for k in range(1, 9)]
    (tmp_path / "a.csv").write_text("\n".join(["id,lon,lat,persons", *lines, "9,35.5,117.5,1"]))
    (values,) = refused(make_study(tmp_path, points={"path": "a.csv"}))["inputs.swapped_row"]
    assert values["row"] == 10


def test_rows_without_identifier_get_one_and_equal_rows_all_count(tmp_path: Path) -> None:
    rows = ["117.1,35.1,5", "117.2,35.1,7", "117.1,35.1,5"]
    one = table(tmp_path, "\n".join(["lon,lat,persons", *rows]))
    other = table(tmp_path, "\n".join(["lon,lat,persons", *rows[::-1]]))
    assert one.persons == 17.0
    assert one.frame["id"].is_unique
    assert one.frame.drop(columns="row").equals(other.frame.drop(columns="row"))


def test_a_named_column_must_exist(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,lon,lat,人口数\n1,117.1,35.1,5\n", encoding="utf-8")
    assert read_population(make_study(tmp_path, points={"path": "a.csv"})).persons == 5.0
    found = refused(make_study(tmp_path, points={"path": "a.csv", "persons": "人口", "crs": "EPSG:0", "lon": "x"}))
    assert found["inputs.no_column"][0]["nearest"] == "人口数"
    assert [v["column"] for v in found["inputs.no_column"]] == ["人口", "x"]
    (tmp_path / "a.csv").write_text("id,lon,lat,人口,常住人口\n1,117.1,35.1,5,6\n", encoding="utf-8")
    assert "inputs.two_columns" in refused(make_study(tmp_path, points={"path": "a.csv"}))


def test_points_from_a_map_service_and_a_workbook(tmp_path: Path) -> None:
    lon, lat = wgs84_to_gcj02([117.46], [35.08])
    book = openpyxl.Workbook()
    book.active.append(["村代码", "经度", "纬度", "人口"])
    book.active.append(["370406001201", float(lon[0]), float(lat[0]), 812])
    book.save(tmp_path / "村.xlsx")
    people = read_population(make_study(tmp_path, points={"path": "村.xlsx", "crs": "GCJ-02"}))
    assert isinstance(people, PointPeople)
    assert people.frame["id"].tolist() == ["370406001201"]
    assert abs(people.frame["lon"][0] - 117.46) < 1e-9


def test_nobody_at_any_point_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,lon,lat,persons\n1,117.1,35.1,0\n")
    assert "population.nobody" in refused(make_study(tmp_path, points={"path": "a.csv"}))


def test_porto_alegre(shared_data: Path) -> None:
    people = read_population(make_study(shared_data / "porto_alegre", points={"path": "poa_hexgrid.csv"}))
    assert isinstance(people, PointPeople)
    assert len(people.frame) == 1227
    assert people.persons == 812_935.0
    assert "89a901291abffff" in set(people.frame["id"])
