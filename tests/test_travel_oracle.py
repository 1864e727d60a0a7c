"""The package against an independent second reading of the same contract: difference 0, and the same facility."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from servicecircle.analysis.cover import covered
from servicecircle.geo.crs import WorkingCrs
from servicecircle.travel.reach import Doors, Places, Reach, Search, State
from servicecircle.travel.straight import nearest_straight

from .oracle import travel as oracle_travel
from .oracle.osm import World, cut_edges, directions, read_world, world_from_ways
from .oracle.travel import candidate_legs, door_to_door, straight
from .travel_fixtures import (
    BOARD,
    DIRECTIONS,
    MEASURES,
    MODES,
    PackageWorld,
    answers,
    as_barriers,
    as_ways,
    at,
    deep,
    package_world,
    read_all,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .oracle.osm import Way
    from .oracle.travel import Leg, LonLat

# --- real places ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """One extract, read twice, with demand points and facilities."""

    package: PackageWorld
    oracle: World
    demand: list[LonLat]
    doors: list[LonLat]
    ids: list[str]
    legs: dict[tuple[LonLat, str, float], list[Leg]] = field(default_factory=dict)

    @cached_property
    def people(self) -> Places:
        return self.package.places(self.demand)

    @cached_property
    def found(self) -> tuple[Doors, list[str]]:
        return self.package.doors(self.doors, self.ids)

    def candidate_legs(self, world: World, lonlat: LonLat, mode: str, limit_m: float = 1000) -> list[Leg]:
        """Remember the oracle's legs: they depend on neither direction nor measure and need not be sought four times."""
        key = lonlat, mode, limit_m
        if key not in self.legs:
            self.legs[key] = candidate_legs(world, lonlat, mode, limit_m)
        return self.legs[key]

    def compare(self, mode: str, direction: str, measure: str) -> dict[str, int]:
        """Assert that both give the same state, value and facility for every point; count the states."""
        found, names = self.found
        mine = answers(self.package.reach(self.people, found, mode, direction, measure), names)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(oracle_travel, "candidate_legs", self.candidate_legs)
            theirs = door_to_door(
                self.oracle, self.demand, self.doors, self.ids, mode, direction=direction, measure=MEASURES[measure]
            )
        different = [(point, a, b) for point, a, b in zip(self.demand, mine, theirs, strict=True) if a != b]
        assert different == []
        return {state: sum(a[0] == state for a in mine) for state in ("reached", "unreachable", "unattached")}


def read_twice(
    path: Path, bounds: tuple[float, float, float, float], demand: list[LonLat], doors: list[LonLat], ids: list[str]
) -> Place:
    working = WorkingCrs(bounds)
    roads = read_all(path)
    return Place(package_world(roads.ways, roads.barriers, working), read_world(path, working.text), demand, doors, ids)


@pytest.fixture(scope="module")
def porto_alegre(shared_data: Path) -> Place:
    folder = shared_data / "porto_alegre"
    cells = pd.read_csv(folder / "poa_hexgrid.csv")
    health = cells[cells["healthcare"] > 0]
    some = cells.iloc[np.random.default_rng(7).choice(len(cells), 200, replace=False)]
    return read_twice(
        folder / "poa_osm.pbf", (-51.25, -30.1, -51.15, -30.0), list(zip(some["lon"], some["lat"], strict=True)),
        list(zip(health["lon"], health["lat"], strict=True)), health["id"].tolist(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def ngazidja(shared_data: Path) -> Place:
    folder = shared_data / "ngazidja"
    with rasterio.open(folder / "population_2020.tif") as source:
        people, transform = source.read(1, masked=True), source.transform
    rows, columns = np.nonzero(people.filled(0) > 0)
    pick = np.random.default_rng(11).choice(len(rows), 100, replace=False)
    lon, lat = transform.c + transform.a * (columns[pick] + 0.5), transform.f + transform.e * (rows[pick] + 0.5)
    features = json.loads((folder / "health.geojson").read_text(encoding="utf-8"))["features"]
    doors = [shapely.geometry.shape(f["geometry"]).centroid.coords[0] for f in features if f["geometry"]]
    return read_twice(
        folder / "ngazidja.osm.pbf", (43.2, -11.95, 43.55, -11.33), list(zip(lon.tolist(), lat.tolist(), strict=True)), doors,
        [f"health:{k}" for k in range(len(doors))],
    )  # fmt: skip


@pytest.fixture(scope="module")
def guixi(shared_data: Path) -> Place:
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(117.16, 117.29, 150), rng.uniform(28.26, 28.345, 150)
    points = list(zip(lon.tolist(), lat.tolist(), strict=True))
    return read_twice(
        shared_data / "cn_guixi_osm/guixi.osm",
        (117.1912, 28.2817, 117.2552, 28.3225),
        points[:120],
        points[120:],
        [f"g:{k}" for k in range(30)],
    )


def all_combinations() -> list[object]:
    """Every mode, direction and measure; in a normal run walking and driving time only."""
    combinations = [(mode, direction, measure) for mode in MODES for direction in DIRECTIONS for measure in MEASURES]
    return [pytest.param(*c, marks=() if c[0] in ("walk", "drive") and c[2] == "time" else deep) for c in combinations]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "direction", "measure"), all_combinations())
def test_porto_alegre(porto_alegre: Place, mode: str, direction: str, measure: str) -> None:
    assert porto_alegre.compare(mode, direction, measure)["reached"] >= 190


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_ngazidja(ngazidja: Place, mode: str, direction: str, measure: str) -> None:
    states = ngazidja.compare(mode, direction, measure)
    assert states["reached"] >= 50
    assert states["unattached"] >= 5


@pytest.mark.slow
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_guixi_with_railways_and_rivers(guixi: Place, mode: str, direction: str, measure: str) -> None:
    states = guixi.compare(mode, direction, measure)
    assert states["reached"] >= 30
    assert states["unattached"] >= 5


@pytest.mark.slow
def test_guixi_barriers_change_answers(guixi: Place) -> None:
    """The comparison above would prove little if no leg were barred."""
    place = guixi
    open_country = package_world_without_barriers(place)
    barred = place.package.places(place.demand).access["walk"].attached()
    free = open_country.places(place.demand).access["walk"].attached()
    assert (free & ~barred).sum() >= 1
    assert not (barred & ~free).any()
    doors, names = place.package.doors(place.doors, place.ids)
    doors_free, _ = open_country.doors(place.doors, place.ids)
    with_barriers = answers(
        place.package.reach(place.package.places(place.demand), doors, "walk", "to_facility", "time"), names
    )
    without = answers(
        open_country.reach(open_country.places(place.demand), doors_free, "walk", "to_facility", "time"), names
    )
    assert sum(a != b for a, b in zip(with_barriers, without, strict=True)) >= 10


def package_world_without_barriers(place: Place) -> PackageWorld:
    from servicecircle.geo.crossings import Crossings

    none = Crossings(np.zeros(0, dtype=object), np.zeros(0, dtype=bool))
    return PackageWorld(place.package.working, place.package.network, none, place.package.limit_m, place.package.modes)


@pytest.mark.slow
def test_straight_distance(porto_alegre: Place) -> None:
    place = porto_alegre
    names = sorted(place.ids)
    doors = np.array([place.doors[place.ids.index(name)] for name in names])
    mm, who = nearest_straight(*np.array(place.demand).T, *doors.T, place.package.working)
    assert [("reached", int(v), names[k]) for v, k in zip(mm, who, strict=True)] == straight(
        place.demand, place.doors, place.ids
    )


@pytest.mark.slow
def test_edges_are_the_oracles(guixi: Place, ngazidja: Place) -> None:
    """Same edges in the same order: way, end nodes, millimetres, and milliseconds of every mode."""
    for place in (guixi, ngazidja):
        net = place.package.network
        assert net.way.tolist() == [e.way_id for e in place.oracle.edges]
        assert net.node_id[net.tail].tolist() == [e.nodes[0] for e in place.oracle.edges]
        assert net.node_id[net.head].tolist() == [e.nodes[-1] for e in place.oracle.edges]
        assert net.mm.tolist() == [e.mm for e in place.oracle.edges]
        for mode in MODES:
            usable = [e.kmh(mode) is not None for e in place.oracle.edges]
            assert net.modes[mode].ms.tolist() == [
                e.ms(mode) if u else 0 for e, u in zip(place.oracle.edges, usable, strict=True)
            ]
            attachable = {e.id for e in place.oracle.attachable(mode)}
            assert set(np.flatnonzero(net.modes[mode].attachable).tolist()) == attachable


# --- small random worlds ----------------------------------------------------------------------------------------------

ROADS: tuple[dict[str, str], ...] = (
    {"highway": "residential"},
    {"highway": "residential", "oneway": "yes"},
    {"highway": "tertiary", "oneway": "-1", "oneway:bicycle": "no"},
    {"highway": "primary", "maxspeed": "30 mph"},
    {"highway": "secondary", "oneway": "yes", "oneway:foot": "yes", "oneway:bicycle": "-1"},
    {"highway": "unclassified", "maxspeed": "17"},
    {"highway": "footway"},
    {"highway": "footway", "bicycle": "designated"},
    {"highway": "steps"},
    {"highway": "path", "foot": "no"},
    {"highway": "service", "access": "private"},
    {"highway": "service", "access": "private", "foot": "yes"},
    {"highway": "residential", "bridge": "yes"},
    {"highway": "residential", "tunnel": "yes"},
    {"highway": "residential", "junction": "roundabout"},
    {"highway": "motorway"},
    {"highway": "motorway_link", "oneway": "no"},
    {"highway": "trunk", "motorroad": "yes"},
    {"highway": "track"},
    {"highway": "residential", "area": "yes"},
    {"highway": "proposed"},
    {"route": "ferry"},
)
LINES: tuple[dict[str, str], ...] = (
    {"waterway": "river"},
    {"railway": "rail"},
    {"barrier": "wall"},
    {"natural": "coastline"},
    {"railway": "rail", "bridge": "yes"},
    {"waterway": "stream"},
)
RINGS: tuple[dict[str, str], ...] = (
    {"natural": "water"},
    {"barrier": "wall"},
    {"barrier": "city_wall"},
    {"railway": "rail"},
)

STEP_M = 70
SIDE = 5
#: Two nodes more at places that have one already: an edge between such a pair has no length.
TWINS = {100: 6, 101: 17}


def without_retracing(nodes: list[int], spots: dict[int, tuple[float, float]]) -> list[int]:
    """Leave out nodes that would lead one way along its own line again.

    A point is equally near to both passes of such an edge but for the last bit of a double, and which of them is
    "the first nearest" changes the place along the edge.
    """
    kept, lines = nodes[:1], []
    for node in nodes[1:]:
        line = shapely.LineString([spots[kept[-1]], spots[node]])
        if all(line.intersection(other).length == 0 for other in lines):
            kept.append(node)
            lines.append(line)
    return kept


def directed(tags: dict[str, str]) -> bool:
    """Return whether a way may be one-way for some mode.

    Where such a way comes back to a node, the node is both start and end of one edge. To a point whose foot it is,
    start and end are equally near but for the last bit of a double, and behind a sign they are a whole loop apart.
    """
    return any("oneway" in key for key in tags) or "junction" in tags or "motorway" in tags.get("highway", "")


@st.composite
def road_worlds(draw: st.DrawFn) -> list[Way]:
    """Ways on a lattice, some of whose nodes are moved a little; lattice distances tie, moved ones do not."""
    whole = st.sampled_from((0, 0, 0, 3, -11, 20))
    spots = {k: (STEP_M * (k % SIDE) + draw(whole), STEP_M * (k // SIDE) + draw(whole)) for k in range(SIDE**2)}
    spots |= {twin: spots[k] for twin, k in TWINS.items()}
    where = {k: at(*spot) for k, spot in spots.items()}
    node = st.sampled_from(sorted(spots))
    ways: list[Way] = []
    for number in range(draw(st.integers(1, 9))):
        nodes = without_retracing(draw(st.lists(node, min_size=2, max_size=6)), spots)
        tags = draw(st.sampled_from(ROADS[:2]) | st.sampled_from(ROADS))
        if directed(tags):
            nodes = list(dict.fromkeys(nodes))
        # motorways are barriers too, and what lies between two known nodes of a barrier is not part of the contract
        missing = (
            None if "motorway" in tags.get("highway", "") else draw(st.sampled_from((None, None, None, None, *nodes)))
        )
        ways.append((number + 1, [(n, None, None) if n == missing else (n, *where[n]) for n in nodes], tags))
    for number in range(draw(st.integers(0, 3))):
        tags = draw(st.sampled_from(LINES))
        if draw(st.booleans()):  # through nodes of the roads: level crossings and bridges
            line = [(n, *where[n]) for n in draw(st.lists(node, min_size=2, max_size=4, unique=True))]
        else:
            a, b = (draw(st.integers(-2, SIDE)) * STEP_M + 31.7 for _ in range(2))
            ends = ((-50, a), (400, b)) if draw(st.booleans()) else ((a, -50), (b, 400))
            line = [(1000 + 10 * number + k, *at(*p)) for k, p in enumerate(ends)]
        ways.append((100 + number, line, tags))
    for number in range(draw(st.integers(0, 1))):
        x, y, size = (
            draw(st.integers(0, 4)) * STEP_M - 33.3,
            draw(st.integers(0, 4)) * STEP_M - 29.1,
            draw(st.sampled_from((40, 66, 150))),
        )
        corners = ((x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y))
        ring = [(2000 + 10 * number + k % 4, *at(*p)) for k, p in enumerate(corners)]
        ways.append((200 + number, ring, draw(st.sampled_from(RINGS))))
    return ways


def spots() -> st.SearchStrategy[tuple[float, float]]:
    """Places on the lattice, half-way between, and anywhere."""
    step = st.integers(-2, 2 * SIDE).map(lambda k: k * STEP_M / 2)
    anywhere = st.integers(-200, 500).map(float)
    return st.tuples(step | anywhere, step | anywhere)


def compare_small(
    ways: Sequence[Way], demand: list[LonLat], doors: list[LonLat], limit_m: float, modes: Sequence[str], *, urban: bool
) -> None:
    ids = [f"f{k}" for k in (10, 9, 2, 1, 30)][: len(doors)]
    package = package_world(as_ways(ways), as_barriers(ways), limit_m=limit_m, urban=urban)
    oracle = world_from_ways(ways, BOARD.text, default_class="urban" if urban else "rural")
    found, names = package.doors(doors, ids)
    people = package.places(demand)
    for mode in modes:
        for direction in DIRECTIONS:
            for mine, theirs in MEASURES.items():
                got = answers(package.reach(people, found, mode, direction, mine), names)
                assert got == door_to_door(
                    oracle, demand, doors, ids, mode, direction=direction, measure=theirs, limit_m=limit_m
                )


small_worlds = given(
    ways=road_worlds(),
    demand=st.lists(spots(), min_size=1, max_size=4),
    doors=st.lists(spots(), min_size=1, max_size=4),
    limit_m=st.sampled_from((35.0, 90.0, 1000.0)),
    modes=st.lists(st.sampled_from(MODES), min_size=2, max_size=2, unique=True),
    urban=st.booleans(),
)
quiet = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


@pytest.mark.slow
@settings(max_examples=150, derandomize=True, **quiet)
@small_worlds
def test_random_small_worlds(
    ways: list[Way], demand: list[LonLat], doors: list[LonLat], limit_m: float, modes: list[str], urban: bool
) -> None:
    compare_small(ways, [at(*p) for p in demand], [at(*p) for p in doors], limit_m, modes, urban=urban)


@deep
@pytest.mark.slow
@settings(max_examples=4000, **quiet)
@small_worlds
def test_random_small_worlds_deep(
    ways: list[Way], demand: list[LonLat], doors: list[LonLat], limit_m: float, modes: list[str], urban: bool
) -> None:
    compare_small(ways, [at(*p) for p in demand], [at(*p) for p in doors], limit_m, modes, urban=urban)


# --- the search itself: 300 random graphs against networkx and scipy --------------------------------------------------


def random_graph(seed: int) -> list[Way]:
    """Ways between random nodes: parallel, one-way, of no length, back to their start, in pieces that do not meet."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 30))
    xy = rng.integers(0, 2000, (count, 2)).astype(float)
    same = rng.integers(0, count, max(1, count // 6))
    xy[(same + 1) % count] = xy[same]
    ways: list[Way] = []
    for number in range(int(rng.integers(1, 3 * count))):
        nodes = rng.integers(0, count, int(rng.integers(2, 5))).tolist()
        if number % 7 == 3:
            nodes.append(nodes[0])
        oneway = str(rng.choice(["yes", "no", "-1"]))
        tags = {"highway": str(rng.choice(["residential", "primary", "track"])), "oneway": oneway}
        ways.append((number + 1, [(n, *at(*xy[n])) for n in nodes], tags))
        if number % 5 == 0 and len(nodes) >= 2:
            ways.append((1000 + number, [(nodes[0], *at(*xy[nodes[0]])), (nodes[-1], *at(*xy[nodes[-1]]))], tags))
    return ways


def check_graph(seed: int) -> int:
    """Compare costs of all nodes from random seeds; return how many nodes were reached."""
    ways = random_graph(seed)
    package = package_world(as_ways(ways), as_barriers(ways))
    net = package.network
    edges = cut_edges(ways, world_from_ways([], BOARD.text).transformer, None, "rural")
    rng = np.random.default_rng(seed + 10_000)
    reached = 0
    for direction in DIRECTIONS if net.size else ():
        graph = nx.MultiDiGraph()
        graph.add_nodes_from(net.node_id.tolist())
        for edge in edges:
            forward, backward = directions("drive", edge.tags)
            ends = (edge.nodes[0], edge.nodes[-1])
            # the search starts at the doors: against the direction of travel for trips to a facility
            if forward:
                graph.add_edge(*(ends[::-1] if direction == "to_facility" else ends), weight=edge.ms("drive"))
            if backward:
                graph.add_edge(*(ends if direction == "to_facility" else ends[::-1]), weight=edge.ms("drive"))
        seeds = rng.integers(0, len(net.node_id), 3)
        price = rng.integers(0, 100_000, 3)
        for node, cost in zip(seeds, price, strict=True):
            graph.add_edge("doors", int(net.node_id[node]), weight=int(cost))
        expected = nx.single_source_dijkstra_path_length(graph, "doors")
        got = Search(net, package.modes["drive"], direction=direction, measure="time").run(seeds, price, 1)
        assert {int(n): int(v) for n, v in zip(net.node_id, got, strict=True) if np.isfinite(v)} == {
            n: v for n, v in expected.items() if n != "doors"
        }
        assert np.array_equal(got, plain_scipy(graph, net.node_id.tolist()))
        verdicts(got)
        reached += int(np.isfinite(got).sum())
    return reached


def plain_scipy(graph: nx.MultiDiGraph, nodes: list[int]) -> np.ndarray:
    """Costs by scipy on a matrix made from the networkx graph, parallel arcs reduced to the least (zeros kept)."""
    index = {node: k for k, node in enumerate([*nodes, "doors"])}
    least: dict[tuple[int, int], int] = {}
    for a, b, data in graph.edges(data=True):
        key = index[a], index[b]
        least[key] = min(least.get(key, data["weight"]), data["weight"])
    rows, columns = np.array(list(least), dtype=np.int32).T  # older scipy reads 32-bit indices only
    order = np.lexsort((columns, rows))
    start = np.searchsorted(rows[order], np.arange(len(index) + 1)).astype(np.int32)
    matrix = csr_array(
        (np.array(list(least.values()), dtype=float)[order], columns[order], start), shape=(len(index), len(index))
    )
    return dijkstra(matrix, indices=index["doors"])[:-1]


def verdicts(cost: np.ndarray) -> None:
    """Exactly at a limit holds, one millisecond less does not."""
    finite = np.isfinite(cost)
    value = np.where(finite, cost, 2**31 - 1).astype(np.int32)
    reach = Reach(
        value, np.zeros(len(cost), np.int32), np.where(finite, State.REACHED, State.UNREACHABLE).astype(np.int8)
    )
    for limit in np.unique(value[finite]):
        assert np.array_equal(covered(reach, int(limit)), finite & (cost <= limit))
        assert np.array_equal(covered(reach, int(limit) - 1), finite & (cost < limit))


def test_random_graphs_against_networkx_and_scipy() -> None:
    assert sum(check_graph(seed) for seed in range(300)) > 3000
