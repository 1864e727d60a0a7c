"""Judging people: quantiles, short units, ledger, patches, presence, siting - on worlds small enough for a hand."""

from __future__ import annotations

import itertools
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from servicecircle.analysis.evaluate import CriterionCoverage, evaluate
from servicecircle.analysis.gaps import find_patches
from servicecircle.analysis.quantiles import lower_quantiles, most_people
from servicecircle.analysis.summary import count_people, ledger_line, short_units, summarise
from servicecircle.analysis.world import World
from servicecircle.demand import ledger
from servicecircle.demand.pieces import Demand
from servicecircle.errors import InternalError
from servicecircle.geo.crossings import Crossings
from servicecircle.geo.crs import WorkingCrs
from servicecircle.geo.grid import Grid
from servicecircle.siting.models import maximal_covering
from servicecircle.standards.model import Covering, Criterion, Title
from servicecircle.study import Gap
from servicecircle.travel.entrances import Entrances
from servicecircle.travel.isochrones import cells_area
from servicecircle.travel.reach import Places, State, StraightWalk

NOTHING = Crossings(np.zeros(0, dtype=object), np.zeros(0, dtype=bool))


def world_of(
    persons: list[list[float]], *, parents: list[str] | None = None, facilities: pd.DataFrame | None = None
) -> World:
    """A world whose units hold the given pieces of people, one point each; straight criteria only."""
    unit = np.repeat(np.arange(len(persons)), [len(p) for p in persons])
    people = np.array(list(itertools.chain.from_iterable(persons)), dtype=float)
    lon, lat = 117.0 + np.arange(len(people)) * 0.001, np.full(len(people), 35.0)
    demand = Demand(
        lon, lat, people, np.arange(len(people)), np.arange(len(people)), unit, people, float(people.sum()), 0.0
    )
    units = gpd.GeoDataFrame(
        {
            "id": [f"u{i}" for i in range(len(persons))],
            "name": [f"U{i}村" for i in range(len(persons))],
            "parent": parents or [""] * len(persons),
            "kind": "village",
            "area_class": "rural",
            "class_basis": "column",
            "basis": "surveyed",
        },
        geometry=shapely.points(117.0 + np.arange(len(persons)), np.full(len(persons), 35.0)),
        crs="EPSG:4326",
    )
    if facilities is None:
        facilities = pd.DataFrame({"id": [], "name": [], "type": [], "ownership": [], "lon": [], "lat": [], "unit": []})
    places = Places(facilities["lon"].to_numpy(dtype=float), facilities["lat"].to_numpy(dtype=float), {})
    entrances = Entrances(places, np.arange(len(facilities)), np.full(len(facilities), "point"))
    walk = StraightWalk(WorkingCrs((117.0, 35.0, 117.2, 35.1)), NOTHING, 1000)
    return World(demand, units, facilities, facilities, None, {}, Places(lon, lat, {}), entrances, walk, Gap())  # type: ignore[arg-type]


def radius(km: float = 1.0, **values: object) -> Criterion:
    given = {"id": "t/r", "title": Title(zh="半径", en="radius"), "kind": "radius", "types": ("village_clinic",)}
    return Covering(**(given | {"measures": ("straight",), "limit_km": km} | values)).criteria()[0]


def entry_of(
    world: World, covered: list[bool], state: list[int] | None = None, criterion: Criterion | None = None
) -> CriterionCoverage:
    pieces = len(covered)
    return CriterionCoverage(
        criterion or radius(),
        "computed",
        np.zeros(0, dtype=np.int64),
        None,
        np.ones(len(world.units), dtype=bool),
        np.array(covered, dtype=bool),
        np.array(state or [State.REACHED] * pieces, dtype=np.int8),
    )


@pytest.mark.parametrize(
    ("covered", "missing", "short"),
    [
        (970, 30, False),  # 30 people, but 3 % < 5 %
        (570, 30, True),  # 30 people and exactly 5 %
        (570, 29.9, False),  # one tenth of a person under
        (15, 5, False),  # 5 people, a quarter
        (5, 5, True),  # half, and 5 people: a hamlet is seen
        (4, 4.9, False),  # more than half, but fewer than 5: a sliver is not
        (0, 20, True),
        (0, 0, False),  # nobody lives there
    ],
)
def test_short_follows_both_rules_of_the_design(covered: float, missing: float, *, short: bool) -> None:
    world = world_of([[covered, missing]])
    counts = count_people(world, entry_of(world, [True, False]))
    assert short_units(world, counts).tolist() == [short]


def test_any_and_every_turn_at_half_a_person() -> None:
    world = world_of([[0.5, 9.5], [0.4, 9.6], [9.6, 0.4], [9.5, 0.5]])
    entry = entry_of(world, [True, False] * 4)
    summary = summarise(world, entry, count_people(world, entry), assumed_target=1.0)
    assert summary.units_any == 3  # all but 0.4 covered
    assert summary.units_every == 1  # only 0.4 uncovered
    assert summary.verdict == "no target printed"
    assert summary.assumed_verdict == "not met"


@pytest.mark.parametrize(("target", "verdict"), [(0.9, "met"), (0.9000001, "not met"), (None, "no target printed")])
def test_a_target_is_inclusive_and_absent_targets_give_no_verdict(target: float | None, verdict: str) -> None:
    world = world_of([[90.0, 10.0]])
    entry = entry_of(world, [True, False], criterion=radius(target_share=target))
    assert summarise(world, entry, count_people(world, entry), assumed_target=1.0).verdict == verdict


def test_nothing_divided_by_nothing_is_no_number() -> None:
    world = world_of([[0.0]])
    entry = entry_of(world, [False])
    summary = summarise(world, entry, count_people(world, entry), assumed_target=1.0)
    assert summary.share_covered is None
    assert summary.verdict == "no data"


def test_the_ledger_line_names_every_state_and_closes() -> None:
    world = world_of([[1.0, 2.0, 4.0, 8.0, 16.0]])
    states = [State.REACHED, State.REACHED, State.UNREACHABLE, State.UNATTACHED, State.NO_FACILITY]
    entry = entry_of(world, [True, False, False, False, False], [int(s) for s in states])
    line = ledger_line(entry, count_people(world, entry))
    assert line.parts == {"covered": 1.0, "later": 2.0, "unreachable": 4.0, "unattached": 8.0, "no_facility": 16.0}
    assert line.gap <= 1e-9


def test_an_open_ledger_stops_the_run() -> None:
    with pytest.raises(InternalError, match="ledger_open"):
        ledger.check([ledger.line("window", 100.0, {"in_units": 99.9999})])
    assert ledger.check([ledger.line("window", 1e9, {"in_units": 1e9 + 0.5})])[0].gap <= ledger.TOLERANCE


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans(), st.integers(0, 5)), min_size=1, max_size=30
    ),
    st.sampled_from([0.5, 0.9]),
)
@settings(max_examples=100, deadline=None)
def test_lower_quantiles_equal_counting_heads(rows: list[tuple[int, int, bool, int]], q: float) -> None:
    unit, value, known, persons = (np.array(column) for column in zip(*rows, strict=True))
    found = lower_quantiles((q,), unit, value, known.astype(bool), persons.astype(float), 4)[0]
    for u in range(4):
        heads = sorted(
            (v if k else math.inf) for uu, v, k, p in rows if uu == u for _ in range(p)
        )  # one entry a head, unreached last
        wanted = heads[math.ceil(q * len(heads)) - 1] if heads else math.nan
        if math.isinf(wanted) or math.isnan(wanted):
            assert np.isnan(found[u])
        else:
            assert found[u] == wanted


def test_most_people_breaks_ties_to_the_smaller() -> None:
    unit, choice, persons = np.array([0, 0, 0, 1, 2]), np.array([5, 3, 5, -1, 7]), np.array([1.0, 2.0, 1.0, 9.0, 0.0])
    assert most_people(unit, choice, persons, 3).tolist() == [3, -1, -1]


def test_patches_are_eight_connected_and_stop_at_a_parents_border() -> None:
    # two towns, left and right of column 2; uncovered people at x, covered at .
    #   x . | x      a diagonal pair on the left (one patch), a cell on the right (its own)
    #   . x | x
    grid = Grid(pyproj.CRS.from_epsg(32650), Affine(100, 0, 500_000, 0, -100, 4_000_000), (2, 3))
    people = np.array([10.0, 1.0, 20.0, 1.0, 30.0, 40.0])
    unit = np.array([0, 0, 1, 0, 0, 1])
    base = world_of([[1.0], [1.0]], parents=["甲镇", "乙镇"])
    demand = Demand(
        np.zeros(6), np.zeros(6), people, np.arange(6), np.arange(6), unit, people, 102.0, 0.0, grid=grid, half_m=50.0
    )
    world = World(
        demand,
        base.units,
        base.facilities,
        base.facilities,
        None,
        {},
        base.demand_places,
        base.entrances,
        base.walk,
        Gap(),
    )  # type: ignore[arg-type]
    found = find_patches(world, entry_of(world, [False, True, False, True, False, False]))
    assert [(p.parent, p.uncovered) for p in found] == [("乙镇", 60.0), ("甲镇", 40.0)]


def facilities_at(unit: list[int], ownership: list[str]) -> pd.DataFrame:
    size = len(unit)
    return pd.DataFrame(
        {
            "id": [f"f{i}" for i in range(size)],
            "name": "",
            "type": "village_clinic",
            "ownership": ownership,
            "lon": 117.0,
            "lat": 35.0,
            "unit": unit,
        }
    )


@pytest.mark.parametrize(
    ("per", "ownership", "covered"),
    [
        ("village", (), [True, False, False]),  # a clinic in u0 only; one lies outside every unit
        ("village", ("collective",), [False, False, False]),  # owned by its doctor: does not count
        ("township", (), [True, True, False]),  # u0 and u1 share 甲镇
        ("county", (), [True, True, True]),
    ],
)
def test_presence_counts_where_a_facility_lies(per: str, ownership: tuple[str, ...], covered: list[bool]) -> None:
    standard = Covering(
        id="t/p",
        title=Title(zh="每村", en="each"),
        kind="presence",
        types=("village_clinic",),
        per=per,
        ownership=ownership,
    )
    world = world_of(
        [[10.0], [10.0], [10.0]], parents=["甲镇", "甲镇", "乙镇"], facilities=facilities_at([0, -1], ["private", ""])
    )
    assert evaluate(world, standard.criteria()).criteria[0].piece_covered.tolist() == covered


def test_a_type_no_input_holds_is_no_data_and_the_rest_goes_on() -> None:
    world = world_of([[10.0]], facilities=facilities_at([0], [""]))
    other = Covering(id="t/x", title=Title(zh="x", en="x"), kind="presence", types=("hospital",))
    mine = Covering(id="t/y", title=Title(zh="y", en="y"), kind="presence", types=("village_clinic",))
    found = evaluate(world, [*other.criteria(), *mine.criteria()])
    assert [entry.state for entry in found.criteria] == ["no data", "computed"]


def test_unknown_ownership_is_not_a_failure() -> None:
    standard = Covering(
        id="t/o", title=Title(zh="o", en="o"), kind="presence", types=("village_clinic",), ownership=("collective",)
    )
    unknown = evaluate(world_of([[10.0]], facilities=facilities_at([0, 0], ["", ""])), standard.criteria()).criteria[0]
    known = evaluate(
        world_of([[10.0]], facilities=facilities_at([0, 0], ["", "private"])), standard.criteria()
    ).criteria[0]
    assert (unknown.state, unknown.missing) == ("no data", ("ownership",))
    assert known.state == "computed"


def test_a_limit_is_inclusive_to_the_millimetre() -> None:
    facilities = facilities_at([0], [""])
    world = world_of([[10.0, 10.0]], facilities=facilities)
    # the second point lies 0.001 degree east of the clinic: its geodesic distance, by pyproj
    mm = round(pyproj.Geod(ellps="WGS84").inv(117.0, 35.0, 117.001, 35.0)[2] * 1000)
    exact = evaluate(world, [radius(mm / 1e6)]).criteria[0]
    below = evaluate(world, [radius((mm - 1) / 1e6)]).criteria[0]
    assert exact.criterion.limit == mm
    assert exact.piece_covered.tolist() == [True, True]
    assert below.piece_covered.tolist() == [True, False]


def test_a_band_tells_who_is_within_its_lower_end() -> None:
    world = world_of([[10.0, 20.0, 40.0]], facilities=facilities_at([0], [""]))  # 0, about 91 and about 182 m away
    band = radius(0.15, preferred_km=0.05)
    entry = evaluate(world, [band]).criteria[0]
    summary = summarise(world, entry, count_people(world, entry), assumed_target=1.0)
    assert (summary.preferred_persons, summary.covered_persons, summary.persons) == (10.0, 30.0, 70.0)
    plain = evaluate(world, [radius(0.15)]).criteria[0]
    assert summarise(world, plain, count_people(world, plain), assumed_target=1.0).preferred_persons is None


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_maximal_covering_equals_exhaustive_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sites, groups, choose = int(rng.integers(1, 8)), int(rng.integers(1, 12)), int(rng.integers(1, 4))
    covers = rng.random((sites, groups)) < 0.35
    weight = rng.integers(1, 50, groups).astype(float)
    choose = min(choose, sites)
    found = maximal_covering(csr_array(covers.astype(float)), weight, choose)
    chosen = found.chosen
    best = max(weight[covers[list(c)].any(axis=0)].sum() for c in itertools.combinations(range(sites), choose))
    assert found.gap == 0
    assert len(chosen) <= choose
    assert weight[covers[chosen].any(axis=0)].sum() == best


@pytest.mark.parametrize(("fill", "west", "east"), [(0, 0, 1), (2, -2, 3), (3, -3, 4)])
def test_ground_without_people_is_drawn_like_the_nearest_cell_with_people(fill, west, east):
    """One row: a cell inside at column 0, one outside at column 7; within 3 cells column 3 takes after the first."""
    grid = Grid(pyproj.CRS.from_epsg(32650), Affine(1, 0, 0, 0, -1, 1), (1, 8))
    area = cells_area(grid, np.array([0, 7]), 1, np.array([True, False]), fill=fill)
    assert area.bounds[::2] == (west, east)
