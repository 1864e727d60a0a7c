"""Road graphs of osmnx: the network read from GraphML equals that of the file the graph was made from."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import osmnx
import pytest
import shapely

from servicecircle.errors import StudyError
from servicecircle.flow import check, run
from servicecircle.geo.crs import GEOD, WorkingCrs
from servicecircle.inputs.road_graph import read_graph
from servicecircle.inputs.road_ways import ROAD_CLASSES
from servicecircle.inputs.roads import WAY_TAGS, RoadData, read_osm
from servicecircle.standards.modes import standard_modes
from servicecircle.study import Study, study_from
from servicecircle.text import sentence
from servicecircle.travel import tags as rules
from servicecircle.travel.network import Network, build_network

from .travel_fixtures import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO = Path(__file__).resolve().parents[1] / "geodata" / "demo"
FILES = ("osm_small/West-Oakland.osm.bz2", "cn_guixi_osm/guixi.osm")
#: Junctions a route may start and end at.
PICKED = 30


def save(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, *, simplify: bool, project: bool = False, bidirectional: bool = False) -> Path:  # fmt: skip
    """Save the graph osmnx makes of an OSM file, with every tag the network looks at."""
    monkeypatch.setattr(osmnx.settings, "useful_tags_way", sorted(WAY_TAGS))
    graph = osmnx.graph_from_xml(source, simplify=simplify, retain_all=True, bidirectional=bidirectional)
    osmnx.save_graphml(osmnx.project_graph(graph) if project else graph, target)
    return target


def network(data: RoadData) -> Network:
    lon, lat = data.ways.lon[~np.isnan(data.ways.lon)], data.ways.lat[~np.isnan(data.ways.lat)]
    working = WorkingCrs((lon.min(), lat.min(), lon.max(), lat.max()))
    modes = [standard_modes()[name] for name in ("walk", "drive")]
    return build_network(data.ways, modes, working, urban=lambda x, _: np.zeros(len(x), dtype=bool))


def edges(net: Network) -> set[tuple[object, ...]]:
    """Return every edge as way, ends, length and what each mode makes of it, turned to its smaller end."""
    found = set()
    for k in range(net.size):
        ends = int(net.node_id[net.tail[k]]), int(net.node_id[net.head[k]])
        ways = [(net.modes[m].ms[k], *(net.modes[m].forward[k], net.modes[m].backward[k])[:: 1 if ends[0] <= ends[1] else -1]) for m in net.modes]  # fmt: skip
        found.add((int(net.way[k]), min(ends), max(ends), int(net.mm[k]), *map(tuple, ways)))
    return found


def graph_of(net: Network, mode: str, weight: str) -> nx.DiGraph:
    """Return what a mode may travel as a plain graph of OSM node ids, weighted by ``ms`` or ``mm``."""
    graph, table = nx.DiGraph(), net.modes[mode]
    cost = table.ms if weight == "ms" else net.mm
    graph.add_nodes_from(net.node_id.tolist())
    for k in range(net.size):
        a, b = int(net.node_id[net.tail[k]]), int(net.node_id[net.head[k]])
        for one, other, may in ((a, b, table.forward[k]), (b, a, table.backward[k])):
            if may and cost[k] < graph.get_edge_data(one, other, {"cost": np.inf})["cost"]:
                graph.add_edge(one, other, cost=int(cost[k]))
    return graph


def junctions(*nets: Network) -> list[int]:
    """Return nodes where three edges meet in every network, a few drawn by a fixed seed."""
    common = set.intersection(
        *(set(net.node_id[np.bincount(np.r_[net.tail, net.head], minlength=len(net.node_id)) >= 3]) for net in nets)
    )
    ids = np.array(sorted(common))
    return np.random.default_rng(5).choice(ids, min(PICKED, len(ids)), replace=False).tolist()


def differences(mine: Network, theirs: Network, mode: str, weight: str) -> tuple[list[float], int, set[tuple[int, int]]]:  # fmt: skip
    """Return differences of shortest routes between picked junctions, their number, and pairs only one side has."""
    picked = junctions(mine, theirs)
    one, other = graph_of(mine, mode, weight), graph_of(theirs, mode, weight)
    found, missing = [], set()
    for start in picked:
        a = nx.single_source_dijkstra_path_length(one, start, weight="cost")
        b = nx.single_source_dijkstra_path_length(other, start, weight="cost")
        for end in picked:
            if (end in a) != (end in b):
                missing.add((start, end))
            elif end in a:
                found.append(abs(a[end] - b[end]))
    return found, len(found), missing


@pytest.mark.parametrize("project", [False, True], ids=["degrees", "projected"])
@pytest.mark.parametrize("file", FILES)
def test_an_unsimplified_graph_is_the_extract(
    file: str, project: bool, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ways are put together again: the same edges, lengths, times and directions, but where a ring was begun."""
    saved = save(shared_data / file, tmp_path / "g.graphml", monkeypatch, simplify=False, project=project)
    mine = network(read_graph(saved, "g.graphml", EVERYWHERE))
    theirs = network(read_osm(shared_data / file, "x", EVERYWHERE))
    only_mine, only_theirs = edges(mine) - edges(theirs), edges(theirs) - edges(mine)
    # A closed way begins at some node of an extract; a graph does not say which, so the ring may be cut elsewhere.
    rings = closed_ways(read_osm(shared_data / file, "x", EVERYWHERE))
    assert {edge[0] for edge in only_mine | only_theirs} <= rings
    assert len(edges(theirs)) > 50
    assert len(only_theirs) <= 8
    by_way = [{way: sum(e[3] for e in side if e[0] == way) for way in rings} for side in (only_mine, only_theirs)]
    assert all(
        abs(by_way[0][way] - by_way[1][way]) <= 4 for way in rings
    )  # the same rings, to the rounding of their parts
    for mode in ("walk", "drive"):
        for weight in ("ms", "mm"):
            found, count, missing = differences(mine, theirs, mode, weight)
            assert missing == set()
            assert count > 300
            assert max(found) == 0


def closed_ways(data: RoadData) -> set[int]:
    ways = data.ways
    first, last = ways.node[ways.start[:-1]], ways.node[ways.start[1:] - 1]
    return set(ways.id[first == last].tolist())


@pytest.mark.parametrize("file", FILES)
def test_a_simplified_graph_gives_the_same_routes(
    file: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distances agree to a millimetre where edges were merged, times to a millisecond."""
    saved = save(shared_data / file, tmp_path / "g.graphml", monkeypatch, simplify=True)
    data = read_graph(saved, "g.graphml", EVERYWHERE)
    mine, theirs = network(data), network(read_osm(shared_data / file, "x", EVERYWHERE))
    inner = data.ways.node[data.ways.node < 0]
    assert len(inner) == len(np.unique(inner)) > 100
    assert (mine.node_id > 0).all()  # a vertex inside an edge is no junction
    assert data.origin["mixed"] > 0  # edges of several classes, all of them off the shortest routes between junctions
    for mode in ("walk", "drive"):
        for weight in ("ms", "mm"):
            found, count, missing = differences(mine, theirs, mode, weight)
            assert missing == set()
            assert count > 300
            assert max(found) <= 2  # an extract is rounded where ways meet end to end, a merged edge once


def test_both_directions_are_one_way_and_one_way_stays_one_way(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(shared_data / FILES[1], tmp_path / "g.graphml", monkeypatch, simplify=True)
    graph = osmnx.load_graphml(saved)
    streets = set()
    for u, v, d in graph.edges(data=True):
        highway = d.get("highway", "none")
        if {highway} <= set(ROAD_CLASSES) if isinstance(highway, str) else set(highway) <= set(ROAD_CLASSES):
            line = d.get("geometry") or shapely.LineString([(graph.nodes[n]["x"], graph.nodes[n]["y"]) for n in (u, v)])
            streets.add(shapely.normalize(line))
    metres = sum(GEOD.geometry_length(line) for line in streets)
    net = network(read_graph(saved, "g.graphml", EVERYWHERE))
    drive = net.modes["drive"]
    assert len(streets) > 400
    assert net.mm.sum() / 1000 == pytest.approx(metres, abs=0.001 * len(streets))
    assert (drive.forward & ~drive.backward).sum() > 50


def test_the_order_of_the_file_means_nothing(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(shared_data / FILES[0], tmp_path / "g.graphml", monkeypatch, simplify=True)
    text = saved.read_text(encoding="utf-8")
    head, body = text.split("<edge ", 1)
    parts = ("<edge " + body).rsplit("</graph>", 1)
    pieces = [f"<edge {piece}" for piece in parts[0].split("<edge ")[1:]]
    other = tmp_path / "turned.graphml"
    other.write_text(head + "".join(reversed(pieces)) + "</graph>" + parts[1], encoding="utf-8")
    one, two = (read_graph(path, "g.graphml", EVERYWHERE).ways for path in (saved, other))
    assert one.tags == two.tags
    for name in ("id", "start", "node", "lon", "lat"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


# --- what osmnx writes ------------------------------------------------------------------------------------------------

NODES = {1: (117.0, 35.0), 2: (117.01, 35.0), 3: (117.02, 35.0)}


def written(tmp_path: Path, edges_: list[tuple[int, int, dict[str, str]]], *, crs: str = "epsg:4326") -> Path:
    graph = nx.MultiDiGraph(**({"crs": crs} if crs else {}))
    for node, (x, y) in NODES.items():
        graph.add_node(node, x=str(x), y=str(y))
    for tail, head, values in edges_:
        graph.add_edge(tail, head, **values)
    path = tmp_path / "made.graphml"
    nx.write_graphml(graph, path)
    return path


def both(tail: int, head: int, **values: str) -> list[tuple[int, int, dict[str, str]]]:
    """Return the two directions of an edge as osmnx writes them."""
    plain = {"oneway": "False"} | values
    return [(tail, head, {"reversed": "False"} | plain), (head, tail, {"reversed": "True"} | plain)]


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        ({"highway": "['residential', 'footway']"}, {"highway": "footway"}),
        ({"highway": "['trunk', 'motorway']"}, {"highway": "motorway"}),
        ({"highway": "['construction', 'primary']"}, {"highway": "construction"}),
        ({"highway": "primary", "maxspeed": "['60', '40']"}, {"highway": "primary", "maxspeed": "40;60"}),
        ({"highway": "service", "access": "['yes', 'private']"}, {"highway": "service", "access": "private"}),
        ({"highway": "primary", "osmid": "[7, 5]", "bridge": "yes"}, {"highway": "primary"}),
        ({"highway": "primary", "bridge": "yes", "tunnel": "no"}, {"highway": "primary", "bridge": "yes", "tunnel": "no"}),
        ({"highway": "primary", "name": "['乙路', '甲路']"}, {"highway": "primary", "name": "乙路;甲路"}),
        ({"highway": "primary", "name": "[一]"}, {"highway": "primary", "name": "[一]"}),
        ({"route": "ferry"}, {"route": "ferry"}),
    ],
)  # fmt: skip
def test_lists_of_merged_edges(values: dict[str, str], tags: dict[str, str], tmp_path: Path) -> None:
    data = read_graph(written(tmp_path, both(1, 2, **({"osmid": "5"} | values))), "made.graphml", EVERYWHERE)
    assert data.ways.id.tolist() == [5]
    assert data.ways.tags == (tags,)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"oneway": "True"}, (True, False)),
        ({"oneway": "False"}, (True, True)),
        ({"oneway": "no"}, (True, True)),  # ox.settings.all_oneway keeps the tag ...
        ({"oneway": "-1"}, (True, False)),  # ... and turns ways that may be travelled backward only
        ({}, (True, True)),
        ({"oneway": "False", "highway": "motorway"}, (True, False)),  # an extract's motorway without a tag is one-way
    ],
)
def test_one_way(values: dict[str, str], expected: tuple[bool, bool], tmp_path: Path) -> None:
    made = written(tmp_path, [(1, 2, {"osmid": "5", "highway": "primary", "reversed": "False"} | values)])
    ways = read_graph(made, "made.graphml", EVERYWHERE).ways
    assert ways.node.tolist() == [1, 2]
    assert rules.directions(ways.tags[0], standard_modes()["drive"]) == expected


def test_edges_of_one_way_are_joined_and_a_motorway_bars_walkers(tmp_path: Path) -> None:
    made = written(tmp_path, both(1, 2, osmid="9", highway="motorway") + both(2, 3, osmid="9", highway="motorway"))
    data = read_graph(made, "made.graphml", EVERYWHERE)
    assert data.ways.node.tolist() == [1, 2, 3]
    assert data.barriers.kind.tolist() == ["motorway"]
    assert shapely.get_coordinates(data.barriers.geometry[0]).tolist() == [list(NODES[k]) for k in (1, 2, 3)]


def test_a_walking_graph_says_that_nothing_is_one_way(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    saved = save(shared_data / FILES[1], tmp_path / "g.graphml", monkeypatch, simplify=True, bidirectional=True)
    told = [sentence("en", item) for item in read_graph(saved, "g.graphml", EVERYWHERE).notices]
    assert any("no edge is one-way" in line for line in told)
    assert any("150 edges" in line or "no highway" in line for line in told)


def test_an_undirected_graph_keeps_its_direction(tmp_path: Path) -> None:
    graph = nx.MultiGraph(crs="epsg:4326")
    for node, (x, y) in NODES.items():
        graph.add_node(node, x=str(x), y=str(y))
    line = "LINESTRING (117.01 35, 117.005 35.001, 117 35)"
    values = {"osmid": "5", "highway": "primary", "oneway": "True", "from": "2", "to": "1", "geometry": line}
    graph.add_edge(1, 2, **values)
    nx.write_graphml(graph, tmp_path / "u.graphml")
    ways = read_graph(tmp_path / "u.graphml", "u.graphml", EVERYWHERE).ways
    assert ways.node.tolist() == [2, -1, 1]
    assert ways.lat.tolist() == [35, 35.001, 35]


def test_the_classes_known_to_the_inputs_are_those_of_travel() -> None:
    linked = {f"{name}_link" for name in rules.LINKED}
    assert set(ROAD_CLASSES) == set(rules.ROAD_CLASSES) | linked


# --- refusals and the whole flow --------------------------------------------------------------------------------------

GOOD = both(1, 2, osmid="5", highway="primary")
XML = '<?xml version="1.0"?>{doctype}<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{body}</graphml>'


def refused(path: Path) -> str:
    with pytest.raises(StudyError) as caught:
        read_graph(path, path.name, EVERYWHERE)
    assert len(caught.value.problems) == 1
    assert any("一" <= char <= "鿿" for char in sentence("zh", caught.value.problems[0]))
    return sentence("en", caught.value.problems[0])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda p: written(p, GOOD, crs=""), "no coordinate system"),
        (lambda p: written(p, GOOD, crs="EPSG:999999"), "EPSG:999999"),
        (lambda p: written(p, [(1, 2, {"highway": "primary"})]), "osmid"),
        (lambda p: written(p, [(1, 2, {"osmid": "x", "highway": "primary"})]), "'x'"),
        (lambda p: written(p, both(1, 2, osmid="5", highway="primary", geometry="LINESTRING (1")), "WKT"),
        (lambda p: written(p, both(1, 2, osmid="5", highway="primary", geometry="POINT (1 1)")), "LINESTRING"),
        (lambda p: written(p, both(1, 2, osmid="5")), "no road"),
    ],
)
def test_graphs_that_cannot_be_used(make: Callable[[Path], Path], text: str, tmp_path: Path) -> None:
    assert text in refused(make(tmp_path))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (XML.format(doctype='<!DOCTYPE g [<!ENTITY a "b">]>', body="&a;"), "DOCTYPE"),
        (XML.format(doctype=f"<!--{' ' * 9000}--><!DOCTYPE g>", body=""), "DOCTYPE"),
        (XML.format(doctype="", body="<graph>" * 20 + "</graph>" * 20), "nested"),
        (XML.format(doctype="", body="<graph>"), "cannot be read"),
        ('<osm version="0.6"/>', "cannot be read"),
        ("", "cannot be read"),
        (XML.format(doctype="", body='<key id="d" for="graph" attr.name="crs"/><graph><data key="d">epsg:4326</data><node id="a"/></graph>'), "whole-number ids"),
    ],
)  # fmt: skip
def test_files_that_are_no_graph(content: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.graphml"
    path.write_text(content, encoding="utf-8")
    assert text in refused(path)


def test_a_doctype_in_another_encoding_is_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.graphml"
    text = XML.format(doctype='<!DOCTYPE g [<!ENTITY a "b">]>', body="").replace('"1.0"', '"1.0" encoding="utf-16"')
    path.write_bytes(text.encode("utf-16"))
    assert "DOCTYPE" in refused(path)


def study_of(folder: Path, roads: dict[str, object]) -> Study:
    tree = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    tree["roads"] = roads
    tree["outputs"]["language"] = "en"
    return study_from(tree, folder / "study.toml")


def test_a_study_of_a_graph_is_the_study_of_its_extract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo has a river and a railway that bar walkers; a graph has neither, so both are judged by car."""
    place = Path(shutil.copytree(DEMO, tmp_path / "place"))
    save(place / "roads.osm", place / "roads.graphml", monkeypatch, simplify=False)
    own = {"id": "own/x", "title": {"zh": "x", "en": "x"}, "kind": "circle", "types": ["village_clinic"], "measures": ["drive"], "limit_min": 10}  # fmt: skip
    results = []
    for roads in ({"osm": "roads.osm"}, {"graphml": {"path": "roads.graphml", "source": "OSM", "licence": "ODbL"}}):
        study = study_of(place, roads)
        study = study_from(
            study.model_dump(by_alias=True) | {"standards": {"define": [own]}, "siting": None}, study.path
        )
        results.append(run(study))
    one, two = results
    assert two.provenance["roads"]["km_by_class"] == one.provenance["roads"]["km_by_class"]
    assert two.provenance["roads"]["origin"]["kind"] == "graphml"
    assert "roads.graphml" in [item["path"] for item in two.provenance["inputs"]]
    assert check(study_of(place, {"graphml": "missing.graphml"})).problems[0].key == "inputs.no_file"
