"""Travel: more facilities, more minutes, more roads never make it worse, and the same road is as long from either end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from servicecircle.analysis.cover import covered
from servicecircle.analysis.evaluate import ReachCache
from servicecircle.travel.isochrones import cells_area
from servicecircle.travel.network import retimed
from servicecircle.travel.reach import Doors, Places, Reach, Search, State, network_reach
from servicecircle.travel.trace import trace

from .county import (
    ONE_WAY,
    TWO_WAY,
    Clinic,
    County,
    Road,
    both,
    counted,
    counties,
    examples,
    world_of,
)
from .test_people import world_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicecircle.analysis.stages import Prepared
    from servicecircle.travel.network import Network

DIRECTIONS = ("to_facility", "from_facility")
MEASURES = ("time", "road")
#: Largest differences seen, and verdicts that differed within their tolerance.
SEEN = {"p8 ms": 0.0, "p8 verdicts": 0, "p11 ms": 0.0}


def infinite(reach: Reach) -> np.ndarray:
    """Values as floats; what is not reached is infinitely far."""
    return np.where(reach.state == State.REACHED, reach.value.astype(float), np.inf)


def searched(
    prepared: Prepared, *, network: Network | None = None, **options: object
) -> Iterator[tuple[tuple[str, str, str], Reach]]:
    """Every mode, direction and measure, to all facilities."""
    world = prepared.world
    doors = world.doors(np.arange(len(world.facilities)))
    for mode in world.modes.values():
        for direction in DIRECTIONS:
            for measure in MEASURES:
                search = Search(network or world.network, mode, direction=direction, measure=measure)
                yield (mode.id, direction, measure), network_reach(search, world.demand_places, doors, world.walk)


# --- P2: more minutes ---------------------------------------------------------------------------------------------------


@examples(500)
@given(counties(), st.floats(0.1, 1.0))
def test_p02_a_shorter_limit_covers_no_more(county: County, share: float) -> None:
    """covered(t1) is part of covered(t2) for t1 <= t2, point by point and in people, exactly.

    And so is the isochrone, to 1 m on the ground (where people live on a raster: it is made of their cells).
    """
    prepared = world_or_none(county)
    world, cache = prepared.world, ReachCache(prepared.world)
    for criterion in prepared.criteria:
        if criterion.measure == "presence":
            continue
        reach = cache.get(world.facility_rows(criterion), criterion)
        short, long = (covered(reach, limit) for limit in (int(criterion.limit * share), criterion.limit))
        assert not (short & ~long).any()
        assert not (covered(reach, criterion.limit - 1) & ~long).any()
        point = world.demand.piece_point
        assert world.demand.piece_persons[short[point]].sum() <= world.demand.piece_persons[long[point]].sum()
        if world.demand.grid is not None:
            demand, fill = world.demand, 3 * world.demand.per_side
            inner, outer = (
                cells_area(demand.grid, demand.cell, demand.per_side, held, fill=fill) for held in (short, long)
            )
            assert inner.difference(outer.buffer(1.0)).is_empty


# --- P3: one facility more, one less -------------------------------------------------------------------------------------


@examples(500)
@given(counties(), st.integers(-150, 750), st.integers(-150, 750), st.sampled_from(("a", "f2x", "z")))
def test_p03_one_facility_more(county: County, x: int, y: int, name: str) -> None:
    """Never lowers anybody's coverage nor raises anybody's time; and so one less never the reverse. Exactly."""
    added = replace(county, facilities=(*county.facilities, Clinic(name, float(x), float(y))))
    less, more = world_or_none(county), world_of(added)
    (before, few), (after, many) = both(less), both(more)
    for key in before:
        assert (infinite(after[key]) <= infinite(before[key])).all(), key
    for key in few:
        assert (many[key].covered >= few[key].covered - 1e-9).all(), key
        assert many[key].persons.tolist() == few[key].persons.tolist()


# --- P5: there, there and back, by way of --------------------------------------------------------------------------------


def between_nodes(search: Search) -> np.ndarray:
    """Costs between all nodes, [to, from] in the words of the search."""
    nodes = len(search.network.node_id)
    return np.array([search.run(np.array([k]), np.array([0]), 1) for k in range(nodes)])


@examples(500)
@given(counties())
def test_p05_by_way_of_a_third_place_is_no_shorter(county: County) -> None:
    """Between nodes, on whole milliseconds: t(a,c) <= t(a,b) + t(b,c), and t(a,a) = 0, exactly.

    Not door to door, by design: whoever goes to b pays the access legs of b twice and may use only the 8 nearest roads
    of each place (design section 9), so a to c may cost more than the two trips with b's legs taken off.
    """
    prepared = world_or_none(county)
    world = prepared.world
    for mode in world.modes.values():
        for measure in MEASURES:
            time = between_nodes(Search(world.network, mode, direction="to_facility", measure=measure))
            assert (np.diag(time) == 0).all()
            by_way = (time[:, :, None] + time[None, :, :]).min(axis=1)
            assert (time <= by_way).all()


@examples(500)
@given(counties(kinds=(*TWO_WAY, *TWO_WAY, {"highway": "steps"})))
def test_p05_there_and_back(county: County) -> None:
    """Without one-way roads every trip costs the same both ways, between nodes and door to door, exactly.

    Door to door where no wall stands: walls yield for facilities and for nobody else (design section 9).
    """
    county = replace(county, barriers=tuple(line for line in county.barriers if line[0] != "wall"))
    prepared = world_or_none(county)
    world = prepared.world
    lon, lat = world.facilities["lon"].to_numpy(), world.facilities["lat"].to_numpy()
    ends = Places(lon, lat, prepared.finder.find(lon, lat, world.modes))
    for mode in world.modes.values():
        search = Search(world.network, mode, direction="to_facility", measure="time")
        nodes = between_nodes(search)
        assert np.array_equal(nodes, nodes.T)
        there = np.array(
            [infinite(network_reach(search, ends, one_door(ends, k), world.walk)) for k in range(len(lon))]
        )
        assert np.array_equal(there, there.T)


def one_door(places: Places, row: int) -> Doors:
    return Doors(places, np.array([row]), np.array([0]), 1)


@examples(500)
@given(counties(), st.integers(0, 10**6))
def test_p05_a_place_to_itself(county: County, pick: int) -> None:
    """From a place to itself: nothing for those who may walk straight; else both legs of its nearest road at most.

    One leg of the nearest road, walked twice, is the trip that goes nowhere on the road itself.
    """
    prepared = world_or_none(replace(county, barriers=()))
    world = prepared.world
    demand = world.demand_places
    row = pick % world.demand.points
    for mode in world.modes.values():
        for direction in DIRECTIONS:
            search = Search(world.network, mode, direction=direction, measure="time")
            reach = network_reach(search, demand, one_door(demand, row), world.walk)
            access = demand.access[mode.id]
            legs = search.leg(access.leg_mm[access.point == row])
            if mode.straight_walking:
                assert reach.value[row] == 0
            elif len(legs):
                # two roads that meet may be cheaper by a hair than the same leg twice, never dearer
                assert reach.state[row] == State.REACHED
                assert 0 <= reach.value[row] <= 2 * legs.min()
                assert reach.value[row] >= 2 * legs.min() - 2 or len(legs) > 1
            else:
                assert reach.state[row] == State.UNATTACHED


# --- P8: faster and nearer ------------------------------------------------------------------------------------------------


def pieces_of(prepared: Prepared, search: Search, point: int, doors: Doors) -> int:
    """Pieces of a trip that are rounded on their own: every edge (or part of one) and two legs, at most."""
    trip = trace(search, prepared.world.demand_places, point, doors, prepared.world.walk)
    assert trip is not None
    cost, before = search.run_with_path(*seeds_of(search, doors))
    here, most = 0, 0
    for start in range(len(before)):
        here, count = start, 0
        while 0 <= before[here] < len(before):
            here, count = int(before[here]), count + 1
        most = max(most, count if np.isfinite(cost[start]) else 0)
    return 2 + (0 if trip.straight else most + 2)


def seeds_of(search: Search, doors: Doors) -> tuple[np.ndarray, np.ndarray]:
    access = doors.places.access[search.mode.id]
    seeds = search.ends(access, np.arange(len(access.point)), at_door=True)
    return seeds.node, seeds.value


@examples(200)
@given(counties(kinds=TWO_WAY + ONE_WAY), st.sampled_from((0.5, 1.5, 2.0, 3.0)))
def test_p08_k_times_as_fast(county: County, k: float) -> None:
    """Speeds x k: times / k within half a millisecond per rounded piece before and after; the same with limits / k.

    Posted limits are left out: they cap a speed that is k times as high.
    """
    county = replace(
        county, roads=tuple(replace(r, tags={t: v for t, v in r.tags.items() if t != "maxspeed"}) for r in county.roads)
    )
    prepared = world_or_none(county)
    world = prepared.world
    doors = world.doors(np.arange(len(world.facilities)))
    for mode in world.modes.values():
        fast = mode.changed(
            speed_kmh=None if mode.speed_kmh is None else mode.speed_kmh * k,
            class_speed_kmh={name: kmh * k for name, kmh in mode.class_speed_kmh.items()},
            factor=mode.factor * k,
            access_kmh=mode.access_kmh * k,
            near_access_kmh=mode.near_access_kmh * k,
        )
        network = retimed(world.network, [fast])
        slow_search = Search(world.network, mode, direction="to_facility", measure="time")
        fast_search = Search(network, fast, direction="to_facility", measure="time")
        slow, quick = (network_reach(s, world.demand_places, doors, world.walk) for s in (slow_search, fast_search))
        assert np.array_equal(slow.state, quick.state)
        reached = np.flatnonzero(slow.state == State.REACHED)
        apart = np.abs(slow.value[reached] / k - quick.value[reached])
        for point in reached[apart > 1.0].tolist():
            most = max(pieces_of(prepared, s, point, doors) for s in (slow_search, fast_search))
            assert abs(slow.value[point] / k - quick.value[point]) <= 0.5 * (1 + 1 / k) * most
        SEEN["p8 ms"] = max(SEEN["p8 ms"], float(apart.max(initial=0.0)))
        for limit in (60_000, 126_000, 300_000):
            differ = covered(slow, limit) != covered(quick, round(limit / k))
            SEEN["p8 verdicts"] += int(differ.sum())
            near = np.abs(slow.value[differ] - limit) <= k * (apart.max(initial=0.0) + 1)
            assert near.all()


@examples(200)
@given(counties(), st.sampled_from((2, 3, 7)))
def test_p08_k_times_as_long_and_as_fast(county: County, k: int) -> None:
    """Lengths x k and speeds x k: the same times, exactly but for a half that rounds the other way (1 ms a piece).

    The lengths are those of the network and its legs, in whole millimetres: a county drawn k times as large is not k
    times as long on the ellipsoid. Straight walks are left out, whose length is taken from the places.
    """
    prepared = world_or_none(county)
    world = prepared.world
    doors = world.doors(np.arange(len(world.facilities)))
    for name, mode in world.modes.items():
        plain = mode.changed(straight_walking=False)
        fast = plain.changed(
            speed_kmh=None if mode.speed_kmh is None else mode.speed_kmh * k,
            class_speed_kmh={cls: kmh * k for cls, kmh in mode.class_speed_kmh.items()},
            factor=mode.factor * k,
            access_kmh=mode.access_kmh * k,
            near_access_kmh=mode.near_access_kmh * k,
            near_access_m=mode.near_access_m * k,
        )
        longer = retimed(replace(world.network, mm=world.network.mm * k), [fast])
        people, ends = (stretched(places, name, k) for places in (world.demand_places, doors.places))
        one = network_reach(
            Search(world.network, plain, direction="to_facility", measure="time"),
            world.demand_places,
            doors,
            world.walk,
        )
        other = network_reach(
            Search(longer, fast, direction="to_facility", measure="time"),
            people,
            replace(doors, places=ends),
            world.walk,
        )
        assert np.array_equal(one.state, other.state)
        reached = one.state == State.REACHED
        assert (
            np.abs(one.value[reached].astype(int) - other.value[reached].astype(int)).max(initial=0)
            <= world.network.size + 2
        )


def stretched(places: Places, mode: str, k: int) -> Places:
    access = places.access[mode]
    longer = replace(access, leg_mm=access.leg_mm * k, from_start_mm=access.from_start_mm * k)
    return replace(places, access={mode: longer})


# --- P11, second half: a road split in two ------------------------------------------------------------------------------------


@examples(200)
@given(counties(kinds=TWO_WAY + ONE_WAY, most_roads=3, simple=True, barriers=False), st.integers(0, 100))
def test_p11_a_road_split_at_a_node(county: County, pick: int) -> None:
    """Two ways instead of one, at a node of it: times between nodes within half a unit per edge, both ways.

    Door to door nothing gets longer, but it may get shorter, by design: a place has one leg per edge (to the nearest
    spot of it) and a split edge gives it two, of which the second may lead nearer to where it is going (design section
    9; a road that bends around a village shows it). With more than 8 edges the choice of 8 may lose a farther road: such
    counties are left out. Without barriers: whether a leg ends where its road meets one is asked of the edge.
    """
    long = [road for road in county.roads if len(road.nodes) > 2]
    assume(long)
    road = long[pick % len(long)]
    at = 1 + pick % (len(road.nodes) - 2)
    halves = (replace(road, nodes=road.nodes[: at + 1]), Road(900, road.nodes[at:], road.tags))
    split = replace(county, roads=(*(r for r in county.roads if r is not road), *halves))
    one, other = world_or_none(county), world_of(split)
    before, after = one.world.network, other.world.network
    assume(max(before.size, after.size) <= 8)
    # every edge of both networks is rounded once, and every part of one at either end of a trip
    most = 0.5 * (before.size + after.size + 8)
    same = np.searchsorted(after.node_id, before.node_id)
    assert (after.node_id[same] == before.node_id).all()
    for mode in one.world.modes.values():
        for measure in MEASURES:
            left, right = (
                between_nodes(Search(n, mode, direction="to_facility", measure=measure)) for n in (before, after)
            )
            right = right[np.ix_(same, same)]
            assert np.array_equal(np.isfinite(left), np.isfinite(right))
            finite = np.isfinite(left)
            apart = np.abs(left[finite] - right[finite]).max(initial=0.0)
            SEEN["p11 ms"] = max(SEEN["p11 ms"], float(apart))
            assert apart <= most
    for (key, whole), (_, cut) in zip(searched(one), searched(other), strict=True):
        assert (infinite(cut) <= infinite(whole) + most).all(), key
    left_people, right_people = counted(one), counted(other)
    for key in left_people:
        assert np.allclose(left_people[key].persons, right_people[key].persons, rtol=1e-9)


# --- P13: the other way round ------------------------------------------------------------------------------------------------

TURNED = {"yes": "-1", "-1": "yes"}


@examples(200)
@given(counties(kinds=TWO_WAY + ONE_WAY + ONE_WAY))
def test_p13_reversed_one_way_roads(county: County) -> None:
    """All one-way signs turned and the other direction of travel: the same times, exactly."""
    roads = tuple(
        replace(r, tags={t: TURNED.get(v, v) if t.startswith("oneway") else v for t, v in r.tags.items()})
        for r in county.roads
    )
    one, other = world_or_none(county), world_of(replace(county, roads=roads))
    turned = dict(searched(other))
    for (mode, direction, measure), reach in searched(one):
        back = turned[mode, DIRECTIONS[1 - DIRECTIONS.index(direction)], measure]
        assert np.array_equal(reach.state, back.state)
        assert np.array_equal(reach.value, back.value)


# --- P14: one road less -------------------------------------------------------------------------------------------------------


@examples(300)
@given(counties(), st.integers(0, 1000))
def test_p14_one_edge_less(county: County, pick: int) -> None:
    """Removing an edge never lowers a time, adding it again never raises one; exactly.

    Door to door with access legs held: legs are sought anew in a study, and with one road less, another may come into
    the choice of 8 (design section 9) or a piece may become too small to attach to.
    """
    prepared = world_or_none(county)
    net = prepared.world.network
    assume(net.size > 0)
    edge = np.arange(net.size) == pick % net.size
    closed = {name: replace(m, forward=m.forward & ~edge, backward=m.backward & ~edge) for name, m in net.modes.items()}
    less = replace(net, modes=closed)
    for (key, full), (_, cut) in zip(searched(prepared), searched(prepared, network=less), strict=True):
        assert (infinite(full) <= infinite(cut)).all(), key
    for mode in prepared.world.modes.values():
        whole, cut = (between_nodes(Search(n, mode, direction="from_facility", measure="time")) for n in (net, less))
        assert (whole <= cut).all()


# --- P15: the same facility twice ------------------------------------------------------------------------------------------------


@examples(200)
@given(counties(), st.sampled_from(("a", "f1b", "z")))
def test_p15_a_facility_listed_twice(county: County, name: str) -> None:
    """Under another id at the same place: times, states and coverage stay, exactly; only names of facilities change.

    A presence counts facilities of a unit and is no question of coverage: it counts two.
    """
    twin = replace(county.facilities[0], id=name)
    one, other = world_or_none(county), world_of(replace(county, facilities=(*county.facilities, twin)))
    (before, few), (after, many) = both(one), both(other)
    for key in before:
        assert np.array_equal(before[key].value, after[key].value)
        assert np.array_equal(before[key].state, after[key].state)
    for key in few:
        assert few[key].covered.tolist() == many[key].covered.tolist() or key.endswith("presence")


def test_some_trips_are_made() -> None:
    """A check of the checks: the counties above have trips by road, by leg alone, and none."""
    states: set[int] = set()
    by_road = 0

    @examples(400)
    @given(counties(raster=True))
    def look(county: County) -> None:
        nonlocal by_road
        prepared = world_or_none(county)
        for _, reach in searched(prepared):
            states.update(reach.state.tolist())
        reach = dict(searched(prepared))["drive", "to_facility", "road"]
        by_road += int((reach.state == State.REACHED).sum())

    look()
    assert {0, 1, 2} <= states
    assert by_road > 100


def test_p99_figures(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nlargest differences seen: {SEEN}")
