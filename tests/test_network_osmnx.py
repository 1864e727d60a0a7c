"""Walk and drive graphs against osmnx on the same files: every directed piece of road on which we differ is explained."""

from __future__ import annotations

import bz2
import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import osmium
import osmnx
import pytest
from osmnx import _overpass

from servicecircle.geo.crs import WorkingCrs
from servicecircle.inputs.roads import Ways
from servicecircle.standards.modes import standard_modes
from servicecircle.travel.network import Network, build_network

from .travel_fixtures import read_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Tags = dict[str, str]
Piece = tuple[int, int, int]
#: Pieces explained by each row (mode, name), pieces in common, largest relative difference of their lengths.
Compared = tuple[Counter[tuple[str, str]], int, float]

# --- osmnx's own rules, written out -----------------------------------------------------------------------------------

#: ``osmnx._overpass._get_network_filter``: a way with a highway tag is left out when a tag's value matches (re.search).
OSMNX_LEAVES_OUT: dict[str, dict[str, str]] = {
    "walk": {
        "area": "yes",
        "access": "private",
        "highway": "abandoned|bus_guideway|construction|cycleway|motor|no|planned|platform|proposed|raceway|razed|rest_area|services",
        "foot": "no",
        "service": "private",
        "sidewalk": "separate",
        "sidewalk:both": "separate",
        "sidewalk:left": "separate",
        "sidewalk:right": "separate",
    },
    "drive": {
        "area": "yes",
        "access": "private",
        "highway": "abandoned|bridleway|bus_guideway|construction|corridor|cycleway|elevator|escalator|footway|no|path|pedestrian|planned|"
        "platform|proposed|raceway|razed|rest_area|service|services|steps|track",
        "motor_vehicle": "no",
        "motorcar": "no",
        "service": "alley|driveway|emergency_access|parking|parking_aisle|private",
    },
}


def left_out(mode: str, tags: Tags, *keys: str) -> bool:
    """Whether osmnx leaves a way out, for one of ``keys`` (all where none are named)."""
    rules = OSMNX_LEAVES_OUT[mode]
    return any(key in tags and re.search(rules[key], tags[key]) for key in keys or rules)


@pytest.mark.parametrize("mode", OSMNX_LEAVES_OUT)
def test_the_rules_above_are_the_installed_ones(mode: str) -> None:
    text = "".join(f'["{key}"!~"{pattern}"]' for key, pattern in OSMNX_LEAVES_OUT[mode].items())
    assert _overpass._get_network_filter(mode) == '["highway"]' + text


# --- where we differ on purpose ---------------------------------------------------------------------------------------

DENIED = ("no", "private", "agricultural", "forestry", "military", "emergency", "use_sidepath", "permit", "residents")
KNOWN = (
    "motorway trunk primary secondary tertiary motorway_link trunk_link primary_link secondary_link tertiary_link unclassified residential "
    "living_street service road track path footway pedestrian steps cycleway bridleway"
).split()
ALLOWING = ("yes", "designated", "permissive", "official")


@dataclass(frozen=True)
class Row:
    """One purposeful difference: pieces only one side has, of ways whose tags say why."""

    name: str
    mode: str
    only: str
    """``ours`` or ``osmnx``: who has the piece."""
    applies: Callable[[Tags], bool]


def decisive(tags: Tags, *keys: str) -> str | None:
    """Return the most specific access value."""
    return next((tags[key] for key in keys if key in tags), None)


CAR = ("motorcar", "motor_vehicle", "vehicle", "access")
ROWS = (
    Row("cycleways are walked", "walk", "ours", lambda t: t["highway"] == "cycleway"),
    Row("roads whose sidewalk is mapped apart are walked too", "walk", "ours", lambda t: left_out("walk", t, *(k for k in OSMNX_LEAVES_OUT["walk"] if "sidewalk" in k))),
    Row("access=private gives way to a foot tag that does not refuse", "walk", "ours", lambda t: left_out("walk", t, "access") and t.get("foot", "no") not in DENIED),
    Row("a value that merely contains 'no' or 'private' refuses nobody (foot=unknown)", "walk", "ours", lambda t: left_out("walk", t, "access", "foot") and decisive(t, "foot", "access") not in DENIED),
    Row("service=private without an access tag is walked", "walk", "ours", lambda t: left_out("walk", t, "service")),
    Row("ferries are ridden", "walk", "ours", lambda t: t.get("route") == "ferry"),
    Row("unknown highway values are not routable", "walk", "osmnx", lambda t: t["highway"] not in KNOWN),
    Row("every value that refuses access refuses, not private alone", "walk", "osmnx", lambda t: decisive(t, "foot", "access") in DENIED),
    Row("motorroad=yes is not walked without an allowing foot tag", "walk", "osmnx", lambda t: t.get("motorroad") == "yes" and t.get("foot") not in ALLOWING),
    Row("oneway:foot is obeyed", "walk", "osmnx", lambda t: "oneway:foot" in t),
    Row("service roads are driven", "drive", "ours", lambda t: t["highway"] == "service"),
    Row("tracks are driven outside towns", "drive", "ours", lambda t: t["highway"] == "track"),
    Row("other roads with a service tag (alley, driveway) are driven", "drive", "ours", lambda t: t["highway"] not in ("service", "track") and left_out("drive", t, "service")),
    Row("a more specific access tag outweighs access=private or motor_vehicle=no", "drive", "ours", lambda t: left_out("drive", t, "access", "motor_vehicle") and decisive(t, *CAR) not in DENIED),
    Row("ferries are ridden", "drive", "ours", lambda t: t.get("route") == "ferry"),
    Row("oneway=no outweighs junction=roundabout", "drive", "ours", lambda t: t.get("oneway") in ("no", "false", "0") and t.get("junction") == "roundabout"),
    Row("oneway=T and oneway=F mean nothing", "drive", "ours", lambda t: t.get("oneway") in ("T", "F")),
    Row("motorways are one-way without a tag", "drive", "osmnx", lambda t: t["highway"] in ("motorway", "motorway_link") and "oneway" not in t),
    Row("junction=circular is one-way without a tag", "drive", "osmnx", lambda t: t.get("junction") == "circular" and "oneway" not in t),
    Row("unknown highway values are not routable", "drive", "osmnx", lambda t: t["highway"] not in KNOWN),
    Row("every value that refuses access refuses, not private alone", "drive", "osmnx", lambda t: decisive(t, *CAR) in DENIED),
)  # fmt: skip

# --- two readings of one file -----------------------------------------------------------------------------------------


def tree_of(path: Path) -> ET.Element:
    """Return a file as OSM XML; a PBF, which osmnx cannot read, is put into XML node by node and way by way."""
    if path.name.endswith(".pbf"):
        root = ET.Element("osm", version="0.6")
        for item in osmium.FileProcessor(str(path)):
            if item.is_node():
                ET.SubElement(
                    root, "node", id=str(item.id), lon=f"{item.location.lon:.7f}", lat=f"{item.location.lat:.7f}"
                )
            elif item.is_way():
                element = ET.SubElement(root, "way", id=str(item.id))
                for node in item.nodes:
                    ET.SubElement(element, "nd", ref=str(node.ref))
                for tag in item.tags:
                    ET.SubElement(element, "tag", k=tag.k, v=tag.v)
        return root
    with bz2.open(path) if path.name.endswith(".bz2") else path.open("rb") as file:
        return ET.parse(file).getroot()


def tags_of(element: ET.Element) -> Tags:
    return {tag.get("k", ""): tag.get("v", "") for tag in element.iter("tag")}


def osmnx_pieces(root: ET.Element, mode: str, scratch: Path) -> dict[Piece, float]:
    """Return osmnx's directed pieces (from node, to node, way) and their lengths, before any simplification."""
    kept = ET.Element("osm", version="0.6", generator="test")
    for element in root:
        tags = tags_of(element)
        if element.tag == "node" or (element.tag == "way" and "highway" in tags and not left_out(mode, tags)):
            kept.append(element)
    file = scratch / f"{mode}.osm"
    ET.ElementTree(kept).write(file, encoding="utf-8", xml_declaration=True)
    graph = osmnx.graph_from_xml(file, bidirectional=mode == "walk", simplify=False, retain_all=True)
    return {(u, v, data["osmid"]): data["length"] for u, v, data in graph.edges(data=True)}


def vertex_nodes(network: Network, ways: Ways) -> list[int]:
    """Return the OSM node of each vertex: edges come in the order of their way's nodes and share their junctions."""
    row_of = {int(number): row for row, number in enumerate(ways.id)}
    found: list[int] = []
    way, place, nodes = -1, 0, np.zeros(0, dtype=np.int64)
    for edge in range(network.size):
        first, last = network.point_start[edge : edge + 2]
        if network.way[edge] != way:
            way = int(network.way[edge])
            row = row_of[way]
            of_way = np.arange(ways.start[row], ways.start[row + 1])
            of_way = of_way[~np.isnan(ways.lon[of_way])]
            nodes = of_way[np.concatenate(([True], np.diff(ways.node[of_way]) != 0))]
            place = 0
        if ways.node[nodes[place]] != network.node_id[network.tail[edge]]:  # the way was cut before this edge
            place += 1
        vertices = nodes[place : place + last - first]
        assert np.array_equal(ways.lon[vertices], network.lon[first:last])
        assert np.array_equal(ways.lat[vertices], network.lat[first:last])
        assert ways.node[vertices[-1]] == network.node_id[network.head[edge]]
        found += ways.node[vertices].tolist()
        place += last - first - 1
    return found


def package_pieces(ways: Ways, mode: str) -> dict[Piece, float]:
    """Return the package's edges taken apart into pairs of nodes, in the permitted directions, with geodesic lengths."""
    modes = list(standard_modes().values())
    working = WorkingCrs(
        (float(np.nanmin(ways.lon)), float(np.nanmin(ways.lat)), float(np.nanmax(ways.lon)), float(np.nanmax(ways.lat)))
    )
    network = build_network(ways, modes, working, urban=lambda lon, _: np.zeros(len(lon), dtype=bool))
    node = vertex_nodes(network, ways)
    table = network.modes[mode]
    pieces: dict[Piece, float] = {}
    for edge in range(network.size):
        first, last = network.point_start[edge : edge + 2]
        for k in range(first, last - 1):
            a, b, length = node[k], node[k + 1], float(network.along_m[k + 1] - network.along_m[k])
            if table.forward[edge]:
                pieces[a, b, int(network.way[edge])] = length
            if table.backward[edge]:
                pieces[b, a, int(network.way[edge])] = length
    return pieces


def compare(path: Path, mode: str, scratch: Path) -> Compared:
    """Assert equal pieces but for the rows, and equal lengths; return pieces explained by each row, and pieces in common."""
    root = tree_of(path)
    tags = {int(e.get("id", "")): tags_of(e) for e in root if e.tag == "way"}
    theirs, ours = osmnx_pieces(root, mode, scratch), package_pieces(read_all(path).ways, mode)
    used: Counter[tuple[str, str]] = Counter()
    unexplained = []
    for only, pieces in (("ours", ours.keys() - theirs.keys()), ("osmnx", theirs.keys() - ours.keys())):
        for piece in pieces:
            of_way = {"highway": ""} | tags[piece[2]]
            rows = [row.name for row in ROWS if (row.mode, row.only) == (mode, only) and row.applies(of_way)]
            used.update((mode, name) for name in rows)
            if not rows:
                unexplained.append((only, piece, of_way))
    assert unexplained == []
    common = ours.keys() & theirs.keys()
    ratios = [ours[p] / theirs[p] for p in common if theirs[p] > LONG_M]
    worst = max(abs(ratio - 1) for ratio in ratios)
    assert worst <= SPHERE
    return used, len(common), worst


#: Pieces shorter than this are not compared in length: coordinates carry 1 cm.
LONG_M = 5.0
#: osmnx measures on a sphere of 6,371,009 m; the ellipsoid's radii of curvature differ from it by up to this much.
SPHERE = 0.006

FILES = {
    "osm_small/West-Oakland.osm.bz2": 100,
    "osm_small/planet_10.068_48.135_10.071_48.137.osm": 50,
    "cn_guixi_osm/guixi.osm": 1000,
    "osm_small/bangor_maine.osm.pbf": 1000,
}


@pytest.fixture(scope="module")
def compared(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Compared]:
    scratch = tmp_path_factory.mktemp("osmnx")
    return {(file, mode): compare(shared_data / file, mode, scratch) for file in FILES for mode in OSMNX_LEAVES_OUT}


@pytest.mark.slow
def test_real_files(compared: dict[tuple[str, str], Compared], capsys: pytest.CaptureFixture[str]) -> None:
    total: Counter[tuple[str, str]] = Counter()
    with capsys.disabled():
        print()
        for (file, mode), (used, common, worst) in compared.items():
            print(f"{file} {mode}: {common} directed pieces in common, lengths within {worst:.3%},", end=" ")
            print(f"unexplained differences 0, on purpose {dict(used)}")
            total += used
    for (file, _), (_, common, _) in compared.items():
        assert common >= FILES[file] / 2
    assert {(row.mode, row.name) for row in ROWS} - set(total) == set(NOT_IN_THE_FILES)


#: Rows that no way of the files asks for, each with the tags of a road made for it.
NOT_IN_THE_FILES: dict[tuple[str, str], Tags] = {
    ("walk", "roads whose sidewalk is mapped apart are walked too"): {"highway": "residential", "sidewalk:both": "separate"},
    ("walk", "access=private gives way to a foot tag that does not refuse"): {"highway": "service", "access": "private", "foot": "yes"},
    ("walk", "a value that merely contains 'no' or 'private' refuses nobody (foot=unknown)"): {"highway": "residential", "foot": "unknown"},
    ("walk", "service=private without an access tag is walked"): {"highway": "service", "service": "private"},
    ("walk", "ferries are ridden"): {"route": "ferry"},
    ("walk", "motorroad=yes is not walked without an allowing foot tag"): {"highway": "trunk", "motorroad": "yes"},
    ("walk", "oneway:foot is obeyed"): {"highway": "footway", "oneway:foot": "yes"},
    ("drive", "other roads with a service tag (alley, driveway) are driven"): {"highway": "unclassified", "service": "driveway"},
    ("drive", "a more specific access tag outweighs access=private or motor_vehicle=no"): {"highway": "residential", "motor_vehicle": "no", "motorcar": "yes"},
    ("drive", "ferries are ridden"): {"route": "ferry"},
    ("drive", "oneway=no outweighs junction=roundabout"): {"highway": "residential", "junction": "roundabout", "oneway": "no"},
    ("drive", "oneway=T and oneway=F mean nothing"): {"highway": "residential", "oneway": "T"},
    ("drive", "junction=circular is one-way without a tag"): {"highway": "residential", "junction": "circular"},
    ("drive", "every value that refuses access refuses, not private alone"): {"highway": "residential", "access": "forestry"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "tags"), NOT_IN_THE_FILES.items(), ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_rows_that_do_not_occur(row: tuple[str, str], tags: Tags, tmp_path: Path) -> None:
    """Each row is at work on a road made for it, beside a plain road on which both agree."""
    root = ET.Element("osm", version="0.6", generator="test")
    for node in range(1, 7):
        ET.SubElement(
            root, "node", id=str(node), version="1", lon=f"{117 + node / 1000:.7f}", lat=f"{35 + node**2 / 10000:.7f}"
        )
    for number, nodes, of_way in ((1, (1, 2, 3), {"highway": "residential"}), (2, (3, 4, 5, 6), tags)):
        way = ET.SubElement(root, "way", id=str(number), version="1")
        for node in nodes:
            ET.SubElement(way, "nd", ref=str(node))
        for key, value in of_way.items():
            ET.SubElement(way, "tag", k=key, v=value)
    file = tmp_path / "made.osm"
    ET.ElementTree(root).write(file)
    used, common, _ = compare(file, row[0], tmp_path)
    assert used[row] in (3, 6)
    assert common >= 4
