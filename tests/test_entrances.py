"""Areas and lines as facilities: where they are entered, and that distances lead there. All figures by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import servicecircle
from servicecircle.analysis.build import find_doors
from servicecircle.assemble.provenance import input_paths
from servicecircle.errors import StudyError
from servicecircle.flow import check, explain, prepare
from servicecircle.geo.coordinates import wgs84_to_gcj02
from servicecircle.geo.outline import outlines, places_along
from servicecircle.outputs.credits import credit_lines
from servicecircle.outputs.publish import publish
from servicecircle.outputs.webmap.data import map_data
from servicecircle.siting.candidates import Candidates
from servicecircle.siting.plan import with_site
from servicecircle.study import study_from
from servicecircle.text import sentence
from servicecircle.travel.entrances import Spots, find_spots, obeying_walls

from .oracle.osm import world_from_ways
from .oracle.travel import door_to_door, facility_legs, straight_walk
from .small_study import CRS, ORIGIN, Facility, People, SmallStudy, Unit, circle, lonlat, presence, radius, way
from .test_travel_oracle import quiet, road_worlds
from .travel_fixtures import BOARD, DIRECTIONS, MEASURES, answers, as_barriers, as_ways, at, board, package_world
from .travel_fixtures import way as board_way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from servicecircle.results import Results
    from servicecircle.study import Study

    from .oracle.travel import Answer
    from .small_study import Metres

TO_METRES = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True)
#: Far from everything: the road file must hold a road.
FAR_ROAD = way((-3000, -3000), (-2000, -3000), highway="residential")


def degrees(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a shape drawn in metres in degrees."""
    return shapely.transform(shape, lambda xy: np.array([lonlat(*place) for place in xy]))


def drawn(
    folder: Path, shapes: Mapping[str, shapely.Geometry], study: SmallStudy, *, file: str = "parks.geojson",
    gates: Any = None, **spec: Any,
) -> Study:  # fmt: skip
    """Write a study whose facilities are clinics drawn as shapes in metres, by id."""
    folder.mkdir(exist_ok=True)
    base = study.write(folder)
    frame = gpd.GeoDataFrame({"id": list(shapes), "name": list(shapes)}, geometry=list(shapes.values()), crs=CRS)
    frame = frame.set_geometry([degrees(s) for s in frame.geometry], crs="EPSG:4326")
    pyogrio.write_dataframe(frame, folder / file)
    return with_file(base, {"path": file, "type": "clinic"} | spec | ({} if gates is None else {"gates": gates}))


def with_file(base: Study, spec: Mapping[str, Any]) -> Study:
    tree = base.model_dump(mode="json", exclude_unset=True)
    return study_from(tree | {"facilities": [dict(spec)]}, base.path)


def around(
    *people: Metres, ways: Sequence[Any] = (FAR_ROAD,), standards: Sequence[Any] = (), **more: Any
) -> SmallStudy:
    """Return a study of people at places, one unit each: u0, u1 ..."""
    return SmallStudy(
        units=[Unit(f"u{k}", place) for k, place in enumerate(people)],
        facilities=[Facility(0, 0)],
        standards=list(standards) or [radius(1)],
        people=[People(*place, 10, f"u{k}") for k, place in enumerate(people)],
        ways=ways,
        **more,
    )


def doors(results: Results, facility: str = "parks:a") -> dict[tuple[int, int], str]:
    """Return the doors of a facility: how by place, in whole metres."""
    mine = results.doors[results.doors["facility_id"] == facility]
    x, y = TO_METRES.transform(mine.geometry.x, mine.geometry.y)
    places = zip(np.rint(x - ORIGIN[0]).astype(int).tolist(), np.rint(y - ORIGIN[1]).astype(int).tolist(), strict=True)
    return dict(zip(places, mine["how"], strict=True))


def nearest(results: Results, column: str) -> list[float]:
    return results.units[column].tolist()


SQUARE = shapely.box(0, 0, 400, 400)

# -- lines


def test_a_greenway_is_as_near_as_its_nearest_door(tmp_path: Path) -> None:
    """3,050 m long: doors at 0, 100 ... 3,000 and 3,050; people at both ends and beside, 1.5 km from its middle."""
    line = shapely.LineString([(0, 200), (3050, 200)])
    people = [(-300, 200), (3350, 200), (300, 600)]
    results = servicecircle.run(drawn(tmp_path, {"a": line}, around(*people, standards=[radius(0.4)])))
    assert doors(results) == {(x, 200): "line" for x in (*range(0, 3001, 100), 3050)}
    assert nearest(results, "nearest_straight_km") == pytest.approx([0.3, 0.3, 0.4], abs=1e-4)
    assert results.provenance["doors"] == {"point": 0, "gate": 0, "road_crossing": 0, "border": 0, "line": 32}
    assert any(
        "1 areas and lines are entered at 32 doors (gates 0, road crossings 0, border or line 32)" in n
        for n in results.notices
    )


def test_distances_to_doors_name_their_facility(tmp_path: Path) -> None:
    """A line of 4 doors, a point, an area of 4 doors, in this order of ids: each is the nearest of somebody."""
    shapes = {
        "a": shapely.LineString([(0, 0), (250, 0)]),
        "b": shapely.Point(1000, 0),
        "c": shapely.box(2000, 0, 2090, 90),
    }
    study = around((100, 50), (1000, 70), (2045, 300), standards=[radius(0.5), circle(5, "walk")])
    results = servicecircle.run(drawn(tmp_path, shapes, study))
    assert results.units["nearest_straight_id"].tolist() == ["parks:a", "parks:b", "parks:c"] * 2
    assert results.units["nearest_time_id"].tolist() == ["parks:a", "parks:b", "parks:c"] * 2
    assert results.doors["door"].tolist() == [1, 2, 3, 4, 1, 1, 2, 3, 4]
    straight = results.units[results.units["criterion"].str.endswith("straight")]
    assert straight["p50"].tolist()[:2] == pytest.approx([0.05, 0.07], rel=1e-3)


def test_a_line_is_entered_where_a_road_crosses_it(tmp_path: Path) -> None:
    """A footpath crosses at x = 130: from (130, 500) it is 300 m; to the door at x = 100 it would be further."""
    line = shapely.LineString([(250, 200), (0, 200)])
    study = around((130, 500), ways=[way((130, 0), (130, 600), highway="footway")], standards=[radius(1, "road:walk")])
    results = servicecircle.run(drawn(tmp_path, {"a": line}, study))
    assert doors(results) == {
        (0, 200): "line",
        (100, 200): "line",
        (130, 200): "road_crossing",
        (200, 200): "line",
        (250, 200): "line",
    }
    assert nearest(results, "nearest_road_km") == pytest.approx([0.3], abs=1e-4)


def test_the_parts_of_a_line_are_joined(tmp_path: Path) -> None:
    """Drawn as two pieces of 150 m, one backwards: doors at 0, 100, 200 and 300, none at the joint."""
    line = shapely.MultiLineString([[(150, 0), (300, 0)], [(150, 0), (0, 0)]])
    results = servicecircle.run(drawn(tmp_path, {"a": line}, around((0, 100))))
    expected = {(x, 0): "line" for x in (0, 100, 200, 300)}
    found = doors(results)
    assert {place: found[place] for place in expected} == expected
    # 300 m of the grid are 300.0 m on the ground up to a centimetre: the end may be a door of its own beside the last
    assert len(results.doors) in (4, 5)


# -- areas


def test_a_walled_park_is_entered_at_its_gates(tmp_path: Path) -> None:
    """A street passes 20 m east of the wall. From (420, 380) it is 400 m south, 220 m west and 20 m to the gate."""
    gate, other = (200.0, 0.0), (0.0, 300.0)
    wall = way((0, 0), gate, (400, 0), (400, 400), (0, 400), other, (0, 0), barrier="wall")
    street = way((200, -20), (420, -20), (420, 500), highway="residential")
    path = way((200, -20), gate, (200, 200), highway="footway")
    study = around(
        (420, 380), (450, 200), ways=[wall, street, path], standards=[radius(1, "road:walk", "straight")],
        nodes={gate: {"barrier": "gate"}, other: {"barrier": "gate", "access": "private", "foot": "yes"}},
    )  # fmt: skip
    study = drawn(tmp_path, {"a": SQUARE}, study)
    results = servicecircle.run(study)
    assert doors(results) == {(200, 0): "gate", (0, 300): "gate"}
    road = results.units[results.units["criterion"].str.endswith("walk")]
    assert road["p50"].tolist() == pytest.approx([0.640, 0.030 + 0.220 + 0.220 + 0.020], abs=2e-4)
    straight = results.units[results.units["criterion"].str.endswith("straight")]
    # as the crow flies the western gate is nearer to the first, and the southern to the second
    assert straight["p50"].tolist() == pytest.approx([np.hypot(420, 80) / 1000, np.hypot(250, 200) / 1000], rel=1e-4)
    lon, lat = lonlat(200, 0)
    lines = explain(study, unit="u0", criterion="t/radius/road:walk")
    assert f"Entered at: gate, {lat:.6f}, {lon:.6f} (WGS 84 latitude, longitude)" in lines
    assert any(line.startswith("Entered at: gate") for line in explain(study, unit="u0", criterion="t/radius/straight"))


def test_without_gates_the_wall_is_what_it_is(tmp_path: Path) -> None:
    """The same park, its only opening unknown: the footpath through the wall is the way in, 640 m as before."""
    wall = way((0, 0), (200, 0), (400, 0), (400, 400), (0, 400), (0, 0), barrier="wall")
    street = way((200, -20), (420, -20), (420, 500), highway="residential")
    path = way((200, -20), (200, 0), (200, 200), highway="footway")
    study = around((420, 380), ways=[wall, street, path], standards=[radius(1, "road:walk")])
    results = servicecircle.run(drawn(tmp_path, {"a": SQUARE}, study))
    assert doors(results) == {(200, 0): "road_crossing"}
    assert results.units["p50"].tolist() == pytest.approx([0.640], abs=2e-4)
    assert not any("walled in" in notice for notice in results.notices)


def test_a_park_crossed_by_a_footpath(tmp_path: Path) -> None:
    """Entered where the path crosses its border, north and south; a hole in the park is no border."""
    park = shapely.box(0, 100, 300, 400) - shapely.box(100, 200, 200, 300)
    path = way((150, 0), (150, 600), highway="footway")
    results = servicecircle.run(
        drawn(tmp_path, {"a": park}, around((150, 0), (150, 550), ways=[path], standards=[radius(1, "road:walk")]))
    )
    assert doors(results) == {(150, 100): "road_crossing", (150, 400): "road_crossing"}
    assert results.units["p50"].tolist() == pytest.approx([0.1, 0.15], abs=1e-4)


@pytest.mark.parametrize(("pieces", "most_mm"), [(10, 0), (1, 10)])
def test_a_door_on_a_road_has_a_leg_of_no_length(tmp_path: Path, pieces: int, most_mm: int) -> None:
    """Aslant across the border; a road straight in degrees is straight in metres up to 1 cm in a kilometre."""
    nodes = [(-300 + 1000 * k / pieces, -200 + 813 * k / pieces) for k in range(pieces + 1)]
    study = around((0, -200), ways=[way(*nodes, highway="footway")])
    entrances = prepare(drawn(tmp_path, {"a": SQUARE}, study)).world.entrances
    legs = entrances.places.access["walk"]
    assert entrances.kind.tolist() == ["road_crossing"] * 2
    assert all(legs.leg_mm[legs.point == door].min() <= most_mm for door in (0, 1))


@pytest.mark.parametrize(
    ("tags", "how"),
    [
        ({"highway": "residential"}, "road_crossing"),
        ({"highway": "residential", "bridge": "yes"}, "border"),
        ({"highway": "footway", "tunnel": "yes"}, "border"),
        ({"highway": "motorway"}, "border"),
        ({"highway": "residential", "foot": "no"}, "border"),
    ],
)
def test_a_border_is_crossed_by_roads_people_walk_on_the_ground(tmp_path: Path, tags: dict[str, str], how: str) -> None:
    results = servicecircle.run(
        drawn(tmp_path, {"a": SQUARE}, around((0, -200), ways=[way((200, -100), (200, 500), **tags), FAR_ROAD]))
    )
    assert set(doors(results).values()) == {how}


def test_a_road_that_ends_on_the_border_or_runs_along_it_leads_in(tmp_path: Path) -> None:
    """Of a stretch along the border its two ends are doors."""
    stub = way((-100, 200), (0, 200), highway="footway")
    along = way((100, -100), (100, 0), (300, 0), (300, -100), highway="residential")
    results = servicecircle.run(
        drawn(tmp_path, {"a": as_osm(SQUARE, stub, along)}, around((0, -200), ways=[stub, along]))
    )
    assert doors(results) == dict.fromkeys(((0, 200), (100, 0), (300, 0)), "road_crossing")


def as_osm(box: shapely.Polygon, *ways: Any) -> shapely.Polygon:
    """Return a polygon in metres with the nodes of ways that lie on its border as vertices, at 1e-7 degrees."""
    nodes = [node for one in ways for node in one.nodes if box.exterior.distance(shapely.Point(node)) == 0]
    corners = sorted({*nodes, *box.exterior.coords}, key=lambda node: box.exterior.project(shapely.Point(node)))

    def stored(node: Metres) -> Metres:
        lon, lat = (round(v, 7) for v in lonlat(*node))
        x, y = TO_METRES.transform(lon, lat)
        return x - ORIGIN[0], y - ORIGIN[1]

    return shapely.Polygon([stored(node) for node in corners])


def test_a_park_no_road_meets_is_entered_every_100_m(tmp_path: Path) -> None:
    """250 x 130 m: 760 m round, ceil(7.6) = 8 doors, from the corner with the smallest longitude on."""
    park = shapely.box(0, 0, 250, 130)
    results = servicecircle.run(drawn(tmp_path, {"a": park}, around((125, -200))))
    found = doors(results)
    assert set(found.values()) == {"border"}
    assert len(results.doors) == 8
    # the grid is turned by less than 2 degrees here, so the western corners decide
    west = min((lonlat(0, y), (0, y)) for y in (0, 130))[1]
    ring = shapely.LineString([west, (250, west[1]), (250, 130 - west[1]), (0, 130 - west[1]), west])
    north = shapely.LineString(ring.coords[::-1])
    neighbours = {line: lonlat(*line.coords[1]) for line in (ring, north)}
    line = min(neighbours, key=lambda one: neighbours[one])
    expected = [line.interpolate(100 * k) for k in range(8)]
    assert sorted(found) == sorted((round(p.x), round(p.y)) for p in expected)
    assert nearest(results, "nearest_straight_km") == pytest.approx(
        [min(p.distance(shapely.Point(125, -200)) for p in expected) / 1000], rel=1e-4
    )


@pytest.mark.parametrize(("width", "count"), [(100, 4), (99.9, 4), (101, 5), (20, 1), (25.5, 2)])
def test_doors_of_a_border_are_its_length_by_100_rounded_up(width: float, count: int) -> None:
    """On the flat board: 400 m round are 4 doors; a border shorter than 100 m has one."""
    ring = np.array([at(*p) for p in ((0, 0), (width, 0), (width, width), (0, width), (0, 0))])
    # 100.0 m: as a geodesic 400 m may be a few micrometres more; whole millimetres decide
    assert len(places_along(ring, 100, closed=True)) == count


def test_several_parts_and_an_invalid_border(tmp_path: Path) -> None:
    """Two squares 100 m wide, as two parts and as a bow-tie would give them: each has its own doors."""
    parts = shapely.MultiPolygon([shapely.box(0, 0, 90, 90), shapely.box(200, 0, 290, 90)])
    tie = shapely.Polygon([(0, 0), (90, 90), (90, 0), (0, 90)])
    assert not tie.is_valid
    study = drawn(tmp_path, {"a": parts, "b": tie}, around((45, -100)))
    results = servicecircle.run(study)
    assert len(doors(results)) == 8
    # two triangles with legs of 45 times root 2 and a base of 90: 217.3 m round, 3 doors each, one shared place
    assert len(results.doors[results.doors["facility_id"] == "parks:b"]) in (5, 6)
    assert set(results.shapes.geom_type) == {"MultiPolygon"}
    assert results.shapes.geometry.is_valid.all()


def test_where_a_facility_is_drawn_as_several_points_each_is_a_door(tmp_path: Path) -> None:
    points = shapely.MultiPoint([(0, 0), (500, 0)])
    results = servicecircle.run(drawn(tmp_path, {"a": points}, around((0, 100), (500, 200))))
    assert doors(results) == {(0, 0): "point", (500, 0): "point"}
    assert nearest(results, "nearest_straight_km") == pytest.approx([0.1, 0.2], rel=1e-4)
    assert not any("areas and lines" in notice for notice in results.notices)


def test_the_map_draws_areas_and_lines(tmp_path: Path) -> None:
    """A box is four corners and its start again, as steps; a point has no outline."""
    shapes = {"a": SQUARE, "b": shapely.Point(700, 0), "c": shapely.LineString([(0, 500), (300, 500)])}
    results = servicecircle.run(drawn(tmp_path, shapes, around((0, -200))))
    outline = {f["id"]: f.get("outline") for f in map_data(results)["facilities"]}
    assert [len(line) for line in outline["parks:a"]] == [10]
    assert [len(line) for line in outline["parks:c"]] == [4]
    assert outline["parks:b"] is None
    assert results.shapes["facility_id"].tolist() == ["parks:a", "parks:c"]
    assert results.provenance["doors"]["point"] == 1


# -- gates


@pytest.mark.parametrize(
    ("tags", "counts"),
    [
        ({"barrier": "gate"}, True),
        ({"barrier": "swing_gate"}, True),
        ({"barrier": "lift_gate"}, True),
        ({"barrier": "entrance"}, True),
        ({"barrier": "kissing_gate"}, True),
        ({"barrier": "turnstile"}, True),
        ({"entrance": "main"}, True),
        ({"entrance": "yes"}, True),
        ({"entrance": "no"}, False),
        ({"entrance": "emergency"}, False),
        ({"barrier": "gate", "access": "private"}, False),
        ({"barrier": "gate", "access": "private", "foot": "designated"}, True),
        ({"barrier": "gate", "foot": "no"}, False),
        ({"barrier": "bollard"}, False),
        ({"highway": "crossing"}, False),
    ],
)
def test_gates_of_the_road_file(tmp_path: Path, tags: dict[str, str], counts: bool) -> None:
    results = servicecircle.run(drawn(tmp_path, {"a": SQUARE}, around((0, -200), nodes={(100.0, 0.0): tags})))
    assert (doors(results) == {(100, 0): "gate"}) == counts


def test_a_gate_lies_within_five_metres_of_the_border(tmp_path: Path) -> None:
    """Inside or outside; 5.5 m are too many. A hole's border is none."""
    park = SQUARE - shapely.box(150, 150, 250, 250)
    nodes = {
        place: {"barrier": "gate"}
        for place in ((100.0, -4.9), (404.6, 100.0), (200.0, 4.6), (300.0, 5.5), (200.0, 150.0))
    }
    results = servicecircle.run(drawn(tmp_path, {"a": park}, around((0, -200), nodes=nodes)))
    assert doors(results) == dict.fromkeys(((100, -5), (405, 100), (200, 5)), "gate")


def gate_file(folder: Path, *places: Metres) -> str:
    folder.mkdir(exist_ok=True)
    rows = [f"g{k},{lonlat(*place)[0]:.9f},{lonlat(*place)[1]:.9f}" for k, place in enumerate(places)]
    (folder / "gates.csv").write_text("\n".join(["编号,经度,纬度", *rows]), encoding="utf-8")
    return "gates.csv"


def test_the_studys_own_gates(tmp_path: Path) -> None:
    """Each belongs to the nearest border at most 20 m away; the road file's gates then count no more."""
    other = shapely.box(430, 0, 600, 100)
    own = gate_file(tmp_path, (200, -19.99), (414, 50), (416, 60), (200, -20.01), (5000, 0))
    study = around((0, -200), nodes={(0.0, 100.0): {"barrier": "gate"}, (600.0, 50.0): {"barrier": "gate"}})
    study = drawn(tmp_path, {"a": SQUARE, "b": other}, study, gates=own)
    results = servicecircle.run(study)
    assert doors(results) == {(200, -20): "gate", (414, 50): "gate"}
    assert doors(results, "parks:b") == {(416, 60): "gate"}
    left = results.set_aside[results.set_aside["file"] == "gates.csv"]
    assert left["id"].tolist() == ["g3", "g4"]
    assert all("within 20 m" in reason for reason in left["reason"])
    assert "gates.csv" in input_paths(study)
    assert any(line.startswith("Gates (gates.csv)") for line in credit_lines(study))


def test_a_gate_in_the_middle_belongs_to_the_smaller_id(tmp_path: Path) -> None:
    """10 m from both, to the millimetre."""
    own = gate_file(tmp_path, (410, 50))
    parks = {"b": SQUARE, "a": shapely.box(420, 0, 600, 100)}
    results = servicecircle.run(drawn(tmp_path, parks, around((0, -200)), gates=own))
    assert doors(results, "parks:a") == {(410, 50): "gate"}
    assert set(doors(results, "parks:b").values()) == {"border"}


def test_an_area_none_of_the_studys_gates_belongs_to(tmp_path: Path) -> None:
    """Its gates in the road file do not count, the footpath does."""
    own = gate_file(tmp_path, (5000, 0))
    study = around(
        (0, -200), ways=[way((100, -100), (100, 300), highway="footway")], nodes={(300.0, 0.0): {"barrier": "gate"}}
    )
    assert doors(servicecircle.run(drawn(tmp_path, {"a": SQUARE}, study, gates=own))) == {(100, 0): "road_crossing"}


def test_two_areas_behind_one_gate(tmp_path: Path) -> None:
    """Both are there: equal distances go to the smaller id, and each can be searched alone."""
    parks = {"b": SQUARE, "a": shapely.box(0, -300, 400, 0)}
    study = drawn(tmp_path, parks, around((-100, 0), nodes={(0.0, 0.0): {"barrier": "gate"}}))
    results = servicecircle.run(study)
    assert doors(results, "parks:a") == doors(results, "parks:b") == {(0, 0): "gate"}
    assert nearest(results, "nearest_straight_id") == ["parks:a"]
    assert nearest(results, "nearest_straight_km") == pytest.approx([0.1], rel=1e-4)
    world = prepare(study).world
    for row in (0, 1):
        reach = world.straight_reach(np.array([row]))
        assert reach.facility.tolist() == [0]
        assert reach.value[0] == pytest.approx(100_000, rel=1e-4)


# -- how it is drawn does not matter


def turned(park: shapely.Polygon, by: int, *, backwards: bool) -> shapely.Polygon:
    ring = list(park.exterior.coords)[:-1]
    ring = ring[by:] + ring[:by]
    return shapely.Polygon(ring[::-1] if backwards else ring)


@pytest.mark.parametrize("roads", [True, False])
def test_direction_and_start_of_a_ring_and_order_of_rows_do_not_matter(tmp_path: Path, roads: bool) -> None:
    """The same bytes, whichever way an area is drawn."""
    park = shapely.Polygon([(0, 0), (310, 15), (405, 222), (190, 333), (-20, 120)])
    line = shapely.LineString([(500, 0), (612, 77), (590, 300)])
    ways = [way((100, -100), (160, 500), highway="footway") if roads else FAR_ROAD]
    study = around((0, -200), (600, 500), ways=ways, standards=[radius(1), circle(15, "walk")])
    first: dict[str, bytes] = {}
    shapes = None
    for k, (by, backwards) in enumerate([(0, False), (2, False), (4, True)]):
        drawn_parks = {
            "a": turned(park, by, backwards=backwards),
            "b": shapely.LineString(line.coords[:: -1 if backwards else 1]),
        }
        if backwards:
            drawn_parks = dict(reversed(drawn_parks.items()))
        results = servicecircle.run(drawn(tmp_path / str(k), drawn_parks, study))
        folder = publish(results, tmp_path / f"out{k}").parent
        files = {name: (folder / name).read_bytes() for name in ("units.csv", "gaps.csv", "scorecard.csv", "map.html")}
        layer = gpd.read_file(folder / "study.gpkg", layer="doors")
        files |= {
            "doors": layer.to_wkb().to_csv().encode(),
            "ids": str(results.facilities.drop(columns="row").to_wkb().to_csv()).encode(),
        }
        files["shapes"] = results.shapes.to_wkb().to_csv(index=False).encode()
        first = first or files
        shapes = files["shapes"]
        assert files == first
    assert shapes


def test_rings_begin_and_turn_in_an_order_of_their_own() -> None:
    ring = [(0, 1), (2, 0), (3, 3), (0, 4)]
    for k in range(4):
        for one in (ring[k:] + ring[:k], (ring[k:] + ring[:k])[::-1]):
            (found,) = outlines(shapely.Polygon(one))
            assert found.tolist() == [[0, 1], [0, 4], [3, 3], [2, 0], [0, 1]]
    for one in (ring, ring[::-1]):
        (found,) = outlines(shapely.LineString(one))
        assert found.tolist() == [[0, 1], [2, 0], [3, 3], [0, 4]]


@pytest.mark.parametrize("crs", ["GCJ-02", CRS])
def test_areas_in_other_coordinate_systems(tmp_path: Path, crs: str) -> None:
    """Converted vertex by vertex: the same doors to a centimetre."""
    study = around((0, -200))
    plain = servicecircle.run(drawn(tmp_path / "a", {"a": SQUARE}, study))
    base = drawn(tmp_path / "b", {"a": SQUARE}, study)
    if crs == "GCJ-02":
        moved = shapely.transform(degrees(SQUARE), lambda xy: np.column_stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1])))
        frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[moved], crs="EPSG:4326")
        spec = {"path": "parks.geojson", "crs": "GCJ-02", "type": "clinic"}
        pyogrio.write_dataframe(frame, tmp_path / "b" / "parks.geojson", COORDINATE_PRECISION=12)
    else:
        frame = gpd.GeoDataFrame({"id": ["a"]}, geometry=[shapely.affinity.translate(SQUARE, *ORIGIN)], crs=CRS)
        spec = {"path": "parks.gpkg", "type": "clinic"}
        pyogrio.write_dataframe(frame, tmp_path / "b" / "parks.gpkg")
    results = servicecircle.run(with_file(base, spec))
    for axis in ("x", "y"):
        assert getattr(results.doors.geometry, axis).tolist() == pytest.approx(
            getattr(plain.doors.geometry, axis).tolist(), abs=1e-7
        )


def test_the_unit_of_an_area_is_that_of_its_label_point(tmp_path: Path) -> None:
    """A park across two units counts in the one that holds its middle, whatever its gates."""
    study = SmallStudy(
        units=[Unit("west", (-100, 0, 250, 400)), Unit("east", (250, 0, 600, 400))],
        facilities=[Facility(0, 0)],
        standards=[presence()],
        people=[People(0, 50, 10), People(590, 50, 10)],
        ways=[FAR_ROAD],
        nodes={(400.0, 100.0): {"barrier": "gate"}},
    )
    results = servicecircle.run(drawn(tmp_path, {"a": SQUARE}, study))
    assert doors(results) == {(400, 100): "gate"}
    assert dict(zip(results.units["unit_id"], results.units["count"], strict=True)) == {"west": 1, "east": 0}


def test_one_place_drawn_twice_is_a_duplicate_and_keeps_its_gates(tmp_path: Path) -> None:
    own = gate_file(tmp_path, (200, 0))
    names = {"b": SQUARE, "a": turned(SQUARE, 2, backwards=True), "c": shapely.box(-10, -10, 410, 410)}
    base = drawn(tmp_path, names, around((0, -200)), gates=own)
    path = tmp_path / "parks.geojson"
    tree = json.loads(path.read_text(encoding="utf-8"))
    for feature in tree["features"]:
        feature["properties"]["name"] = "park"
    path.write_text(json.dumps(tree), encoding="utf-8")
    results = servicecircle.run(base)
    # c has the same middle, but is another park
    assert results.facilities["id"].tolist() == ["parks:a", "parks:c"]
    assert results.set_aside["id"].tolist() == ["parks:b"]
    assert doors(results) == {(200, 0): "gate"}


# -- refusals


def refused(study: Study, language: str = "en") -> list[str]:
    return [sentence(language, one) for one in check(study).problems]


def test_the_gate_file_is_refused_like_any_other(tmp_path: Path) -> None:
    study = around((0, -200))
    missing = refused(drawn(tmp_path, {"a": SQUARE}, study, gates="gate.csv"))
    assert len(missing) == 1
    assert "gate.csv" in missing[0]
    (tmp_path / "bad.csv").write_text("name,x\na,1", encoding="utf-8")
    bad = drawn(tmp_path, {"a": SQUARE}, study, gates="bad.csv")
    assert len(refused(bad)) == 1
    assert "latitude" in refused(bad)[0]
    assert "纬度" in refused(bad, "zh")[0]
    both = drawn(tmp_path, {"a": SQUARE}, study, gates="gate.csv", where={"beds": "> 1"})
    assert len(refused(both)) == 2


def test_a_misspelt_key_names_gates(tmp_path: Path) -> None:
    base = drawn(tmp_path, {"a": SQUARE}, around((0, -200)))
    with pytest.raises(StudyError) as caught:
        with_file(base, {"path": "parks.geojson", "gate": "x"})
    (found,) = [sentence("en", one) for one in caught.value.problems]
    assert "facilities.0.gate" in found
    assert "gates" in found.replace("facilities.0.gate", "")


def test_check_says_how_areas_are_entered(tmp_path: Path) -> None:
    notices = check(drawn(tmp_path, {"a": SQUARE}, around((0, -200)))).notices
    assert any("1 areas and 0 lines are used as drawn" in sentence("en", one) for one in notices)
    assert any("1 个面、0 条线" in sentence("zh", one) for one in notices)


# -- walls, and the oracle


def test_walls_yield_at_gates_and_where_no_door_is_free() -> None:
    """A street north and a yard walled all round with a door inside: closed while the other door is free."""
    street = board_way(1, [(1, 0, 0), (2, 1000, 0)], highway="residential")
    yard = [(k, x, y) for k, (x, y) in enumerate([(400, 50), (500, 50), (500, 150), (400, 150), (400, 50)], start=10)]
    yard[-1] = yard[0]
    world = board(street, board_way(2, yard, barrier="wall"))
    lon, lat = np.array([at(450, 100), at(800, 50)]).T
    places = world.places(list(zip(lon, lat, strict=True)), walls_yield=True)
    assert places.access["walk"].yielded.tolist() == [True, False]
    for kind, facility, legs, walled in (
        ("border", [0, 0], [False, True], [False]),
        ("gate", [0, 0], [True, True], [False]),
        ("border", [0, 1], [True, True], [True, False]),
    ):
        spots = Spots(lon, lat, np.array(facility), np.array([kind, "border"]))
        entrances = obeying_walls(spots, places)
        assert entrances.places.access["walk"].attached().tolist() == legs
        assert entrances.walled_in().tolist() == walled
        assert entrances.attached("drive").all()


def test_a_facility_is_added_among_others_with_several_doors() -> None:
    """Three facilities with 2, 1 and 2 doors; a point put between the first and the second."""
    street = board_way(1, [(1, 0, 0), (2, 1000, 0)], highway="residential")
    world = board(street)
    x = [100, 200, 300, 400, 500]
    spots = Spots(*np.array([at(v, 5) for v in x]).T, np.array([0, 0, 1, 2, 2]), np.array(["line"] * 5))
    entrances = obeying_walls(spots, world.places([at(v, 5) for v in x], walls_yield=True))
    extra = world.places([at(900, 5), at(250, 7)], walls_yield=True)
    grown = entrances.with_point(extra, 1, 1)
    assert grown.facility.tolist() == [0, 0, 1, 2, 3, 3]
    assert grown.kind.tolist() == ["line", "line", "point", "line", "line", "line"]
    legs = grown.places.access["walk"]
    feet = {int(p): int(mm) for p, mm in zip(legs.point, legs.from_start_mm, strict=True)}
    assert [round(feet[k] / 1000) for k in range(6)] == [100, 200, 250, 300, 400, 500]
    found = grown.of(np.array([1, 3]))
    assert (found.row.tolist(), found.facility.tolist(), found.count) == ([2, 4, 5], [0, 1, 1], 2)
    other = grown.of(np.array([3, 1]))  # the order of the rows is that of the ids
    assert (other.row.tolist(), other.facility.tolist(), other.count) == ([4, 5, 2], [0, 0, 1], 2)


def test_a_proposed_site_is_one_door_more(tmp_path: Path) -> None:
    """Built beside a park of 16 doors whose id comes later."""
    study = drawn(tmp_path, {"a": SQUARE}, around((0, -200)), file="z.geojson")
    prepared = prepare(study)
    lon, lat = lonlat(0, -200)
    candidates = Candidates(*(np.array([text]) for text in ("unit:u0", "U0", "unit")), np.array([lon]), np.array([lat]))
    places = find_doors(prepared.finder, prepared.world.modes, candidates.lon, candidates.lat)
    world = with_site(prepared.world, candidates, places, 0, prepared.criteria[0])
    assert world.facilities["id"].tolist() == ["proposed:unit:u0", "z:a"]
    site, park = (world.doors(np.array([row])) for row in (0, 1))
    assert (world.entrances.places.lon[site.row].tolist(), len(park.row)) == ([lon], 16)
    assert world.straight_reach(np.array([0])).value.tolist() == [0]
    assert world.straight_reach(np.array([1])).value[0] == pytest.approx(200_000, rel=1e-4)


def by_the_oracle(
    oracle: Any,
    demand: list[Any],
    spots: Spots,
    ids: list[str],
    mode: str,
    direction: str,
    measure: str,
    limit_m: float,
) -> list[Answer]:
    """Ask the oracle for all doors as facilities of their own and take the smallest (value, facility) of each person."""
    places = list(zip(spots.lon.tolist(), spots.lat.tolist(), strict=True))
    owner = [ids[row] for row in spots.facility]
    legs = [facility_legs(oracle, place, mode, limit_m) for place in places]
    opening = [kind in ("gate", "road_crossing") for kind in spots.kind]
    free = {owner[k] for k, (found, yielded) in enumerate(legs) if found and (opening[k] or not yielded)}
    closed = [yielded and not opening[k] and owner[k] in free for k, (_, yielded) in enumerate(legs)]
    kept = [k for k in range(len(places)) if not closed[k]]
    names = [f"{owner[k]}#{k:03d}" for k in kept]
    found = door_to_door(
        oracle, demand, [places[k] for k in kept], names, mode, direction=direction, measure=measure, limit_m=limit_m
    )
    result: list[Answer] = []
    for place, (state, value, name) in zip(demand, found, strict=True):
        options = [] if value is None else [(value, str(name).split("#")[0])]
        # a closed door has no legs, but people still walk straight to it where nothing lies between
        walked = [
            (straight_walk(oracle, place, places[k], mode, measure, limit_m), owner[k])
            for k in range(len(places))
            if closed[k]
        ]
        options += [(mm, who) for mm, who in walked if mm is not None]
        result.append(("reached", *min(options)) if options else (state, None, None))
    return result


@st.composite
def facility_shapes(draw: st.DrawFn) -> dict[str, shapely.Geometry]:
    """One to three shapes on the board: rectangles on and off the lattice, lines, points; some are equal."""
    shapes = {}
    corner = st.sampled_from((-40.0, 0.0, 35.0, 70.0, 118.0, 140.0, 210.0))
    size = st.sampled_from((12.0, 70.0, 95.0, 140.0))
    for name in draw(st.lists(st.sampled_from(("f1", "f10", "f2", "a")), min_size=1, max_size=3, unique=True)):
        x, y, dx, dy = draw(corner), draw(corner), draw(size), draw(size)
        kind = draw(st.sampled_from(("area", "area", "line", "point")))
        if kind == "area":
            shapes[name] = shapely.Polygon([at(*p) for p in ((x, y), (x + dx, y), (x + dx, y + dy), (x, y + dy))])
        elif kind == "line":
            shapes[name] = shapely.LineString([at(x, y), at(x + dx, y + dy), at(x + 2 * dx, y)])
        else:
            shapes[name] = shapely.Point(at(x, y))
    return shapes


@pytest.mark.slow
@settings(max_examples=60, derandomize=True, **quiet)
@given(
    ways=road_worlds(),
    shapes=facility_shapes(),
    gates=st.lists(
        st.tuples(st.integers(-2, 6).map(lambda k: k * 35.0), st.integers(-2, 6).map(lambda k: k * 35.0)), max_size=3
    ),
    demand=st.lists(
        st.tuples(st.integers(-150, 400).map(float), st.integers(-150, 400).map(float)), min_size=1, max_size=3
    ),
    mode=st.sampled_from(("walk", "cycle", "drive")),
    limit_m=st.sampled_from((90.0, 1000.0)),
)
def test_random_worlds_with_areas_and_lines_against_the_oracle(ways, shapes, gates, demand, mode, limit_m) -> None:
    package = package_world(as_ways(ways), as_barriers(ways), limit_m=limit_m)
    oracle = world_from_ways(ways, BOARD.text, default_class="rural")
    ids = sorted(shapes)
    labels = np.array([shapes[name].representative_point().coords[0] for name in ids])
    own = {row: shapes[name] for row, name in enumerate(ids) if shapes[name].geom_type != "Point"}
    spots = find_spots(labels, own, {}, np.array([at(*g) for g in gates]).reshape(-1, 2), package.network, BOARD)
    places = package.places(list(zip(spots.lon, spots.lat, strict=True)), walls_yield=True)
    found = obeying_walls(spots, places).of(np.arange(len(ids)))
    people = [at(*p) for p in demand]
    for direction in DIRECTIONS:
        for mine, theirs in MEASURES.items():
            reach = package.reach(package.places(people), found, mode, direction, mine)
            assert answers(reach, ids) == by_the_oracle(oracle, people, spots, ids, mode, direction, theirs, limit_m)
    for row in range(len(ids)):  # each alone
        alone = obeying_walls(spots, places).of(np.array([row]))
        mine_only = spots.facility == row
        part = replace(spots, **{name: getattr(spots, name)[mine_only] for name in ("lon", "lat", "facility", "kind")})
        reach = package.reach(package.places(people), alone, mode, "to_facility", "time")
        assert answers(reach, [ids[row]]) == by_the_oracle(
            oracle, people, part, ids, mode, "to_facility", "time", limit_m
        )
