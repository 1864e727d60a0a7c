"""Worlds small enough to be worked out by hand, drawn in metres near 35 N 117 E (lengths are real geodesics).

Milliseconds for one metre, rural, from the printed speeds:

    walk          road 3600 / 3.6  = 1000     leg 3600 / 2.88  = 1250     steps 3600 / 1.8 = 2000
    walk_elderly  road 3600 / 2.88 = 1250     leg 3600 / 2.304 = 1562.5
    cycle         road 3600 / 12   =  300     leg 3600 / 8     =  450
    ebike         road 3600 / 18   =  200     leg 3600 / 10    =  360
    drive         residential 3600 / 25 = 144  leg 1250 for the first 50 m, then 3600 / 12 = 300
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from servicecircle.analysis.cover import covered, within
from servicecircle.geo.crs import geodesic_m
from servicecircle.standards.modes import standard_modes
from servicecircle.travel.reach import NO_VALUE, Doors, Places, State, no_facility
from servicecircle.travel.straight import nearest_straight

from .travel_fixtures import (
    BOARD,
    DIRECTIONS,
    MEASURES,
    MODES,
    PackageWorld,
    as_barriers,
    as_ways,
    at,
    board,
    read_all,
    way,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .oracle.osm import Way

ROAD = {"highway": "residential"}
FAR = way(900, [(901, 8000, 0), (902, 9000, 0)], **ROAD)
"""A road nobody in these worlds can get to; it keeps the network from being empty."""


def test_the_drawing_board_is_flat() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.uniform(-1000, 1000, (2, 200, 2))
    (lon_a, lat_a), (lon_b, lat_b) = (np.array([at(*p) for p in points]).T for points in (a, b))
    flat = np.hypot(*(a - b).T)
    assert np.abs(geodesic_m(lon_a, lat_a, lon_b, lat_b) - flat).max() < 1e-4
    planar = BOARD.project(lon_a, lat_a) - BOARD.project(*np.array([at(0, 0)]).T)
    assert np.abs(planar - np.column_stack((-a[:, 1], a[:, 0]))).max() < 1e-3


# --- a river, a motorway ----------------------------------------------------------------------------------------------


def two_banks(*between: Way, bridge: bool = True) -> PackageWorld:
    """Roads along x = -50 and x = 50 from y = 0 to 400, at y = 400 a bridge."""
    ways = [way(1, [(1, -50, 0), (2, -50, 400)], **ROAD), way(2, [(3, 50, 0), (4, 50, 400)], **ROAD)]
    if bridge:
        ways.append(way(3, [(2, -50, 400), (4, 50, 400)], **ROAD, bridge="yes"))
    return board(*ways, *between)


RIVER = way(50, [(51, 0, -3000), (52, 0, 3000)], waterway="river")
MOTORWAY = way(50, [(51, 0, -3000), (52, 0, 3000)], highway="motorway")
VILLAGE, CLINIC = (-60, 0), (60, 0)


def test_river_with_one_bridge() -> None:
    world = two_banks(RIVER)
    # leg 10 m, 400 m north, 100 m over the bridge, 400 m south, leg 10 m
    assert world.trip(VILLAGE, CLINIC) == ("reached", 12_500 + 900_000 + 12_500, "a")
    assert world.trip(VILLAGE, CLINIC, measure="road") == ("reached", 10_000 + 900_000 + 10_000, "a")
    assert world.trip(VILLAGE, CLINIC, mode="cycle") == ("reached", 4_500 + 270_000 + 4_500, "a")
    assert world.trip(VILLAGE, CLINIC, mode="drive") == ("reached", 12_500 + 129_600 + 12_500, "a")
    # legs end on the village's own bank only: the road there (the bridge is no place to attach)
    assert world.access(*VILLAGE, "walk").edge.tolist() == [0]
    # without the river the 120 m are walked straight
    assert two_banks().trip(VILLAGE, CLINIC) == ("reached", 150_000, "a")


def test_without_the_bridge_the_other_bank_cannot_be_reached() -> None:
    world = two_banks(RIVER, bridge=False)
    for mode in MODES:
        assert world.trip(VILLAGE, CLINIC, mode=mode) == ("unreachable", None, None)


def test_the_river_takes_coverage_away() -> None:
    """Two villages of 300 and 200 people, a clinic on the bank of the second: 15 minutes on foot."""
    people = np.array([300, 200])
    villages = [at(*VILLAGE), at(70, 0)]
    shares = []
    for world in (two_banks(), two_banks(RIVER)):
        doors, _ = world.doors([at(*CLINIC)], ["clinic"])
        reach = world.reach(world.places(villages), doors, "walk", "to_facility", "time")
        assert reach.value[1] == 12_500  # 10 m straight to the clinic in both worlds
        shares.append(people[covered(reach, 15 * 60_000)].sum() / people.sum())
        # 925,000 ms: exactly at the limit holds, one millisecond less does not
        if world.crossings.crossed(np.array([[-60.0, 0.0]]), np.array([[60.0, 0.0]]))[0]:
            assert covered(reach, 925_000).tolist() == [True, True]
            assert covered(reach, 924_999).tolist() == [False, True]
            assert within(reach, 920_000, 5_000).tolist() == [True, False]
            assert within(reach, 920_000, 4_999).tolist() == [False, False]
    assert shares == [1.0, 0.4]


def test_motorway_between_village_and_clinic() -> None:
    world = two_banks(MOTORWAY)
    assert world.trip(VILLAGE, CLINIC) == ("reached", 925_000, "a")
    assert world.trip(VILLAGE, CLINIC, mode="drive") == ("reached", 154_600, "a")
    tunnel = way(50, [(51, 0, -3000), (52, 0, 3000)], highway="motorway", tunnel="yes")
    assert two_banks(tunnel).trip(VILLAGE, CLINIC) == ("reached", 150_000, "a")


@pytest.mark.parametrize(
    ("tags", "bars"),
    [
        ({"waterway": "river"}, True),
        ({"waterway": "canal"}, True),
        ({"waterway": "stream"}, False),
        ({"waterway": "ditch"}, False),
        ({"waterway": "canal", "tunnel": "culvert"}, False),
        ({"waterway": "river", "tunnel": "no"}, True),
        ({"natural": "coastline"}, True),
        ({"railway": "rail"}, True),
        ({"railway": "light_rail"}, True),
        ({"railway": "narrow_gauge"}, True),
        ({"railway": "tram"}, False),
        ({"railway": "subway"}, False),
        ({"railway": "abandoned"}, False),
        ({"railway": "rail", "bridge": "yes"}, False),
        ({"railway": "rail", "bridge": "no"}, True),
        ({"railway": "rail", "tunnel": "yes"}, False),
        ({"highway": "motorway_link"}, True),
        ({"highway": "motorway", "bridge": "yes"}, True),
        ({"highway": "trunk", "foot": "no"}, False),
        ({"barrier": "wall"}, True),
        ({"barrier": "city_wall"}, True),
        ({"barrier": "fence"}, False),
    ],
)
def test_what_bars_a_straight_walk(tags: dict[str, str], bars: bool) -> None:
    world = board(FAR, way(1, [(1, 0, -500), (2, 0, 500)], **tags))
    expected = ("unattached", None, None) if bars else ("reached", 125_000, "a")
    assert world.trip((-50, 0), (50, 0)) == expected


def test_a_given_line_bars() -> None:
    assert board(FAR, given=[[(0, -500), (0, 500)]]).trip((-50, 0), (50, 0))[0] == "unattached"


def test_a_lake_bars_and_its_shore_does_not() -> None:
    lake = way(1, [(1, 100, 0), (2, 200, 0), (3, 200, 100), (4, 100, 100), (1, 100, 0)], natural="water")
    world = board(FAR, lake)
    assert world.trip((50, 50), (250, 50))[0] == "unattached"
    assert world.trip((50, -1), (250, -1)) == ("reached", 250_000, "a")


# --- yards and walls --------------------------------------------------------------------------------------------------

AROUND = way(1, [(1, 0, 0), (2, 0, -100), (3, 80, -100), (4, 80, 0)], **ROAD)


def test_clinic_across_the_yard() -> None:
    """80 m straight at 1,250 ms beat 280 m of road at 1,000 ms; only on foot."""
    world = board(AROUND)
    assert world.trip((0, 0), (80, 0)) == ("reached", 100_000, "a")
    assert world.trip((0, 0), (80, 0), measure="road") == ("reached", 80_000, "a")
    assert world.trip((0, 0), (80, 0), mode="walk_elderly") == ("reached", 125_000, "a")
    assert world.trip((0, 0), (80, 0), mode="cycle") == ("reached", 280 * 300, "a")


def test_wall_through_the_yard() -> None:
    world = board(AROUND, way(2, [(5, 40, -99), (6, 40, 300)], barrier="wall"))
    assert world.trip((0, 0), (80, 0)) == ("reached", 280_000, "a")
    assert world.trip((0, 0), (80, 0), measure="road") == ("reached", 280_000, "a")


YARD = [(11, 400, 10), (12, 500, 10), (13, 500, 90), (14, 400, 90), (11, 400, 10)]
STREET = way(1, [(1, 0, 0), (2, 1000, 0)], **ROAD)


def test_a_facility_walled_in_attaches_and_is_told() -> None:
    """A hospital at (450, 50) in a compound whose gate is not mapped, 50 m from the street."""
    world = board(STREET, way(2, YARD, barrier="wall"))
    legs = world.access(450, 50, "drive", walls_yield=True)
    assert (legs.leg_mm.tolist(), legs.from_start_mm.tolist(), legs.yielded.tolist()) == ([50_000], [450_000], [True])
    assert world.trip((200, 0), (450, 50), mode="drive") == ("reached", 250 * 144 + 62_500, "a")
    assert world.trip((200, 0), (450, 50)) == ("reached", 250_000 + 62_500, "a")
    # people are not let through walls
    assert world.trip((450, 50), (200, 0), mode="drive") == ("unattached", None, None)
    # a facility beside the compound needs no favour
    assert world.access(300, 50, "drive", walls_yield=True).yielded.tolist() == [False]


def test_nothing_but_walls_yields() -> None:
    railed = board(STREET, way(2, YARD, railway="rail"))
    assert not railed.access(450, 50, "drive", walls_yield=True).attached().any()
    # a wall and, before the street, a railway
    both = board(STREET, way(2, YARD, barrier="wall"), way(3, [(15, -100, 5), (16, 1100, 5)], railway="rail"))
    legs = both.access(450, 50, "drive", walls_yield=True)
    assert not legs.attached().any()
    assert not legs.yielded.any()


def test_a_facility_with_one_free_leg_keeps_that_one_only() -> None:
    """A wall on the street's side, a lane behind: walls stay walls."""
    lane = way(3, [(21, 300, 200), (22, 600, 200), (2, 1000, 0)], **ROAD)
    world = board(STREET, lane, way(2, [(11, 300, 10), (12, 600, 10)], barrier="wall"))
    legs = world.access(450, 50, "drive", walls_yield=True)
    assert legs.edge.tolist() == [1]
    assert legs.leg_mm.tolist() == [150_000]
    assert not legs.yielded.any()


# --- what legs may end on ---------------------------------------------------------------------------------------------


def bridge_world(**tags: str) -> PackageWorld:
    """A road along y = 0 whose middle, x = 400 to 600, is a bridge; a lane passes below, along y = -60."""
    return board(
        way(1, [(1, 0, 0), (2, 400, 0)], **ROAD),
        way(2, [(2, 400, 0), (3, 600, 0)], **ROAD, **tags),
        way(3, [(3, 600, 0), (4, 1000, 0)], **ROAD),
        way(4, [(2, 400, 0), (5, 400, -60), (6, 600, -60), (3, 600, 0)], **ROAD),
    )


def test_the_bridge_deck_is_no_place_to_attach() -> None:
    world = bridge_world(bridge="viaduct")
    legs = world.access(500, 10, "walk")
    # the lane below (70 m), then the two road ends at the bridge: sqrt(100^2 + 10^2) = 100.499 m
    assert legs.edge.tolist() == [3, 0, 2]
    assert legs.leg_mm.tolist() == [70_000, 100_499, 100_499]
    # quickest: to the road's end and 400 m (125,623.75 + 400,000 ms); by the lane 87,500 + 560,000; straight 625,125
    assert world.trip((500, 10), (0, 0)) == ("reached", 525_624, "a")
    assert bridge_world().access(500, 10, "walk").leg_mm.tolist()[0] == 10_000
    assert bridge_world(tunnel="building_passage").access(500, 10, "walk").edge.tolist() == [3, 0, 2]
    assert bridge_world(bridge="no").access(500, 10, "walk").edge.tolist()[0] == 1
    # it may be passed
    assert world.trip((300, 0), (700, 0), mode="cycle") == ("reached", 400 * 300, "a")


def test_motorways_and_ferries_are_passed_not_attached_to() -> None:
    for tags, ms in (({"highway": "motorway"}, 36), ({"route": "ferry"}, 360)):
        world = board(
            way(1, [(1, 0, 0), (2, 500, 0)], **ROAD),
            way(2, [(2, 500, 0), (3, 1500, 0)], **tags),
            way(3, [(3, 1500, 0), (4, 2000, 0)], **ROAD),
        )
        assert 1 not in world.access(1000, 1, "drive").edge.tolist()
        assert world.trip((0, 0), (2000, 0), mode="drive") == ("reached", 1000 * 144 + 1000 * ms, "a")
        back = world.trip((2000, 0), (0, 0), mode="drive")
        assert back == (("unreachable", None, None) if "highway" in tags else ("reached", 504_000, "a"))


def steps_world() -> PackageWorld:
    """Two streets 100 m apart, steps at x = 500, a ramp at x = 1000, a wall between them that ends at x = 490."""
    return board(
        way(1, [(1, 0, 0), (2, 500, 0), (3, 1000, 0)], **ROAD),
        way(2, [(4, 0, 100), (5, 500, 100), (6, 1000, 100)], **ROAD),
        way(3, [(2, 500, 0), (7, 500, 50), (5, 500, 100)], highway="steps"),
        way(4, [(3, 1000, 0), (6, 1000, 100)], **ROAD),
        way(5, [(8, -1100, 50), (9, 490, 50)], barrier="wall"),
    )  # fmt: skip


def test_steps() -> None:
    world = steps_world()
    # 100 m, 100 m of steps at 2,000 ms, 100 m
    assert world.trip((400, 0), (400, 100)) == ("reached", 400_000, "a")
    assert world.trip((400, 0), (400, 100), measure="road") == ("reached", 300_000, "a")
    # by the ramp: 600 + 100 + 600 m
    assert world.trip((400, 0), (400, 100), mode="walk_elderly") == ("reached", 1_300 * 1250, "a")
    assert world.trip((400, 0), (400, 100), mode="walk_elderly", measure="road") == ("reached", 1_300_000, "a")
    assert world.trip((400, 0), (400, 100), mode="cycle") == ("reached", 1_300 * 300, "a")


def test_steps_are_reached_at_their_ends() -> None:
    world = board(way(1, [(1, 0, 0), (2, 60, 0), (3, 100, 0)], highway="steps"))
    for x, leg_mm, from_start_mm in ((40, 40_000, 0), (60, 40_000, 100_000), (49, 49_000, 0), (-10, 10_000, 0)):
        legs = world.access(x, 0, "walk")
        assert (legs.leg_mm.tolist(), legs.from_start_mm.tolist()) == ([leg_mm], [from_start_mm])
    assert not world.access(50, 0, "walk_elderly").attached().any()
    # exactly half-way between the ends (to the last bit: the same degrees to either side of the meridian): the first
    x, y = BOARD.project(np.array([116.9995, 117.0005]), np.array([35.0, 35.0]))[:, 0]
    assert x == -y
    for first, last in ((116.9995, 117.0005), (117.0005, 116.9995)):
        number = 1, [(1, first, 35.0), (2, last, 35.0)], {"highway": "steps"}
        mirrored = board(number).places([(117.0, 35.0003)]).access["walk"]
        assert mirrored.from_start_mm.tolist() == [0]


def test_eight_legs_are_kept() -> None:
    """30 parallel roads 10 m apart: the nearest 8 are kept."""
    roads = [way(k, [(2 * k + 1, -250, 10 * k), (2 * k + 2, 250, 10 * k)], **ROAD) for k in range(30)]
    assert board(*roads).access(0, 0, "drive").edge.tolist() == list(range(8))
    assert board(*roads, given=[[(-300, 155), (300, 155)]]).access(0, 300, "drive").edge.tolist() == list(
        range(29, 21, -1)
    )
    assert board(*roads, given=[[(-300, 75), (300, 75)]]).access(0, 0, "drive").edge.tolist() == list(range(8))
    assert board(*roads, given=[[(-300, 5), (300, 5)]]).access(0, 0, "drive").edge.tolist() == [0]


@pytest.mark.parametrize(
    ("free", "kept"),
    [([3], [3]), ([23], [23]), ([24], []), ([24, 7, 20, 29], [7, 20]), (range(10, 30), list(range(10, 18)))],
)
def test_twenty_four_are_tried(free: Sequence[int], kept: list[int]) -> None:
    """30 spokes around a place, the k-th beginning at 100 + k m; a short wall stands 3 m before all but the free ones."""

    def polar(k: int, radius: float, sideways: float = 0.0) -> tuple[float, float]:
        c, s = math.cos(math.radians(6 * k)), math.sin(math.radians(6 * k))
        return radius * c - sideways * s, radius * s + sideways * c

    spokes = [way(k, [(2 * k + 1, *polar(k, 100 + k)), (2 * k + 2, *polar(k, 400))], **ROAD) for k in range(30)]
    walls = [[polar(k, 97 + k, -2), polar(k, 97 + k, 2)] for k in range(30) if k not in free]
    legs = board(*spokes, given=walls).access(0, 0, "drive")
    assert legs.edge.tolist() == kept
    assert legs.leg_mm.tolist() == [100_000 + 1000 * k for k in kept]


def test_legs_tie_to_the_smaller_edge() -> None:
    """Two roads 15 m to either side: the smaller way id first, whatever the order in the file."""
    north, south = way(7, [(1, -100, 15), (2, 100, 15)], **ROAD), way(3, [(3, -100, -15), (4, 100, -15)], **ROAD)
    for world in (board(north, south), board(south, north)):
        assert world.network.way[world.access(0, 0, "walk").edge].tolist() == [3, 7]


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_access_limit_is_inclusive() -> None:
    world = board(STREET)
    assert world.access(500, 1000, "drive").leg_mm.tolist() == [1_000_000]
    assert not world.access(500, 1000.001, "drive").attached().any()
    # first 50 m 62,500 ms, then 950 m at 300 ms; along the road nothing; the door stands on the road
    assert world.trip((500, 1000), (500, 0), mode="drive") == ("reached", 62_500 + 285_000, "a")
    assert world.trip((500, 1000.001), (500, 0), mode="drive") == ("unattached", None, None)


def test_straight_walks_end_at_the_limit() -> None:
    world = board(FAR)
    assert world.trip((0, 0), (0, 1000)) == ("reached", 1_250_000, "a")
    assert world.trip((0, 0), (0, 1000), measure="road") == ("reached", 1_000_000, "a")
    assert world.trip((0, 0), (0, 1000.001)) == ("unattached", None, None)
    assert world.trip((0, 0), (0, 1000), mode="cycle") == ("unattached", None, None)
    assert board(FAR, limit_m=300.0).trip((0, 0), (0, 300)) == ("reached", 375_000, "a")
    assert board(FAR, limit_m=300.0).trip((0, 0), (0, 300.001))[0] == "unattached"


def test_a_door_on_the_other_side_of_the_fifty_metres() -> None:
    """Legs of 50 m and of 60 m: 62,500 and 62,500 + 10 x 300 ms; at both ends."""
    world = board(STREET)
    assert world.trip((200, 60), (700, 50), mode="drive") == ("reached", 65_500 + 500 * 144 + 62_500, "a")


# --- directions -------------------------------------------------------------------------------------------------------


def test_along_one_and_the_same_edge() -> None:
    world = board(STREET)
    assert world.trip((200, 30), (700, 40), mode="drive") == ("reached", 37_500 + 500 * 144 + 50_000, "a")
    assert world.trip((700, 40), (200, 30), mode="drive") == ("reached", 37_500 + 500 * 144 + 50_000, "a")
    assert world.trip((200, 30), (700, 40), mode="drive", measure="road") == ("reached", 570_000, "a")


def test_one_way_street_both_directions() -> None:
    """The street runs from (0, 0) to (1000, 0) only; a second road leads back: 500 + 1000 + 500 m."""
    back = way(2, [(2, 1000, 0), (3, 1000, 500), (4, 0, 500), (1, 0, 0)], **ROAD)
    for oneway, with_it in (("yes", "to_facility"), ("-1", "from_facility")):
        street = way(1, [(1, 0, 0), (2, 1000, 0)], **ROAD, oneway=oneway)
        world, lonely = board(street, back), board(street)
        against = "from_facility" if with_it == "to_facility" else "to_facility"
        # from (200, 0) to (700, 0): 500 m with the street; the other way 300 + 2000 + 200 m
        assert world.trip((200, 0), (700, 0), mode="drive", direction=with_it) == ("reached", 500 * 144, "a")
        assert world.trip((200, 0), (700, 0), mode="drive", direction=against) == ("reached", 2500 * 144, "a")
        assert lonely.trip((200, 0), (700, 0), mode="drive", direction=with_it) == ("reached", 500 * 144, "a")
        assert lonely.trip((200, 0), (700, 0), mode="drive", direction=against) == ("unreachable", None, None)
        # on foot and by bicycle the sign means nothing
        for mode, ms in (("walk", 1000), ("cycle", 300)):
            for direction in DIRECTIONS:
                assert world.trip((200, 0), (700, 0), mode=mode, direction=direction) == ("reached", 500 * ms, "a")


def test_a_one_way_edge_attached_at_its_end_is_not_entered_against_its_sign() -> None:
    """The foot lies on the end node of the one-way street; the two-way road behind starts there too."""
    world = board(
        way(1, [(1, 0, 0), (2, 500, 0)], **ROAD, oneway="yes"),
        way(2, [(2, 500, 0), (3, 1000, 0)], **ROAD),
        limit_m=100.0,
    )
    assert world.trip((500, 0), (1000, 0), mode="drive") == ("reached", 500 * 144, "a")
    assert world.trip((500, 0), (0, 0), mode="drive") == ("unreachable", None, None)
    assert world.trip((0, 0), (500, 0), mode="drive") == ("reached", 500 * 144, "a")


def test_walking_obeys_oneway_foot() -> None:
    street = way(1, [(1, 0, 0), (2, 1000, 0)], **ROAD, oneway__foot="yes")
    world = board(street, limit_m=100.0)
    assert world.trip((200, 0), (700, 0)) == ("reached", 500_000, "a")
    assert world.trip((700, 0), (200, 0)) == ("unreachable", None, None)
    assert world.trip((700, 0), (200, 0), mode="drive") == ("reached", 500 * 144, "a")


def test_parallel_roads_take_the_quicker() -> None:
    """Two roads between the same junctions: 1000 m of residential street, sqrt(500^2 + 120^2) x 2 of primary road."""
    world = board(
        way(1, [(1, -200, 0), (2, 0, 0)], **ROAD),
        way(2, [(2, 0, 0), (3, 1000, 0)], **ROAD),
        way(3, [(2, 0, 0), (4, 500, 120), (3, 1000, 0)], highway="primary"),
        way(4, [(3, 1000, 0), (5, 1200, 0)], **ROAD),
    )
    # primary: 1028.397 m at 60 km/h: 61,703.8 ms; residential 144,000 ms
    assert world.trip((-200, 0), (1200, 0), mode="drive") == ("reached", 400 * 144 + 61_704, "a")
    assert world.trip((-200, 0), (1200, 0), mode="drive", measure="road") == ("reached", 1_400_000, "a")


# --- states -----------------------------------------------------------------------------------------------------------


def test_states() -> None:
    island = way(2, [(3, 0, 3000), (4, 1000, 3000)], **ROAD)
    world = board(STREET, island)
    assert world.trip((0, 0), (500, 0), mode="drive")[0] == "reached"
    assert world.trip((0, 3000), (500, 0), mode="drive") == ("unreachable", None, None)
    assert world.trip((0, 1500), (500, 0), mode="drive") == ("unattached", None, None)
    assert world.trip((0, 0), mode="drive") == ("no_facility", None, None)
    reach = no_facility(3)
    assert reach.value.tolist() == [NO_VALUE] * 3
    assert reach.state.tolist() == [State.NO_FACILITY] * 3
    assert not covered(reach, NO_VALUE).any()


def test_a_facility_nobody_can_attach_leaves_people_unreachable() -> None:
    world = board(STREET)
    assert world.trip((500, 0), (500, 1500), mode="drive") == ("unreachable", None, None)
    assert world.trip((500, 0), (500, 1500), (700, 0), mode="drive") == ("reached", 200 * 144, "b")


def test_small_pieces_of_the_network_are_refused() -> None:
    """1 % of all: of 990 m + 10 m exactly 10 m, which is not shorter; 9.999 m are."""
    for metres, attached in ((10.0, True), (9.999, False)):
        world = board(way(1, [(1, 0, 0), (2, 990, 0)], **ROAD), way(2, [(3, 0, 3000), (4, metres, 3000)], **ROAD))
        assert world.access(5, 3000, "drive").attached().tolist() == [attached]
    # never more than 5 km: of 600 km a piece of 5,001 m is attached, one of 4,999 m is not
    long = [
        way(k, [(10 * k, -50_000, -20_000 - 10 * k), (10 * k + 1, 50_000, -20_000 - 10 * k)], **ROAD)
        for k in range(1, 7)
    ]
    for metres, attached in ((5001, True), (4999, False)):
        world = board(*long, way(20, [(3, 0, 3000), (4, metres, 3000)], **ROAD))
        assert world.access(5, 3000, "drive").attached().tolist() == [attached]


def test_a_refused_piece_of_one_mode_may_serve_another() -> None:
    """A footpath joins the little road to the rest: a piece of its own for cars only."""
    world = board(
        way(1, [(1, 0, 0), (2, 0, 2000)], **ROAD),
        way(2, [(3, 300, 0), (4, 305, 0)], **ROAD),
        way(3, [(1, 0, 0), (3, 300, 0)], highway="footway"),
    )
    assert next(world.network.way[e] for e in world.access(302, 0, "walk").edge) == 2
    assert 2 not in [world.network.way[e] for e in world.access(302, 0, "drive").edge]


# --- ties, parameters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("measure", MEASURES)
def test_equal_values_go_to_the_smaller_id(mode: str, measure: str) -> None:
    """String order of the ids, not the order of the rows: f10 before f9."""
    world = board(STREET)
    people = world.places(
        [at(550, 0)]
    )  # 330 m are whole milliseconds for every mode: ambulance 330 x 3600 / 27.5 = 43,200
    for ids in (["f9", "f10", "a"], ["f10", "f9", "a"], ["z", "f9", "f10"]):
        doors, names = world.doors([at(220, 0), at(880, 0), at(999, 0)], ids)
        reach = world.reach(people, doors, mode, "to_facility", measure)
        assert names[reach.facility[0]] == min(ids[:2])


def test_two_facilities_at_one_place() -> None:
    world = board(STREET)
    doors, names = world.doors([at(700, 5), at(700, 5), at(700, 5)], ["c", "b", "d"])
    reach = world.reach(world.places([at(200, 0)]), doors, "walk", "to_facility", "time")
    assert names[reach.facility[0]] == "b"


def test_two_facilities_behind_one_door() -> None:
    """Rows of the doors may repeat: equal places have equal values, the smaller facility keeps the door."""
    world = board(STREET)
    places, people = world.places([at(700, 5), at(900, 5)]), world.places([at(200, 0)])
    for facility in ([1, 0, 2], [0, 1, 2], [2, 0, 1]):
        doors = Doors(places, np.array([0, 0, 1]), np.array(facility), 3)
        for mode in ("walk", "drive"):
            assert world.reach(people, doors, mode, "to_facility", "time").facility[0] == min(facility[:2])


def test_a_facility_with_two_doors_is_as_near_as_its_nearer_door() -> None:
    world = board(STREET)
    doors = Doors(world.places([at(900, 0), at(300, 0), at(500, 0)]), np.array([0, 1, 2]), np.array([0, 0, 1]), 2)
    reach = world.reach(world.places([at(200, 0)]), doors, "drive", "to_facility", "time")
    assert (reach.value.tolist(), reach.facility.tolist()) == ([100 * 144], [0])


def test_straight_ties_among_many_go_to_the_smaller_index() -> None:
    """Forty facilities at one place: more than are looked at first."""
    lon, lat = np.array([at(0, 0)]).T
    to_lon, to_lat = np.array([at(0, 900), *[at(300, 400)] * 40, at(2000, 0)]).T
    mm, who = nearest_straight(lon, lat, to_lon, to_lat, BOARD)
    assert (mm.tolist(), who.tolist()) == ([500_000], [1])


def with_parameters(mode: str, **values: float) -> dict[str, object]:
    return {"modes": {mode: standard_modes()[mode].changed(**values)}}


def test_door_seconds() -> None:
    plain, slow = board(STREET), board(STREET, **with_parameters("walk", door_s=60))
    for start, door in (((200, 0), (700, 0)), ((200, 40), (200, 100))):  # by road; straight
        state, value, _ = plain.trip(start, door)
        assert slow.trip(start, door) == (state, value + 60_000, "a")
        assert slow.trip(start, door, measure="road") == plain.trip(start, door, measure="road")


def crossroads(**options: object) -> PackageWorld:
    """A street of three parts; at its two inner nodes side roads leave, so that three roads meet there."""
    return board(
        way(1, [(1, 0, 0), (2, 300, 0), (3, 700, 0), (4, 1000, 0)], **ROAD),
        way(2, [(2, 300, 0), (5, 300, 2000)], **ROAD),
        way(3, [(3, 700, 0), (6, 700, -2000)], **ROAD),
        way(4, [(4, 1000, 0), (7, 1500, 0)], **ROAD),
        **options,
    )


def test_junction_seconds() -> None:
    plain, slow = crossroads(), crossroads(**with_parameters("drive", junction_s=10))
    cases = [
        ((100, 0), (200, 0), 0),  # along one edge
        ((100, 0), (500, 0), 1),
        ((100, 0), (900, 0), 2),
        ((100, 0), (1400, 0), 2),  # where two ways meet end to end there is no junction of three roads
        ((900, 0), (1400, 0), 0),
        ((300, 1500), (700, -1500), 2),
    ]
    for start, door, passed in cases:
        for a, b in ((start, door), (door, start)):
            state, value, _ = plain.trip(a, b, mode="drive")
            assert slow.trip(a, b, mode="drive") == (state, value + passed * 10_000, "a")
            assert slow.trip(a, b, mode="drive", direction="from_facility") == (state, value + passed * 10_000, "a")
            assert slow.trip(a, b, mode="drive", measure="road") == plain.trip(a, b, mode="drive", measure="road")


def test_a_penalty_can_change_the_way() -> None:
    """400 m through two junctions or 500 m around them: 57.6 s + 20 s against 72 s."""
    ways = (
        way(1, [(1, 0, 0), (2, 100, 0), (3, 200, 0), (4, 300, 0), (5, 400, 0)], **ROAD),
        way(2, [(2, 100, 0), (6, 100, -500)], **ROAD),
        way(3, [(4, 300, 0), (7, 300, -500)], **ROAD),
        way(4, [(1, 0, 0), (8, 0, 50), (9, 400, 50), (5, 400, 0)], **ROAD),
        way(5, [(1, 0, 0), (10, -500, 0)], **ROAD),
        way(6, [(5, 400, 0), (11, 900, 0)], **ROAD),
    )
    ends = 2 * 100 * 144
    assert board(*ways).trip((-100, 0), (500, 0), mode="drive") == ("reached", ends + 57_600, "a")
    slow = board(*ways, **with_parameters("drive", junction_s=10))
    assert slow.trip((-100, 0), (500, 0), mode="drive") == ("reached", ends + 72_000 + 2 * 10_000, "a")
    hasty = board(*ways, **with_parameters("drive", junction_s=7))
    assert hasty.trip((-100, 0), (500, 0), mode="drive") == ("reached", ends + 57_600 + 4 * 7_000, "a")


def test_the_split_of_an_edge_is_by_complement() -> None:
    """7 m at 25 km/h are 1,008 ms; feet at 1 m and 3.333 m lie at 144 and 480 ms (479.952), 336 ms apart."""
    world = board(way(1, [(1, 0, 0), (2, 7, 0)], **ROAD))
    assert world.network.modes["drive"].ms.tolist() == [1008]
    assert world.trip((1.0, 0), (3.333, 0), mode="drive") == ("reached", 336, "a")


def test_zero_length_edges() -> None:
    """Two nodes at one place joined by a way of no length; doors and people there cost nothing."""
    world = board(
        way(1, [(1, 0, 0), (2, 500, 0)], **ROAD),
        way(2, [(2, 500, 0), (3, 500, 0)], **ROAD),
        way(3, [(3, 500, 0), (4, 1000, 0)], **ROAD),
    )
    assert world.network.mm.tolist() == [500_000, 0, 500_000]
    assert world.trip((0, 0), (1000, 0), mode="drive") == ("reached", 144_000, "a")
    assert world.trip((500, 0), (500, 0), mode="drive") == ("reached", 0, "a")


def test_a_node_without_a_place_cuts_a_road() -> None:
    number, nodes, tags = way(1, [(1, 0, 0), (2, 300, 0), (3, 400, 0), (4, 500, 0), (5, 1000, 0)], **ROAD)
    nodes[2] = (3, None, None)
    world = board((number, nodes, tags), limit_m=50.0)
    assert world.network.mm.tolist() == [300_000, 500_000]
    assert world.trip((0, 0), (1000, 0), mode="drive") == ("unreachable", None, None)


def test_the_town_decides_the_speed() -> None:
    for urban, ms in ((False, 144), (True, 180)):  # 25 and 20 km/h
        assert board(STREET, urban=urban).trip((0, 0), (1000, 0), mode="drive") == ("reached", 1000 * ms, "a")
    track = way(1, [(1, 0, 0), (2, 1000, 0)], highway="track")
    assert board(track).trip((0, 0), (1000, 0), mode="drive") == ("reached", 240_000, "a")
    assert board(track, urban=True).trip((0, 0), (1000, 0), mode="drive") == ("unattached", None, None)


def test_many_points_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Legs do not depend on how many points are asked for at once."""
    world = crossroads()
    rng = np.random.default_rng(2)
    points = [at(*p) for p in rng.uniform((-300, -800), (1800, 800), (40, 2))]
    whole = world.places(points)
    monkeypatch.setattr("servicecircle.travel.doors.BLOCK", 7)
    parts = world.places(points)
    for mode in MODES:
        for name in ("point", "edge", "from_start_mm", "leg_mm", "yielded"):
            assert np.array_equal(getattr(whole.access[mode], name), getattr(parts.access[mode], name))


def test_no_points() -> None:
    world = board(STREET)
    none = np.zeros(0)
    people = Places(none, none, world.finder.find(none, none, MODES))
    doors, _ = world.doors([at(0, 0)], ["a"])
    for mode in MODES:
        assert len(world.reach(people, doors, mode, "to_facility", "time").value) == 0


# --- from a file ------------------------------------------------------------------------------------------------------


def test_a_file_gives_what_memory_gives(tmp_path: Path) -> None:
    """The same world as OSM XML: roads in order, barriers of every kind, water from a ring and from a multipolygon."""
    lake = way(60, [(61, 2000, 0), (62, 2100, 0), (63, 2100, 90), (61, 2000, 0)], natural="water")
    ways = [
        *(way(k, [(1, 0, 0), (k + 90, 10.0 * k, 50)], **ROAD, name=f"路{k}") for k in (1, 2)),
        RIVER,
        lake,
        way(70, YARD, barrier="wall"),
    ]
    ways += [way(80, [(81, 3000, 0), (82, 3100, 0), (83, 3100, 90), (81, 3000, 0)])]
    lines = ["<osm version='0.6'>"]
    nodes = {node: (lon, lat) for _, members, _ in ways for node, lon, lat in members}
    lines += [f"<node id='{n}' version='1' lon='{x:.7f}' lat='{y:.7f}'/>" for n, (x, y) in sorted(nodes.items())]
    for number, members, tags in ways:
        refs = "".join(f"<nd ref='{n}'/>" for n, _, _ in members)
        lines.append(
            f"<way id='{number}' version='1'>{refs}{''.join(f'<tag k={k!r} v={v!r}/>' for k, v in tags.items())}</way>"
        )
    lines.append(
        "<relation id='5' version='1'><member type='way' ref='80' role='outer'/><tag k='type' v='multipolygon'/><tag k='natural' v='water'/></relation>"
    )
    file = tmp_path / "toy.osm"
    file.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
    data, memory, shapes = read_all(file), as_ways(ways), as_barriers(ways)
    assert data.ways.id.tolist() == memory.id.tolist() == [1, 2]
    assert data.ways.node.tolist() == memory.node.tolist()
    assert np.abs(data.ways.lon - memory.lon).max() < 1e-7
    assert data.ways.tags == memory.tags
    assert (
        sorted(data.barriers.kind.tolist())
        == sorted([*shapes.kind.tolist(), "water"])
        == ["river", "wall", "water", "water"]
    )
