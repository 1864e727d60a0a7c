"""The fast door to door equals the slow one: difference 0, same state and same facility, in every mode."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString

from .fast_barriers import ManyLegs
from .fast_legs import FastWorld, LegFinder
from .fast_travel import STATES, Answers, Traveller, straight_many
from .osm import MODES, Barriers, Way, World, read_world, world_from_ways
from .test_oracle_itself import CRS, ROAD, at, way, world
from .travel import demand_legs, door_to_door, facility_legs, straight

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
DIRECTIONS, MEASURES = ("to_facility", "from_facility"), ("time", "distance")

SORTS: tuple[dict[str, str], ...] = (
    ROAD, ROAD, ROAD, {**ROAD, "oneway": "yes"}, {"highway": "tertiary", "oneway": "-1"}, {"highway": "footway"},
    {"highway": "primary", "maxspeed": "30 mph"}, {"highway": "steps"}, {**ROAD, "bridge": "yes"},
    {"highway": "motorway"}, {"highway": "service", "access": "private"}, {"highway": "secondary", "oneway:foot": "yes"},
    {"highway": "track"}, {"highway": "residential", "oneway:bicycle": "-1"}, {"route": "ferry"},
)  # fmt: skip
LINES: tuple[dict[str, str], ...] = (
    {"waterway": "river"}, {"railway": "rail"}, {"barrier": "wall"}, {"natural": "coastline"},
)  # fmt: skip
AREAS: tuple[dict[str, str], ...] = ({"natural": "water"}, {"barrier": "wall"})


def random_ways(rng: np.random.Generator) -> list[Way]:
    """Roads on a shaken lattice, barriers through nodes and beside them, a lake or a walled yard."""
    side, step = 6, 75.0
    spots = {
        k: (step * (k % side) + rng.uniform(-20, 20), step * (k // side) + rng.uniform(-20, 20)) for k in range(36)
    }
    spots |= {100: spots[7], 101: spots[22]}  # edges of no length
    ways = []
    for number in range(int(rng.integers(2, 16))):
        nodes = rng.choice(list(spots), int(rng.integers(2, 6)), replace=False).tolist()
        if number % 3:  # along the lattice
            start = int(rng.integers(0, 30))
            nodes = [start + k for k in range(0, 36 - start, int(rng.choice([1, 6, 7])))][:5]
        if len(nodes) > 1:
            ways.append(way(number, [(n, *spots[n]) for n in nodes], SORTS[int(rng.integers(len(SORTS)))]))
    for number in range(int(rng.integers(0, 4))):
        tags = LINES[int(rng.integers(len(LINES)))]
        if number % 2:
            nodes = rng.choice(36, 3, replace=False).tolist()
            ways.append(way(200 + number, [(n, *spots[n]) for n in nodes], tags))
        else:
            a, b = rng.uniform(-50, 420, 2)
            ways.append(way(200 + number, [(900 + 2 * number, -60, a), (901 + 2 * number, 450, b)], tags))
    if rng.random() < 0.6:
        x, y, size = rng.uniform(0, 300), rng.uniform(0, 300), rng.uniform(30, 150)
        corners = [(950, x, y), (951, x + size, y), (952, x + size, y + size), (953, x, y + size), (950, x, y)]
        ways.append(way(300, corners, AREAS[int(rng.integers(2))]))
    return ways


def plain(found: Answers, ids: Sequence[str]) -> list[tuple[str, int | None, str | None]]:
    """Answers as the slow oracle gives them."""
    return [
        ("reached", int(v), ids[k]) if s == 0 else (STATES[s], None, None)
        for s, v, k in zip(found.state, found.value, found.facility, strict=True)
    ]


def compare(
    here: World, demand: np.ndarray, doors: np.ndarray, modes: Sequence[str], limit_m: float = 1000,
    ways_to_ask: Sequence[tuple[str, str]] = tuple((d, m) for d in DIRECTIONS for m in MEASURES),
) -> dict[str, int]:  # fmt: skip
    """Assert equality of every answer; count the states."""
    ids = [f"f{(7 * k) % len(doors)}" if len(doors) % 7 else f"f{k}" for k in range(len(doors))]
    traveller = Traveller(FastWorld(here), limit_m=limit_m)
    points, places = traveller.demand(demand, modes), traveller.doors(doors, modes)
    states = dict.fromkeys(STATES, 0)
    for mode in modes:
        for direction, measure in ways_to_ask:
            fast = plain(traveller.reach(points, places, ids, mode, direction=direction, measure=measure), ids)
            slow = door_to_door(
                here, demand.tolist(), doors.tolist(), ids, mode, direction=direction, measure=measure, limit_m=limit_m
            )
            assert fast == slow
            for state, _, _ in fast:
                states[state] += 1
    return states


@pytest.mark.parametrize("block", range(4))
def test_random_small_worlds(block: int) -> None:
    """A hundred small worlds with every sort of way and barrier, limits from 40 m to 1,000 m, three modes each."""
    states: dict[str, int] = {}
    for seed in range(25 * block, 25 * block + 25):
        rng = np.random.default_rng(seed)
        here = world_from_ways(random_ways(rng), CRS, default_class=str(rng.choice(["urban", "rural"])))
        spots = [at(*p) for p in rng.uniform(-120, 520, (12, 2))]
        # some places on the lattice itself
        spots[:3] = [at(75 * a, 75 * b) for a, b in rng.integers(0, 6, (3, 2)).tolist()]
        modes = rng.permutation(MODES)[:3].tolist()
        lonlat = np.array(spots)
        for state, count in compare(here, lonlat[:8], lonlat[8:], modes, float(rng.choice([40, 150, 1000]))).items():
            states[state] = states.get(state, 0) + count
    assert min(states["reached"], states["unattached"], states["unreachable"]) > 20


def test_demo_county() -> None:
    """The demonstration county: 60 places, every mode, both directions, time and distance."""
    crs = "+proj=tmerc +lat_0=35.1 +lon_0=117.5 +k=1 +datum=WGS84 +units=m +type=crs"
    here = read_world(ROOT / "geodata/demo/roads.osm", crs)
    rng = np.random.default_rng(4)
    spots = np.column_stack([rng.uniform(117.435, 117.57, 75), rng.uniform(35.06, 35.155, 75)])
    states = compare(here, spots[:60], spots[60:], MODES)
    assert states["reached"] > 1000
    assert states["unattached"] > 100


@pytest.mark.slow
def test_porto_alegre(shared_data: Path) -> None:
    """A real city: 120 places, every mode, both directions."""
    crs = "+proj=tmerc +lat_0=-30.05 +lon_0=-51.2 +k=1 +datum=WGS84 +units=m +type=crs"
    here = read_world(shared_data / "porto_alegre/poa_osm.pbf", crs)
    rng = np.random.default_rng(5)
    spots = np.column_stack([rng.uniform(-51.24, -51.15, 150), rng.uniform(-30.1, -30.02, 150)])
    ways_to_ask = [("to_facility", "time"), ("from_facility", "distance")]
    states = compare(here, spots[:120], spots[120:], MODES, ways_to_ask=ways_to_ask)
    assert states["reached"] > 1000


@pytest.mark.slow
def test_guixi(shared_data: Path) -> None:
    """Rivers, canals and railways in a Chinese town: 200 places, every mode, both directions, time and distance."""
    crs = "+proj=tmerc +lat_0=28.3 +lon_0=117.2 +k=1 +datum=WGS84 +units=m +type=crs"
    here = read_world(shared_data / "cn_guixi_osm/guixi.osm", crs)
    rng = np.random.default_rng(6)
    spots = np.column_stack([rng.uniform(117.16, 117.29, 230), rng.uniform(28.26, 28.345, 230)])
    states = compare(here, spots[:200], spots[200:], MODES)
    assert min(states["reached"], states["unattached"]) > 1000


def test_legs_by_hand() -> None:
    """Thirty parallel roads, a wall: the same eight edges in the same order, none, and walls yield for a door."""
    ways = [way(k, [(2 * k, 0, 10 * k), (2 * k + 1, 500, 10 * k)], ROAD) for k in range(30)]
    yard = [(91, 240, -30), (92, 260, -30), (93, 260, -10), (94, 240, -10), (91, 240, -30)]
    here = world(*ways, way(99, yard, {"barrier": "wall"}))
    spots = np.array([at(250, 0), at(250, 15), at(250, -20)])
    finder = LegFinder(FastWorld(here), 1000)
    legs = finder.find(spots, ["drive"])["drive"]
    for k in (0, 1, 2):
        slow = [(leg.edge.id, leg.mm, leg.from_start_mm) for leg in demand_legs(here, tuple(spots[k]), "drive")]
        mine = legs.point == k
        assert list(zip(legs.edge[mine], legs.mm[mine], legs.from_start_mm[mine], strict=True)) == slow
    assert legs.attached(3).tolist() == [True, True, False]
    doors = Traveller(FastWorld(here)).doors(spots, ["drive"])
    assert doors.walled.tolist() == [False, False, True]
    assert len(facility_legs(here, tuple(spots[2]), "drive")[0]) == (doors.legs["drive"].point == 2).sum() == 8


def test_crossings_by_hand() -> None:
    """Through, touching at its end, along, from inside an area, along its edge, too short."""
    shapes = [LineString([(50, -100), (50, 0), (60, 100)]), shapely.box(200, 0, 300, 100)]
    legs = [
        ((0, -50), (100, -50), True), ((0, -50), (50, -50), False), ((0, 0), (100, 0), True),
        ((50, -80), (50, -20), True), ((0, -100), (100, -100), False), ((250, 50), (260, 50), True),
        ((190, 0), (310, 0), False), ((190, 1), (310, 1), True), ((190, 50), (200, 50), False),
        ((200, 50), (210, 50), True), ((49.9999, 0), (50.0001, 0), False), ((150, 0), (160, 0), False),
    ]  # fmt: skip
    start, end = (np.array([leg[k] for leg in legs], dtype=float) for k in (0, 1))
    expected = [leg[2] for leg in legs]
    assert ManyLegs(shapes).crossed(start, end).tolist() == expected
    slow = Barriers(shapes)
    assert [slow.crossed_by(LineString([a, b])) for a, b in zip(start, end, strict=True)] == expected
    assert not ManyLegs([]).crossed(start, end).any()


def test_crossings_at_random() -> None:
    """2,000 legs on whole metres, where touching is common, against GEOS one by one."""
    rng = np.random.default_rng(2)
    shapes = [LineString(rng.integers(0, 12, (4, 2))) for _ in range(3)] + [shapely.box(2, 2, 6, 5)]
    start, end = rng.integers(0, 12, (2, 2000, 2)).astype(float)
    slow = Barriers(shapes)
    expected = [slow.crossed_by(LineString([a, b])) for a, b in zip(start, end, strict=True)]
    assert ManyLegs(shapes).crossed(start, end).tolist() == expected
    assert 200 < sum(expected) < 1800


def test_straight_many() -> None:
    """Straight distances, ties to the smaller id."""
    here = world(way(1, [(1, 0, 0), (2, 1000, 0)], ROAD))
    rng = np.random.default_rng(3)
    demand = np.array([at(*p) for p in rng.uniform(-20_000, 20_000, (200, 2))])
    doors = np.array([at(*p) for p in rng.uniform(-20_000, 20_000, (30, 2))])
    doors[20] = doors[3]
    ids = [f"f{(11 * k) % 30}" for k in range(30)]
    traveller = Traveller(FastWorld(here))
    points, places = traveller.demand(demand, []), traveller.doors(doors, [])
    assert plain(straight_many(points, places, ids), ids) == straight(demand.tolist(), doors.tolist(), ids)
    nothing = traveller.doors(np.zeros((0, 2)), [])
    assert set(plain(straight_many(points, nothing, []), [])) == {("no_facility", None, None)}
