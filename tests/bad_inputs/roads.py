"""Families 21 to 23: roads, and facilities and people beside them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.bad_inputs.case import case
from tests.bad_inputs.desk import Desk
from tests.small_study import Way, lonlat, polygon, way

LINES = "lines.geojson"
CSV = "facilities.csv"


def place(desk: Desk, row: int, x: float, y: float) -> None:
    lon, lat = lonlat(x, y)
    desk.rows[row]["经度"], desk.rows[row]["纬度"] = f"{lon:.7f}", f"{lat:.7f}"


# -- 21 roads without class, disconnected roads


@case(21, "neither a class nor a default", "refused", "study.bad_table", "roads.lines")
def _(desk: Desk) -> None:
    desk.lines(desk.streets())
    del desk.tree["roads"]["lines"]["class"]


@case(21, "a column of classes that is not there", "refused", "inputs.no_column", LINES, "技术等级", "kind")
def _(desk: Desk) -> None:
    desk.lines(desk.streets())
    desk.tree["roads"]["lines"]["class"] = "技术等级"


@case(21, "classes that are not known", "refused", "roads.lines.unknown_class", LINES, "好走的路", "kind", "2")
def _(desk: Desk) -> None:
    streets = desk.streets()
    desk.lines([("好走的路", s[1]) for s in streets[:2]] + streets[2:])


@case(21, "empty classes and a default", "told", "roads.lines.defaulted", LINES, "2", "residential")
def _(desk: Desk) -> None:
    streets = desk.streets()
    desk.lines([("", s[1]) for s in streets[:2]] + streets[2:], default_class="residential")


@case(21, "an OSM file whose ways have no highway", "refused", "roads.none_in_box", "roads.osm")
def _(desk: Desk) -> None:
    desk.ways = [Way(one.nodes, {"name": "x"}) for one in desk.ways]


@case(21, "points for lines", "refused", "roads.lines.not_lines", UNITS := "units.geojson")
def _(desk: Desk) -> None:
    desk.tree["roads"] = {"lines": {"path": UNITS, "class": "class"}}


@case(21, "a line without length", "set_aside", "roads.reason.no_length", LINES, "145")
def _(desk: Desk) -> None:
    desk.lines([*desk.streets(), ("residential", [(100, 100), (100, 100)])])


@case(21, "a line drawn twice", "set_aside", "roads.reason.duplicate", LINES, "145", "1")
def _(desk: Desk) -> None:
    desk.lines([*desk.streets(), desk.streets()[0]])


@case(21, "a way that returns to where it was", "read", facilities=8)
def _(desk: Desk) -> None:
    desk.ways.append(way((0, 0), (30, 30), (0, 0), highway="residential"))


@case(21, "lines that were never split at crossings", "told", "roads.lines.crossings_many", LINES)
def _(desk: Desk) -> None:
    steps = [(0.0, 2000.0)]
    along = [("residential", [(x0, 250.0 * k), (x1, 250.0 * k)]) for k in range(9) for x0, x1 in steps]
    across = [("residential", [(250.0 * k, y0 - 20), (250.0 * k, y1 + 20)]) for k in range(9) for y0, y1 in steps]
    desk.lines([*along, *across])


@case(21, "ends that miss the next road by a hand", "told", "roads.lines.joined", LINES)
def _(desk: Desk) -> None:
    streets = desk.streets()
    kind, (start, end) = streets[0]
    desk.lines([(kind, [start, (end[0] - 0.3, end[1])]), *streets[1:]])


@case(21, "a quarter of the roads not connected", "told", "road_look.pieces", "roads.osm")
def _(desk: Desk) -> None:
    steps = [250.0 * k for k in range(5)]
    west = [way(*((x, y) for x in steps), highway="residential") for y in [250.0 * k for k in range(9)]]
    west += [way(*((x, 250.0 * k) for k in range(9)), highway="residential") for x in steps]
    east = [way(*((x + 1150, y) for x in steps[:4]), highway="residential") for y in [250.0 * k for k in range(9)]]
    east += [way(*((x + 1150, 250.0 * k) for k in range(9)), highway="residential") for x in steps[:4]]
    desk.ways = [*west, *east]


@case(21, "speed limits with a unit that is none", "refused", "roads.lines.unknown_speed", LINES, "kind", "residential")
def _(desk: Desk) -> None:
    desk.lines(desk.streets(), maxspeed="kind")


@case(21, "a node without a latitude", "read", facilities=8)
def _(desk: Desk) -> None:
    def write(path: Path) -> None:
        desk._roads(path)
        content = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r' lat="[^"]*"', "", content, count=1), encoding="utf-8")

    desk.files["roads.osm"] = write


# -- 22 facilities across a barrier or far from a road


@case(22, "a clinic 900 m from every road", "told", "road_look.facility_far", CSV, "001")
def _(desk: Desk) -> None:
    place(desk, 0, -900, 500)


@case(22, "a clinic three kilometres from every road", "told", "road_look.facility_alone", CSV, "001")
def _(desk: Desk) -> None:
    place(desk, 0, -3000, 500)


@case(22, "a clinic across the river from its nearest road", "told", "road_look.facility_barred", CSV, "001")
def _(desk: Desk) -> None:
    desk.ways.append(way((-50, -500), (-50, 2500), waterway="river"))
    place(desk, 0, -90, 500)


@case(22, "a clinic across the railway from its nearest road", "told", "road_look.facility_barred", CSV, "001")
def _(desk: Desk) -> None:
    desk.ways.append(way((-50, -500), (-50, 2500), railway="rail"))
    place(desk, 0, -90, 500)


@case(22, "a clinic in a lake", "told", "road_look.facility_barred", CSV, "001")
def _(desk: Desk) -> None:
    desk.ways.append(way((20, 20), (230, 20), (230, 230), (20, 230), (20, 20), natural="water"))
    place(desk, 0, 120, 120)


@case(22, "a clinic walled in", "told", "road_look.facility_walled", "东岭村一号卫生室")
def _(desk: Desk) -> None:
    desk.ways.append(way((100, 100), (150, 100), (150, 150), (100, 150), (100, 100), barrier="wall"))
    place(desk, 0, 120, 120)


@case(22, "a clinic on a road that leads nowhere", "told", "road_look.facility_refused", CSV, "001")
def _(desk: Desk) -> None:
    desk.ways.append(way((-700, 500), (-600, 500), highway="residential"))
    place(desk, 0, -650, 500)


# -- 23 roads too sparse


def only(*names: float) -> list[Way]:
    """Return west-east streets at these heights."""
    return [way((0, y), (2000, y), highway="residential") for y in names]


@case(23, "one road through both towns", "told", "road_look.sparse", "南山镇", "300")
def _(desk: Desk) -> None:
    desk.ways = [*only(1000), way((0, 1000), (0, 1100), highway="residential")]


@case(23, "one town without roads", "told", "road_look.sparse", "北河镇", "300")
def _(desk: Desk) -> None:
    desk.ways = [
        *only(0, 250, 500, 750, 1000),
        way((0, 0), (0, 250), (0, 500), (0, 750), (0, 1000), highway="residential"),
    ]


@case(23, "a road along the border of the county", "told", "road_look.sparse", "北河镇")
def _(desk: Desk) -> None:
    desk.ways = only(0)


@case(23, "villages as points far from the road", "told", "road_look.sparse", "roads.osm", "300")
def _(desk: Desk) -> None:
    desk.people_table([100, 200, 300, 400])
    desk.ways = [*only(1000), way((0, 1000), (0, 1100), highway="residential")]


@case(23, "only a motorway, where nobody walks", "told", "road_look.no_road", "roads.osm", "北河镇")
def _(desk: Desk) -> None:
    desk.ways = [way((0, 1000), (2000, 1000), highway="motorway")]


@case(23, "streets 600 m apart are dense enough", "read", facilities=8)
def _(desk: Desk) -> None:
    steps = [0.0, 500.0, 1000.0, 1500.0, 2000.0]
    desk.ways = [way(*((x, y) for x in steps), highway="residential") for y in steps]
    desk.ways += [way(*((x, y) for y in steps), highway="residential") for x in steps]


__all__ = ["polygon"]
