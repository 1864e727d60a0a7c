"""Bugs that once were in the package, one test or table of cases each; cases beside them guard the rule's other side.

Studies are drawn in metres (``small_study``), expected values are worked out by hand beside them:
walking takes 1.00 s a metre on roads and 1.25 s a metre on access legs and straight walks.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from rasterio import Affine

import servicecircle
from servicecircle.errors import StudyError
from servicecircle.standards.modes import standard_modes
from servicecircle.travel.reach import Reach, Search, State, StraightWalk, network_reach
from servicecircle.travel.trace import trace

from .small_study import (
    CELL_M,
    ORIGIN,
    STREET,
    Facility,
    People,
    SmallStudy,
    Unit,
    circle,
    lonlat,
    presence,
    radius,
    raster_of,
    way,
    write_geojson,
    write_raster,
)
from .travel_fixtures import BOARD, DIRECTIONS, MEASURES, MODES, at, board, deep
from .travel_fixtures import way as board_way

if TYPE_CHECKING:
    from servicecircle.analysis.world import World
    from servicecircle.errors import Problem
    from servicecircle.flow import Prepared
    from servicecircle.results import CriterionSummary, Results
    from servicecircle.travel.reach import Doors, Places

    from .oracle.osm import Way
    from .travel_fixtures import PackageWorld

DEMO = Path(__file__).resolve().parents[1] / "geodata" / "demo" / "study.toml"


def summary(results: Results, key: str) -> CriterionSummary:
    (found,) = [s for s in results.summaries if s.criterion.key == key]
    return found


def people_of(results: Results, column: str = "persons") -> dict[str, float]:
    return dict(zip(results.units["unit_id"], results.units[column], strict=True))


def refused(study: SmallStudy, folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(StudyError) as caught:
        study.run(folder)
    return caught.value.problems


# --- the gap list -----------------------------------------------------------------------------------------------------


def test_a_place_whose_only_gap_is_one_small_patch_lists_it_as_scattered(tmp_path) -> None:
    """620 people, 20 of them 3.8 km from the clinic: no unit is short, no patch reaches 50."""
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 4200, 150))],
        cells={(2, 0): 600, (40, 0): 20},
        facilities=[Facility(250, 50)],
        standards=[radius(1)],
    ).run(tmp_path)
    assert results.gaps["gap_kind"].tolist() == ["scattered"]
    assert results.gaps["uncovered_persons"].tolist() == [20]
    assert results.gaps[["lon", "lat", "lon_gcj02", "lat_gcj02"]].isna().all(axis=None)


def spread(column: int, persons: float, cells: int) -> dict[tuple[int, int], float]:
    """Return people spread evenly over some cells side by side."""
    return {(column + k, 0): persons / cells for k in range(cells)}


#: Straight limits in kilometres and the points per cell side they make: 100 m over a sixth of the limit, rounded up.
POINTS_PER_SIDE = {0.25: 3, 0.13: 5, 0.11: 6}


def missed(tmp_path: Path, near: float, far: dict[tuple[int, int], float], limit_km: float, **gap: float) -> Results:
    """Run people around a clinic (every corner of their cell within 71 m of it) and people kilometres away."""
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 6000, 150))],
        cells={(2, 0): near} | far,
        facilities=[Facility(250, 50)],
        standards=[radius(limit_km)],
        sections={"gap": gap},
    ).run(tmp_path)
    assert results.provenance["points_per_cell_side"] == POINTS_PER_SIDE[limit_km]
    return results


@pytest.mark.parametrize("limit_km", [0.25, 0.13])
@pytest.mark.parametrize(
    ("near", "far", "cells", "short"),
    [
        (570, 30, 3, True),  # exactly 30 people, exactly 5 % of 600
        (570, 29.9, 3, False),
        (5, 5, 2, True),  # exactly half, exactly 5 people
        (5, 4.9, 2, False),
    ],
)
def test_a_unit_is_short_at_exactly_the_least_people(tmp_path, near, far, cells, short, limit_km) -> None:
    results = missed(tmp_path, near, spread(40, far, cells), limit_km, patch_persons=1)
    assert results.units["short"].tolist() == [short]
    assert results.summaries[0].units_short == int(short)
    assert results.gaps["gap_kind"].tolist() == ["unit", "patch"][not short :]
    assert results.units["uncovered_persons"].tolist() == pytest.approx([far])


@pytest.mark.parametrize(("limit_km", "cells"), [(0.25, 5), (0.13, 3), (0.11, 4)])
@pytest.mark.parametrize(("persons", "listed"), [(50, "patch"), (49.9, "scattered")])
def test_a_patch_is_listed_at_exactly_the_least_people(tmp_path, persons, listed, limit_km, cells) -> None:
    results = missed(tmp_path, 500, spread(40, persons, cells), limit_km)
    assert results.gaps["gap_kind"].tolist() == ["unit", listed]
    assert results.gaps["uncovered_persons"].tolist() == pytest.approx([persons, persons])


@pytest.mark.parametrize(("limit_km", "cells"), [(0.25, 3), (0.13, 3), (0.11, 2)])
def test_every_fails_at_exactly_half_a_person_uncovered(tmp_path, limit_km, cells) -> None:
    results = missed(tmp_path, 100, spread(40, 0.5, cells), limit_km, patch_persons=0.1)
    assert results.units["every"].tolist() == [False]
    assert results.units["cause"].tolist() == ["too_far"]
    assert (results.summaries[0].units_every, results.summaries[0].assumed_verdict) == (0, "not met")
    fewer = missed(tmp_path, 100, spread(40, 0.49, cells), limit_km, patch_persons=0.1)
    assert fewer.units["every"].tolist() == [True]
    assert fewer.summaries[0].assumed_verdict == "met"


@pytest.mark.parametrize(("limit_km", "cells"), [(0.25, 3), (0.13, 3), (0.11, 2)])
def test_any_holds_at_exactly_half_a_person_covered(tmp_path, limit_km, cells) -> None:
    """A clinic stands in every cell of the few, none at the many."""
    for persons, holds in ((0.5, True), (0.49, False)):
        results = SmallStudy(
            units=[Unit("A", (-50, -50, 6000, 150))],
            cells=spread(2, persons, cells) | {(40, 0): 100},
            facilities=[Facility(250 + 100 * k, 50) for k in range(cells)],
            standards=[radius(limit_km)],
        ).run(tmp_path)
        assert results.provenance["points_per_cell_side"] == POINTS_PER_SIDE[limit_km]
        assert results.units["any"].tolist() == [holds]
        assert results.summaries[0].units_any == int(holds)


def test_the_median_of_a_unit_does_not_depend_on_the_people_before_it() -> None:
    """Ten equal shares of a person valued 1 to 10: the fifth is half of them, whatever 50,000 others weigh."""
    from servicecircle.analysis.summary import nearest_of_units

    rng = np.random.default_rng(0)
    others, few = 50_000, 10
    for _ in range(10):
        unit = np.repeat([0, 1], (others, few))
        value = np.concatenate((rng.integers(0, 10**6, others), np.arange(1, few + 1)))
        persons = np.concatenate((rng.uniform(0, 100, others), np.full(few, 1 / 9)))
        count = len(unit)
        world = SimpleNamespace(
            units=[None, None],
            demand=SimpleNamespace(piece_point=np.arange(count), piece_unit=unit),
            people=lambda criterion, persons=persons: persons,
        )
        reach = Reach(value.astype(np.int32), np.zeros(count, np.int32), np.zeros(count, np.int8))
        entry = SimpleNamespace(facility_rows=np.array([0]), criterion=None)
        nearest = nearest_of_units(world, entry, reach)
        assert (nearest.p50[1], nearest.p90[1]) == (5, 9)


# --- people and units -------------------------------------------------------------------------------------------------

TWO_HALVES = (Unit("A", (-50, -50, 500, 1050)), Unit("B", (500, -50, 1050, 1050)))
WEST, NORTH = ORIGIN[0], ORIGIN[1] + 10 * CELL_M
SIN_30, COS_30 = 0.5, math.sqrt(0.75)


@pytest.mark.parametrize(
    "turned",
    [
        Affine(-CELL_M, 0, WEST + 10 * CELL_M, 0, -CELL_M, NORTH),  # mirrored: columns run to the west
        Affine(-CELL_M, 0, WEST + 10 * CELL_M, 0, CELL_M, ORIGIN[1]),  # turned by half
        Affine(0, CELL_M, WEST, -CELL_M, 0, NORTH),  # turned by a quarter
        Affine(60 * COS_30, 60 * SIN_30, WEST + 300, 60 * SIN_30, -60 * COS_30, NORTH - 100),
    ],
    ids=["mirrored", "half a turn", "a quarter turn", "30 degrees"],
)
def test_a_raster_that_is_not_north_up_is_refused(tmp_path, turned) -> None:
    study = SmallStudy(TWO_HALVES, [Facility(250, 50)], [radius(1)], cells={(9, 9): 1}).write(tmp_path)
    write_raster(tmp_path / "people.tif", np.arange(100.0).reshape(10, 10), transform=turned)
    with pytest.raises(StudyError) as caught:
        servicecircle.run(study)
    assert [p.key for p in caught.value.problems] == ["population.turned"]


def test_rows_from_south_to_north_hold_the_same_people(tmp_path) -> None:
    """Columns 0 to 4 lie in A, 5 to 9 in B; upside down is no turn."""
    cells = {(column, row): 10.0 * row + column for column in range(10) for row in range(10)}
    study = SmallStudy(TWO_HALVES, [Facility(250, 50)], [radius(1)], cells=cells)
    upright = people_of(study.run(tmp_path))
    written = study.write(tmp_path)
    south_up = Affine(CELL_M, 0, WEST, 0, CELL_M, ORIGIN[1])
    write_raster(tmp_path / "people.tif", raster_of(cells)[::-1], transform=south_up)
    assert people_of(servicecircle.run(written)) == pytest.approx(upright)
    assert upright == pytest.approx({"A": 5 * 450 + 10 * (0 + 1 + 2 + 3 + 4), "B": 5 * 450 + 10 * (5 + 6 + 7 + 8 + 9)})


@pytest.mark.parametrize(
    "units",
    [
        (Unit("A", (100, 100)), Unit("B", (900, 100))),
        (Unit("A", (0, 0, 500, 500)), Unit("B", (500, 0, 1000, 500))),
    ],
    ids=["points", "polygons"],
)
def test_people_whose_id_is_a_units_id_belong_to_that_unit(tmp_path, units) -> None:
    """The 100 people of A stand beside B; the 7 with an id of no unit go where they stand."""
    results = SmallStudy(
        units=units,
        people=[People(800, 120, 100, "A"), People(880, 100, 50, "B"), People(850, 100, 7, "X")],
        facilities=[Facility(250, 50)],
        standards=[radius(1)],
    ).run(tmp_path)
    assert people_of(results) == {"A": 100, "B": 57}


def test_people_behind_a_river_from_the_sixteen_nearest_units_go_to_the_seventeenth(tmp_path) -> None:
    """Sixteen villages stand 200 m away on the other bank, the seventeenth 500 m away on this one."""
    results = SmallStudy(
        units=[*(Unit(f"U{k:02d}", (100 + 10 * k, 100)) for k in range(16)), Unit("Z", (500, 700))],
        people=[People(200, 300, 100, "p"), People(120, 90, 10, "q")],
        facilities=[Facility(250, 50)],
        standards=[radius(1)],
        ways=[STREET, way((-5000, 200), (6000, 200), waterway="river")],
    ).run(tmp_path)
    lived = {unit: persons for unit, persons in people_of(results).items() if persons}
    assert lived == {"U02": 10, "Z": 100}


# --- barriers ---------------------------------------------------------------------------------------------------------

BANKS = [way((-50, 0), (-50, 400), highway="residential"), way((50, 0), (50, 400), highway="residential")]


def two_banks(*more: object, **sections: dict[str, object]) -> SmallStudy:
    """People 120 m from a clinic: 2.5 minutes straight; roads lead along two banks and never across."""
    return SmallStudy(
        units=[Unit("A", (-100, -100, 100, 100))],
        people=[People(-60, 0, 100, "p")],
        facilities=[Facility(60, 0)],
        standards=[circle(5, "walk")],
        ways=[*BANKS, *more],
        sections=sections,
    )


def is_barred(results: Results) -> bool:
    """Return whether the people cannot get across at all; else they walk 120 m in 150 s."""
    whole = results.summaries[0]
    assert whole.covered_persons + whole.unreachable_persons == whole.persons == 100
    if whole.covered_persons:
        assert results.units["p50"].tolist() == pytest.approx([2.5], rel=1e-3)
    return whole.unreachable_persons == 100


def test_a_river_bars_also_where_its_nodes_lie_far_outside_the_study_area(tmp_path) -> None:
    margin = {"margin_km": 0.5}
    assert not is_barred(two_banks(area=margin).run(tmp_path))
    river = way((0, -9000), (0, 9000), waterway="river")
    assert is_barred(two_banks(river, area=margin).run(tmp_path))


LINE = [lonlat(0, -3000), lonlat(0, 3000)]


def given(folder: Path, *geometries: dict[str, object], **keys: str) -> SmallStudy:
    """Return the two banks with barriers of the county's own in a GeoJSON file."""
    write_geojson(folder / "barriers.geojson", {str(k): {"geometry": g} for k, g in enumerate(geometries)})
    return two_banks(barriers={"lines": {"path": "barriers.geojson", **keys}})


MULTI = {"type": "MultiLineString", "coordinates": [LINE]}


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "LineString", "coordinates": LINE},
        MULTI,
        {"type": "GeometryCollection", "geometries": [MULTI]},
    ],
    ids=lambda geometry: geometry["type"],
)
def test_given_lines_bar_however_they_are_packed(tmp_path, geometry) -> None:
    assert is_barred(given(tmp_path, geometry).run(tmp_path))


def test_given_barriers_of_a_layer_that_does_not_exist_are_one_problem(tmp_path) -> None:
    (found,) = refused(given(tmp_path, MULTI, layer="nope"), tmp_path)
    assert (found.key, found.values["layer"]) == ("inputs.no_layer", "nope")


def test_given_barriers_may_be_in_map_service_coordinates(tmp_path) -> None:
    """GCJ-02 lies some 600 m off: the line bars only when the shift is taken back."""
    from servicecircle.geo.coordinates import wgs84_to_gcj02

    lon, lat = wgs84_to_gcj02(*np.array(LINE).T)
    assert np.hypot(lon - np.array(LINE)[:, 0], lat - np.array(LINE)[:, 1]).min() > 0.003
    shifted = {"type": "LineString", "coordinates": np.column_stack((lon, lat)).tolist()}
    assert is_barred(given(tmp_path, shifted, crs="GCJ-02").run(tmp_path))
    assert not is_barred(given(tmp_path, shifted).run(tmp_path))


def test_given_barriers_whose_crs_contradicts_the_file_are_refused(tmp_path) -> None:
    (found,) = refused(given(tmp_path, MULTI, crs="EPSG:32650"), tmp_path)
    assert (found.key, found.values["declared"]) == ("inputs.crs_conflict", "EPSG:32650")


def test_given_points_bar_nobody_and_their_rows_are_named(tmp_path) -> None:
    point = {"type": "Point", "coordinates": LINE[0]}
    (found,) = refused(given(tmp_path, MULTI, point, MULTI, point), tmp_path)
    assert (found.key, found.values["rows"]) == ("roads.barriers_not_lines", "2, 4")


# --- roads and access legs --------------------------------------------------------------------------------------------


def test_walking_does_not_change_when_cycling_is_judged_too(tmp_path) -> None:
    """A cycleway closed to walkers meets the street at x = 100, and the street is cut there in any case.

    From (0, 80) walkers take the leg to that cut, hypot(100, 80) m, and 500 m of street: 660.1 s. The shortest leg,
    80 m to x = 0, would take 100 + 600 s, walking straight 1.25 x hypot(600, 80) = 756.6 s.
    """
    tables = []
    for modes in (("walk",), ("walk", "cycle")):
        results = SmallStudy(
            units=[Unit("A", (-100, -100, 100, 100))],
            people=[People(0, 80, 100, "p")],
            facilities=[Facility(600, 0)],
            standards=[circle(15, *modes)],
            ways=[
                way((0, 0), (100, 0), (1000, 0), highway="residential"),
                way((100, 0), (100, 60), highway="cycleway", foot="no"),
            ],
        ).run(tmp_path)
        tables.append(results.units[results.units["criterion"] == "t/circle/walk"].reset_index(drop=True))
    assert tables[0].equals(tables[1])
    assert tables[0]["p50"].tolist() == pytest.approx([(1.25 * math.hypot(100, 80) + 500) / 60], rel=1e-4)


def test_a_clinic_on_a_footway_is_attached_where_only_walking_is_judged(tmp_path) -> None:
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 1050, 150))],
        cells={(2, 0): 100},
        facilities=[Facility(250, 60), Facility(250, 9000)],
        standards=[circle(5, "walk")],
        ways=[way((0, 50), (1000, 50), highway="footway")],
    ).run(tmp_path)
    assert dict(zip(results.facilities["name"], results.facilities["attached"], strict=True)) == {
        "C0": True,
        "C1": False,
    }
    assert summary(results, "t/circle/walk").covered_persons == 100


def footways(lines: int, step: float) -> list[Way]:
    """Return a grid of footways that share a node wherever two of them meet."""
    across = [[(1 + i * lines + j, i * step, j * step) for j in range(lines)] for i in range(lines)]
    along = [list(line) for line in zip(*across, strict=True)]
    return [board_way(number, nodes, highway="footway") for number, nodes in enumerate([*across, *along], start=1)]


def test_a_mode_with_few_roads_does_not_make_the_others_search_far(monkeypatch) -> None:
    """Footways every 20 m, one road for cars: 60 m around a point hold over 24 footways, no wider ring is needed."""
    step, lines, side = 20, 41, 21
    size = step * (lines - 1)
    grid = footways(lines, step)
    world = board(*grid, board_way(900, [(9001, -50, -50), (9002, size, -50)], highway="residential", foot="no"))
    assert world.network.size == 2 * lines * (lines - 1) + 1
    inner = np.linspace(7, size - 7, side)
    places = [at(x, y) for x in inner for y in inner]
    from servicecircle.travel import doors

    gathered = []
    measure = doors.geodesic_m
    monkeypatch.setattr(doors, "geodesic_m", lambda *a: gathered.append(len(a[0])) or measure(*a))
    access = world.places(places).access
    # the square of 120 m around a point meets at most 7 lines each way and 7 pieces of each; five rings hold the road
    assert sum(gathered) <= len(places) * (2 * 7 * 7 + 5)
    assert access["drive"].attached().all()
    ends = [(a[1:], b[1:]) for _, nodes, _ in grid for a, b in pairwise(nodes)]
    shapes = np.array([shapely.LineString(BOARD.project(*np.array(piece).T)) for piece in ends])
    xy = BOARD.project(*np.array(places).T)
    for point in range(0, len(places), 9):
        nearest = np.sort(shapely.distance(shapes, shapely.Point(xy[point])))[:8]
        legs = access["walk"].leg_mm[access["walk"].point == point]
        assert legs / 1000 == pytest.approx(nearest, abs=0.002)


# --- what counts, and what is no data ---------------------------------------------------------------------------------


def test_a_presence_per_town_counts_towns(tmp_path) -> None:
    """Three of four villages lie in the town with the clinic, but that is one of two towns: 70 % of units are missed."""
    results = SmallStudy(
        units=[
            Unit("A", (-50, -50, 300, 150), "T1"),
            Unit("B", (300, -50, 500, 150), "T1"),
            Unit("C", (500, -50, 700, 150), "T1"),
            Unit("D", (700, -50, 1050, 150), "T2"),
        ],
        cells={(column, 0): 10 for column in range(10)},
        facilities=[Facility(250, 50)],
        standards=[presence(per="township", target_share=0.7, target_of="units")],
    ).run(tmp_path)
    found = results.summaries[0]
    assert (found.units_every, found.units, found.assumed_verdict) == (1, 2, "not met")
    assert people_of(results, "count") == {"A": 1, "B": 1, "C": 1, "D": 0}


def test_a_village_without_people_lacks_its_clinic_too(tmp_path) -> None:
    results = SmallStudy(
        units=TWO_HALVES, cells={(0, 0): 100, (9, 9): 0}, facilities=[Facility(250, 50)], standards=[presence()]
    ).run(tmp_path)
    assert people_of(results) == {"A": 100, "B": 0}
    found = results.summaries[0]
    assert (found.units_every, found.units, found.assumed_verdict) == (1, 2, "not met")


def test_a_switch_that_leaves_no_clinic_is_judged_and_is_not_no_data(tmp_path) -> None:
    """The only clinic lies 200 m outside: cross_boundary = false leaves none of the rows that exist."""
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 550, 150))],
        cells={(column, 0): 10 for column in range(5)},
        facilities=[Facility(750, 50)],
        standards=[circle(5, "walk")],
        sections={"area": {"cross_boundary": False}},
    ).run(tmp_path)
    (found,) = results.summaries
    assert (found.state, found.missing, found.facilities) == ("computed", (), 0)
    assert (found.persons, found.covered_persons, found.no_facility_persons) == (50, 0, 50)
    assert (found.units_short, found.assumed_verdict) == (1, "not met")
    assert results.units["cause"].tolist() == ["no_facility"]


def test_people_of_a_criterion_without_data_are_not_without_facility(tmp_path) -> None:
    """No row is a gym: nothing is known of the 50 people. They are no people whom no facility is left for."""
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 550, 150))],
        cells={(column, 0): 10 for column in range(5)},
        facilities=[Facility(250, 50)],
        standards=[circle(5, "walk"), circle(5, "walk", name="gym", types=["fitness"])],
    ).run(tmp_path)
    gym = summary(results, "t/gym/walk")
    assert (gym.state, gym.missing, gym.persons, gym.no_facility_persons) == ("no data", ("fitness",), 50, 0)
    assert gym.share_covered is None
    (line,) = [line for line in results.ledger if line.name == "t/gym/walk"]
    assert dict(line.parts) == {"no_data": 50}
    assert set(results.units["criterion"]) == {"t/circle/walk"}


def test_a_criterion_that_applies_to_no_unit_is_no_data(tmp_path) -> None:
    results = SmallStudy(
        units=TWO_HALVES,
        cells={(0, 0): 100, (9, 9): 100},
        facilities=[Facility(250, 50)],
        standards=[circle(5, "walk", area_class="urban"), presence(area_class="urban")],
    ).run(tmp_path)
    assert [(s.state, s.missing, s.verdict) for s in results.summaries] == [("no data", ("units",), "no data")] * 2
    for key in ("t/circle/walk", "t/presence/presence"):
        assert [n for n in results.notices if n.startswith(key) and "units it applies to" in n]


def test_nothing_is_proposed_for_a_criterion_without_data(tmp_path) -> None:
    results = SmallStudy(
        units=TWO_HALVES,
        cells={(0, 0): 100, (9, 9): 100},
        facilities=[Facility(250, 50)],
        standards=[circle(5, "walk"), circle(5, "walk", name="gym", types=["fitness"])],
        sections={"siting": {"standard": "t/gym/walk", "choose": 2}},
    ).run(tmp_path)
    assert summary(results, "t/gym/walk").state == "no data"
    assert len(results.sites) == 0


def test_facilities_that_do_not_say_who_owns_them_are_told(tmp_path) -> None:
    """Of three clinics in A one is the government's, two say nothing; the one in B is private."""
    results = SmallStudy(
        units=TWO_HALVES,
        cells={(0, 0): 100, (9, 9): 100},
        facilities=[
            Facility(250, 50, ownership="government"),
            Facility(260, 50),
            Facility(270, 50),
            Facility(750, 50, ownership="private"),
        ],
        standards=[presence(name="own", ownership=["government"]), presence()],
    ).run(tmp_path)
    own = summary(results, "t/own/presence")
    assert (own.state, own.facilities) == ("computed", 1)
    told = [n for n in results.notices if "who owns them" in n]
    assert len(told) == 1
    assert told[0].startswith("t/own/presence: 2 ")


def test_people_attached_and_not_are_the_people_in_units(tmp_path) -> None:
    """The unit cuts the cell at x = 500 in half; the cell at x = 5000 is 4 km from any road; the last is outside."""
    results = SmallStudy(
        units=[Unit("A", (-50, -50, 550, 150)), Unit("B", (4900, -50, 5200, 150))],
        cells={(0, 0): 40, (5, 0): 100, (50, 0): 30, (60, 0): 1000},
        facilities=[Facility(250, 50)],
        standards=[circle(5, "walk", "drive")],
    ).run(tmp_path)
    assert people_of(results) == pytest.approx({"A": 90, "B": 30})
    for mode in ("walk", "drive"):
        facts = results.provenance["roads"]["by_mode"][mode]
        assert (facts["persons_attached"], facts["persons_unattached"]) == pytest.approx((90, 30))


# --- explaining a number ----------------------------------------------------------------------------------------------


def loop() -> PackageWorld:
    """Return a one-way loop of 800 m at the end of a street of 200 m; legs are at most 50 m long."""
    corners = [(2, 200, 0), (3, 200, -100), (4, 400, -100), (5, 400, 100), (6, 200, 100), (2, 200, 0)]
    return board(
        board_way(1, [(1, 0, 0), (2, 200, 0)], highway="residential"),
        board_way(2, corners, highway="residential", oneway="yes"),
        limit_m=50,
    )


@pytest.mark.parametrize(("direction", "metres"), [("to_facility", 600 + 200), ("from_facility", 200 + 200)])
@pytest.mark.parametrize(("measure", "leg", "per_metre"), [("time", 12_500, 144), ("road", 10_000, 1000)])
def test_a_trip_round_a_one_way_loop_is_explained_without_remainder(direction, metres, measure, leg, per_metre) -> None:
    """By car from 10 m beside the loop, 200 m after its start; a metre of street takes 144 ms.

    To the clinic at the street's far end the car must go on for 600 m; from the clinic it comes 200 m round the loop.
    """
    world = loop()
    demand, (doors, _) = world.places([at(300, -110)]), world.doors([at(0, 0)], ["clinic"])
    search = Search(world.network, world.modes["drive"], direction=direction, measure=measure)
    trip = trace(search, demand, 0, doors, StraightWalk(world.working, world.crossings, 50))
    assert trip is not None
    assert (trip.start_leg, trip.end_leg, trip.other) == (leg, 0, 0)
    assert [(s.road_class, s.kmh, s.mm, s.value) for s in trip.stretches] == [
        ("residential", 25, 1000 * metres, per_metre * metres)
    ]
    assert trip.value == leg + per_metre * metres


def parts_add_up(search: Search, demand: Places, doors: Doors, walk: StraightWalk, *, most: int | None = None) -> int:
    """Trace trips of reached points to the facility reached and compare with the reach; return how many.

    No shipped mode loses time at doors or junctions: nothing may be left beside legs and roads.
    """
    reach = network_reach(search, demand, doors, walk)
    reached = np.flatnonzero(reach.state == State.REACHED)
    if most is not None:
        reached = np.random.default_rng(len(reached)).permutation(reached)[:most]
    for point in reached.tolist():
        facility, value = int(reach.facility[point]), int(reach.value[point])
        one = replace(doors, row=doors.row[[facility]], facility=np.array([0]), count=1)
        trip = trace(search, demand, point, one, walk)
        assert trip is not None
        assert (trip.value, trip.other) == (value, 0)
        assert trip.start_leg + sum(s.value for s in trip.stretches) + trip.end_leg == value
        if search.measure == "road":
            assert trip.start_leg_mm + sum(s.mm for s in trip.stretches) + trip.end_leg_mm == value
    return len(reached)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("mode", ["drive", "ambulance"])
def test_the_parts_of_trips_from_all_round_a_loop_add_up(mode, direction) -> None:
    world = loop()
    rng = np.random.default_rng(3)
    demand = world.places(
        [at(x, y) for x, y in zip(rng.uniform(0, 450, 100), rng.uniform(-150, 150, 100), strict=True)]
    )
    doors, _ = world.doors([at(10, 5)], ["a"])
    for measure in MEASURES:
        search = Search(world.network, world.modes[mode], direction=direction, measure=measure)
        assert parts_add_up(search, demand, doors, StraightWalk(world.working, world.crossings, 50)) > 50


@cache
def demo() -> tuple[World, Doors]:
    """Return the demo place with every shipped mode, and all its facilities as one search."""
    from servicecircle import flow
    from servicecircle.analysis import build

    study = servicecircle.load_study(DEMO)
    prepared: Prepared = flow.prepare(study)
    modes = standard_modes()
    network = build.build_network_of(study, prepared.inputs, prepared.ground, modes)
    world, _ = build.build_world(study, prepared.inputs, prepared.ground, network, modes)
    return world, world.doors(np.arange(len(world.facilities)))


def demo_parts_add_up(mode: str, direction: str, measure: str, most: int | None) -> int:
    world, doors = demo()
    return parts_add_up(world.search(mode, direction, measure), world.demand_places, doors, world.walk, most=most)


@pytest.mark.parametrize("mode", MODES)
def test_the_parts_of_an_explained_trip_add_up_to_its_value(mode) -> None:
    """Every reached point of the demo place by time; of the other direction and of distances a sample."""
    assert demo_parts_add_up(mode, "to_facility", "time", None) > 1000
    assert demo_parts_add_up(mode, "to_facility", "road", 40) == 40
    assert demo_parts_add_up(mode, "from_facility", "time", 40) == 40


@deep
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("measure", MEASURES)
def test_the_parts_of_every_explained_trip_add_up_to_its_value(mode, direction, measure) -> None:
    assert demo_parts_add_up(mode, direction, measure, None) > 1000
