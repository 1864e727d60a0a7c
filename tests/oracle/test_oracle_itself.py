"""Tiny worlds, worked out by hand, that show the oracle to be right.

All toy worlds lie on the equator, where east metres / 111,319.490793 and north metres / 110,574.2758 are degrees to
well below a millimetre, so that lengths can be read off the drawing. Walking 1 m along a road takes 1,000 ms, 1 m of a
leg 1,250 ms.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import LineString, Polygon, box

from .coverage import (
    disc_people,
    disc_people_at_points,
    people_by_label,
    people_by_unit,
    raster_total,
    sub_points,
)
from .osm import MODES, Tags, Way, World, directions, kmh, maxspeed, read_world, routable, world_from_ways
from .travel import (
    candidate_legs,
    demand_legs,
    door_to_door,
    facility_legs,
    leg_ms,
    split_graph,
    straight,
    straight_walk,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CRS = "+proj=tmerc +lat_0=0 +lon_0=0 +k=1 +datum=WGS84 +units=m +type=crs"
EAST, NORTH = 111319.490793, 110574.2758
ROAD = {"highway": "residential"}
POA = Path("/work/shared/data/porto_alegre")

XY = tuple[float, float]


def at(x: float, y: float) -> XY:
    """Metres on the drawing to lon/lat."""
    return x / EAST, y / NORTH


def way(number: int, points: Sequence[tuple[int, float, float]], tags: Tags) -> Way:
    """A way through nodes (id, x, y)."""
    return number, [(node, *at(x, y)) for node, x, y in points], tags


def world(*ways: Way, barriers: Iterable[Sequence[XY]] = ()) -> World:
    """A toy world; barriers are county-given lines in metres."""
    return world_from_ways(ways, CRS, extra_barriers=[LineString([at(*p) for p in line]) for line in barriers])


def straight_road(tags: Tags = ROAD, *, west: float = 0.0, barriers: Iterable[Sequence[XY]] = ()) -> World:
    """One road from (west, 0) to (1000, 0)."""
    return world(way(1, [(1, west, 0), (2, 1000, 0)], tags), barriers=barriers)


def one(
    here: World, start: XY, door: XY, mode: str, *, measure: str = "time", direction: str = "to_facility",
    limit_m: float = 1000,
) -> tuple[str, int | None]:  # fmt: skip
    """State and value of one trip."""
    state, value, _ = door_to_door(
        here, [at(*start)], [at(*door)], ["f"], mode, measure=measure, direction=direction, limit_m=limit_m
    )[0]
    return state, value


# --- tags -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50", 50), ("30 mph", 30 * 1.609344), ("50 km/h", 50), ("50 kph", 50), ("walk", 6), ("BR:urban", 50),
        ("CN:rural", 80), ("DE:motorway", 120), ("FR:living_street", 20), ("AT:zone30", 30), ("DE:zone:30", 30),
        ("60;40", 40), ("60|none|80", 60), ("none", None), ("signals", None), ("0", None), ("-10", None), ("", None),
        ("0;50", 50), ("fast", None), ("BR:fast", None),
    ],
)  # fmt: skip
def test_maxspeed(text: str, expected: float | None) -> None:
    """The contract's list of maxspeed values."""
    assert maxspeed({"maxspeed": text}) == expected


@pytest.mark.parametrize(
    ("tags", "walk", "elderly", "cycle", "drive", "ambulance"),
    [
        ({"highway": "residential"}, 3.6, 2.88, 12, 25, 1.1 * 25),
        ({"highway": "residential", "maxspeed": "30"}, 3.6, 2.88, 12, 24, 1.1 * 24),
        ({"highway": "motorway"}, None, None, None, 100, 1.1 * 100),
        ({"highway": "motorway", "foot": "yes"}, None, None, None, 100, 1.1 * 100),
        ({"highway": "trunk", "motorroad": "yes"}, None, None, None, 70, 1.1 * 70),
        ({"highway": "trunk", "motorroad": "yes", "foot": "designated"}, 3.6, 2.88, None, 70, 1.1 * 70),
        ({"highway": "primary_link"}, 3.6, 2.88, 12, 60, 1.1 * 60),
        ({"highway": "service_link"}, None, None, None, None, None),
        ({"highway": "steps"}, 1.8, None, None, None, None),
        ({"highway": "footway"}, 3.6, 2.88, None, None, None),
        ({"highway": "footway", "bicycle": "yes"}, 3.6, 2.88, 12, None, None),
        ({"highway": "path"}, 3.6, 2.88, 12, None, None),
        ({"highway": "track"}, 3.6, 2.88, 12, 15, 1.1 * 15),
        ({"highway": "construction"}, None, None, None, None, None),
        ({"highway": "construction", "route": "ferry"}, None, None, None, None, None),
        ({"route": "ferry"}, 10, 10, 10, 10, 10),
        ({"route": "ferry", "foot": "no"}, None, None, 10, 10, 10),
        ({"highway": "pedestrian", "area": "yes"}, None, None, None, None, None),
        ({"highway": "service", "access": "private"}, None, None, None, None, 1.1 * 15),
        ({"highway": "service", "access": "no"}, None, None, None, None, None),
        ({"highway": "service", "access": "no", "foot": "yes"}, 3.6, 2.88, None, None, None),
        ({"highway": "service", "vehicle": "no"}, 3.6, 2.88, None, None, None),
        ({"highway": "service", "vehicle": "no", "motorcar": "yes"}, 3.6, 2.88, None, 15, 1.1 * 15),
        ({"highway": "service", "access": "private;customers"}, 3.6, 2.88, 12, 15, 1.1 * 15),
        ({"highway": "service", "access": "private;military"}, None, None, None, None, 1.1 * 15),
        ({"highway": "service", "access": "military"}, None, None, None, None, None),
    ],
)
def test_who_may_use_a_way(
    tags: Tags, walk: float | None, elderly: float | None, cycle: float | None, drive: float | None,
    ambulance: float | None,
) -> None:  # fmt: skip
    """Class, access and speed rules."""
    found = {mode: kmh(mode, tags, False) for mode in MODES}
    ebike = None if cycle is None else 10 if "route" in tags else 18
    expected = dict(zip(MODES, (walk, elderly, cycle, ebike, drive, ambulance), strict=True))
    assert found == expected
    assert routable(tags) == any(v is not None for v in expected.values())


def test_urban_speeds_follow_the_half_way_point() -> None:
    """A track may not be driven in an urban area; the half-way point decides, the border counting as inside."""
    ways = [way(1, [(1, 0, 0), (2, 600, 0)], ROAD), way(2, [(2, 600, 0), (3, 1000, 0)], {"highway": "track"})]
    inside = world_from_ways(ways, CRS, urban=Polygon([at(*p) for p in ((-1, -9), (301, -9), (301, 9), (-1, 9))]))
    assert [edge.urban for edge in inside.edges] == [True, False]
    assert inside.edges[0].kmh("drive") == 20
    outside = world_from_ways(ways, CRS, urban=Polygon([at(*p) for p in ((-1, -9), (299, -9), (299, 9), (-1, 9))]))
    assert [edge.urban for edge in outside.edges] == [False, False]
    town = world_from_ways(ways, CRS, default_class="urban")
    assert [edge.id for edge in town.mode_edges("drive")] == [0]


def test_oneway() -> None:
    """Values of oneway and what holds without the tag."""
    forward, backward, both = (True, False), (False, True), (True, True)
    assert directions("drive", {"highway": "primary", "oneway": "yes"}) == forward
    assert directions("ambulance", {"highway": "primary", "oneway": "-1"}) == backward
    assert directions("drive", {"highway": "motorway_link"}) == forward
    assert directions("drive", {"highway": "motorway", "oneway": "no"}) == both
    assert directions("drive", {"highway": "primary", "junction": "roundabout"}) == forward
    assert directions("drive", {"highway": "primary", "junction": "roundabout", "oneway": "reversible"}) == both
    assert directions("walk", {"highway": "primary", "oneway": "yes"}) == both
    assert directions("walk_elderly", {"highway": "path", "oneway:foot": "-1"}) == backward
    assert directions("ebike", {"highway": "path", "oneway:bicycle": "1"}) == forward
    assert directions("cycle", {"highway": "primary", "junction": "roundabout"}) == both


# --- edges ------------------------------------------------------------------------------------------------------------


def test_edges_between_junctions() -> None:
    """Ways cut at shared nodes, at missing nodes; repeated nodes merged; ids by way id and position."""
    nodes: list[tuple[int, float | None, float | None]] = [
        (1, *at(0, 0)), (1, *at(0, 0)), (2, *at(100, 0)), (3, *at(200, 0)),
        (4, None, None), (5, *at(400, 0)), (6, None, None), (7, *at(600, 0)), (8, *at(700, 0)),
    ]  # fmt: skip
    here = world_from_ways([(20, nodes, ROAD), way(10, [(2, 100, 0), (9, 100, 50), (1, 0, 0)], ROAD)], CRS)
    assert [(e.way_id, e.nodes, e.mm) for e in here.edges] == [
        (10, (2, 9, 1), 50000 + round(1000 * math.hypot(100, 50))),
        (20, (1, 2), 100000),
        (20, (2, 3), 100000),
        (20, (7, 8), 100000),
    ]
    assert [e.id for e in here.edges] == [0, 1, 2, 3]
    assert [e.position for e in here.edges] == [0, 0, 2, 7]


def test_a_way_nobody_may_use_makes_no_junction() -> None:
    """Crossing a way that is not routable does not cut an edge; a closed way is one edge from a node to itself."""
    here = world(
        way(1, [(1, 0, 0), (2, 500, 0), (3, 1000, 0)], ROAD),
        way(2, [(4, 500, -9), (2, 500, 0)], {"highway": "proposed"}),
        way(3, [(3, 1000, 0), (5, 1100, 0), (6, 1100, 100), (3, 1000, 0)], ROAD),
    )
    assert [e.nodes for e in here.edges] == [(1, 2, 3), (3, 5, 6, 3)]


def test_refused_component() -> None:
    """A loose piece shorter than 1 % of the network (or 5 km) takes no legs; for another mode it may be joined."""
    loose = way(2, [(3, 0, 100), (4, 90, 100)], ROAD)
    here = world(way(1, [(1, 0, 0), (2, 9910, 0)], ROAD), loose)
    assert here.refused("walk") == {1}
    assert one(here, (0, 101), (9910, 0), "cycle") == ("reached", round(101000 * 0.45) + 9910 * 300)
    at_least = world(way(1, [(1, 0, 0), (2, 8910, 0)], ROAD), loose)
    assert at_least.refused("walk") == set()
    assert one(at_least, (0, 101), (8910, 0), "cycle")[1] == round(101000 * 0.45) + 8910 * 300
    alone = world(way(1, [(1, 0, 0), (2, 8910, 0)], {"highway": "footway"}), loose)
    assert alone.refused("drive") == set()


def test_attached_but_no_path_is_unreachable() -> None:
    """Two large pieces that do not meet."""
    here = world(way(1, [(1, 0, 0), (2, 1000, 0)], ROAD), way(2, [(3, 0, 1500), (4, 1000, 1500)], ROAD))
    assert one(here, (500, 0), (500, 1500), "drive", limit_m=100) == ("unreachable", None)
    assert one(here, (500, 300), (500, 1500), "drive", limit_m=100) == ("unattached", None)
    assert door_to_door(here, [at(0, 0)], [], [], "drive") == [("no_facility", None, None)]


# --- trips ------------------------------------------------------------------------------------------------------------


def test_straight_road_all_modes() -> None:
    """Legs of 30 m and 40 m and 500 m of road between them: one trip along one and the same edge."""
    here = straight_road()
    trip = ((200, 30), (700, -40))
    direct = math.hypot(500, 70)
    assert one(here, *trip, "walk") == ("reached", 37500 + 500000 + 50000)
    assert one(here, *trip, "walk_elderly") == ("reached", round(70000 * 1.5625) + 625000)
    assert one(here, *trip, "cycle") == ("reached", 13500 + 150000 + 18000)
    assert one(here, *trip, "ebike") == ("reached", 10800 + 100000 + 14400)
    assert one(here, *trip, "drive") == ("reached", 37500 + 72000 + 50000)
    # The edge takes 130,909 ms; from_start_ms are 26,182 and 91,636: their difference, not rint(65,454.5...).
    assert one(here, *trip, "ambulance") == ("reached", 37500 + (91636 - 26182) + 50000)
    assert one(here, *trip, "drive", measure="distance") == ("reached", 570000)
    assert one(here, *trip, "walk", measure="distance") == ("reached", round(1000 * direct))
    assert straight([at(*trip[0])], [at(*trip[1])], ["f"]) == [("reached", round(1000 * direct), "f")]


def test_long_car_leg() -> None:
    """50 m at the walking access speed, the other 100 m at 12 km/h."""
    assert leg_ms("drive", 150000) == 62500 + 30000
    assert one(straight_road(), (200, 150), (200, 0), "drive") == ("reached", 92500)


def test_leg_limit_is_inclusive() -> None:
    """A leg of exactly the limit counts, one millimetre more does not; straight walking has the same limit."""
    here = straight_road()
    assert one(here, (200, 100), (700, 0), "drive", limit_m=100)[0] == "reached"
    assert one(here, (200, 100.001), (700, 0), "drive", limit_m=100)[0] == "unattached"
    assert one(here, (-300, 0), (-400, 0), "walk", limit_m=100) == ("reached", 125000)
    assert one(here, (-300, 0), (-400.001, 0), "walk", limit_m=100)[0] == "unattached"


def test_one_way_on_one_edge() -> None:
    """With the road 500 m; against it there is no path, although both points are attached."""
    here = straight_road({**ROAD, "oneway": "yes"})
    assert one(here, (200, 0), (700, 0), "drive") == ("reached", 72000)
    assert one(here, (700, 0), (200, 0), "drive") == ("unreachable", None)
    assert one(here, (700, 0), (200, 0), "drive", direction="from_facility") == ("reached", 72000)
    assert one(here, (200, 0), (700, 0), "drive", direction="from_facility") == ("unreachable", None)
    assert one(here, (700, 0), (200, 0), "cycle") == ("reached", 150000)
    assert one(here, (200, 10), (200, -10), "drive") == ("reached", 25000)


def test_one_way_around_the_block() -> None:
    """Against the one-way road: on to its end, back along the 1,200 m detour, and in again at its start."""
    here = world(
        way(1, [(1, 0, 0), (2, 1000, 0)], {**ROAD, "oneway": "yes"}),
        way(2, [(2, 1000, 0), (3, 1000, -100), (4, 0, -100), (1, 0, 0)], ROAD),
    )
    metres = 300 + 1200 + 200
    assert one(here, (700, 0), (200, 0), "drive", limit_m=50) == ("reached", metres * 144)
    assert one(here, (700, 0), (200, 0), "drive", limit_m=50, measure="distance") == ("reached", metres * 1000)


def test_one_way_loop() -> None:
    """A one-way closed way is one edge; going back a little means going around."""
    ring = [(1, 0, 0), (2, 300, 0), (3, 300, 300), (4, 0, 300), (1, 0, 0)]
    here = world(way(1, ring, {**ROAD, "junction": "roundabout"}))
    assert one(here, (100, 0), (200, 0), "drive", limit_m=20) == ("reached", 14400)
    assert one(here, (200, 0), (100, 0), "drive", limit_m=20) == ("reached", 1100 * 144)


def test_same_edge_trip_does_not_pass_a_junction() -> None:
    """The way round by the ends of a bow is longer than the piece between the feet."""
    here = world(way(1, [(1, 0, 0), (2, 0, 400), (3, 600, 400), (4, 600, 0)], ROAD))
    assert one(here, (0, 100), (600, 100), "cycle", limit_m=50) == ("reached", 1200 * 300)


def test_split_by_complement() -> None:
    """The two pieces of a split edge add up to the edge, whatever rounding did."""
    here = world(way(1, [(1, 0, 0), (2, 0.0105, 0)], {**ROAD, "maxspeed": "25"}))
    edge = here.edges[0]
    # 10 or 11 mm at 20 km/h: 1.98 ms -> 2 ms; half-way 1 ms + 1 ms.
    assert edge.ms("drive") == 2
    leg = demand_legs(here, at(0.005, 0), "drive")[0]
    graph = split_graph(here, "drive", "time", [leg])
    node = ("foot", 0, 5)
    first = graph[("junction", 1)][node][0]["weight"]
    second = graph[node][("junction", 2)][0]["weight"]
    assert (first, second) == (edge.ms_from_start("drive", 5), edge.ms("drive") - edge.ms_from_start("drive", 5))
    assert first + second == edge.ms("drive")


def test_two_points_in_one_edge_split_by_difference() -> None:
    """7 m at 25 km/h is 1,008 ms; feet at 1.0005 m and 3.333 m differ by 480 - 144 ms."""
    here = world(way(1, [(1, 0, 0), (2, 7, 0)], ROAD))
    assert here.edges[0].ms("drive") == 1008
    assert one(here, (1.0, 0), (3.333, 0), "drive", limit_m=1) == ("reached", 480 - 144)


def test_split_graph_agrees_with_single_trips() -> None:
    """All feet in one graph give the same values as each trip alone, brute force over every pair of legs."""
    rng = np.random.default_rng(11)
    ways = []
    for k in range(5):
        oneway = {**ROAD, "oneway": "yes"} if k % 2 else ROAD
        ways.append(way(k, [(10 * k + j, 220 * j, 190 * k) for j in range(5)], oneway))
        ways.append(way(50 + k, [(10 * j + k, 220 * k, 190 * j) for j in range(5)], {**oneway, "maxspeed": "17"}))
    here = world(*ways, barriers=[[(-50, 300), (700, 310)]])
    points = [at(*p) for p in rng.uniform(-60, 900, (16, 2))]
    demand, doors = points[:12], points[12:]
    names = [f"f{k}" for k in range(len(doors))]
    for mode in MODES:
        for measure in ("time", "distance"):
            answers = door_to_door(here, demand, doors, names, mode, measure=measure, limit_m=150)
            for start, answer in zip(demand, answers, strict=True):
                values = []
                for name, door in zip(names, doors, strict=True):
                    walked = straight_walk(here, start, door, mode, measure, 150)
                    values += [] if walked is None else [(walked, name)]
                    ends, _ = facility_legs(here, door, mode, 150)
                    for a in demand_legs(here, start, mode, 150):
                        for b in ends:
                            graph = split_graph(here, mode, measure, [a, b])
                            nodes = ("foot", a.edge.id, a.from_start_mm), ("foot", b.edge.id, b.from_start_mm)
                            if nx.has_path(graph, *nodes):
                                legs = leg_ms(mode, a.mm) + leg_ms(mode, b.mm) if measure == "time" else a.mm + b.mm
                                values.append((legs + nx.dijkstra_path_length(graph, *nodes), name))
                assert answer[1:] == (min(values) if values else (None, None))


def test_ties_go_to_the_smaller_id() -> None:
    """Equal values: string order of the ids, not the order of the rows."""
    here = straight_road()
    for mode in ("walk", "drive"):
        doors = [at(800, 0), at(200, 0), at(999, 0)]
        assert door_to_door(here, [at(500, 0)], doors, ["f9", "f10", "a"], mode)[0][2] == "f10"
    assert straight([at(500, 0)], [at(500, 30), at(500, 30)], ["b", "a"])[0][2] == "a"


# --- what may be attached ---------------------------------------------------------------------------------------------


def test_bridge_is_not_attachable() -> None:
    """A point beside a bridge attaches to the road at its end; the bridge itself may be passed."""
    here = world(
        way(1, [(1, 0, 0), (2, 400, 0)], ROAD),
        way(2, [(2, 400, 0), (3, 600, 0)], {**ROAD, "bridge": "yes"}),
        way(3, [(3, 600, 0), (4, 1000, 0)], ROAD),
    )
    assert [leg.edge.id for leg in candidate_legs(here, at(450, 0), "drive")] == [0, 2]
    assert one(here, (450, 0), (1000, 0), "cycle") == ("reached", 150 * 450 + 400 * 300)
    assert one(here, (450, 0), (0, 0), "cycle") == ("reached", 50 * 450 + 400 * 300)
    assert one(here, (300, 0), (700, 0), "cycle") == ("reached", 400 * 300)
    plain = {**ROAD, "bridge": "no"}
    assert len(world(way(1, [(1, 0, 0), (2, 400, 0)], plain)).attachable("drive")) == 1
    tunnel = {**ROAD, "tunnel": "building_passage"}
    assert world(way(1, [(1, 0, 0), (2, 400, 0)], tunnel)).attachable("drive") == []


def test_steps_only_at_their_ends() -> None:
    """A point beside the middle of steps attaches to the nearer end; steps take 2,000 ms a metre."""
    here = world(way(1, [(1, 0, 0), (2, 60, 0), (3, 100, 0)], {"highway": "steps"}))
    leg = candidate_legs(here, at(40, 0), "walk")[0]
    assert (leg.mm, leg.from_start_mm) == (40000, 0)
    assert (candidate_legs(here, at(60, 0), "walk")[0].from_start_mm) == 100000
    assert candidate_legs(here, at(50, 0), "walk")[0].from_start_mm == 0
    far = world(
        way(1, [(1, 0, 0), (2, 100, 0)], {"highway": "steps"}), way(2, [(2, 100, 0), (3, 3000, 0)], {"highway": "path"})
    )
    assert one(far, (0, 0), (3000, 0), "walk") == ("reached", 100 * 1250 + 2900 * 1000)
    assert one(far, (0, 0), (3000, 0), "walk", limit_m=99) == ("reached", 200000 + 2900 * 1000)
    assert one(far, (0, 0), (3000, 0), "walk_elderly", limit_m=99) == ("unattached", None)


def test_motorway() -> None:
    """A motorway may be driven, not attached to, and bars legs across it."""
    here = world(
        way(1, [(1, 0, 0), (2, 500, 0)], ROAD),
        way(2, [(2, 500, 0), (3, 1500, 0)], {"highway": "motorway"}),
        way(3, [(3, 1500, 0), (4, 2000, 0)], ROAD),
    )
    assert {leg.edge.id for leg in candidate_legs(here, at(1000, 1), "drive")} == {0, 2}
    assert one(here, (0, 0), (2000, 0), "drive") == ("reached", 500 * 144 + 36000 + 500 * 144)
    assert one(here, (2000, 0), (0, 0), "drive") == ("unreachable", None)
    assert one(here, (0, 0), (2000, 0), "walk") == ("unreachable", None)
    assert one(here, (1000, 10), (1000, -10), "walk", limit_m=400) == ("unattached", None)
    assert one(here, (1000, 10), (1000, 30), "walk") == ("reached", 25000)
    # The motorway's end is only touched by a leg to the road's end: around it, 500.1 m on either side.
    assert one(here, (1000, 10), (1000, -10), "walk") == ("reached", 2 * round(500100 * 1.25))


def test_only_the_eight_nearest_are_kept() -> None:
    """24 candidates by (leg, edge id), of them 8; ties to the smaller edge id."""
    ways = [way(k, [(2 * k, 0, 10 * abs(k)), (2 * k + 1, 500, 10 * abs(k))], ROAD) for k in range(30)]
    here = world(*ways)
    assert [leg.edge.id for leg in candidate_legs(here, at(250, 0), "drive")] == list(range(24))
    assert [leg.edge.id for leg in demand_legs(here, at(250, 0), "drive")] == list(range(8))
    assert [leg.edge.id for leg in demand_legs(here, at(250, 15), "drive")][:4] == [1, 2, 0, 3]
    behind = world(*ways, barriers=[[(-100, 195), (600, 195)]])
    assert [leg.edge.id for leg in demand_legs(behind, at(250, 0), "drive")] == list(range(8))
    walled = world(*ways, barriers=[[(-100, 5), (600, 5)]])
    assert [leg.edge.id for leg in demand_legs(walled, at(250, 0), "drive")] == [0]


# --- barriers ---------------------------------------------------------------------------------------------------------


def river_world(*, bridge: bool) -> World:
    """A river along x = 0, a road on each bank, a bridge 400 m to the north."""
    ways = [
        way(1, [(1, -50, 0), (2, -50, 400)], ROAD),
        way(2, [(3, 50, 0), (4, 50, 400)], ROAD),
        way(3, [(5, 0, -2000), (6, 0, 2000)], {"waterway": "river"}),
    ]
    if bridge:
        ways.append(way(4, [(2, -50, 400), (4, 50, 400)], {**ROAD, "bridge": "yes"}))
    return world(*ways)


def test_river_with_one_bridge() -> None:
    """Neither legs nor straight walks cross the river; the trip goes over the bridge."""
    here = river_world(bridge=True)
    assert [leg.edge.way_id for leg in demand_legs(here, at(-60, 0), "walk")] == [1]
    assert one(here, (-60, 0), (60, 0), "walk") == ("reached", 2 * 12500 + 900 * 1000)
    assert one(here, (-60, 0), (60, 0), "walk", measure="distance") == ("reached", 920000)
    assert one(river_world(bridge=False), (-60, 0), (60, 0), "walk") == ("unreachable", None)
    stream = world(
        way(1, [(1, -50, 0), (2, -50, 400)], ROAD), way(3, [(5, 0, -2000), (6, 0, 2000)], {"waterway": "stream"})
    )
    assert one(stream, (-60, 0), (60, 0), "walk") == ("reached", 150000)


@pytest.mark.parametrize(
    ("tags", "bars"),
    [
        ({"waterway": "canal"}, True),
        ({"waterway": "river", "tunnel": "culvert"}, False),
        ({"waterway": "river", "tunnel": "no"}, True),
        ({"railway": "rail"}, True),
        ({"railway": "rail", "bridge": "viaduct"}, False),
        ({"railway": "narrow_gauge", "tunnel": "yes"}, False),
        ({"railway": "tram"}, False),
        ({"highway": "motorway_link"}, True),
        ({"highway": "motorway", "bridge": "yes"}, True),
        ({"highway": "motorway", "tunnel": "yes"}, False),
        ({"natural": "coastline"}, True),
        ({"barrier": "city_wall"}, True),
        ({"barrier": "fence"}, False),
    ],
)
def test_what_is_a_barrier(tags: Tags, bars: bool) -> None:
    """Straight walking of 100 m across a line of each kind."""
    here = world(way(1, [(1, 0, -500), (2, 0, 500)], tags))
    assert one(here, (-50, 0), (50, 0), "walk") == (("unattached", None) if bars else ("reached", 125000))


def test_straight_walking_across_a_yard() -> None:
    """80 m across the yard instead of 280 m around it; not for cycles; barred by a line through the yard."""
    around = [(1, 0, 0), (2, 0, -100), (3, 80, -100), (4, 80, 0)]
    here = world(way(1, around, ROAD))
    assert one(here, (0, 0), (80, 0), "walk") == ("reached", 100000)
    assert one(here, (0, 0), (80, 0), "walk", measure="distance") == ("reached", 80000)
    assert one(here, (0, 0), (80, 0), "walk_elderly") == ("reached", 125000)
    assert one(here, (0, 0), (80, 0), "drive", limit_m=10) == ("reached", 280 * 144)
    fenced = world(way(1, around, ROAD), barriers=[[(40, -99), (40, 200)]])
    assert one(fenced, (0, 0), (80, 0), "walk", limit_m=90) == ("reached", 280000)


def test_touching_is_not_crossing() -> None:
    """A straight walk that ends on a line, or passes its end point, does not cross; through it, it does."""
    here = straight_road(west=900, barriers=[[(50, 0), (50, 10), (50, 300)]])
    assert one(here, (0, 0), (100, 0), "walk", limit_m=150)[0] == "reached"
    assert one(here, (0, 10), (50, 10), "walk", limit_m=60)[0] == "reached"
    assert one(here, (0, 20), (100, 20), "walk", limit_m=150)[0] == "unattached"


def test_ways_that_meet_end_to_end_are_merged() -> None:
    """The joint of two river ways is inside the merged river, not an end to slip through."""
    tags = {"waterway": "river"}
    here = world(way(1, [(1, 50, -300), (2, 50, 0)], tags), way(2, [(2, 50, 0), (3, 50, 300)], tags))
    assert len(here.barriers.geometries) == 1
    assert one(here, (0, 0), (100, 0), "walk")[0] == "unattached"


def test_a_leg_ending_where_the_road_meets_the_barrier() -> None:
    """A railway along the road's own nodes does not bar a leg that ends on the road; 0.6 m before the road it does."""
    along: list[XY] = [(-10, 0), (1010, 0)]
    assert one(straight_road(barriers=[along]), (200, 30), (700, 40), "drive")[0] == "reached"
    before: list[XY] = [(-10, 0.6), (1010, 0.6)]
    assert one(straight_road(barriers=[before]), (200, 30), (700, 40), "drive")[0] == "unattached"
    near: list[XY] = [(-10, 0.4), (1010, 0.4)]
    assert one(straight_road(barriers=[near]), (200, 30), (700, 40), "drive")[0] == "unattached"
    crossing: list[XY] = [(200, -50), (200, 0.2), (190, 0.2)]
    assert one(straight_road(barriers=[crossing]), (200, 30), (700, 40), "drive")[0] == "reached"
    far: list[XY] = [(210, -50), (210, 0.2), (190, 0.2)]
    assert one(straight_road(barriers=[far]), (200, 30), (210, 30), "drive", limit_m=30)[0] == "unattached"


def test_water_area() -> None:
    """A lake as a closed way bars legs and walks; a walk inside it does too; one along its edge does not."""
    lake = [(1, 100, 0), (2, 200, 0), (3, 200, 100), (4, 100, 100), (1, 100, 0)]
    here = world(way(1, lake, {"natural": "water"}))
    assert one(here, (50, 50), (250, 50), "walk")[0] == "unattached"
    assert one(here, (120, 50), (150, 50), "walk")[0] == "unattached"
    assert one(here, (50, -1), (250, -1), "walk")[0] == "reached"
    assert one(world(way(1, lake, {"waterway": "river"})), (120, 50), (150, 50), "walk")[0] == "reached"


def test_wall_rule() -> None:
    """A facility walled in on all sides attaches and is told; a demand point there does not; nor behind a railway."""
    road = way(1, [(1, 0, 0), (2, 1000, 0)], ROAD)
    yard = [(11, 400, 10), (12, 500, 10), (13, 500, 90), (14, 400, 90), (11, 400, 10)]
    walled = world(road, way(2, yard, {"barrier": "wall"}))
    legs, told = facility_legs(walled, at(450, 50), "drive")
    assert told
    assert [leg.mm for leg in legs] == [50000]
    assert one(walled, (200, 0), (450, 50), "drive") == ("reached", 250 * 144 + 62500)
    assert one(walled, (450, 50), (200, 0), "drive") == ("unattached", None)
    assert one(walled, (200, 0), (450, 50), "walk") == ("reached", 250000 + 62500)
    assert facility_legs(walled, at(300, 50), "drive")[1] is False
    railed = world(road, way(2, yard, {"railway": "rail"}))
    assert facility_legs(railed, at(450, 50), "drive") == ([], False)
    both = world(road, way(2, yard, {"barrier": "wall"}), way(3, [(15, 0, 5), (16, 1000, 5)], {"railway": "rail"}))
    assert facility_legs(both, at(450, 50), "drive", 90) == ([], False)


# --- files ------------------------------------------------------------------------------------------------------------


def test_read_world(tmp_path: Path) -> None:
    """Nodes without a location cut ways; a multipolygon's island is dry; an incomplete area is left out."""
    spots = {
        1: (0, 0), 2: (1000, 0), 3: (1200, 0), 4: (1300, 0),
        11: (100, 100), 12: (900, 100), 13: (900, 900), 14: (100, 900),
        21: (400, 400), 22: (600, 400), 23: (600, 600), 24: (400, 600),
    }  # fmt: skip
    ways = {
        1: ([1, 2, 99, 3, 4], ROAD),
        2: ([11, 12, 13, 14, 11], {}),
        3: ([21, 22, 23, 24, 21], {}),
        4: ([1, 2, 98, 1], {"natural": "water"}),
    }
    text = ["<osm version='0.6' generator='test'>"]
    for node, (x, y) in spots.items():
        lon, lat = at(x, y)
        text.append(f"<node id='{node}' version='1' lon='{lon:.7f}' lat='{lat:.7f}'/>")
    for number, (nodes, tags) in ways.items():
        text.append(f"<way id='{number}' version='1'>" + "".join(f"<nd ref='{n}'/>" for n in nodes))
        text.append("".join(f"<tag k='{k}' v='{v}'/>" for k, v in tags.items()) + "</way>")
    text.append(
        "<relation id='1' version='1'><member type='way' ref='2' role='outer'/>"
        "<member type='way' ref='3' role='inner'/><tag k='type' v='multipolygon'/><tag k='natural' v='water'/>"
        "</relation></osm>"
    )
    path = tmp_path / "toy.osm"
    path.write_text("\n".join(text))
    here = read_world(path, CRS)
    assert [edge.nodes for edge in here.edges] == [(1, 2), (3, 4)]
    assert [g.geom_type for g in here.barriers.geometries] == ["Polygon"]
    assert here.barriers.geometries[0].area == pytest.approx(800**2 - 200**2, rel=1e-4)
    assert one(here, (450, 500), (550, 500), "walk")[0] == "reached"
    assert one(here, (450, 500), (650, 500), "walk", limit_m=300)[0] == "unattached"


@pytest.mark.skipif(not POA.exists(), reason="the Porto Alegre files are not here")
def test_porto_alegre_is_read() -> None:
    """A real extract: every edge is one way's, lengths add up to those of the routable ways."""
    crs = "+proj=tmerc +lat_0=-30.05 +lon_0=-51.2 +k=1 +datum=WGS84 +units=m +type=crs"
    here = read_world(POA / "poa_osm.pbf", crs)
    assert len({(edge.way_id, edge.position) for edge in here.edges}) == len(here.edges) > 20000
    assert 1_900e6 < sum(edge.mm for edge in here.edges) < 2_030e6


# --- people -----------------------------------------------------------------------------------------------------------


def raster(path: Path, values: np.ndarray, *, crs: str = CRS, cell: float = 100, nodata: float | None = -9) -> Path:
    """A GeoTIFF whose upper left corner is (0, 100 x rows) in a metre CRS."""
    transform = Affine(cell, 0, 0, 0, -cell, cell * values.shape[0])
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
    with rasterio.open(
        path, "w", **profile, dtype=values.dtype.name, crs=crs, transform=transform, nodata=nodata
    ) as file:
        file.write(values, 1)
    return path


def test_raster_total(tmp_path: Path) -> None:
    """Nodata, negative and NaN cells are not people."""
    values = np.array([[1.5, -9, 2.25], [np.nan, -1, np.inf]], dtype="float32")
    total = raster_total(raster(tmp_path / "a.tif", values))
    assert (total.people, total.valid, total.nodata, total.negative, total.not_finite) == (3.75, 2, 1, 1, 2)
    total = raster_total(raster(tmp_path / "b.tif", values, nodata=float("nan")))
    assert (total.people, total.nodata, total.negative, total.not_finite) == (3.75, 1, 2, 1)


def test_sub_points(tmp_path: Path) -> None:
    """Four points a cell, a quarter of its people each, at a quarter and three quarters of its sides."""
    lonlat, people = sub_points(raster(tmp_path / "a.tif", np.array([[8.0, 4.0]])), 2)
    assert people.tolist() == [2, 2, 2, 2, 1, 1, 1, 1]
    assert lonlat[0] == pytest.approx(at(25, 75), abs=1e-9)
    assert lonlat[3] == pytest.approx(at(75, 25), abs=1e-9)
    assert people_by_label(people, ["a"] * 5 + [None] * 3) == {"a": 9.0, None: 3.0}


def test_people_by_unit(tmp_path: Path) -> None:
    """A cell cut in the middle is shared half and half; what is outside all units is kept."""
    path = raster(tmp_path / "a.tif", np.array([[8.0, 4.0]]))
    units = {"a": Polygon([at(*p) for p in box(-50, -50, 150, 150).exterior.coords])}
    assert people_by_unit(path, units) == pytest.approx({"a": 10.0, None: 2.0}, abs=1e-4)


def test_disc_people(tmp_path: Path) -> None:
    """On a uniform raster: density x area of the disc; half of it at the raster's edge; in degrees too."""
    path = raster(tmp_path / "a.tif", np.full((20, 20), 50.0))
    circle = math.pi * 300**2 / 100**2 * 50
    assert disc_people(path, *at(1000, 1000), 300) == pytest.approx(circle, rel=2e-6)
    assert disc_people(path, *at(0, 1000), 300) == pytest.approx(circle / 2, rel=2e-5)
    assert disc_people(path, *at(1050, 1050), 30) == pytest.approx(math.pi * 30**2 / 100**2 * 50, rel=2e-6)
    degrees = raster(tmp_path / "b.tif", np.full((20, 20), 50.0), crs="EPSG:4326", cell=0.001)
    circle = math.pi * 300**2 / (0.001 * EAST * 0.001 * NORTH) * 50
    assert disc_people(degrees, 0.01, 0.01, 300) == pytest.approx(circle, rel=2e-6)


def test_disc_people_at_points(tmp_path: Path) -> None:
    """Sub-points come close to the exact disc; the radius is inclusive to the millimetre."""
    path = raster(tmp_path / "a.tif", np.full((20, 20), 50.0))
    exact = disc_people(path, *at(1010, 1020), 500)
    assert disc_people_at_points(*sub_points(path, 4), *at(1010, 1020), 500) == pytest.approx(exact, rel=0.01)
    assert disc_people_at_points([at(100, 0)], [7], *at(0, 0), 100) == 7
    assert disc_people_at_points([at(100.001, 0)], [7], *at(0, 0), 100) == 0
