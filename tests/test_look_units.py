"""What is doubtful about units: each look finds its fault, is silent just inside its limit and on clean places."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from servicecircle.doctor import units
from servicecircle.errors import StudyError
from servicecircle.inputs.gather import gather
from servicecircle.study import load_study
from servicecircle.text import sentence
from tests.small_study import Facility, SmallStudy, Unit, circle, lonlat, polygon, way, write_geojson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicecircle.errors import Problem
    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study

ROOT = Path(__file__).resolve().parents[1]
LOOKS = (
    *(units.look_gaps, units.look_parts, units.look_far, units.look_names, units.look_towns),
    units.look_layers,
)
Box = tuple[float, float, float, float]
FOUR: tuple[Box, ...] = (
    (0, 0, 1_000, 1_000),
    (1_000, 0, 2_000, 1_000),
    (0, 1_000, 1_000, 2_000),
    (1_000, 1_000, 2_000, 2_000),
)


def told(problems: Iterable[Problem]) -> list[tuple[str, Any]]:
    """Return key and what is named; every sentence can be made in both languages and names the file."""
    found = list(problems)
    for one in found:
        assert all(str(one.values["file"]) in sentence(language, one) for language in ("zh", "en"))
    return [(one.key.partition(".")[2], one.values.get("id")) for one in found]


def small(boxes: Sequence[Box], sections: Mapping[str, Mapping[str, Any]] | None = None) -> SmallStudy:
    named = [Unit(str(k), box, "甲镇") for k, box in enumerate(boxes, start=1)]
    street = way((0, 50), (2_000, 50), highway="residential")
    cells = {(2, 0): 10.0}
    return SmallStudy(named, [Facility(500, 50)], [circle(15, "walk")], cells, ways=[street], sections=sections or {})


def read(folder: Path, boxes: Sequence[Box]) -> tuple[Study, Inputs]:
    study = small(boxes).write(folder)
    return study, gather(study)


def drawn(folder: Path, features: Mapping[str, Mapping[str, Any]]) -> tuple[Study, Inputs]:
    """Return a study whose units are these features."""
    study = small(FOUR).write(folder)
    write_geojson(folder / "units.geojson", features)
    return study, gather(study)


# --- gaps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "expected"), [(50, 1), (150, 1), (250, 0), (0, 0)])
def test_a_strip_between_two_units(tmp_path: Path, width: float, expected: int) -> None:
    found = list(units.look_gaps(*read(tmp_path, [(0, 0, 1_000, 5_000), (1_000 + width, 0, 2_000, 5_000)])))
    assert [one.values["count"] for one in found] == [1] * expected
    assert all(one.values["ids"] == "1, 2" for one in found)
    assert all(float(one.values["area"]) == pytest.approx(width * 5_000 / 1e6, rel=0.05) for one in found)


@pytest.mark.parametrize(("side", "expected"), [(300, [("gaps", None)]), (33, [("gaps", None)]), (30, [])])
def test_a_hole_among_units(tmp_path: Path, side: float, expected: list[Any]) -> None:
    """A hole of any size from 1,000 m2: four units around it."""
    edge = 1_000 + side
    around = [(0, 0, edge, 1_000), (edge, 0, 2_000, edge), (1_000, edge, 2_000, 2_000), (0, 1_000, 1_000, 2_000)]
    assert told(units.look_gaps(*read(tmp_path, around))) == expected


def test_a_notch_of_the_outline_is_no_gap(tmp_path: Path) -> None:
    """Two triangles meet at the bottom of an open wedge of sixty degrees."""
    left = {
        "type": "Polygon",
        "coordinates": [[lonlat(*p) for p in ((0, 0), (1_000, 0), (422, 1_000), (0, 1_000), (0, 0))]],
    }
    right = {
        "type": "Polygon",
        "coordinates": [[lonlat(*p) for p in ((1_000, 0), (2_000, 0), (2_000, 1_000), (1_578, 1_000), (1_000, 0))]],
    }
    found = drawn(
        tmp_path,
        {"1": {"name": "A", "town": "甲镇", "geometry": left}, "2": {"name": "B", "town": "甲镇", "geometry": right}},
    )
    assert told(units.look_gaps(*found)) == []


# --- parts, sizes, places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metres", "expected"), [(50_500, [("far_part", "1")]), (49_500, [])])
def test_a_part_far_away(tmp_path: Path, metres: float, expected: list[Any]) -> None:
    parts = [polygon(FOUR[0])["coordinates"], polygon((0, 1_000 + metres, 500, 1_500 + metres))["coordinates"]]
    features = {
        "1": {"name": "A", "town": "甲镇", "geometry": {"type": "MultiPolygon", "coordinates": parts}},
        "2": {"name": "B", "town": "甲镇", "geometry": polygon(FOUR[1])},
    }
    assert told(units.look_parts(*drawn(tmp_path, features))) == expected


@pytest.mark.parametrize(("side", "expected"), [(31, [("tiny", "2")]), (32, [])])
def test_splinters(tmp_path: Path, side: float, expected: list[Any]) -> None:
    assert told(units.look_parts(*read(tmp_path, [FOUR[0], (1_000, 0, 1_000 + side, side)]))) == expected


@pytest.mark.parametrize(("km", "expected"), [(20, [("far", "5")]), (5, [])])
def test_a_unit_elsewhere(tmp_path: Path, km: float, expected: list[Any]) -> None:
    away = (km * 1_000.0, 0.0, km * 1_000.0 + 1_000, 1_000.0)
    assert told(units.look_far(*read(tmp_path, [*FOUR, away]))) == expected


# --- names ------------------------------------------------------------------------------------------------------------


def named(folder: Path, rows: Sequence[tuple[str, str]]) -> tuple[Study, Inputs]:
    """Return a study whose units have these names and towns."""
    features = {
        str(k + 1): {"name": name, "town": town, "geometry": polygon(FOUR[k])} for k, (name, town) in enumerate(rows)
    }
    return drawn(folder, features)


def test_units_without_name_or_town(tmp_path: Path) -> None:
    found = list(units.look_names(*named(tmp_path, [("A村", "甲镇"), ("", "甲镇"), ("C村", ""), ("D村", "乙镇")])))
    assert told(found) == [("no_name", "2"), ("no_town", "3")]
    assert found[1].values["rows"] == "3 C村"


def test_a_town_that_is_a_unit_needs_no_town(tmp_path: Path) -> None:
    assert told(units.look_names(*named(tmp_path, [("甲镇", ""), ("B村", "甲镇"), ("C村", "甲镇")]))) == []


def test_no_towns_at_all_are_no_fault(tmp_path: Path) -> None:
    assert told(units.look_names(*named(tmp_path, [("A村", ""), ("B村", ""), ("C村", "甲镇")]))) == []


def test_one_name_twice_in_a_town(tmp_path: Path) -> None:
    found = list(units.look_names(*named(tmp_path, [("A村", "甲镇"), ("A 村", "甲镇"), ("A村", "乙镇")])))
    assert told(found) == [("same_name", "1")]
    assert found[0].values["rows"] == "1, 2"


# --- the town a file says ---------------------------------------------------------------------------------------------


def stated(folder: Path, rows: Sequence[tuple[str, float]], column: str = "所在乡镇") -> tuple[Study, Inputs]:
    """Return a study of two towns, 10 km wide each, with facilities at x that say their town."""
    boxes = [(0.0, 0.0, 10_000.0, 5_000.0), (10_000.0, 0.0, 20_000.0, 5_000.0)]
    study = small(boxes).write(folder)
    features = {
        str(k + 1): {"name": f"{k}村", "town": "甲乙"[k] + "镇", "geometry": polygon(box)}
        for k, box in enumerate(boxes)
    }
    write_geojson(folder / "units.geojson", features)
    with (folder / "facilities.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [(f"f{k}", f"F{k}", "clinic", *lonlat(x, 50), town) for k, (town, x) in enumerate(rows)]
        csv.writer(file).writerows([("id", "name", "type", "lon", "lat", column), *lines])
    return study, gather(study)


def test_one_facility_far_in_another_town(tmp_path: Path) -> None:
    rows = [("甲镇", 500.0 * k) for k in range(1, 15)] + [("甲镇", 15_100.0)]
    found = list(units.look_towns(*stated(tmp_path, rows)))
    assert told(found) == [("other_town", "facilities:f14")]
    assert found[0].values["rows"] == "16 (F14: 甲镇 → 乙镇)"


@pytest.mark.parametrize(("wrong", "expected"), [(3, [("other_town", "facilities:f0")]), (2, [])])
def test_many_a_little_in_another_town(tmp_path: Path, wrong: int, expected: list[Any]) -> None:
    rows = [("甲", 10_600.0 + k) for k in range(wrong)] + [("甲镇", 500.0 * k) for k in range(1, 11 - wrong)]
    assert told(units.look_towns(*stated(tmp_path, rows))) == expected


def test_at_the_border_offices_differ(tmp_path: Path) -> None:
    assert told(units.look_towns(*stated(tmp_path, [("甲镇", 10_490.0 + k) for k in range(5)]))) == []


@pytest.mark.parametrize("column", ["备注", "地址"])
def test_without_a_column_of_towns_nothing_is_said(tmp_path: Path, column: str) -> None:
    assert told(units.look_towns(*stated(tmp_path, [("甲镇", 19_000.0)], column))) == []


# --- layers apart -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("away", "expected"), [(6, [("elsewhere", "f4")]), (5, [])])
def test_facilities_of_another_place(tmp_path: Path, away: int, expected: list[Any]) -> None:
    rows = [("甲镇", 500.0 * k) for k in range(1, 11 - away)] + [("甲镇", 200_000.0 + k) for k in range(away)]
    assert told(units.look_layers(*stated(tmp_path, rows))) == expected


def test_every_facility_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        stated(tmp_path, [("甲镇", 200_000.0 + k) for k in range(3)])
    (found,) = caught.value.problems
    assert found.key == "facilities.none"
    assert (found.values["rows"], found.values["set_aside"]) == (3, 3)


def barriers(folder: Path, lines: Sequence[Sequence[tuple[float, float]]]) -> Inputs:
    study = small(FOUR, {"barriers": {"lines": "walls.geojson"}}).write(folder)
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": line}} for line in lines
    ]
    (folder / "walls.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return gather(study)


def test_barriers_in_the_area(tmp_path: Path) -> None:
    found = barriers(tmp_path, [[lonlat(0, 20), lonlat(900, 20)], [(100.0, 20.0), (100.0, 21.0)]])
    assert (len(found.roads.barriers.geometry), found.roads.notices) == (2, ())


def test_barriers_elsewhere(tmp_path: Path) -> None:
    found = barriers(tmp_path, [[(100.0, 20.0), (100.0, 21.0)]])
    assert told(found.roads.notices) == [("barriers_outside", None)]


def test_barriers_with_swapped_coordinates(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        barriers(tmp_path, [[lonlat(0, 20)[::-1], lonlat(900, 20)[::-1]]])
    assert told(caught.value.problems) == [("barriers_swapped", None)]


def test_no_barriers_at_all(tmp_path: Path) -> None:
    assert told(barriers(tmp_path, []).roads.notices) == [("barriers_empty", None)]


# --- clean places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo/study.toml", "sample/study.toml", "sample/study_more.toml"])
def test_no_alarm_on_clean_places(name: str) -> None:
    study = load_study(ROOT / "geodata" / name)
    inputs = gather(study)
    assert [one for look in LOOKS for one in look(study, inputs)] == []
