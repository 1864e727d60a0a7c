"""Travel times as rasters and as points: values by hand, states told apart, files that QGIS and GDAL read as promised."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
from rasterio.transform import Affine, from_origin

from servicecircle.analysis.times import lower_medians
from servicecircle.errors import StudyError
from servicecircle.geo.grid import Grid
from servicecircle.outputs.publish import publish
from servicecircle.outputs.rasters import layer_names, raster_files
from servicecircle.results import TimeLayer, TravelTimes
from tests.fake_results import fake_results
from tests.small_study import CELL_M, CRS, ORIGIN, Facility, People, SmallStudy, Unit, circle, radius, way

NAN = float("nan")
#: People stand at four points of each cell, 25 m from its sides (the shortest limit, 5 minutes, is 300 m).
#: One street ends at x = 240, another lies far north; legs are at most 80 m long, at 0.8 m/s; the street is walked at 1 m/s.
TOWN = SmallStudy(
    units=[Unit("u", (0, 0, 1000, 1000))],
    facilities=[Facility(0, 50)],
    standards=[
        circle(5, "walk"),
        radius(1),
        circle(15, "walk", name="wide"),
        circle(15, "walk", name="to people", direction="from_facility"),
        circle(15, "drive", name="car"),
    ],
    cells={(2, 0): 4, (2, 1): 8, (2, 2): 4, (5, 9): 4, (11, 0): 4},
    ways=[way((0, 50), (240, 50), highway="residential"), way((0, 950), (1000, 950), highway="residential")],
    sections={"travel": {"access_limit_m": 80, "component_share": 0, "component_km": 0}},
)
#: Cell (2, 0): two people walk 25 m and 225 m; two walk 43.01 m to the end of the street and 240 m. The middle person
#: of four is the second. Cell (2, 1): one person of four has a street within 80 m. Cell (5, 9): no way to the clinic.
WALK = {(2, 0): (25 / 0.8 + 225) / 60, (2, 1): NAN, (2, 2): NAN, (5, 9): NAN}
STATE = {(2, 0): 0, (2, 1): 2, (2, 2): 2, (5, 9): 1}


def on_grid(cells: dict[tuple[int, int], float], shape: tuple[int, int]) -> np.ndarray:
    values = np.full(shape, np.nan)
    for (column, row), value in cells.items():
        values[shape[0] - 1 - row, column] = value
    return values


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    results = TOWN.run(folder)
    return folder, results, publish(results, folder / "out").parent


def test_minutes_and_states_by_hand(town):
    folder, _, out = town
    with rasterio.open(folder / "people.tif") as people, rasterio.open(out / "travel_time_t-circle_walk.tif") as times:
        assert (times.crs, times.transform, times.shape) == (people.crs, people.transform, people.shape)
        assert times.dtypes == ("float32", "float32")
        assert np.isnan(times.nodata)
        minutes, state = times.read()
    # a metre drawn is a metre up to 5 parts in 100,000, and road nodes lie on a grid of a centimetre
    np.testing.assert_allclose(minutes, on_grid(WALK, minutes.shape), rtol=1e-4)
    np.testing.assert_array_equal(state, on_grid(STATE, state.shape))


def test_criteria_of_equal_times_share_a_file_and_the_criteria_lead_there(town):
    _, results, out = town
    names = {p.name for p in out.glob("travel_time_*")}
    assert names == {f"travel_time_t-{n}.tif" for n in ("circle_walk", "to-people_walk", "car_drive")}
    with rasterio.open(out / "travel_time_t-circle_walk.tif") as times:
        tags = times.tags()
        assert times.descriptions == ("minutes", "state")
        assert times.units == ("min", None)
        assert times.tags(2) == {"0": "reached", "1": "unreachable", "2": "unattached", "3": "no_facility"}
    assert tags["criteria"] == "t/circle/walk t/wide/walk"
    assert {k: tags[k] for k in ("mode", "direction", "unit", "facilities", "study")} == {
        "mode": "walk", "direction": "to_facility", "unit": "min", "facilities": "1", "study": "small",
    }  # fmt: skip
    assert "people.tif" in tags["sources"]
    assert "source not stated" in tags["sources"]
    content = (out / "criteria.csv").read_text(encoding="utf-8-sig")
    rows = {r["id"]: r["travel_time_file"] for r in csv.DictReader(io.StringIO(content, newline=""))}
    assert rows == {
        "t/circle/walk": "travel_time_t-circle_walk.tif", "t/radius/straight": "", "t/wide/walk": "travel_time_t-circle_walk.tif",
        "t/to people/walk": "travel_time_t-to-people_walk.tif", "t/car/drive": "travel_time_t-car_drive.tif",
    }  # fmt: skip
    listed = {entry["name"] for entry in json.loads((out / "run.json").read_text(encoding="utf-8"))["files"]}
    assert names <= listed
    page = (out / "start.html").read_text(encoding="utf-8")
    assert all(f'<a href="{name}">' in page for name in names)
    assert results.travel_times is not None
    assert results.travel_times.persons.tolist() == [
        4,
        4,
        8,
        4,
    ]  # by cell, from the north; who lives outside is in no file


def test_the_note_of_synthetic_data_stands_in_the_tags(tmp_path):
    results = replace(TOWN, sections=dict(TOWN.sections) | {"study": {"note": "合成数据"}}).run(tmp_path)
    _, content = next(iter(raster_files(results)))
    with rasterio.MemoryFile(content) as memory, memory.open() as times:
        assert times.tags()["note"] == "合成数据"


def test_no_facility_is_a_state_and_no_time(tmp_path):
    sections = {"area": {"cross_boundary": False}}
    study = replace(TOWN, facilities=[Facility(1050, 50)], standards=[circle(5, "walk")], sections=sections)
    ((_, content),) = raster_files(study.run(tmp_path))
    with rasterio.MemoryFile(content) as memory, memory.open() as times:
        minutes, state = times.read()
    assert np.isnan(minutes).all()
    np.testing.assert_array_equal(state, on_grid(dict.fromkeys(STATE, 3), state.shape))


def test_a_raster_whose_rows_run_northward(tmp_path):
    """The file's own grid is kept, also where its first row is the southernmost."""
    from tests.small_study import raster_of, write_raster

    study = TOWN.write(tmp_path)
    write_raster(
        tmp_path / "people.tif",
        raster_of(TOWN.cells)[::-1],
        transform=Affine(CELL_M, 0, ORIGIN[0], 0, CELL_M, ORIGIN[1]),
    )
    import servicecircle

    content = dict(raster_files(servicecircle.run(study)))["travel_time_t-circle_walk.tif"]
    with rasterio.MemoryFile(content) as memory, memory.open() as times:
        assert times.transform == Affine(CELL_M, 0, ORIGIN[0], 0, CELL_M, ORIGIN[1])
        minutes, state = times.read()
    np.testing.assert_allclose(minutes[::-1], on_grid(WALK, minutes.shape), rtol=1e-4)
    np.testing.assert_array_equal(state[::-1], on_grid(STATE, state.shape))


def test_without_a_time_criterion_there_is_no_file(tmp_path):
    results = replace(TOWN, standards=[radius(1)]).run(tmp_path)
    assert list(raster_files(results)) == []
    assert "travel_time" not in (publish(results, tmp_path / "out")).read_text(encoding="utf-8")


# points --------------------------------------------------------------------------------------------------------------


def test_people_at_points_get_a_layer(tmp_path):
    people = [
        People(200, 60, 7.5, "370406100000000001"),
        People(100, 500, 3, "370406100000000002"),
        People(5000, 0, 9, "x"),
    ]
    results = replace(TOWN, cells={}, people=people).run(tmp_path)
    out = publish(results, tmp_path / "out").parent
    assert list(out.glob("*.tif")) == []
    rows = gpd.read_file(out / "study.gpkg", layer="travel_times")
    assert rows.crs.to_epsg() == 4326
    walk = rows[rows["criterion"] == "t/wide/walk"]
    assert walk["point_id"].tolist() == ["370406100000000001", "370406100000000002"]
    assert walk["persons"].tolist() == [7.5, 3]
    assert walk["minutes"].tolist() == [pytest.approx((10 / 0.8 + 200) / 60, rel=1e-4), pytest.approx(NAN, nan_ok=True)]
    assert walk["state"].tolist() == ["reached", "unattached"]
    assert walk.geometry.x.tolist() == walk["lon"].tolist()
    timed = [
        "t/circle/walk",
        "t/wide/walk",
        "t/to people/walk",
        "t/car/drive",
    ]  # criteria of equal times one after the other
    assert rows["criterion"].tolist() == [key for key in timed for _ in range(2)]
    assert "study.gpkg" in (out / "criteria.csv").read_text(encoding="utf-8-sig")


def test_a_raster_has_no_such_layer(town):
    assert "travel_times" not in dict(pyogrio.list_layers(town[2] / "study.gpkg").tolist())


# the middle person ---------------------------------------------------------------------------------------------------


def test_the_middle_person_is_found_as_one_would_count_them():
    seed = np.random.default_rng(5)
    for _ in range(200):
        counts = seed.integers(1, 6, size=seed.integers(1, 8))
        row = np.repeat(np.arange(len(counts)), counts)
        place = np.concatenate([np.arange(n) for n in counts])
        value, persons = seed.integers(0, 9, len(row)), seed.integers(1, 4, len(row)).astype(float)
        shuffle = seed.permutation(len(row))
        found = lower_medians(value[shuffle], persons[shuffle], row[shuffle], place[shuffle])
        for k in range(len(counts)):
            people = sorted(
                int(v) for v, p in zip(value[row == k], persons[row == k], strict=True) for _ in range(int(p))
            )
            assert found[k] == people[(len(people) + 1) // 2 - 1]


def test_nobody_has_no_middle():
    nothing = np.zeros(0, dtype=np.int64)
    assert len(lower_medians(nothing, np.zeros(0), nothing, nothing)) == 0


# the file ------------------------------------------------------------------------------------------------------------


def times_of(keys: list[str], grid: Grid | None = None, **values: Any) -> TravelTimes:
    grid = grid or Grid(pyproj.CRS(CRS), from_origin(0, 0, 100, 100), (1, 1))
    cells = np.arange(grid.shape[0] * grid.shape[1])
    minutes = values.get("minutes", np.zeros(len(cells)))
    layers = tuple(
        TimeLayer((k,), "walk", "to_facility", 1, minutes, np.zeros(len(cells), dtype=np.int8)) for k in keys
    )
    return TravelTimes(grid, cells, (), np.zeros(0), np.zeros(0), np.ones(len(cells)), layers)


def test_a_large_raster_is_cloud_optimized_and_its_overviews_invent_no_value():
    grid = Grid(pyproj.CRS(CRS), from_origin(500_000, 4_000_000, 100, 100), (1100, 1300))
    minutes = np.random.default_rng(1).uniform(0, 200, 1100 * 1300)
    results = replace(fake_results(), travel_times=times_of(["sample/S01/walk"], grid, minutes=minutes))
    ((_, content),) = raster_files(results)
    full = set(minutes.astype(np.float32).tolist())
    with rasterio.MemoryFile(content) as memory:
        with memory.open() as times:
            assert times.tags(ns="IMAGE_STRUCTURE") | {"LAYOUT": "COG", "COMPRESSION": "DEFLATE"} == times.tags(
                ns="IMAGE_STRUCTURE"
            )
            assert times.overviews(1) == times.overviews(2) == [2, 4]
            assert times.block_shapes == [(512, 512), (512, 512)]
        for level in (0, 1):
            with memory.open(overview_level=level) as small:
                assert small.shape == (1100 >> level + 1, 1300 >> level + 1)
                assert set(small.read(1).ravel().tolist()) <= full


def test_two_writings_are_equal():
    results = fake_results()
    assert dict(raster_files(results)) == dict(raster_files(results))
    assert len(dict(raster_files(results))) == 2


def test_names_are_safe_unique_and_say_the_criterion():
    keys = [
        "shanting/S01/walk", "shanting/S01/walk_elderly", "national/ambulance-urban-5km/drive", "村/卫生室 甲/walk", "../../etc/passwd/walk",
        'a:b*?"<>|\\\n/walk', "t/x/walk", "T/X/walk", "t/x#/walk", "t/x%/walk", "z/" + "长" * 200 + "/walk", "z/" + "长" * 201 + "/walk",
    ]  # fmt: skip
    names = layer_names(times_of(keys))
    assert names[:4] == [
        "travel_time_shanting-S01_walk.tif", "travel_time_shanting-S01_walk_elderly.tif", "travel_time_national-ambulance-urban-5km_drive.tif",
        "travel_time_村-卫生室-甲_walk.tif",
    ]  # fmt: skip
    assert len({name.casefold() for name in names}) == len(keys)
    assert all(len(name.encode()) < 220 for name in names)
    assert all(name.replace("_", "").replace("-", "").replace(".", "").isalnum() for name in names)


def test_rasters_of_an_earlier_run_do_not_stay(tmp_path):
    results = fake_results()
    out = publish(results, tmp_path / "out").parent
    times = results.travel_times
    assert times is not None
    fewer = replace(results, travel_times=replace(times, layers=times.layers[:1]))
    publish(fewer, out)
    assert [p.name for p in out.glob("travel_time_*")] == ["travel_time_sample-S01_walk.tif"]


def test_a_stranger_with_the_name_of_a_raster_is_not_lost(tmp_path):
    out = publish(replace(fake_results(), travel_times=None), tmp_path / "out").parent
    (out / "travel_time_sample-S01_walk.tif").write_bytes(b"mine")
    with pytest.raises(StudyError) as error:
        publish(fake_results(), out)
    assert [p.key for p in error.value.problems] == ["tables.in_the_way"]
    assert (out / "travel_time_sample-S01_walk.tif").read_bytes() == b"mine"
