"""Touching is not crossing: lines, joints, rings, areas, and legs that end where their road meets a barrier."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Polygon

from servicecircle.geo import crossings as module
from servicecircle.geo.crossings import Crossings

from .travel_fixtures import board, way

XY = tuple[float, float]
ROAD = {"highway": "residential"}


def barriers(*shapes: shapely.Geometry, walls: int = 0) -> Crossings:
    """Return barriers, the last ``walls`` of which are walls."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return Crossings(array, np.arange(len(shapes)) >= len(shapes) - walls)


def crosses(crossings: Crossings, start: XY, end: XY, **options: bool) -> bool:
    there = crossings.crossed(np.array([start], dtype=float), np.array([end], dtype=float), **options)
    back = crossings.crossed(np.array([end], dtype=float), np.array([start], dtype=float), **options)
    assert there.tolist() == back.tolist()
    return bool(there[0])


BENT = LineString([(0, 0), (0, 10), (10, 20)])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((-5, 5), (5, 5), True),  # through a segment
        ((-5, 10), (5, 10), True),  # through a vertex: the inside of the line
        ((-5, 5), (0, 5), False),  # ends on the line
        ((0, 5), (5, 5), False),  # begins on the line
        ((-5, 10), (0, 10), False),  # ends on a vertex
        ((-5, 0), (5, 0), False),  # passes the line's end: its boundary
        ((0, -5), (0, 0), False),  # ends at the line's end
        ((0, -5), (0, 5), True),  # runs along the line
        ((0, 2), (0, 8), True),  # lies on the line
        ((-5, -5), (5, -5), False),  # misses
        ((5, 15), (6, 14), False),  # begins on the slope, leads away
        ((-5, 5), (-0.0005, 5), False),  # half a millimetre short
        ((-5, 5), (0.0005, 5), True),  # half a millimetre across
        ((0, 0), (0, 10), True),  # from end to vertex along it
    ],
)
def test_line(start: XY, end: XY, expected: bool) -> None:
    assert crosses(barriers(BENT), start, end) is expected


def test_a_leg_of_a_millimetre_crosses_nothing() -> None:
    line = barriers(LineString([(0, 0), (0, 10)]))
    assert not crosses(line, (-0.0004, 5), (0.0004, 5))
    assert crosses(line, (-0.0006, 5), (0.0006, 5))
    assert not crosses(line, (0, 5), (0, 5))
    assert not crosses(barriers(Polygon([(-1, -1), (1, -1), (1, 1), (-1, 1)])), (0, 0), (0, 0))


@pytest.mark.parametrize("vertices", [2, 15, 16, 17, 30, 31, 32, 46, 47, 100])
def test_no_gap_between_indexed_pieces(vertices: int) -> None:
    """A leg through any inner vertex of a long line crosses, through its ends it does not."""
    line = LineString([(float(k), float(k % 2)) for k in range(vertices)])
    crossings = barriers(line)
    for k in range(vertices):
        assert crosses(crossings, (k, k % 2 - 0.5), (k, k % 2 + 0.5)) is (0 < k < vertices - 1)
        assert not crosses(crossings, (k, k % 2), (k, k % 2 + 3.0 if k % 2 else -3.0))


def test_two_ways_that_meet_are_one_barrier() -> None:
    joined = barriers(LineString([(0, -10), (0, 0)]), LineString([(0, 0), (0, 10)]))
    assert crosses(joined, (-5, 0), (5, 0))
    assert not crosses(joined, (-5, 0), (0, 0))
    assert not crosses(joined, (-5, 10), (5, 10))
    # drawn towards each other, or as one MultiLineString
    assert crosses(barriers(LineString([(0, -10), (0, 0)]), LineString([(0, 10), (0, 0)])), (-5, 0), (5, 0))
    assert crosses(barriers(MultiLineString([[(0, -10), (0, 0)], [(0, 0), (0, 10)]])), (-5, 0), (5, 0))
    # a gap of 2 cm is a gap
    assert not crosses(barriers(LineString([(0, -10), (0, -0.01)]), LineString([(0, 0.01), (0, 10)])), (-5, 0), (5, 0))


def test_confluence() -> None:
    """Where three rivers meet there is no way through, but the meeting point itself can be touched."""
    rivers = barriers(LineString([(0, -10), (0, 0)]), LineString([(-10, 10), (0, 0)]), LineString([(10, 10), (0, 0)]))
    assert crosses(rivers, (-5, 0), (5, 0))
    assert crosses(rivers, (-5, -5), (5, 6))
    assert not crosses(rivers, (-5, 0), (0, 0))
    # a tributary that ends on the side of a river: only the river bars there
    side = barriers(LineString([(0, -10), (0, 10)]), LineString([(10, 0), (0, 0)]))
    assert crosses(side, (-5, 0.5), (5, 0.5))
    assert not crosses(side, (0, 0), (-5, 0))
    assert crosses(side, (5, -1), (5, 1))


def test_rings() -> None:
    """A closed line has no end: its first vertex bars like any other; inside it nothing is crossed."""
    ring = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    for shape in (LineString(ring), shapely.LinearRing(ring)):
        crossings = barriers(shape)
        assert crosses(crossings, (-5, -5), (5, 5))
        assert crosses(crossings, (5, 5), (15, 5))
        assert not crosses(crossings, (2, 2), (8, 8))
        assert crosses(crossings, (-5, 5), (5, -5))  # past the corner, through the first vertex
        assert not crosses(crossings, (-5, 5), (0, 0))
    # the rounding of 0.9 x and 1.1 x leads some legs past a vertex by the last bit: wherever the ring begins
    vertices = [(float(np.cos(a) * 50), float(np.sin(a) * 50)) for a in np.linspace(0, 2 * np.pi, 61)[:-1]]
    for first, (x, y) in enumerate(vertices):
        begun_here = [*vertices[first:], *vertices[:first], vertices[first]]
        begun_elsewhere = [*vertices, vertices[0]]
        for long in (begun_here, begun_elsewhere):
            assert crosses(barriers(LineString(long)), (x * 0.9, y * 0.9), (x * 1.1, y * 1.1))


LAKE = Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(40, 40), (60, 40), (60, 60), (40, 60)]])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((-10, 20), (110, 20), True),  # across
        ((10, 20), (30, 20), True),  # within
        ((-10, 20), (0, 20), False),  # to the shore
        ((0, 20), (10, 20), True),  # from the shore into the water
        ((-10, 0), (110, 0), False),  # along the shore
        ((10, 0), (20, 0), False),  # on the shore
        ((-10, 10), (10, -10), False),  # past the corner (0, 0)
        ((45, 45), (55, 55), False),  # on the island
        ((40, 40), (60, 60), False),  # across the island from shore to shore
        ((50, 50), (50, 70), True),  # off the island
        ((50, 50), (50, 60), False),  # to the island's shore
        ((-10, -10), (-10, 110), False),
    ],
)
def test_area(start: XY, end: XY, expected: bool) -> None:
    assert crosses(barriers(LAKE), start, end) is expected
    assert crosses(barriers(MultiPolygon([LAKE, shapely.box(500, 500, 600, 600)])), start, end) is expected


def test_two_lakes_that_share_a_shore() -> None:
    """The common shore is the boundary of both: along it nothing is crossed, through it both are."""
    lakes = barriers(shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10))
    assert not crosses(lakes, (10, -5), (10, 15))
    assert crosses(lakes, (5, 5), (15, 5))


def test_nothing_bars_nothing() -> None:
    for crossings in (barriers(), barriers(LineString()), barriers(Polygon()), barriers(shapely.Point(0, 0))):
        assert not crosses(crossings, (-5, 0), (5, 0))
        assert crossings.crossed(np.zeros((0, 2)), np.zeros((0, 2))).tolist() == []
        assert crossings.meets_near(np.zeros(0, dtype=object), np.zeros((0, 2)), 0.5).tolist() == []
    assert barriers(BENT).crossed(np.zeros((0, 2)), np.zeros((0, 2))).tolist() == []


def test_a_line_without_length_bars_nothing() -> None:
    assert not crosses(barriers(LineString([(0, 0), (0, 0)])), (-5, 0), (5, 0))
    # a repeated vertex in a real line changes nothing
    assert crosses(barriers(LineString([(0, -5), (0, 0), (0, 0), (0, 5)])), (-5, 0), (5, 0))
    assert not crosses(barriers(LineString([(0, -5), (0, -5), (0, 5), (0, 5)])), (-5, 5), (5, 5))


def test_walls_can_be_ignored() -> None:
    river, wall = LineString([(0, -10), (0, 10)]), LineString([(5, -10), (5, 10)])
    crossings = barriers(river, wall, walls=1)
    assert crosses(crossings, (1, 0), (9, 0))
    assert not crosses(crossings, (1, 0), (9, 0), ignore_walls=True)
    assert crosses(crossings, (-1, 0), (9, 0), ignore_walls=True)
    # a river and a wall that meet end to end: neither has a joint there
    apart = barriers(LineString([(0, -10), (0, 0)]), LineString([(0, 0), (0, 10)]), walls=1)
    assert not crosses(apart, (-5, 0), (5, 0))


def test_meets_near() -> None:
    river, wall = LineString([(0, -10), (0, 10)]), LineString([(5, -10), (5, 10)])
    crossings = barriers(river, wall, shapely.box(20, -1, 30, 1), walls=0)
    road = LineString([(-50, 0), (50, 0)])
    cases = [
        (0.0, True),
        (0.5, True),
        (0.51, False),
        (5.4, True),
        (19.5, True),
        (19.49, False),
        (25.0, True),
        (40.0, False),
    ]
    roads = np.array([road] * len(cases), dtype=object)
    places = np.array([(x, 0.0) for x, _ in cases])
    assert crossings.meets_near(roads, places, 0.5).tolist() == [near for _, near in cases]
    # near the barrier, but the road itself does not meet it there
    apart = np.array([LineString([(0.3, -50), (0.3, 50)])], dtype=object)
    assert crossings.meets_near(apart, np.array([(0.3, 0.0)]), 0.5).tolist() == [False]
    walled = barriers(river, wall, walls=1)
    at_wall = np.array([road], dtype=object), np.array([(5.0, 0.0)]), 0.5
    assert walled.meets_near(*at_wall).tolist() == [True]
    assert walled.meets_near(*at_wall, ignore_walls=True).tolist() == [False]


def test_a_road_along_a_barrier_meets_it() -> None:
    """Coordinates with all their digits: pieces cut out of the road would no longer lie on the barrier."""
    rng = np.random.default_rng(9)
    for _ in range(200):
        line = LineString(rng.uniform(-1000, 1000, (2, 2)))
        place = shapely.get_coordinates(line.interpolate(rng.uniform(), normalized=True))
        assert barriers(line).meets_near(np.array([line], dtype=object), place, 0.5).tolist() == [True]


def random_barriers(seed: int) -> list[shapely.Geometry]:
    rng = np.random.default_rng(seed)
    steps = [np.cumsum(rng.integers(-3, 4, (int(rng.integers(2, 40)), 2)), axis=0) for _ in range(6)]
    lines = [LineString(rng.integers(10, 50, 2) + step) for step in steps]
    areas = [shapely.box(x, y, x + 7, y + 9) for x, y in rng.integers(0, 60, (3, 2))]
    return [*(line for line in lines if line.length > 0), *areas]


@pytest.mark.parametrize("seed", range(20))
def test_against_the_definition(seed: int) -> None:
    """Whole barriers, one by one, by DE-9IM; whole-number coordinates make touching common."""
    shapes = random_barriers(seed)
    rng = np.random.default_rng(seed + 1000)
    start = rng.integers(0, 60, (300, 2)).astype(float)
    end = start + rng.integers(-8, 9, (300, 2))
    legs = shapely.linestrings(np.stack((start, end), axis=1))
    plain = [
        leg.length > 0.001 and any(shapely.relate_pattern(leg, shape, "T********") for shape in shapes) for leg in legs
    ]
    ends = [shapely.get_coordinates(s)[[0, -1]] for s in shapes if s.geom_type == "LineString"]
    joints = {tuple(a) for a, b in itertools.combinations(np.concatenate(ends), 2) if tuple(a) == tuple(b)}
    assert not {j for j in joints if sum(tuple(e) == j for e in np.concatenate(ends)) > 2}
    got = barriers(*shapes).crossed(start, end)
    assert got.tolist() == plain
    assert 0 < got.sum() < len(got)


def test_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = random_barriers(3)
    start, end = np.random.default_rng(4).uniform(0, 60, (2, 50, 2))
    whole = barriers(*shapes).crossed(start, end)
    monkeypatch.setattr(module, "BLOCK", 7)
    assert barriers(*shapes).crossed(start, end).tolist() == whole.tolist()


# --- legs that end where their road meets a barrier -------------------------------------------------------------------


def railway(*points: XY) -> tuple[object, ...]:
    return way(9, [(900 + k, *p) for k, p in enumerate(points)], railway="rail")


STREET = way(1, [(1, 0, 0), (2, 1000, 0)], **ROAD)


@pytest.mark.parametrize(
    ("line", "attached"),
    [
        ([(150, -50), (150, 50)], True),  # a level crossing elsewhere
        ([(190, 20), (210, 20)], False),  # between the point and the road
        ([(190, 0.6), (210, 0.6)], False),  # 0.6 m before the road, which it does not meet
        ([(190, 0.4), (210, 0.4)], False),  # 0.4 m before the road, still not met
        ([(200.01, -50), (200.01, 0.2), (190, 0.2)], True),  # meets the road beside the foot, bends 0.2 m before it
        ([(200.49, -50), (200.49, 0.2), (190, 0.2)], True),  # meets the road 0.49 m from the foot
        ([(200.51, -50), (200.51, 0.2), (190, 0.2)], False),  # 0.51 m from the foot
        ([(200.3, -50), (200.3, 0.49), (190, 0.49)], True),  # bends 0.49 m before the road
        ([(200.3, -50), (200.3, 0.51), (190, 0.51)], False),  # bends 0.51 m before the road
        ([(-10, 0), (1010, 0)], True),  # along the road: the leg ends on it
        ([(200, -50), (200, 0)], True),  # ends at the foot
    ],
)
def test_level_crossings(line: list[XY], attached: bool) -> None:
    world = board(STREET, railway(*line), limit_m=60.0)
    assert world.access(200, 30, "walk").attached().tolist() == [attached]


def test_a_place_at_the_level_crossing() -> None:
    """A point on the other side within half a metre of its foot: nothing is left of the leg, it is kept."""
    through = railway((200, -50), (200, 0.1), (190, 0.1))
    for y, attached in ((0.4, True), (0.49, True), (0.7, False)):
        line = railway((200, -50), (200, 0.3), (190, 0.3)) if y < 0.5 else railway((200, -50), (200, 0.55), (190, 0.55))
        assert board(STREET, line, limit_m=60.0).access(199.9, y, "walk").attached().tolist() == [attached]
    assert board(STREET, through, limit_m=60.0).access(199.9, 0.05, "walk").attached().tolist() == [True]


def test_the_rule_is_for_the_road_end_only() -> None:
    """A railway within half a metre of the point, not of the road, bars."""
    assert not board(STREET, railway((190, 29.8), (210, 29.8)), limit_m=60.0).access(200, 30, "walk").attached().any()


def test_a_road_on_the_very_line_of_a_motorway() -> None:
    """Two ways through the same nodes, one a motorway: the street can be reached from either side."""
    nodes = [(1, 0, 0), (2, 310, 170), (3, 700, 40)]
    world = board(way(1, nodes, highway="motorway"), way(2, nodes, **ROAD))
    rng = np.random.default_rng(1)
    for x, y in rng.uniform((50, -150), (650, 250), (40, 2)):
        assert 2 in world.network.way[world.access(x, y, "walk").edge]


def test_walls_ignored_for_a_facility_are_ignored_at_the_road_too() -> None:
    """The road meets a wall at the foot; a railway 0.3 m before the road, which the road does not meet, still bars."""
    yard = way(8, [(80, 100, 10), (81, 300, 10), (82, 300, 60), (83, 100, 60), (80, 100, 10)], barrier="wall")
    stub = way(7, [(70, 200.3, -50), (71, 200.3, 2)], barrier="wall")
    assert board(STREET, yard, stub, limit_m=60.0).access(200, 30, "walk", walls_yield=True).yielded.all()
    world = board(STREET, yard, stub, railway((-50, 0.3), (1050, 0.3)), limit_m=60.0)
    legs = world.access(200, 30, "walk", walls_yield=True)
    assert not legs.attached().any()
