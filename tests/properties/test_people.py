"""People: nobody is lost, nobody counted twice, whatever the order, the scale, the borders or the place."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from servicecircle import flow
from servicecircle.analysis.evaluate import ReachCache, evaluate_rows
from servicecircle.inputs.counts import UnitCounts
from servicecircle.outputs.tables import csv_bytes
from servicecircle.travel.reach import State
from tests.small_study import Facility, People, SmallStudy, circle, radius, way
from tests.small_study import Unit as DrawnUnit

from .county import (
    Clinic,
    County,
    Road,
    Unit,
    box,
    counted,
    counties,
    examples,
    inputs_of,
    outcome,
    prepare,
    run,
    world_of,
)

if TYPE_CHECKING:
    from servicecircle.analysis.stages import Prepared

#: Sums of float64 (section 3 of the promises).
PEOPLE = 1e-9
#: exactextract keeps 24 bits of a share: its own limit, of the people of a cell that is cut.
SHARES = 1e-6
#: Largest gaps seen, for the figures that are published; printed when the module is done.
SEEN = {"gap": 0.0, "counties": 0, "refused": 0}


def close(one: float, other: float, share: float = PEOPLE) -> bool:
    return abs(one - other) <= share * max(abs(one), abs(other), 1.0)


# --- P1: conservation ----------------------------------------------------------------------------------------------------


def raw_people(county: County) -> float:
    """Everybody of the file, summed without the package."""
    values = county.people[:, 2] if county.points else county.people[~np.isnan(county.people)]
    return math.fsum(values.tolist())


@examples(500)
@given(counties(), st.booleans(), st.integers(0, 1000))
def test_p01_nobody_is_lost(county: County, census: bool, seed: int) -> None:
    """The window, the census and every measure close; no sum of the package stands on both sides."""
    inputs, study = inputs_of(county), county.study()
    total = raw_people(county)
    try:
        if census and county.areal:
            rng = np.random.default_rng(seed)
            told = [unit.id for unit in county.units if rng.random() < 0.8]
            persons = np.round(rng.gamma(1.0, 300.0, len(told)), 1)
            counted_units = {name: k for k, name in enumerate(told)}
            if told:
                inputs = replace(inputs, counts=UnitCounts("census.csv", tuple(told), persons, counted_units, (), ()))
        result = outcome(prepare(study, inputs))
    except flow.StudyError as error:
        # nobody in any unit, or a census that counts many where nobody lives: refused, not counted wrongly
        keys = {one.key for one in error.problems}
        assert keys <= {"flow.nobody_in_units", "calibrate.most_not_placed"}, error  # noqa: PT017
        SEEN["refused"] += 1
        return
    demand = result.world.demand
    assert close(demand.window_persons, total)
    raw = math.fsum(demand.piece_persons) if demand.calibration is None else demand.calibration.raw_persons
    assert close(raw + demand.outside_persons, total)
    for line in result.lines:
        SEEN["gap"] = max(SEEN["gap"], line.gap)
        assert line.gap <= PEOPLE, line
    SEEN["counties"] += 1
    # a block is no village: nobody asks whether one has a clinic
    block = (result.world.units["basis"] == "block").to_numpy()[demand.piece_unit]
    for key, table in result.tables.items():
        summary = result.by_key[key]
        inside = math.fsum(demand.piece_persons[~block] if key.endswith("presence") else demand.piece_persons)
        assert summary.state == "computed" or (block.all() and summary.missing == ("units",))
        assert close(summary.persons, inside)
        states = ("covered", "later", "unreachable", "unattached", "no_facility")
        if summary.state != "computed":
            continue
        parts = [math.fsum(table[f"{name}_persons"]) for name in states]
        assert close(math.fsum(parts), inside)
        assert close(summary.covered_persons, parts[0])
        assert ((table["covered_persons"] + table["uncovered_persons"]) - table["persons"]).abs().max() <= PEOPLE * max(
            1.0, inside
        )
    assert (demand.piece_persons >= 0).all()


# --- P4: union ------------------------------------------------------------------------------------------------------------


@examples(300)
@given(counties(), st.integers(0, 2**6 - 1))
def test_p04_two_sets_together_cover_whom_either_covers(county: County, chosen: int) -> None:
    """Piece by piece, and so their people, exactly."""
    prepared = world_or_none(county)
    world = prepared.world
    cache = ReachCache(world)
    for criterion in prepared.criteria:
        if criterion.measure == "presence":
            continue  # a presence counts facilities in a unit: two sets are judged by their sum, not each
        rows = world.facility_rows(criterion)
        first = rows[[bool(chosen >> k & 1) for k in range(len(rows))]]
        second = np.setdiff1d(rows, first)
        a, b, both = (evaluate_rows(world, criterion, some, cache).piece_covered for some in (first, second, rows))
        assert np.array_equal(both, a | b), criterion.key
        people = world.demand.piece_persons
        assert people[both].sum() == people[a | b].sum()


def world_or_none(county: County) -> Prepared:
    """Prepare a county; leave out those where nobody lives in any unit, which are refused."""
    try:
        return world_of(county)
    except flow.StudyError as error:
        assert [one.key for one in error.problems] == ["flow.nobody_in_units"]  # noqa: PT017
        assume(False)
        raise


# --- P6: order ------------------------------------------------------------------------------------------------------------


def shuffled(county: County, seed: int) -> County:
    """The same county with every row, layer, node and way in another order; nodes and ways have other numbers too.

    Numbers of ways keep their order: which of two equally near roads a leg ends on goes by the number of the way
    (design section 9), and that is a fact of the file, not of its order.
    """
    rng = random.Random(seed)
    names = sorted(county.nodes)
    numbers = dict(zip(names, rng.sample(range(1, 10**6), len(names)), strict=True))
    nodes = [(numbers[k], county.nodes[k]) for k in names]
    roads = [replace(road, id=road.id * 17, nodes=tuple(numbers[n] for n in road.nodes)) for road in county.roads]
    people = county.people
    if county.points:
        people = people[rng.sample(range(len(people)), len(people))]
    parts = [nodes, roads, list(county.units), list(county.facilities), list(county.barriers)]
    for part in parts:
        rng.shuffle(part)
    nodes, roads, units, facilities, barriers = parts
    return replace(
        county,
        people=people,
        nodes=dict(nodes),
        roads=tuple(roads),
        units=tuple(units),
        facilities=tuple(facilities),
        barriers=tuple(barriers),
    )


@examples(300)
@given(counties(), st.integers(0, 10**6))
def test_p06_order_does_not_matter(county: County, seed: int) -> None:
    """Byte-equal tables. People at points are summed in the order of their ids, which the shuffle keeps by place."""
    if county.points:  # ids go by row here: the shuffle would give people other ids, and sums another order
        county = replace(county, people=np.column_stack((county.people[:, :2], np.rint(county.people[:, 2]) + 1.0)))
    one = outcome(world_or_none(county))
    other = run(shuffled(county, seed))
    assert one.bytes() == other.bytes()
    left, right = one.world.network, other.world.network
    assert np.array_equal(left.way * 17, right.way)
    assert np.array_equal(left.mm, right.mm)
    assert csv_bytes("facilities", facility_table(one)) == csv_bytes("facilities", facility_table(other))


def facility_table(result):
    """Facilities as the list of facilities shows them, row numbers aside."""
    from servicecircle.assemble import _facilities

    frame = _facilities(result.prepared)
    table = frame.drop(columns="geometry").assign(row=0)
    return table.assign(lon=frame.geometry.x, lat=frame.geometry.y) if "lon" in table_columns() else table


def table_columns() -> set[str]:
    from servicecircle.outputs.tables import TABLES

    return {column.name for column in TABLES["facilities"]}


@examples(20)
@given(seed=st.integers(0, 10**6))
def test_p06_order_of_files(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Through files once: rows of facilities, people at points and units in another order (a few: each takes 0.2 s).

    OSM files are sorted by type and number by definition; one that is not is refused by osmium ("out of order").
    """
    rng = random.Random(seed)
    units = [DrawnUnit(f"u{k}", (200.0 * k, 0, 200.0 * (k + 1), 300), "T") for k in range(3)]
    ways = [way((0, 50), (300, 50), (600, 50), highway="residential"), way((300, 50), (300, 250), highway="footway")]
    spots = [(rng.uniform(0, 600), rng.uniform(0, 300)) for _ in range(4)]
    people = [
        People(30.0 + 90 * c, 40.0 + 90 * r, rng.choice((0.0, 3.5, 40.0)) + 0.1, f"p{c}{r}")
        for c in range(6)
        for r in range(3)
    ]
    records = [circle(3, "walk", name="walk"), radius(0.2, name="straight")]
    results = []
    for turn in (0, 1):
        facilities = [Facility(x, y) for x, y in spots]
        study = SmallStudy(
            units=units if not turn else units[::-1],
            facilities=facilities,
            standards=records,
            people=people,
            ways=ways,
        )
        folder = tmp_path_factory.mktemp("order")
        written = study.write(folder)
        if turn:
            for name in ("facilities.csv", "people.csv"):
                head, *rows = (folder / name).read_text(encoding="utf-8").splitlines()
                rng.shuffle(rows)
                (folder / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        results.append(outcome(flow.prepare(written)).bytes())
    assert results[0] == results[1]


# --- P7: k times the people -----------------------------------------------------------------------------------------------


@examples(200)
@given(counties(), st.sampled_from((2.0, 0.5, 3.0, 7.3, 1e-3, 1e6)))
def test_p07_k_times_the_people(county: County, k: float) -> None:
    """Every count is k times as large and no percentage changes (1e-12).

    ``any``, ``every``, ``short`` ask for half a person or thirty: they are counts, and change by design.
    """
    scale = np.array([1.0, 1.0, k]) if county.points else k
    one, other = outcome(world_or_none(county)), run(replace(county, people=county.people * scale))
    for key, table in one.tables.items():
        again = other.tables[key]
        for column in [name for name in table if name.endswith("_persons") or name == "persons"]:
            left, right = table[column].astype(float) * k, again[column].astype(float)
            assert np.allclose(left, right, rtol=1e-12, atol=1e-12 * k, equal_nan=True), (key, column)
        assert np.allclose(table["share_covered"], again["share_covered"], rtol=1e-12, atol=1e-15, equal_nan=True)
        assert (table["nearest_id"] == again["nearest_id"]).all()
        assert np.array_equal(table["p50"], again["p50"], equal_nan=True)
        share = one.by_key[key].share_covered
        assert (share is None) == (other.by_key[key].share_covered is None)
        assert share is None or share == pytest.approx(other.by_key[key].share_covered, rel=1e-12)


# --- P11, first half: districts ------------------------------------------------------------------------------------------------


@examples(200)
@given(counties(raster=True, areal=True), st.floats(0.05, 0.95), st.booleans(), st.booleans())
def test_p11_a_district_split_in_two(county: County, at: float, upright: bool, aligned: bool) -> None:
    """A district cut in two along any line: the same people in both together, and the same people covered.

    Along cell borders to 1e-9. A line through cells makes two shares of 24 bits each (exactextract): to 1e-6, unless
    all of a cell lies in units, whose shares sum to 1 again, exactly.
    """
    unit = county.units[0]
    west, south, east, north = unit.shape.bounds
    low, high = (west, east) if upright else (south, north)
    place = low + at * (high - low)
    if aligned:
        place = round(place / county.cell_m) * county.cell_m
    halves = [box(west, south, place, north), box(place, south, east, north)] if upright else [
        box(west, south, east, place), box(west, place, east, north)]  # fmt: skip
    parts = [unit.shape.intersection(half) for half in halves]
    assume(all(part.geom_type == "Polygon" and part.area > 1.0 for part in parts))
    split = tuple(replace(unit, id=f"{unit.id}{name}", shape=part) for name, part in zip("ab", parts, strict=True))
    prepared, apart = world_or_none(county), world_of(replace(county, units=(*split, *county.units[1:])))
    before, after = counted(prepared), counted(apart)
    total = math.fsum(prepared.world.demand.piece_persons)
    # a slice thinner than a millionth of a cell is no land to exactextract
    assert close(total, math.fsum(apart.world.demand.piece_persons), SHARES)
    own = [list(prepared.world.units["id"]).index(unit.id)]
    pair = [list(apart.world.units["id"]).index(part.id) for part in split]
    whole = np.isclose(prepared.world.demand.inside_persons(), prepared.world.demand.persons, rtol=1e-12).all()
    for key in before:
        if key.endswith("presence"):
            continue  # a half without the facility has none of its own
        for name in ("persons", "covered", "uncovered"):
            left, right = getattr(before[key], name), getattr(after[key], name)
            assert abs(math.fsum(left[own]) - math.fsum(right[pair])) <= SHARES * max(1.0, total), (key, name)
            if whole:
                assert close(math.fsum(left), math.fsum(right), PEOPLE), (key, name)


# --- P12: shift ------------------------------------------------------------------------------------------------------------


@examples(200)
@given(counties(raster=True), st.integers(-40, 40), st.integers(-40, 40))
def test_p12_a_shift_by_whole_cells(county: County, columns: int, rows: int) -> None:
    """On a projected grid everything moves by whole cells: people to 1e-9, place by place.

    Lengths are geodesic and the scale of a projection differs from place to place (here 4 km change a metre by at most
    2e-5), so a time may change by that share and half a millisecond per piece, and nobody may change a verdict who is
    not that near the limit.
    """
    moved = replace(
        county, origin=(county.origin[0] + columns * county.cell_m, county.origin[1] + rows * county.cell_m)
    )
    one, other = world_or_none(county), world_of(moved)
    a, b = one.world.demand, other.world.demand
    assert np.array_equal(a.cell, b.cell)
    assert np.array_equal(a.piece_point, b.piece_point)
    assert close(a.window_persons, b.window_persons)
    # the corner of a border is stored in degrees: a share moves by its last bits, and exactextract keeps 24
    assert np.abs(a.piece_persons - b.piece_persons).max() <= SHARES * max(1.0, a.persons.max())
    assert close(math.fsum(a.piece_persons) + a.outside_persons, math.fsum(b.piece_persons) + b.outside_persons)
    assert np.array_equal(units_of_pieces(one), units_of_pieces(other))


@examples(200)
@given(counties(raster=True), st.integers(-200, 200))
def test_p12_a_turn_around_the_axis(county: County, steps: int) -> None:
    """Turned around the axis of the earth every length stays: all numbers do, times to a millisecond per piece."""
    grid = replace(county, crs="+proj=tmerc +lat_0=35 +lon_0=117 +k=1 +datum=WGS84 +units=m", origin=(-300.0, -300.0))
    lon = round(117 + steps * 0.05, 2)
    turned = replace(grid, crs=f"+proj=tmerc +lat_0=35 +lon_0={lon} +k=1 +datum=WGS84 +units=m")
    one, other = world_or_none(grid), world_of(turned)
    a, b = one.world.demand, other.world.demand
    assert np.abs(a.piece_persons - b.piece_persons).max() <= SHARES * max(1.0, a.persons.max())
    cache, again = ReachCache(one.world), ReachCache(other.world)
    for criterion in one.criteria:
        if criterion.measure == "presence":
            continue
        left, right = (
            c.get(w.facility_rows(criterion), criterion) for c, w in ((cache, one.world), (again, other.world))
        )
        assert np.array_equal(left.state, right.state), criterion.key
        reached = left.state == State.REACHED
        pieces = one.world.network.size + 2
        assert np.abs(left.value[reached].astype(int) - right.value[reached].astype(int)).max(initial=0) <= pieces


def units_of_pieces(prepared: Prepared) -> np.ndarray:
    """Unit of each piece by its id; blocks are numbered by place and have none."""
    ids = np.array([one if not one.startswith("block:") else "block" for one in prepared.world.units["id"]])
    return ids[prepared.world.demand.piece_unit]


# --- P16: a facility nobody can use --------------------------------------------------------------------------------------------


@examples(200)
@given(counties(), st.integers(30, 60), st.sampled_from(("a0", "f2a", "zz")))
def test_p16_a_facility_on_empty_land(county: County, km: int, name: str) -> None:
    """On land without people, roads or units, far away, it changes no byte of any table: whatever its id."""
    added = replace(county, facilities=(*county.facilities, Clinic(name, 1000.0 * km, 1000.0 * km)))
    assert outcome(world_or_none(county)).bytes() == run(added).bytes()


# --- P17: coarser cells ---------------------------------------------------------------------------------------------------------


def coarser(people: np.ndarray) -> np.ndarray:
    rows, columns = people.shape
    blocks = np.nan_to_num(people).reshape(rows // 2, 2, columns // 2, 2)
    return blocks.sum(axis=(1, 3))


@examples(200)
@given(counties(raster=True, areal=True, even=True), st.lists(st.integers(1, 5), max_size=2, unique=True))
def test_p17_cells_of_twice_the_side(county: County, cuts: list[int]) -> None:
    """Districts along the borders of the coarse cells keep their people to 1e-9.

    A border through a cell shares it by area: the people of a district then depend on how coarse the cells are, by
    design; with evenly spread people they do not, but for the 24 bits of exactextract (the second half).
    """
    height, width = (n * county.cell_m for n in county.people.shape)
    step = 2 * county.cell_m
    lines = [0.0, *(x for x in sorted(c * step for c in cuts) if x < width), width]
    units = tuple(Unit(f"u{k}", box(a, 0, b, height)) for k, (a, b) in enumerate(pairwise(lines)))
    fine = replace(county, units=units)
    coarse = replace(fine, people=coarser(county.people), cell_m=step)
    a, b = counted(world_or_none(fine)), counted(world_of(coarse))
    for key in a:
        assert np.allclose(a[key].persons, b[key].persons, rtol=PEOPLE, atol=PEOPLE)
    # a slanted border cuts the lower half of a coarse cell as it cuts the fine ones only where they are spread evenly
    even = np.repeat(np.repeat(coarser(county.people) / 4, 2, axis=0), 2, axis=1)
    assume((even > 0).any())
    one, other = (
        world_or_none(replace(county, **new)) for new in ({"people": even}, {"people": coarser(even), "cell_m": step})
    )
    left, right = (
        np.bincount(w.world.demand.piece_unit, weights=w.world.demand.piece_persons, minlength=len(county.units))
        for w in (one, other)
    )
    assert np.abs(left - right).max() <= 4 * SHARES * max(1.0, even.sum())


def test_a_covered_county_has_nobody_uncovered() -> None:
    """A check of the checks: the invariants above are not true because nothing is ever covered."""
    people = np.full((3, 3), 10.0)
    roads = (Road(1, (1, 2), {"highway": "residential"}),)
    units = (Unit("u", box(0, 0, 300, 300)),)
    county = County(people, units, {1: (0.0, 150.0), 2: (300.0, 150.0)}, roads, (Clinic("f", 150.0, 150.0),))
    persons = {key: (c.persons.sum(), c.covered.sum()) for key, c in counted(world_of(county)).items()}
    assert persons["t/straight/straight"] == (90.0, 90.0)


def test_p99_figures(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\nlargest conservation gap {SEEN['gap']:.3g} over {SEEN['counties']} counties ({SEEN['refused']} refused)"
        )
