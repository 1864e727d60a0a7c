"""One thing changed at a time: worlds worked out by hand, and whole studies run again with the change in the study file.

Seconds for one metre, rural: walk 1 on a road and 1.25 on a leg; walk_elderly 1.25 and 1.5625; cycle 0.3 and 0.45; ebike
0.2 and 0.36; drive 0.144 on a residential road and 0.3 on a leg, whose first 50 m are walked (62.5 s).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

import servicecircle
from servicecircle.cases.columns import RANGE_COLUMNS
from servicecircle.cases.ranges import WHAT, share_ranges
from servicecircle.errors import StudyError
from servicecircle.outputs.publish import publish
from servicecircle.standards.modes import standard_modes
from servicecircle.study import study_from
from servicecircle.travel import again
from servicecircle.travel import reach as reach_module
from servicecircle.travel.doors import AccessFinder
from servicecircle.travel.legs import access_values
from servicecircle.travel.network import build_network, retimed
from servicecircle.travel.reach import (
    Places,
    RememberedWalk,
    Search,
    State,
    StraightWalk,
    network_reach,
)

from .small_study import Facility, People, SmallStudy, Unit, circle, presence, radius, way, write_raster
from .travel_fixtures import BOARD, MODES, PackageWorld, as_ways, board
from .travel_fixtures import way as road

if TYPE_CHECKING:
    from pathlib import Path

    from servicecircle.results import Results
    from servicecircle.travel.doors import Access

VILLAGES = {
    "A": (800, 50, 100),  # on the street, 800 m from the clinic
    "B": (990, 50, 200),
    "C": (100, 450, 400),  # 400 m beside the street, 412 m from the clinic
    "D": (0, 750, 800),  # 700 m from the clinic
    "E": (0, 1550, 3200),  # 1,500 m from the clinic
    "F": (2500, 50, 1600),
}
STREET = way((0, 50), (3000, 50), highway="residential")


def village_study(*standards: dict[str, Any], **sections: dict[str, Any]) -> SmallStudy:
    """Six villages of one house each, a street and a clinic at its beginning."""
    return SmallStudy(
        units=[Unit(name, (x - 40, y - 40, x + 40, y + 40)) for name, (x, y, _) in VILLAGES.items()],
        facilities=[Facility(0, 50)],
        standards=standards,
        people=[People(x, y, persons, name) for name, (x, y, persons) in VILLAGES.items()],
        ways=[STREET],
        sections=sections,
    )


def people_of(names: str) -> float:
    return float(sum(VILLAGES[name][2] for name in names))


def rows(results: Results, criterion: str) -> dict[tuple[str, str], pd.Series]:
    frame = results.ranges[results.ranges["criterion"] == criterion]
    return {(row["what"], row["setting"]): row for _, row in frame.iterrows()}


@pytest.fixture(scope="module")
def villages(tmp_path_factory: pytest.TempPathFactory) -> Results:
    study = village_study(
        circle(15, "walk", target_share=0.1),
        circle(15, "drive", name="car"),
        radius(2, "road:walk", "road:drive", "straight"),
        presence(),
        circle(15, "walk", name="none", types=["hospital"]),
    )
    return study.run(tmp_path_factory.mktemp("villages"))


#: Villages covered within 15 minutes on foot, by hand.
WALK = {
    ("base", ""): "ACD",  # 800 s; 515 s straight; 875 s straight
    ("mode", "walk"): "ACD",
    ("mode", "walk_elderly"): "C",  # A 1,000 s; C 644 s; D 1,094 s
    ("mode", "cycle"): "ABCDF",  # F 750 s; E has no road within 1,000 m
    ("mode", "ebike"): "ABCDF",
    ("mode", "drive"): "ABCDF",
    ("mode", "ambulance"): "ABCDF",
    ("speed", "x 0.85"): "C",  # A 941 s; D 1,029 s
    ("speed", "x 1.15"): "ABCD",  # B 861 s
    ("access_speed", "x 0.5"): "A",  # C 1,031 s
    ("access_speed", "x 1.5"): "ABCD",  # straight ahead is now quicker than the street: B 825 s
    ("access_limit", "500 m"): "AC",
    ("access_limit", "2000 m"): "ACD",  # E 1,875 s
}
#: Likewise by car.
CAR = {
    ("base", ""): "ABCDF",
    ("access_limit", "500 m"): "ABCF",
    ("access_limit", "2000 m"): "ABCDEF",  # E 62.5 + 1,450 x 0.3 = 497.5 s
    ("access_speed", "x 0.5"): "ABCDF",  # D 125 + 650 x 0.6 = 515 s
    ("mode", "walk"): "ACD",
}
#: Villages within 2 km by road on foot.
ROAD = {("base", ""): "ABCD", ("access_limit", "500 m"): "ABC", ("access_limit", "2000 m"): "ABCDE"}


def test_each_change_turns_the_villages_worked_out_by_hand(villages: Results) -> None:
    walk = rows(villages, "t/circle/walk")
    assert set(walk) == set(WALK)
    for key, names in WALK.items():
        assert walk[key]["covered_persons"] == people_of(names), key
        assert walk[key]["share_covered"] == pytest.approx(people_of(names) / 6300), key
        assert (walk[key]["units_any"], walk[key]["units_every"], walk[key]["units"]) == (len(names), len(names), 6)
        assert walk[key]["persons"] == 6300
    car = rows(villages, "t/car/drive")
    assert {key: car[key]["covered_persons"] for key in CAR} == {key: people_of(names) for key, names in CAR.items()}
    by_road = rows(villages, "t/radius/road:walk")
    assert {key: row["covered_persons"] for key, row in by_road.items()} == {k: people_of(n) for k, n in ROAD.items()}
    # a straight distance depends on none of this, a presence is no circle, and what has no data has no cases
    assert set(rows(villages, "t/radius/straight")) == {("base", "")}
    assert set(rows(villages, "t/presence/presence")) == set()
    assert set(rows(villages, "t/none/walk")) == {("base", "")}
    assert pd.isna(rows(villages, "t/none/walk")["base", ""]["covered_persons"])


def test_a_verdict_flips_where_it_differs_from_that_of_base(villages: Results) -> None:
    walk = rows(villages, "t/circle/walk")
    # a tenth of 6,300 people is the printed target: C alone is 400, A alone 100, A and C 500
    verdicts = {key: "met" if people_of(names) >= 630 else "not met" for key, names in WALK.items()}
    assert {key: row["verdict"] for key, row in walk.items()} == verdicts
    assert {key for key, row in walk.items() if row["flips"]} == {k for k, v in verdicts.items() if v == "not met"}
    # the study's own target is everyone, and no target is printed
    car = rows(villages, "t/car/drive")
    assert {key for key, row in car.items() if row["flips"]} == {("access_limit", "2000 m")}
    assert car["access_limit", "2000 m"]["assumed_verdict"] == "met"


def test_the_base_row_is_the_scorecards(villages: Results) -> None:
    assert list(villages.ranges.columns) == list(RANGE_COLUMNS)
    for summary in villages.summaries:
        if summary.criterion.standard.kind == "presence" or summary.state != "computed":
            continue
        base = rows(villages, summary.criterion.key)["base", ""]
        for name in RANGE_COLUMNS[3:-1]:
            assert base[name] == getattr(summary, name), name
        assert not base["flips"]


def test_low_and_high(villages: Results) -> None:
    found = share_ranges(villages.ranges).set_index("criterion")
    assert found.loc["t/circle/walk"].tolist() == pytest.approx([100 / 6300, 3100 / 6300])
    speeds = share_ranges(villages.ranges, ["speed"]).set_index("criterion")
    assert speeds.loc["t/circle/walk"].tolist() == pytest.approx([400 / 6300, 1500 / 6300])
    assert found.loc["t/none/walk"].isna().all()


def test_people_mostly_on_access_legs(villages: Results) -> None:
    half = {s.criterion.key: s.half_access_persons for s in villages.summaries}
    # C and D walk straight; A, B and F have no leg; E is not attached
    assert half["t/circle/walk"] == people_of("CD")
    # C drives 62.5 + 350 x 0.3 s of leg and 14.4 s of street
    assert half["t/car/drive"] == people_of("CD")
    # by distance C has 400 m of leg and 100 m of street
    assert half["t/radius/road:drive"] == people_of("CD")
    assert half["t/radius/straight"] is None
    assert half["t/presence/presence"] is None
    assert half["t/none/walk"] is None


def test_exactly_half_is_not_more(tmp_path: Path) -> None:
    """By e-bike 100 m of leg take 36 s, as 180 m of road do; one metre of road less and the leg is more than half."""
    places = {"T": (182, 150, 1), "U": (178, -50, 10)}
    study = SmallStudy(
        units=[Unit(name, (x - 40, y - 40, x + 40, y + 40)) for name, (x, y, _) in places.items()],
        facilities=[Facility(0, 50)],
        standards=[circle(15, "ebike")],
        people=[People(x, y, persons, name) for name, (x, y, persons) in places.items()],
        ways=[STREET],
    )
    assert study.run(tmp_path).summaries[0].half_access_persons == 10


def test_whoever_lives_at_the_door_has_no_trip_and_seconds_there_are_no_road(tmp_path: Path) -> None:
    """A straight walk of 100 m takes 125 s and 200 s at the door: it is a straight walk all the same; a leg is not."""
    places = {"T": (0, 50, 1), "U": (0, 150, 10)}
    study = SmallStudy(
        units=[Unit(name, (x - 40, y - 40, x + 40, y + 40)) for name, (x, y, _) in places.items()],
        facilities=[Facility(0, 50)],
        standards=[circle(15, "walk"), circle(15, "cycle", name="cycle")],
        people=[People(x, y, persons, name) for name, (x, y, persons) in places.items()],
        ways=[STREET],
        sections={"travel": {"modes": {"walk": {"door_s": 200}, "cycle": {"door_s": 200}}}},
    )
    assert [s.half_access_persons for s in study.run(tmp_path).summaries] == [10, 0]


def test_ranges_are_written_and_may_be_left_out(villages: Results, tmp_path: Path) -> None:
    folder = publish(villages, tmp_path / "out").parent
    written = pd.read_csv(folder / "ranges.csv", encoding="utf-8-sig", keep_default_na=False)
    assert len(written) == len(villages.ranges) > 20
    assert set(written["what"]) == {"base", "mode", "speed", "access_speed", "access_limit"}
    assert (written.columns[-1], *written["study"].unique()) == ("study", "small")
    lists = [pd.read_csv(path, encoding="utf-8-sig") for path in folder.glob("*.csv")]
    (card,) = [table for table in lists if "half_access_persons" in table]
    (walk,) = [row for row in card.to_dict("records") if "t/circle/walk" in row.values()]
    assert walk["half_access_persons"] == 1200
    assert "ranges.csv" in (folder / "start.html").read_text(encoding="utf-8")
    (tmp_path / "off").mkdir()
    off = village_study(circle(15, "walk"), ranges={"enabled": False}).run(tmp_path / "off")
    assert len(off.ranges) == 0
    assert list(off.ranges.columns) == list(RANGE_COLUMNS)


def test_what_is_changed_stands_in_the_study(tmp_path: Path) -> None:
    keys = {"speed_share": 0.25, "access_speed": [2], "access_limit_m": [750.5, 50]}
    found = rows(village_study(circle(15, "walk"), ranges=keys).run(tmp_path), "t/circle/walk")
    changed = {key for key in found if key[0] not in ("base", "mode")}
    assert changed == {
        ("speed", "x 0.75"),
        ("speed", "x 1.25"),
        ("access_speed", "x 2"),
        ("access_limit", "750.5 m"),
        ("access_limit", "50 m"),
    }
    assert found["access_limit", "750.5 m"]["covered_persons"] == people_of("ACD")
    assert found["access_limit", "50 m"]["covered_persons"] == people_of("A")


# --- the same change in the study file --------------------------------------------------------------------------------


def town(seed: int = 3, **sections: dict[str, Any]) -> SmallStudy:
    """A grid of streets with gaps, a river in it, people on a raster and three clinics."""
    rng = np.random.default_rng(seed)
    ways = []
    for k in range(0, 3001, 500):
        for start in range(0, 3000, 500):
            if rng.random() < 0.8:
                ways.append(way((k, start), (k, start + 500), highway="residential"))
            if rng.random() < 0.8:
                ways.append(way((start, k), (start + 500, k), highway="tertiary"))
    ways.append(way((1240, -500), (1240, 3500), waterway="river"))
    cells = {(i, j): float(rng.integers(1, 60)) for i in range(30) for j in range(30) if rng.random() < 0.4}
    return SmallStudy(
        units=[Unit(f"u{i}{j}", (i * 1000, j * 1000, i * 1000 + 1000, j * 1000 + 1000)) for i in range(3) for j in range(3)],
        facilities=[Facility(330, 420), Facility(2700, 1800), Facility(1600, 2950)],
        standards=[circle(15, "walk", "drive"), radius(1.5, "road:walk", "straight")],
        cells=cells,
        ways=ways,
        sections=sections,
    )  # fmt: skip


SECONDS = {"door_s": 20.0, "junction_s": 4.0}
TRAVEL = {"modes": {"walk": SECONDS}, "access_limit_m": 300}


@pytest.fixture(scope="module")
def base_town(tmp_path_factory: pytest.TempPathFactory) -> Results:
    sections = {"travel": TRAVEL, "population": {"compare": "other.tif"}, "ranges": {"access_limit_m": [150, 1000]}}
    folder = tmp_path_factory.mktemp("town")
    study = town(**sections).write(folder)
    write_raster(folder / "other.tif", other_people())
    return servicecircle.run(study)


def other_people() -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(8).integers(0, 30, (30, 30)).astype(float)


CHANGES: dict[tuple[str, str], dict[str, Any]] = {
    ("speed", "x 0.85"): {"modes": {"walk": SECONDS | {"speed_kmh": 3.06, "access_kmh": 2.448}}},
    ("speed", "x 1.15"): {"modes": {"walk": SECONDS | {"speed_kmh": 4.14, "access_kmh": 3.312}}},
    ("access_speed", "x 0.5"): {"modes": {"walk": SECONDS | {"access_kmh": 1.44}}},
    ("access_speed", "x 1.5"): {"modes": {"walk": SECONDS | {"access_kmh": 4.32}}},
    ("access_limit", "150 m"): {"access_limit_m": 150},
    ("access_limit", "1000 m"): {"access_limit_m": 1000},
}


@pytest.mark.parametrize("change", CHANGES, ids=" ".join)
def test_a_whole_study_with_the_change_in_its_file_says_the_same(
    base_town: Results, tmp_path: Path, change: tuple[str, str]
) -> None:
    # near_access_m of walking is 0: only the access speed of the mode counts
    done = town(travel=TRAVEL | CHANGES[change], ranges={"enabled": False}).run(tmp_path)
    named = ("t/circle/walk",) if "speed" in change[0] else ("t/circle/walk", "t/circle/drive", "t/radius/road:walk")
    for key in named:
        row = rows(base_town, key)[change]
        assert row["covered_persons"] != rows(base_town, key)["base", ""]["covered_persons"] or key != "t/circle/walk"
        assert_same(row, done, key)


def assert_same(row: pd.Series, done: Results, key: str) -> None:
    summary = next(s for s in done.summaries if s.criterion.key == key)
    for name in RANGE_COLUMNS[3:-1]:
        assert row[name] == getattr(summary, name), (key, name)


def test_other_people_are_counted_as_a_study_of_them_counts(base_town: Results, tmp_path: Path) -> None:
    study = town(travel=TRAVEL).write(tmp_path)
    write_raster(tmp_path / "people.tif", other_people())
    done = servicecircle.run(study)
    for summary in done.summaries:
        assert_same(rows(base_town, summary.criterion.key)["population", "other.tif"], done, summary.criterion.key)


def test_every_mode_is_judged_as_a_record_that_names_it(base_town: Results, tmp_path: Path) -> None:
    study = replace(town(travel=TRAVEL), standards=[circle(15, *MODES)])
    done = study.run(tmp_path)
    for key in ("t/circle/walk", "t/circle/drive"):
        found = rows(base_town, key)
        for mode in MODES:
            assert_same(found["mode", mode], done, f"t/circle/{mode}")


def test_faster_never_covers_fewer(base_town: Results) -> None:
    for key in ("t/circle/walk", "t/circle/drive"):
        found = rows(base_town, key)
        for what, order in (
            ("speed", ["x 0.85", "", "x 1.15"]),
            ("access_speed", ["x 0.5", "", "x 1.5"]),
            ("access_limit", ["150 m", "", "1000 m"]),
        ):
            covered = [found[what if setting else "base", setting]["covered_persons"] for setting in order]
            assert covered == sorted(covered), (key, what)
            assert covered[0] < covered[-1] or key == "t/circle/drive", (key, what)


def test_asking_for_ranges_changes_nothing_else(base_town: Results, tmp_path: Path) -> None:
    alone = town(travel=TRAVEL, ranges={"enabled": False}).run(tmp_path)
    # the range of a figure stands in its summary
    no_range = {"share_low": None, "share_high": None, "flips": ()}
    assert alone.summaries == tuple(replace(summary, **no_range) for summary in base_town.summaries)
    pd.testing.assert_frame_equal(alone.units, base_town.units)
    assert alone.notices == base_town.notices
    for key in ("modes", "roads", "doors"):
        assert alone.provenance[key] == base_town.provenance[key]


# --- urban and rural --------------------------------------------------------------------------------------------------

CLASSES = {"甲社区": ("rural", 100), "乙村": ("urban", 200), "丙村": ("rural", 400), "丁村": ("urban", 800)}
PLACES = {(700, 120): {"place": "village", "name": "乙"}, (2100, 120): {"place": "hamlet", "name": "丁"}}


def classed(folder: Path, classes: dict[str, str]) -> Results:
    """Four units in a row along a street, a clinic in the first; the file says of each what it is."""
    areas = [Unit(name, (600 * k, -300, 600 * k + 600, 300)) for k, name in enumerate(CLASSES)]
    study = SmallStudy(
        units=areas,
        facilities=[Facility(10, 50)],
        standards=[
            radius(5, area_class="urban", name="urban"),
            circle(6, "drive", name="car"),
            circle(15, "walk"),
        ],
        people=[People(600 * k + 500, 50, persons) for k, (_, persons) in enumerate(CLASSES.values())],
        ways=[way((x, 50), (x + 600, 50), highway="residential") for x in range(0, 2400, 600)],
        nodes=PLACES,
        sections={"area": {"units": {"path": "units.geojson", "parent": "town", "area_class": "class"}}},
    ).write(folder)
    path = folder / "units.geojson"
    tree = json.loads(path.read_text(encoding="utf-8"))
    for feature in tree["features"]:
        feature["properties"]["class"] = classes[feature["properties"]["name"]]
    path.write_text(json.dumps(tree), encoding="utf-8")
    return servicecircle.run(study)


def test_the_next_basis_of_urban_and_rural(tmp_path: Path) -> None:
    """A residents' committee is urban, a unit with a village in it rural; where nothing speaks, nothing changes.

    By car 6 minutes are 360 s at 20 km/h in town, else at 25. 丁 takes 590 x 0.144 + 600 x 0.18 + 600 x 0.144 + 500 x
    0.18 = 369 s with the classes given, and 590 x 0.18 + 1,700 x 0.144 = 351 s with the next; 丙 takes less than 288 s.
    """
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    done = classed(tmp_path / "one", {name: known for name, (known, _) in CLASSES.items()})
    urban = rows(done, "t/urban/straight")
    assert urban["base", ""]["persons"] == 200 + 800
    assert urban["urban_basis", "kind, place"]["persons"] == 100
    assert done.provenance["other_class_by_next_basis"] == [
        {"unit_id": n, "name": n, "area_class": a, "class_basis": "column", "next_class": b, "next_basis": basis}
        for n, a, b, basis in (
            ("丁村", "urban", "rural", "place"),
            ("乙村", "urban", "rural", "place"),
            ("甲社区", "rural", "urban", "kind"),
        )
    ]
    assert any("甲社区" in notice for notice in done.notices)
    other = {"甲社区": "urban", "乙村": "rural", "丙村": "rural", "丁村": "rural"}
    again_ = classed(tmp_path / "two", other)
    for key in ("t/urban/straight", "t/car/drive"):
        assert_same(rows(done, key)["urban_basis", "kind, place"], again_, key)
    car = rows(done, "t/car/drive")
    assert car["base", ""]["covered_persons"] == 700
    assert car["urban_basis", "kind, place"]["covered_persons"] == 1500
    # walking knows no class
    assert not [key for key in rows(done, "t/circle/walk") if key[0] == "urban_basis"]


def test_where_nothing_speaks_there_is_no_next_basis(villages: Results) -> None:
    assert set(villages.ranges["what"]) == set(WHAT) - {"population", "urban_basis"}
    assert villages.provenance["other_class_by_next_basis"] == []


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("ranges", {"speed_share": 0}),
        ("ranges", {"speed_share": 1}),
        ("ranges", {"access_speed": [0]}),
        ("ranges", {"access_limit_m": [5001]}),
        ("ranges", {"access_limits": [500]}),
        ("population", {"compare": "a.tif", "points": {"path": "p.csv"}}),
    ],
)
def test_refusals(tmp_path: Path, section: str, keys: dict[str, Any]) -> None:
    tree: dict[str, Any] = {
        "study": {"name": "x"},
        "population": {"raster": "a.tif"},
        "roads": {"osm": "a.osm"},
        "facilities": [{"path": "a.csv"}],
        "standards": {"use": ["shanting/S01"]},
    }
    study_from(tree, tmp_path / "study.toml")
    with pytest.raises(StudyError):
        study_from(tree | {section: keys}, tmp_path / "study.toml")


def test_a_raster_to_compare_is_read_like_the_first(tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        town(population={"compare": "other.tif"}).run(tmp_path)
    assert [dict(p.values)["file"] for p in caught.value.problems] == ["other.tif"]


# --- the parts --------------------------------------------------------------------------------------------------------


def lattice(seed: int, **options: Any) -> PackageWorld:
    """Roads on a lattice of 100 m, some one-way, and a river: equal ways are many."""
    rng = np.random.default_rng(seed)
    ways = []
    for i in range(7):
        for j in range(7):
            for di, dj in ((1, 0), (0, 1)):
                if i + di < 7 and j + dj < 7 and rng.random() < 0.75:
                    a, b = (i, j), (i + di, j + dj)
                    ends = [(1 + x * 10 + y, 100.0 * x, 100.0 * y) for x, y in (a, b)]
                    tags = {"oneway": "yes", "oneway__foot": "yes"} if rng.random() < 0.2 else {}
                    kind = str(rng.choice(["residential", "track", "tertiary", "footway"]))
                    limit = {"maxspeed": "20"} if rng.random() < 0.3 else {}
                    ways.append(road(len(ways) + 1, ends, highway=kind, **tags, **limit))
    river = road(900, [(901, 250, -500), (902, 250, 900)], waterway="river")
    return board(*ways, river, **options)


def spots(seed: int, count: int) -> list[tuple[float, float]]:
    from .travel_fixtures import at

    rng = np.random.default_rng(seed)
    # on the lattice's half metres, so that equal values are common
    return [at(50.0 * x, 50.0 * y) for x, y in rng.integers(-8, 22, (count, 2))]


def assert_legs(one: Access, other: Access) -> None:
    assert one.points == other.points
    for name in ("point", "edge", "from_start_mm", "leg_mm", "yielded"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_legs_do_not_depend_on_the_other_modes_asked(seed: int) -> None:
    world = lattice(seed)
    lon, lat = np.array(spots(seed, 60)).T
    together = world.finder.find(lon, lat, MODES)
    assert len({id(legs) for legs in together.values()}) > 1  # footways make two sorts of modes
    for mode in MODES:
        assert_legs(together[mode], world.finder.find(lon, lat, [mode])[mode])


@pytest.mark.parametrize("limit_m", [60.0, 150.0, 300.0, 301.0, 900.0, 2000.0])
def test_legs_under_another_limit_are_those_of_a_new_search(limit_m: float) -> None:
    world = lattice(4, limit_m=300.0)
    lon, lat = np.array(spots(5, 80)).T
    places = Places(lon, lat, world.finder.find(lon, lat, MODES))
    found = again.relimited(world.finder, places, limit_m)
    fresh = AccessFinder(world.network, world.working, world.crossings, limit_m=limit_m).find(lon, lat, MODES)
    for mode in MODES:
        assert_legs(found.access[mode], fresh[mode])


def test_legs_are_found_anew_where_edges_have_changed() -> None:
    world = lattice(6, limit_m=200.0)
    lon, lat = np.array(spots(7, 80)).T
    places = Places(lon, lat, world.finder.find(lon, lat, ["drive"]))
    attachable = world.network.modes["drive"].attachable.copy()
    turned = np.flatnonzero(attachable)[[0, 5]]
    attachable[turned] = False
    drive = replace(world.network.modes["drive"], attachable=attachable)
    network = replace(world.network, modes=world.network.modes | {"drive": drive})
    finder = AccessFinder(network, world.working, world.crossings, limit_m=200.0)
    assert 0 < len(finder.near(lon, lat, turned)) < 80
    found = again.refound(finder, places, "drive", turned)
    assert_legs(found, finder.find(lon, lat, ["drive"])["drive"])
    assert len(found.point) != len(places.access["drive"].point)


@pytest.mark.parametrize("share", [0.85, 1.15, 0.5])
def test_other_times_are_those_of_a_network_built_with_them(share: float) -> None:
    world = lattice(9)
    modes = {name: mode.at_speeds(road=share, access=share) for name, mode in standard_modes().items()}
    changed = retimed(world.network, list(modes.values()))
    roads = [
        (int(number), [(int(n), lon, lat) for n, lon, lat in nodes], tags) for number, nodes, tags in _lattice_ways(9)
    ]
    built = build_network(as_ways(roads), list(modes.values()), BOARD, urban=lambda lon, _: np.zeros(len(lon), bool))
    for mode in MODES:
        for name in ("ms", "kmh", "forward", "backward", "attachable", "component", "posted"):
            np.testing.assert_array_equal(getattr(changed.modes[mode], name), getattr(built.modes[mode], name))
    assert (changed.modes["drive"].ms != world.network.modes["drive"].ms).any()


def _lattice_ways(seed: int) -> list[Any]:
    caught: list[Any] = []
    original = board

    def keep(*ways: Any, **options: Any) -> PackageWorld:
        caught.extend(ways)
        return original(*ways, **options)

    globals()["board"] = keep
    try:
        lattice(seed)
    finally:
        globals()["board"] = original
    return caught


def test_speeds_are_scaled_and_seconds_are_not() -> None:
    walk = standard_modes()["walk"].changed(door_s=30, junction_s=5).at_speeds(road=1.15, access=1.15)
    assert (walk.speed_kmh, walk.access_kmh, walk.near_access_kmh) == (4.14, 3.312, 3.312)
    assert (walk.class_speed_kmh["steps"], walk.door_s, walk.junction_s) == (2.07, 30, 5)
    drive = standard_modes()["ambulance"].at_speeds(road=0.85)
    assert (drive.factor, drive.access_kmh, drive.speed_kmh) == (0.935, 12.0, None)
    assert drive.class_kmh == standard_modes()["ambulance"].class_kmh


@pytest.mark.parametrize("mode", ["walk", "cycle", "drive"])
@pytest.mark.parametrize("measure", ["time", "road"])
@pytest.mark.parametrize("seed", [11, 12])
def test_the_access_of_a_trip_is_the_least_of_all_equal_trips(mode: str, measure: str, seed: int) -> None:
    """Against every pair of legs at both ends, with the network's distances between all junctions."""
    world = lattice(seed, limit_m=400.0, modes={m: v.changed(door_s=7) for m, v in standard_modes().items()})
    doors, _ = world.doors(spots(seed + 50, 6), list("abcdef"))
    demand = world.places(spots(seed, 70))
    search = Search(world.network, world.modes[mode], direction="to_facility", measure=measure)
    reach = network_reach(search, demand, doors, StraightWalk(world.working, world.crossings, 400.0))
    found = access_values(search, demand, doors, reach)
    graph = search.graph
    size = len(world.network.node_id)
    between = dijkstra(csr_array((graph.cost.astype(float), graph.node, graph.start), shape=(size, size)))
    access, door_access = demand.access[mode], doors.places.access[mode]
    begin = search.ends(door_access, np.arange(len(door_access.point)), at_door=True)
    end = search.ends(access, np.arange(len(access.point)), at_door=False)
    door_leg, leg = search.leg(door_access.leg_mm), search.leg(access.leg_mm)
    along = search.same_edge(access, np.arange(len(access.point)), door_access, np.arange(len(door_access.point)))
    seconds = 7000 if measure == "time" else 0
    ties = straight = 0
    for point in range(len(demand.lon)):
        if reach.state[point] != State.REACHED:
            assert found[point] == -1
            continue
        wanted, facility = int(reach.value[point]) - seconds, int(reach.facility[point])
        ends = np.flatnonzero(access.point[end.row] == point)
        begins = np.flatnonzero(door_access.point[begin.row] == facility)
        total = begin.value[begins, None] + between[np.ix_(begin.node[begins], end.node[ends])] + end.value[None, ends]
        here, there = np.nonzero(total == wanted)
        trips = (door_leg[begin.row[begins[here]]] + leg[end.row[ends[there]]]).tolist()
        trips += [
            int(leg[a] + door_leg[b])
            for a, b, value in zip(*along, strict=True)
            if access.point[a] == point and door_access.point[b] == facility and value == wanted
        ]
        assert total.min(initial=np.inf) >= wanted
        ties += len(set(trips)) > 1
        straight += not trips
        assert found[point] == (min(trips) if trips else wanted)
    assert ties > 0 or mode != "walk" or measure != "road"
    assert (straight > 0) == (mode == "walk")


@pytest.mark.parametrize("seed", [21, 22])
@pytest.mark.parametrize("most", [10**9, 0])
def test_a_walk_that_remembers_finds_the_same(seed: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach_module, "MOST_REMEMBERED", most)
    world = lattice(seed, limit_m=400.0)
    doors, _ = world.doors(spots(seed + 50, 6), list("abcdef"))
    demand = world.places(spots(seed, 70))
    remembered = RememberedWalk(world.working, world.crossings, 400.0)
    for share in (1.0, 0.6, 1.4):
        modes = {name: mode.at_speeds(access=share) for name, mode in world.modes.items()}
        search = Search(world.network, modes["walk"], direction="to_facility", measure="time")
        plain = network_reach(search, demand, doors, StraightWalk(world.working, world.crossings, 400.0))
        for limit in (None, int(np.median(plain.value[plain.state == State.REACHED]))):
            found = network_reach(search, demand, doors, remembered, at_most=limit)
            within = plain.value <= (2**31 - 2 if limit is None else limit)
            np.testing.assert_array_equal(found.value[within], plain.value[within])
            np.testing.assert_array_equal(found.facility[within], plain.facility[within])
            assert (found.value[~within] > (limit or 0)).all()
