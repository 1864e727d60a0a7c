"""What is doubtful about roads: each look finds its fault, is silent just inside its limit and on clean places."""

from __future__ import annotations

import bz2
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from servicecircle.doctor import roads
from servicecircle.errors import StudyError
from servicecircle.flow import prepare
from servicecircle.inputs.gather import gather
from servicecircle.inputs.roads import deleted_in_editor, read_osm
from servicecircle.study import load_study
from servicecircle.text import sentence
from servicecircle.travel.tags import maxspeed_kmh
from tests.small_study import Facility, SmallStudy, Unit, circle, lonlat, way, write_geojson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from servicecircle.analysis.stages import Prepared
    from servicecircle.errors import Problem
    from servicecircle.study import Study
    from tests.small_study import Way

ROOT = Path(__file__).resolve().parents[1]
WORLD = (-180.0, -90.0, 180.0, 90.0)
INPUT_LOOKS = (roads.look_classes, roads.look_speeds, roads.look_untagged, roads.look_ids)
WORLD_LOOKS = (
    *(roads.look_pieces, roads.look_apart, roads.look_traps, roads.look_sparse, roads.look_no_road),
    *(roads.look_far, roads.look_walls, roads.look_detours),
)
MAIN = way((0, 50), (6_000, 50), highway="residential")


def told(problems: Iterable[Problem]) -> list[str]:
    """Return the keys; every sentence can be made in both languages and names the file."""
    found = list(problems)
    for one in found:
        assert all(str(one.values["file"]) in sentence(language, one) for language in ("zh", "en"))
    return [one.key.partition(".")[2] for one in found]


def place(
    ways: Sequence[Way],
    facilities: Sequence[Facility] = (Facility(500, 50),),
    *,
    cells: Mapping[tuple[int, int], float] | None = None,
    modes: Sequence[str] = ("walk",),
    sections: Mapping[str, Mapping[str, Any]] | None = None,
) -> SmallStudy:
    units = [Unit("1", (-1_000, -1_000, 7_000, 7_000), "仿泉镇")]
    people = cells or {(5, 0): 10.0}
    return SmallStudy(units, facilities, [circle(15, *modes)], cells=people, ways=ways, sections=sections or {})


def inputs_of(study: Study) -> tuple[Study, Any]:
    return study, gather(study)


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("highway", "metres", "expected"),
    [
        ("road", 200, ["no_class"]),
        ("road", 100, []),  # 1.6 % of the length
        ("strasse", 200, ["unknown_class"]),
        ("construction", 200, []),
        ("track", 200, []),
    ],
)
def test_roads_without_class(tmp_path: Path, highway: str, metres: int, expected: list[str]) -> None:
    ways = [MAIN, way((0, 50), (0, 50 + metres), highway=highway)]
    found = list(roads.look_classes(*inputs_of(place(ways).write(tmp_path))))
    assert told(found) == expected
    assert all(one.values["count"] == 1 and one.values["rows"] == "2" for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500", 1),
        ("0.00001", 1),
        ("4", 1),
        ("161", 1),
        ("5", 0),
        ("160", 0),
        ("CN:urban", 0),
        ("none", 0),
        ("30 mph", 0),
    ],
)
def test_absurd_limits(tmp_path: Path, text: str, expected: int) -> None:
    ways = [MAIN, way((0, 50), (0, 250), highway="primary", maxspeed=text)]
    found = list(roads.look_speeds(*inputs_of(place(ways).write(tmp_path))))
    assert len(found) == expected
    assert all(one.values["rows"] == f"2 ({text})" for one in found)


@pytest.mark.parametrize(("text", "kmh"), [("0.00001", None), ("0.99", None), ("1", 1.0), ("0.7 mph", 0.7 * 1.609344)])
def test_a_limit_below_a_kilometre_an_hour_is_no_limit(text: str, kmh: float | None) -> None:
    assert maxspeed_kmh(text) == kmh


@pytest.mark.parametrize(("metres", "expected"), [(500, ["untagged"]), (700, [])])
def test_a_column_of_limits_that_is_hardly_filled(tmp_path: Path, metres: int, expected: list[str]) -> None:
    """Of 6,000 m of lines some have a limit: 8 % and 12 %."""
    keys = {"path": "lines.geojson", "class": "class", "maxspeed": "limit"}
    study = place([MAIN], sections={"roads": {"lines": keys, "osm": None}}).write(tmp_path)
    line = {"type": "LineString", "coordinates": [lonlat(0, 50), lonlat(6_000 - metres, 50)]}
    fast = {"type": "LineString", "coordinates": [lonlat(6_000 - metres, 50), lonlat(6_000, 50)]}
    features = {"a": {"class": "residential", "limit": "", "geometry": line}}
    features["b"] = {"class": "residential", "limit": "40", "geometry": fast}
    write_geojson(tmp_path / "lines.geojson", features)
    assert told(roads.look_untagged(*inputs_of(study))) == expected


def edited(folder: Path, old: str, new: str) -> tuple[Study, Any]:
    """Return a study whose road file is changed after it was written."""
    study = place([MAIN, way((0, 50), (0, 250), highway="track")]).write(folder)
    text = (folder / "roads.osm").read_text(encoding="utf-8")
    assert old in text
    (folder / "roads.osm").write_text(text.replace(old, new), encoding="utf-8")
    return inputs_of(study)


def test_a_way_that_stands_twice(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        edited(tmp_path, '<way id="2"', '<way id="1"')
    assert told(caught.value.problems) == ["ways_twice"]
    assert caught.value.problems[0].values["rows"] == "1"


def test_a_node_that_stands_twice(tmp_path: Path) -> None:
    again = '<node id="1" version="1" lon="116.99" lat="35.04" /><node id="2"'
    found = list(roads.look_ids(*edited(tmp_path, '<node id="2"', again)))
    assert told(found) == ["nodes_moved"]
    assert found[0].values["rows"] == "1"


def test_ids_that_stand_once(tmp_path: Path) -> None:
    assert told(roads.look_ids(*edited(tmp_path, "<osm", "<osm"))) == []


def test_what_an_editor_deleted_is_not_used(tmp_path: Path) -> None:
    _, inputs = edited(tmp_path, '<way id="2"', "<way id='2' action='delete'")
    assert inputs.roads.ways.id.tolist() == [1]
    assert [one.key for one in inputs.roads.notices] == ["road_look.deleted"]
    assert inputs.roads.notices[0].values["ids"] == "way 2"
    assert "way 2" in sentence("zh", inputs.roads.notices[0])


def test_deleted_objects_are_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servicecircle.inputs.roads._BLOCK_BYTES", 7)
    path = tmp_path / "a.osm"
    path.write_text(
        '<osm><node id="-5" action="delete"/><way action="modify" id="6"/><way id="7"\n action="delete"></way></osm>'
    )
    assert deleted_in_editor(path) == {("node", -5), ("way", 7)}


@pytest.mark.parametrize("name", ["ROADS.OSM", "Roads.Osm", "ROADS.OSM.BZ2"])
def test_endings_in_capitals(tmp_path: Path, name: str) -> None:
    place([MAIN]).write(tmp_path)
    content = (tmp_path / "roads.osm").read_bytes()
    (tmp_path / name).write_bytes(bz2.compress(content) if name.endswith("BZ2") else content)
    assert read_osm(tmp_path / name, name, WORLD).ways.id.tolist() == [1]


# --- pieces -----------------------------------------------------------------------------------------------------------


def gap(metres: float) -> list[Way]:
    """Roads with a piece of 1,000 m that does not meet them."""
    return [MAIN, way((0, 50 + metres), (1_000, 50 + metres), highway="residential")]


def test_a_piece_that_hangs_on_nothing(tmp_path: Path) -> None:
    keep = {"travel": {"component_km": 0.5}}
    small = place(gap(1_500), [Facility(500, 1_550)], cells={(5, 15): 10.0}, sections=keep)
    prepared = prepare(small.write(tmp_path))
    found = list(roads.look_pieces(prepared))
    assert told(found) == ["pieces", "pieces"]
    assert [one.values["value"] for one in found] == ["drive", "walk"]
    assert found[0].values["people"] == "10"
    assert told(roads.look_apart(prepared)) == ["facility_apart"]


def test_a_piece_too_short_to_attach_to(tmp_path: Path) -> None:
    small = place(gap(400), [Facility(500, 440)], cells={(5, 4): 10.0}, sections={"travel": {"component_share": 0.5}})
    prepared = prepare(small.write(tmp_path))
    found = list(roads.look_detours(prepared))
    assert told(found) == ["facility_refused"]
    assert found[0].values["way"] == 2
    assert told(roads.look_apart(prepared)) == []
    pieces = list(roads.look_pieces(prepared))
    assert {(one.values["refused"], one.values["people"]) for one in pieces} == {(1, "0")}


def test_roads_that_hang_together(tmp_path: Path) -> None:
    prepared = prepare(place([MAIN, way((0, 50), (0, 1_050), highway="residential")]).write(tmp_path))
    assert told(roads.look_pieces(prepared)) + told(roads.look_apart(prepared)) == []


@pytest.mark.parametrize(("oneway", "expected"), [("yes", ["facility_trapped"]), ("-1", ["facility_shut"]), ("no", [])])
def test_one_way_streets_that_trap(tmp_path: Path, oneway: str, expected: list[str]) -> None:
    trap = way((6_000, 50), (6_000, 900), highway="residential", oneway=oneway)
    prepared = prepare(place([MAIN, trap], [Facility(6_000, 850)], modes=["drive"]).write(tmp_path))
    assert told(roads.look_traps(prepared)) == expected


# --- how far from roads -----------------------------------------------------------------------------------------------


def away(folder: Path, row: int, *, modes: Sequence[str] = ("walk",), factor: float = 1.0) -> Prepared:
    """People of one cell ``row`` cells north of the street, and ``factor`` times as many on it."""
    return prepare(place([MAIN], cells={(5, row): 10.0, (15, 0): 10.0 * factor}, modes=modes).write(folder))


def test_roads_too_sparse_for_a_walk(tmp_path: Path) -> None:
    found = list(roads.look_sparse(away(tmp_path, 5, factor=0.5)))
    assert told(found) == ["sparse"]
    assert found[0].values["town"] == "仿泉镇"
    assert found[0].values["people"] == "15"
    assert 300 < float(found[0].values["value"]) < 600


def test_half_of_the_people_near_a_road_is_enough(tmp_path: Path) -> None:
    assert told(roads.look_sparse(away(tmp_path, 5, factor=1.0))) == []


def test_without_towns_the_whole_area_is_told(tmp_path: Path) -> None:
    units = [Unit("1", (-1_000, -1_000, 3_000, 3_000)), Unit("2", (3_000, -1_000, 7_000, 3_000))]
    small = SmallStudy(units, [Facility(500, 50)], [circle(15, "walk")], {(5, 5): 10.0, (35, 5): 10.0}, ways=[MAIN])
    found = list(roads.look_sparse(prepare(small.write(tmp_path))))
    assert told(found) == ["sparse"]
    assert "the whole area" in sentence("en", found[0])


def test_sparse_roads_do_not_matter_to_cars(tmp_path: Path) -> None:
    assert told(roads.look_sparse(away(tmp_path, 5, modes=["drive"], factor=0.5))) == []


@pytest.mark.parametrize(
    ("values", "weights", "median"), [([300.0, 500.0], [1, 1], 300.0), ([300.0, 500.0], [1, 2], 500.0), ([], [], 0.0)]
)
def test_weighted_median(values: list[float], weights: list[float], median: float) -> None:
    assert roads.weighted_median(np.array(values), np.array(weights, dtype=float)) == median


@pytest.mark.parametrize(("factor", "expected"), [(8.0, ["no_road"]), (9.0, []), (10.0, [])])
def test_people_without_any_road(tmp_path: Path, factor: float, expected: list[str]) -> None:
    prepared = away(tmp_path, 20, factor=factor)
    found = list(roads.look_no_road(prepared))
    assert told(found) == expected
    assert all(one.values["people"] == "10" for one in found)


@pytest.mark.parametrize(
    ("metres", "expected"),
    [(299.5, []), (302.0, ["facility_far"]), (999.0, ["facility_far"]), (1_002.0, ["facility_alone"])],
)
def test_facilities_far_from_roads(tmp_path: Path, metres: float, expected: list[str]) -> None:
    found = list(roads.look_far(prepare(place([MAIN], [Facility(500, 50 + metres)]).write(tmp_path))))
    assert told(found) == expected
    assert all(one.values["row"] == 2 for one in found)


def enclosed(folder: Path) -> Prepared:
    wall = way((400, 60), (600, 60), (600, 260), (400, 260), (400, 60), barrier="wall")
    return prepare(place([MAIN, wall], [Facility(500, 100)]).write(folder))


def test_a_facility_within_walls(tmp_path: Path) -> None:
    assert told(roads.look_walls(enclosed(tmp_path))) == ["facility_walled"]


def test_a_facility_beside_a_wall(tmp_path: Path) -> None:
    wall = way((400, 60), (600, 60), barrier="wall")
    assert told(roads.look_walls(prepare(place([MAIN, wall], [Facility(700, 100)]).write(tmp_path)))) == []


def test_the_nearest_road_lies_beyond_a_river(tmp_path: Path) -> None:
    river = way((-500, 80), (6_500, 80), waterway="river")
    other = way((0, 450), (6_000, 450), highway="residential")
    joined = way((6_000, 50), (6_000, 450), highway="residential", bridge="yes")
    small = place([MAIN, other, joined, river], [Facility(500, 100)])
    found = list(roads.look_detours(prepare(small.write(tmp_path))))
    assert told(found) == ["facility_barred"]
    assert (found[0].values["distance"], found[0].values["leg"]) == ("50", "350")


def test_the_nearest_road_is_the_road(tmp_path: Path) -> None:
    assert told(roads.look_detours(prepare(place([MAIN], [Facility(500, 100)]).write(tmp_path)))) == []


def test_ten_facilities_are_named_and_the_others_counted(tmp_path: Path) -> None:
    far = [Facility(500.0 + 10 * k, 450) for k in range(12)]
    found = list(roads.look_far(prepare(place([MAIN], far).write(tmp_path))))
    assert told(found) == ["facility_far"] * 10 + ["more"]
    assert found[-1].values["rows"] == "12, 13"
    assert "are more than 300 m from a road" in sentence("en", found[-1])


# --- clean places -----------------------------------------------------------------------------------------------------


@functools.cache
def _prepared(name: str) -> Prepared:
    return prepare(load_study(ROOT / "geodata" / name / "study.toml"))


def test_no_alarm_on_the_demo() -> None:
    prepared = _prepared("demo")
    assert [one for look in INPUT_LOOKS for one in look(prepared.study, prepared.inputs)] == []
    assert [one for look in WORLD_LOOKS for one in look(prepared)] == []


def test_of_the_sample_only_what_was_planted_is_told() -> None:
    """Two villages of the sample hang on no road by intent."""
    prepared = _prepared("sample")
    found = [one for look in INPUT_LOOKS for one in look(prepared.study, prepared.inputs)]
    found += [one for look in WORLD_LOOKS for one in look(prepared)]
    assert {one.key for one in found} == {"road_look.facility_alone", "road_look.facility_refused"}
    assert {str(one.values["value"])[:3] for one in found} == {"镜桥村", "镜楼村"}
