"""Population that cannot be right: each look finds its fault, is silent at its limit and on clean places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from servicecircle.doctor import people
from servicecircle.errors import StudyError
from servicecircle.flow import prepare
from servicecircle.inputs.gather import gather
from servicecircle.study import load_study
from servicecircle.text import sentence
from tests.small_study import CRS, ORIGIN, Facility, People, SmallStudy, Unit, circle, way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicecircle.errors import Problem
    from servicecircle.study import Study

ROOT = Path(__file__).resolve().parents[1]
INPUT_LOOKS = (
    *(people.look_cells, people.look_ceiling, people.look_nodata, people.look_unknown),
    people.look_compared,
)
WORLD_LOOKS = (people.look_density, people.look_total, people.look_census, people.look_water)
#: Two units of 1 km2 side by side.
UNITS = (Unit("1", (0, 0, 1_000, 1_000), "甲镇"), Unit("2", (1_000, 0, 2_000, 1_000), "乙镇"))


def told(problems: Iterable[Problem]) -> list[tuple[str, Any]]:
    """Return key and what is named; every sentence can be made in both languages and names the file."""
    found = list(problems)
    for one in found:
        assert all(str(one.values["file"]) in sentence(language, one) for language in ("zh", "en"))
    return [(one.key.partition(".")[2], one.values.get("id")) for one in found]


def place(
    cells: Mapping[tuple[int, int], float] | None = None,
    *,
    units: Sequence[Unit] = UNITS,
    persons: Sequence[People] = (),
    sections: Mapping[str, Mapping[str, Any]] | None = None,
) -> SmallStudy:
    street = way((0, 50), (2_000, 50), highway="residential")
    values = cells or {(0, 0): 500.0, (15, 0): 500.0, (19, 9): 0.0}
    return SmallStudy(
        units, [Facility(500, 50)], [circle(15, "walk")], values, persons, ways=[street], sections=sections or {}
    )


def raster(path: Path, values: Any, *, dtype: str = "float64", nodata: float | None = -1) -> None:
    """Write cells of 100 m, north-up, with the south-west corner at the origin."""
    array = np.asarray(values)
    height, width = array.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=dtype, crs=CRS, nodata=nodata,
        transform=from_origin(ORIGIN[0], ORIGIN[1] + height * 100, 100, 100),
    ) as file:  # fmt: skip
        file.write(array.astype(dtype), 1)


def with_raster(
    folder: Path, values: Any, sections: Mapping[str, Mapping[str, Any]] | None = None, **how: Any
) -> Study:
    study = place(sections=sections).write(folder)
    raster(folder / "people.tif", values, **how)
    return study


def filled(value: float = 10.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """People of the 20 x 10 cells of both units."""
    return np.full((10, 20), value)


# --- densities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("persons", "expected"), [(101_000, [("dense", "1")]), (99_000, [])])
def test_more_people_than_a_unit_can_hold(tmp_path: Path, persons: float, expected: list[Any]) -> None:
    many = {(column, row): persons / 100 for column in range(10) for row in range(10)} | {(15, 0): 10.0}
    found = list(people.look_density(prepare(place(many).write(tmp_path))))
    assert told(found) == expected
    assert all(one.values["area"] == "1" for one in found)


def test_people_at_points_are_dense_too(tmp_path: Path) -> None:
    small = place(persons=[People(500, 50, 200_000, "a"), People(1_500, 50, 100, "b")])
    assert told(people.look_density(prepare(small.write(tmp_path)))) == [("dense", "1")]


@pytest.mark.parametrize(("persons", "count"), [(5_010.0, 1), (4_990.0, 0)])
def test_more_people_than_a_cell_can_hold(tmp_path: Path, persons: float, count: int) -> None:
    study = place({(3, 0): persons, (15, 0): 10.0}).write(tmp_path)
    found = list(people.look_cells(study, gather(study)))
    assert [one.values["row"] for one in found] == ["1, 4"] * count


@pytest.mark.parametrize(("persons", "expected"), [(1.5, [("few", None)]), (2.0, [])])
def test_fewer_people_than_units(tmp_path: Path, persons: float, expected: list[Any]) -> None:
    study = place({(3, 0): persons / 2, (15, 0): persons / 2}).write(tmp_path)
    assert told(people.look_total(prepare(study))) == expected


@pytest.mark.parametrize(("per_cell", "expected"), [(201.0, [("like_density", None)]), (199.0, [])])
def test_an_area_as_dense_as_no_county(tmp_path: Path, per_cell: float, expected: list[Any]) -> None:
    units = [Unit("1", (0, 0, 5_000, 5_000))]
    study = place(units=units).write(tmp_path)
    raster(tmp_path / "people.tif", np.full((50, 50), per_cell))
    found = list(people.look_total(prepare(study)))
    assert told(found) == expected
    assert all(float(one.values["cell"]) == pytest.approx(0.01, rel=0.01) for one in found)


# --- the census -------------------------------------------------------------------------------------------------------


def counted(folder: Path, one: float, other: float, per_cell: float = 5.0) -> list[Problem]:
    """Return what is told of two units with 100 cells each and a census of their towns."""
    census = {"population": {"raster": "people.tif", "calibrate": {"path": "census.csv", "unit": "town"}}}
    (folder / "census.csv").write_text(f"乡镇,常住人口\n甲镇,{one}\n乙镇,{other}\n", encoding="utf-8")
    return list(people.look_census(prepare(with_raster(folder, filled(per_cell), census))))


def test_people_and_census_far_apart(tmp_path: Path) -> None:
    found = counted(tmp_path, 500, 1_010)
    assert [one.key for one in found] == ["people.census"]
    assert "乙镇" in found[0].values["id"]
    assert (found[0].values["value"], found[0].values["target"]) == ("500", "1,010")


@pytest.mark.parametrize(("one", "other"), [(500, 1_000), (500, 250), (500, 500)])
def test_twice_and_half_are_possible(tmp_path: Path, one: float, other: float) -> None:
    assert counted(tmp_path, one, other) == []


def test_a_handful_of_people_is_no_matter(tmp_path: Path) -> None:
    assert counted(tmp_path, 500, 299, per_cell=1.0) != []
    assert counted(tmp_path, 40, 299, per_cell=1.0) == []


def test_a_density_is_known_by_the_census(tmp_path: Path) -> None:
    """Cells of 1 ha with 500 people per km2: the census counts 1,000 in 2 km2."""
    assert told(counted(tmp_path, 500, 500, per_cell=500.0)) == [("density_by_census", None)]


# --- the raster's values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "cells", "expected"), [(255, 3, 1), (255, 2, 0), (254, 9, 0), (32_767, 3, 1)])
def test_cells_cut_off_at_the_end_of_a_range(tmp_path: Path, most: float, cells: int, expected: int) -> None:
    values = filled()
    values[0, :cells] = most
    study = with_raster(tmp_path, values, dtype="float32")
    found = list(people.look_ceiling(study, gather(study)))
    assert [(one.key, one.values["count"]) for one in found] == [("people.ceiling", cells)] * expected


def test_zero_declared_as_no_data(tmp_path: Path) -> None:
    values = filled()
    values[0, :7] = 0
    study = with_raster(tmp_path, values, nodata=0)
    found = list(people.look_nodata(study, gather(study)))
    assert [(one.key, one.values["count"]) for one in found] == [("people.zero_nodata", 7)]


def test_another_value_than_the_declared_one(tmp_path: Path) -> None:
    values = filled()
    values[0, :7] = -9999
    study = with_raster(tmp_path, values, nodata=-1)
    found = list(people.look_nodata(study, gather(study)))
    assert [(one.key, one.values["value"], one.values["declared"]) for one in found] == [
        ("people.other_nodata", "-9999", "-1")
    ]


@pytest.mark.parametrize(("declared", "value"), [(-1, -1), (None, 10), (-9999, -9999)])
def test_no_data_as_it_should_be(tmp_path: Path, declared: float | None, value: float) -> None:
    values = filled()
    values[0, :7] = value
    study = with_raster(tmp_path, values, nodata=declared)
    assert told(people.look_nodata(study, gather(study))) == []


@pytest.mark.parametrize("value", [1.1e9, 1e300])
def test_more_people_than_there_are_in_a_cell(tmp_path: Path, value: float) -> None:
    values = filled()
    values[0, 0] = value if value < 1e100 else 1e37
    with pytest.raises(StudyError) as caught:
        gather(with_raster(tmp_path, values))
    assert told(caught.value.problems) == [("too_many_cells", None)]


def test_more_people_than_there_are_in_a_row(tmp_path: Path) -> None:
    small = place(persons=[People(500, 50, 1e300, "a"), People(1_500, 50, 1e9, "b")])
    with pytest.raises(StudyError) as caught:
        gather(small.write(tmp_path))
    assert [(one.key, one.values["rows"]) for one in caught.value.problems] == [("people.too_many_rows", "2 (1e+300)")]


# --- what is unknown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("blank", "expected"), [(11, [("unknown", "2")]), (10, [])])
def test_no_data_inside_a_unit(tmp_path: Path, blank: int, expected: list[Any]) -> None:
    values = filled()
    values[9, 0] = 0
    values.flat[[10 + k + 10 * (k // 10) for k in range(blank)]] = -1
    study = with_raster(tmp_path, values)
    assert told(people.look_unknown(study, gather(study))) == expected


def test_no_data_of_a_raster_without_zeros_is_nobody(tmp_path: Path) -> None:
    values = filled()
    values[:5, 10:] = -1
    study = with_raster(tmp_path, values)
    assert told(people.look_unknown(study, gather(study))) == []


def test_a_unit_beyond_the_raster(tmp_path: Path) -> None:
    study = with_raster(tmp_path, filled()[:, :18])
    assert told(people.look_unknown(study, gather(study))) == [("beyond", "2")]


def test_a_unit_without_people(tmp_path: Path) -> None:
    values = filled()
    values[:, 10:] = 0
    units = [Unit("1", (0, 0, 1_000, 1_000)), Unit("2", (1_000, 0, 2_005, 1_000))]
    study = place(units=units).write(tmp_path)
    raster(tmp_path / "people.tif", values)
    assert told(people.look_unknown(study, gather(study))) == [("empty", "2")]


@pytest.mark.parametrize(("factor", "expected"), [(1.25, 1), (0.75, 1), (1.15, 0), (0.85, 0)])
def test_two_rasters_of_the_same_people(tmp_path: Path, factor: float, expected: int) -> None:
    raster(tmp_path / "other.tif", filled(10.0 * factor))
    both = {"population": {"raster": "people.tif", "compare": "other.tif"}}
    study = with_raster(tmp_path, filled(), both)
    found = list(people.look_compared(study, gather(study)))
    assert [one.values["other"] for one in found] == ["other.tif"] * expected


@pytest.mark.parametrize(("persons", "expected"), [(60.0, 1), (5.0, 0)])
def test_people_in_a_lake(tmp_path: Path, persons: float, expected: int) -> None:
    lake = way((300, 300), (700, 300), (700, 700), (300, 700), (300, 300), natural="water")
    street = way((0, 50), (2_000, 50), highway="residential")
    cells = {(5, 5): persons, (15, 0): 995.0, (19, 9): 0.0}
    small = SmallStudy(UNITS, [Facility(500, 50)], [circle(15, "walk")], cells, ways=[street, lake])
    found = list(people.look_water(prepare(small.write(tmp_path))))
    assert [one.values["people"] for one in found] == ["60"] * expected


# --- clean places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo/study.toml", "sample/study_more.toml"])
def test_no_alarm_on_clean_places(name: str) -> None:
    prepared = prepare(load_study(ROOT / "geodata" / name))
    found = [one for look in INPUT_LOOKS for one in look(prepared.study, prepared.inputs)]
    assert [*found, *[one for look in WORLD_LOOKS for one in look(prepared)]] == []
