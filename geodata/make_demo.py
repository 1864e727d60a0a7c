"""Make the synthetic place of ``geodata/demo``: 12 x 10 km of a county that does not exist (合成数据).

Run ``python geodata/make_demo.py [FOLDER]``. The same seed gives the same bytes. Everything is drawn in metres of UTM
zone 50 north from a made-up origin; names are invented and say so. Planted for the reader to find:

* 对岸村 has no clinic; the nearest one lies across the river, whose only bridge is 3 km away;
* 例桥村 has no clinic at all, the clinic of 假林村 is private;
* 独峰村 has no streets and lies more than a kilometre from every road;
* a railway with level crossings and underpasses, an expressway nobody walks on, a quarry track joined to nothing;
* one facility stands twice in the list.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pyproj
import rasterio
import shapely
import xlsxwriter
from rasterio.transform import from_origin

from servicecircle.geo.coordinates import wgs84_to_gcj02

SEED = 20260101
ORIGIN = (540_000.0, 3_880_000.0)  # UTM 50N of the south-west corner, near 117.44 E 35.06 N
WIDTH_M, HEIGHT_M = 12_000.0, 10_000.0
TO_WGS84 = pyproj.Transformer.from_crs("EPSG:32650", "EPSG:4326", always_xy=True)
FROM_WGS84 = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32650", always_xy=True)
CELL_DEG = 1 / 1200  # 3 arc seconds
NODATA = -99999.0

Point = tuple[float, float]
Tags = dict[str, str]

RIVER = [
    (4300, -200),
    (4500, 1200),
    (4950, 2500),
    (4700, 3535),
    (4500, 5500),
    (5050, 7400),
    (4700, 8700),
    (4600, 10200),
]
RIVER_M = 80.0
MOTORWAY_X = 8850.0
BORDER = [
    (150, 250),
    (3100, 60),
    (7800, 180),
    (11850, 120),
    (11920, 5200),
    (11800, 9850),
    (7700, 9940),
    (2500, 9800),
    (90, 9700),
    (60, 4800),
]

# name, x, y, town, urban-rural code, people, has (z: the village's clinic, p: a private clinic, j: a fitness ground)
UNITS = [
    ("样山村", 1300, 8700, "样本镇", "220", 640, "z"),
    ("例河村", 3200, 8300, "样本镇", "220", 1180, "zj"),
    ("假岭村", 1100, 6600, "样本镇", "220", 520, "z"),
    ("拟桥村", 3300, 5800, "样本镇", "121", 2350, "zj"),
    ("虚谷村", 1500, 4300, "样本镇", "220", 870, "z"),
    ("对岸村", 3900, 2600, "样本镇", "220", 760, "j"),
    ("影坡村", 1700, 1400, "样本镇", "220", 690, "z"),
    ("示范一社区", 6800, 5700, "演示镇", "111", 11200, "jj"),
    ("示范二社区", 7800, 5300, "演示镇", "111", 9400, "j"),
    ("幻湾村", 5800, 2400, "演示镇", "220", 1040, "zj"),
    ("梦泉村", 6000, 8900, "演示镇", "220", 930, "z"),
    ("云坡村", 7800, 8500, "演示镇", "220", 1210, "zj"),
    ("镜湖村", 9900, 8700, "演示镇", "220", 840, "z"),
    ("拟石村", 11200, 7500, "演示镇", "220", 560, "z"),
    ("例桥村", 9700, 6800, "演示镇", "220", 1090, "j"),
    ("样田村", 5950, 7250, "演示镇", "220", 1420, "z"),
    ("假林村", 10900, 5900, "演示镇", "220", 780, "p"),
    ("虚井村", 9900, 4400, "演示镇", "220", 910, "zj"),
    ("幻沟村", 7900, 3000, "演示镇", "220", 1130, "z"),
    ("梦岭村", 7100, 1100, "演示镇", "220", 610, "z"),
    ("云谷村", 9500, 1700, "演示镇", "220", 720, "zj"),
    ("镜坪村", 11200, 2900, "演示镇", "220", 980, "z"),
    ("影河村", 11200, 900, "演示镇", "220", 470, "z"),
    ("独峰村", 11200, 9350, "演示镇", "220", 210, ""),
]
STREET_STEP = 110.0
COMMUNITIES = ("示范一社区", "示范二社区")
OFF_ROAD = "独峰村"


def rail_y(x: float) -> float:
    """Return y of the railway at x."""
    return 3300 + 0.05 * x


def river_x(y: float) -> float:
    """Return x of the river's middle at y."""
    return float(np.interp(y, [p[1] for p in RIVER], [p[0] for p in RIVER]))


@dataclass
class Osm:
    """An OSM file in the making: nodes by place, ways by tags; ids count upwards in the order of drawing."""

    ids: dict[Point, int] = field(default_factory=dict)
    tags: dict[int, Tags] = field(default_factory=dict)
    ways: list[tuple[list[int], Tags]] = field(default_factory=list)

    def node(self, point: Point, **tags: str) -> int:
        """Return the id of the node at a place; one place is one node."""
        key = (round(point[0], 2), round(point[1], 2))
        number = self.ids.setdefault(key, len(self.ids) + 1)
        if tags:
            self.tags.setdefault(number, {}).update(tags)
        return number

    def way(self, points: Sequence[Point], **tags: str) -> None:
        """Add a way through points."""
        self.ways.append(([self.node(p) for p in points], tags))

    def write(self, path: Path) -> None:
        """Write OSM XML with seven decimals."""
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<osm version="0.6" generator="make_demo.py (synthetic, 合成数据)">',
        ]
        lon, lat = to_wgs84(list(self.ids))
        for (number, x), y in zip(zip(self.ids.values(), lon, strict=True), lat, strict=True):
            head = f'<node id="{number}" version="1" lat="{y:.7f}" lon="{x:.7f}"'
            lines += [f"{head}>", *_tags(self.tags[number]), "</node>"] if number in self.tags else [f"{head}/>"]
        for number, (nodes, tags) in enumerate(self.ways, start=1):
            refs = "".join(f'<nd ref="{n}"/>' for n in nodes)
            lines += [f'<way id="{number}" version="1">{refs}', *_tags(tags), "</way>"]
        path.write_text("\n".join([*lines, "</osm>", ""]), encoding="utf-8", newline="\n")


def _tags(tags: Tags) -> list[str]:
    return [f"<tag k={quoteattr(k.replace('__', ':'))} v={quoteattr(v)}/>" for k, v in tags.items()]


def to_wgs84(points: Iterable[Point]) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude, rounded to seven decimals, of points in local metres."""
    xy = np.asarray(list(points), dtype=float) + ORIGIN
    lon, lat = TO_WGS84.transform(xy[:, 0], xy[:, 1])
    return np.round(lon, 7), np.round(lat, 7)


def bent(a: Point, b: Point, rng: np.random.Generator, sway: float = 0.06) -> list[Point]:
    """Return a line from a to b with a point every 200 m or so, swaying off the straight by a share of its length."""
    start, end = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    length = float(np.hypot(*(end - start)))
    count = max(int(length // 200), 1)
    share = np.linspace(0, 1, count + 1)
    phase, waves = rng.uniform(-1, 1), rng.integers(1, 3)
    off = sway * length * phase * np.sin(np.pi * waves * share)
    across = np.array([-(end - start)[1], (end - start)[0]]) / max(length, 1.0)
    line = start + share[:, None] * (end - start) + off[:, None] * across
    return [a, *[(float(round(x, 2)), float(round(y, 2))) for x, y in line[1:-1]], b]


def doorstep(name: str, towards: Point) -> Point:
    """Return the outer street corner of a village that faces a place."""
    _, x, y, *_ = next(u for u in UNITS if u[0] == name)
    turn = round(float(np.arctan2(towards[1] - y, towards[0] - x)) / (np.pi / 4)) * np.pi / 4
    return (x + STREET_STEP * round(float(np.cos(turn) * 1.2)), y + STREET_STEP * round(float(np.sin(turn) * 1.2)))


def centre(name: str) -> Point:
    """Return the middle of a village."""
    return next((float(u[1]), float(u[2])) for u in UNITS if u[0] == name)


def town_streets(osm: Osm) -> None:
    """Draw the town: eleven by eight streets 200 m apart, some one-way."""
    xs, ys = [6200.0 + 200 * i for i in range(11)], [4900.0 + 200 * j for j in range(8)]
    for j, y in enumerate(ys):
        points = [(x, y) for x in xs]
        if j == 3:
            osm.way(points, highway="primary", name="虚拟大街", lanes="4")
        elif j in {2, 4}:
            osm.way(
                points if j == 2 else points[::-1],
                highway="tertiary",
                oneway="yes",
                name=f"虚拟{'南' if j == 2 else '北'}路",
            )
        else:
            osm.way(points, highway="residential", maxspeed="30") if j == 6 else osm.way(points, highway="residential")
    for i, x in enumerate(xs):
        points = [(x, y) for y in ys]
        if i == 5:
            osm.way(points, highway="secondary", name="合成路")
        elif i in {3, 7}:
            osm.way(points if i == 3 else points[::-1], highway="residential", oneway="yes", oneway__bicycle="no")
        else:
            osm.way(points, highway="residential")
    osm.way([(6800.0, 5700.0), (6900.0, 5600.0), (7000.0, 5500.0)], highway="pedestrian", name="步行街")
    osm.way([(7400.0, 5100.0), (7500.0, 5200.0), (7600.0, 5300.0)], highway="footway")
    osm.way([(7600.0, 6100.0), (7700.0, 6200.0), (7800.0, 6300.0)], highway="steps")


def village_streets(osm: Osm) -> None:
    """Draw three by three streets in every village."""
    for name, x, y, *_ in UNITS:
        if name in (*COMMUNITIES, OFF_ROAD):
            continue
        for k in (-1, 0, 1):
            kind = "service" if k == 1 else "residential"
            osm.way([(x + STREET_STEP * i, y + STREET_STEP * k) for i in (-1, 0, 1)], highway="residential")
            osm.way([(x + STREET_STEP * k, y + STREET_STEP * i) for i in (-1, 0, 1)], highway=kind)


def county_road(osm: Osm) -> None:
    """Draw the road through the town: over the river by the only bridge, over the expressway by a second one."""
    west, east = (river_x(5500) - 90, 5500.0), (river_x(5500) + 90, 5500.0)
    gate = (3300.0, 5500.0)
    tags = {"highway": "primary", "ref": "X000", "name": "合成县道"}
    osm.way([(-900.0, 5450.0), (1200.0, 5480.0), gate, (4000.0, 5510.0), west], **tags, maxspeed="80")
    osm.way([west, east], **tags, bridge="yes", layer="1")
    osm.way([east, (5400.0, 5490.0), (6200.0, 5500.0)], **tags)
    osm.way([(8200.0, 5500.0), (8600.0, 5500.0), (8780.0, 5500.0)], **tags)
    osm.way([(8780.0, 5500.0), (8920.0, 5500.0)], **tags, bridge="yes", layer="2")
    osm.way([(8920.0, 5500.0), (9100.0, 5500.0), (9400.0, 5490.0), (10900.0, 5450.0), (12900.0, 5380.0)], **tags)
    osm.way([gate, doorstep("拟桥村", gate)], highway="tertiary")
    osm.way([(10900.0, 5450.0), doorstep("假林村", (10900.0, 5450.0))], highway="unclassified")


def expressway(osm: Osm) -> None:
    """Draw two carriageways and one interchange; the village road of 云谷村 passes below."""
    tags = {"highway": "motorway", "ref": "G0000", "oneway": "yes", "name": "虚拟高速"}
    north = [(MOTORWAY_X + 15, y) for y in (-900.0, 5000.0, 6000.0, 10900.0)]
    south = [(MOTORWAY_X - 15, y) for y in (10900.0, 6000.0, 5000.0, -900.0)]
    osm.way(north, **tags)
    osm.way(south, **tags)
    link = {"highway": "motorway_link", "oneway": "yes"}
    osm.way([north[1], (9000.0, 5200.0), (9100.0, 5500.0)], **link)
    osm.way([(9100.0, 5500.0), (9000.0, 5800.0), north[2]], **link)
    osm.way([south[1], (8700.0, 5800.0), (8600.0, 5500.0)], **link)
    osm.way([(8600.0, 5500.0), (8700.0, 5200.0), south[2]], **link)


def through(
    osm: Osm, a: Point, b: Point, rng: np.random.Generator, middle: tuple[Point, Point, Point], **tags: str
) -> None:
    """Draw a road from a to b through a level crossing (the middle is a node already) or else an underpass."""
    first, cross, last = middle
    osm.way(bent(a, first, rng), **tags)
    if cross in osm.ids:
        osm.way([first, cross, last], **tags)
    else:
        osm.way([first, last], **tags, tunnel="yes", layer="-1")
    osm.way(bent(last, b, rng), **tags)


def over_rail(x: float) -> tuple[Point, Point, Point]:
    """Return three points of a road that meets the railway at x, from south to north."""
    y = rail_y(x)
    return (x, y - 60), (round(x, 2), round(y, 2)), (x, y + 60)


def railway(osm: Osm) -> None:
    """Draw the railway with a bridge over the river and three level crossings."""
    crossings = [1600.0, 6100.0, 10700.0]
    for x in crossings:
        osm.node((x, rail_y(x)), railway="level_crossing")
    left, right = (
        [(x, rail_y(x)) for x in (-900.0, 1600.0, 4560.0)],
        [(x, rail_y(x)) for x in (4860.0, 6100.0, 10700.0, 12900.0)],
    )
    tags = {"railway": "rail", "name": "虚拟铁路"}
    osm.way(left, **tags)
    osm.way([left[-1], right[0]], **tags, bridge="yes", layer="1")
    osm.way(right, **tags)


def country_roads(osm: Osm, rng: np.random.Generator) -> None:
    """Draw the roads between villages."""
    plain = [
        ("拟桥村", "例河村", "tertiary"), ("假岭村", "拟桥村", "unclassified"), ("样山村", "例河村", "unclassified"),
        ("样山村", "假岭村", "track"), ("拟桥村", "虚谷村", "tertiary"), ("影坡村", "对岸村", "unclassified"),
        ("样田村", "梦泉村", "unclassified"), ("梦泉村", "云坡村", "tertiary"), ("镜湖村", "拟石村", "unclassified"),
        ("例桥村", "拟石村", "unclassified"), ("拟石村", "假林村", "tertiary"), ("镜坪村", "影河村", "unclassified"),
        ("镜坪村", "云谷村", "unclassified"), ("梦岭村", "幻湾村", "unclassified"), ("梦岭村", "幻沟村", "track"),
    ]  # fmt: skip
    for one, other, kind in plain:
        if (one, other) == ("拟桥村", "虚谷村"):  # crosses the county road: they meet at a node
            gate = (2300.0, 5490.0)
            osm.way(bent((3300.0, 5500.0), doorstep(other, gate), rng), highway=kind)
            continue
        a, b = doorstep(one, centre(other)), doorstep(other, centre(one))
        osm.way(bent(a, b, rng), highway=kind, **({"surface": "gravel"} if kind == "track" else {}))
    junction = (7250.0, 7250.0)
    osm.way(bent((7200.0, 6300.0), junction, rng), highway="secondary")
    osm.way(bent(junction, doorstep("云坡村", junction), rng), highway="secondary")
    osm.way(bent(doorstep("样田村", junction), junction, rng), highway="unclassified")
    osm.way(bent(doorstep("云坡村", (7700.0, 10900.0)), (7600.0, 10900.0), rng), highway="secondary")
    osm.way(bent((9400.0, 5490.0), doorstep("例桥村", (9400.0, 5490.0)), rng), highway="tertiary")
    osm.way(bent((9400.0, 5490.0), doorstep("虚井村", (9400.0, 5490.0)), rng), highway="unclassified")
    crossings(osm, rng)
    osm.way([(10300.0, 400.0), (10380.0, 250.0), (10500.0, 330.0)], highway="track", name="采石便道")


def crossings(osm: Osm, rng: np.random.Generator) -> None:
    """Draw the village roads that cross the railway or the expressway."""
    road = {"highway": "unclassified"}
    through(
        osm, doorstep("影坡村", (1600.0, 3380.0)), doorstep("虚谷村", (1600.0, 3380.0)), rng, over_rail(1600.0), **road
    )
    through(osm, doorstep("幻湾村", (6100.0, 3605.0)), (6600.0, 4900.0), rng, over_rail(6100.0), highway="tertiary")
    through(osm, doorstep("幻沟村", (7700.0, 3685.0)), (7400.0, 4900.0), rng, over_rail(7700.0), highway="tertiary")
    through(
        osm,
        doorstep("镜坪村", (10700.0, 3835.0)),
        doorstep("虚井村", (10700.0, 3835.0)),
        rng,
        over_rail(10700.0),
        **road,
    )
    below = tuple((MOTORWAY_X + dx, 1500.0) for dx in (-70.0, 0.0, 70.0))
    through(osm, doorstep("梦岭村", (8780.0, 1500.0)), doorstep("云谷村", (8920.0, 1500.0)), rng, below, **road)
    above = [(MOTORWAY_X + dx, 8600.0) for dx in (-70.0, 70.0)]
    osm.way(bent(doorstep("云坡村", above[0]), above[0], rng), highway="tertiary")
    osm.way(above, highway="tertiary", bridge="yes", layer="2")
    osm.way(bent(above[1], doorstep("镜湖村", above[1]), rng), highway="tertiary")


def nature(osm: Osm) -> None:
    """Draw the river as line and area, a pond, a stream, and the named places."""
    osm.way([(float(x), float(y)) for x, y in RIVER], waterway="river", name="虚拟河")
    bank = shapely.LineString(RIVER).buffer(RIVER_M / 2, cap_style="flat", join_style="mitre")
    osm.way([(float(x), float(y)) for x, y in bank.exterior.coords], natural="water", water="river")
    pond = shapely.Point(10350, 9450).buffer(180, quad_segs=4)
    osm.way([(float(x), float(y)) for x, y in pond.exterior.coords], natural="water", name="镜湖")
    osm.way([(2600.0, 9600.0), (3900.0, 9300.0), (4650.0, 9250.0)], waterway="stream")
    for name, x, y, *_ in UNITS:
        if name not in COMMUNITIES:
            osm.node((x + 37.0, y + 41.0), place="village", name=name)
    osm.node((7237.0, 5541.0), place="town", name="演示镇（合成）")


def make_roads(path: Path) -> None:
    """Write ``roads.osm``."""
    osm, rng = Osm(), np.random.default_rng(SEED)
    town_streets(osm)
    village_streets(osm)
    county_road(osm)
    expressway(osm)
    railway(osm)
    country_roads(osm, rng)
    nature(osm)
    osm.write(path)


def unit_polygons() -> list[shapely.Polygon]:
    """Return the area of each unit: what is nearest to it on its side of the river, inside the border.

    All borders are noded together on a centimetre grid, so that neighbours share their vertices and nothing overlaps.
    """
    border = shapely.Polygon(BORDER)
    middle = shapely.LineString([(river_x(y), float(y)) for y in np.linspace(-200, 10200, 53)])
    west = shapely.Polygon([*middle.coords, (-500, 10200), (-500, -200)]).intersection(border)
    lines = [border.boundary, middle]
    for town, side in (("样本镇", west), ("演示镇", border.difference(west))):
        points = shapely.MultiPoint([(u[1], u[2]) for u in UNITS if u[3] == town])
        lines.append(shapely.voronoi_polygons(points, extend_to=border, only_edges=True).intersection(side))
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=0.01)]))
    owned: dict[str, list[shapely.Polygon]] = {unit[0]: [] for unit in UNITS}
    for face in faces:
        x, y = face.representative_point().coords[0]
        if border.contains(shapely.Point(x, y)):
            town = "样本镇" if x < river_x(y) else "演示镇"
            nearest = min((u for u in UNITS if u[3] == town), key=lambda u: (u[1] - x) ** 2 + (u[2] - y) ** 2)
            owned[nearest[0]].append(face)
    return [shapely.union_all(owned[unit[0]]) for unit in UNITS]


def make_units(path: Path) -> None:
    """Write ``units.geojson`` with codes that begin with 99, which no county has."""
    features = []
    for number, (unit, area) in enumerate(zip(UNITS, unit_polygons(), strict=True), start=1):
        rings = [
            list(zip(*(v.tolist() for v in to_wgs84(ring.coords)), strict=True))
            for ring in (area.exterior, *area.interiors)
        ]
        kind = {
            "code": f"9900000010{number:02d}",
            "name": unit[0],
            "town": unit[3],
            "class": unit[4],
            "source": "合成数据",
        }
        features.append({"type": "Feature", "properties": kind, "geometry": {"type": "Polygon", "coordinates": rings}})
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1) + "\n",
        encoding="utf-8",
        newline="\n",
    )


def make_population(path: Path) -> None:
    """Write ``population.tif``: persons per cell of 3 arc seconds, none in the river, no-data elsewhere."""
    rng = np.random.default_rng(SEED + 1)
    lon, lat = to_wgs84([(-300, -300), (WIDTH_M + 300, HEIGHT_M + 300), (-300, HEIGHT_M + 300), (WIDTH_M + 300, -300)])
    west, north = np.floor(lon.min() / CELL_DEG) * CELL_DEG, np.ceil(lat.max() / CELL_DEG) * CELL_DEG
    columns, rows = (int(np.ceil(v / CELL_DEG)) for v in (lon.max() - west, north - lat.min()))
    cell_lon, cell_lat = np.meshgrid(
        west + (np.arange(columns) + 0.5) * CELL_DEG, north - (np.arange(rows) + 0.5) * CELL_DEG
    )
    x, y = FROM_WGS84.transform(cell_lon, cell_lat)
    x, y = x - ORIGIN[0], y - ORIGIN[1]
    people = np.zeros(x.shape)
    for name, ux, uy, _, _, total, _ in UNITS:
        spread = 340.0 if name in COMMUNITIES else 190.0
        weight = np.exp(-((x - ux) ** 2 + (y - uy) ** 2) / (2 * spread**2)) * rng.uniform(0.6, 1.4, x.shape)
        weight[np.hypot(x - ux, y - uy) > 2.4 * spread] = 0
        people += 0.96 * total * weight / weight.sum()
    people += hamlets(x, y, rng)
    people[shapely.contains_xy(shapely.LineString(RIVER).buffer(RIVER_M / 2 + 40), x, y)] = 0
    people = np.round(people, 2)
    people[people < 0.5] = NODATA
    profile = {
        "driver": "GTiff",
        "width": columns,
        "height": rows,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "nodata": NODATA,
    }
    with rasterio.open(
        path, "w", **profile, transform=from_origin(west, north, CELL_DEG, CELL_DEG), compress="deflate", predictor=3
    ) as file:
        file.write(people.astype("float32"), 1)


def hamlets(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return persons of single farmsteads, about one cell in two hundred, and of one hamlet beyond the border."""
    people = np.zeros(x.shape)
    chosen = (rng.random(x.shape) < 0.005) & shapely.contains_xy(shapely.Polygon(BORDER), x, y)
    people[chosen] = rng.uniform(3, 14, int(chosen.sum()))
    people[np.hypot(x + 150, y - 7200) < 110] = 9.0
    return people


def facility_rows() -> list[tuple[str, str, str, str, float, float]]:
    """Return id, name, type, ownership, x, y of each facility."""
    rows = [
        ("演示县虚拟医院", "二级综合医院", "公立", 7410.0, 5730.0),
        ("演示县急救点", "急救点", "公立", 7440.0, 5760.0),
        ("示范社区卫生服务中心", "社区卫生服务中心", "公立", 7010.0, 5330.0),
        ("样本镇卫生院", "卫生院", "公立", 3380.0, 5740.0),
    ]
    for name, x, y, _, _, _, has in UNITS:
        if "z" in has or "p" in has:
            rows.append((f"{name}卫生室", "村卫生室", "集体" if "z" in has else "私人", x - 28.0, y + 33.0))
        rows += [
            (f"{name}健身广场{k + 1}", "健身广场", "集体", x + 65.0 + 420 * k, y - 47.0 + 300 * k)
            for k in range(has.count("j"))
        ]
    rows.append(rows[5])  # the same clinic a second time, as exported lists have it
    seen: dict[tuple[str, str], str] = {}
    return [(seen.setdefault((r[0], r[1]), f"H{len(seen) + 1:03d}"), *r) for r in rows]


def make_facilities(path: Path) -> None:
    """Write ``facilities.xlsx`` in GCJ-02, as a Chinese map service would export it."""
    rows = facility_rows()
    lon, lat = wgs84_to_gcj02(*to_wgs84([(r[4], r[5]) for r in rows]))
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"title": "合成数据", "created": datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)})
        sheet = book.add_worksheet("机构")
        sheet.write_row(0, 0, ["机构编号", "机构名称", "类别", "所有制", "经度", "纬度", "备注"])
        for number, row in enumerate(rows, start=1):
            sheet.write_row(
                number, 0, [*row[:4], round(float(lon[number - 1]), 6), round(float(lat[number - 1]), 6), "合成数据"]
            )


def main() -> None:
    """Write the four files of the demo."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    make_units(folder / "units.geojson")
    make_population(folder / "population.tif")
    make_roads(folder / "roads.osm")
    make_facilities(folder / "facilities.xlsx")


if __name__ == "__main__":
    main()
