"""The same numbers from independent programs: networkx, scipy, exactextract, rasterio, pandas and geopandas."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import exactextract
import geopandas as gpd
import networkx as nx
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import rasterio
import rasterio.features
import shapely
from exactextract.raster import NumPyRasterSource
from hypothesis import given
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from servicecircle.demand.pieces import cell_shares
from servicecircle.inputs.tables import read_table
from servicecircle.travel.reach import Places, Search, State
from tests.travel_fixtures import DIRECTIONS, MODES, as_barriers, as_ways, at, package_world

from .county import DEEP, County, counties, examples, surface_of, units_of
from .test_people import SHARES, close
from .test_travel import infinite

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oracle.osm import Way

# --- D1: travel times -----------------------------------------------------------------------------------------------------
#
# ``tests/test_travel_oracle.py`` compares the search between nodes (300 graphs) and whole trips with an oracle that
# splits edges at feet. Here whole trips are searched by two programs on the arcs of the network as it stands: people
# and doors are nodes of their own, joined to the ends of their edges by the value of leg and part of the edge.


def random_world(seed: int) -> tuple[list[Way], np.ndarray, np.ndarray]:
    """Roads one-way, parallel, without length and in pieces that do not meet; people and doors around them."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 40))
    xy = rng.integers(0, 1500, (count, 2)).astype(float)
    same = rng.integers(0, count, count // 5)
    xy[(same + 1) % count] = xy[same]
    ways: list[Way] = []
    for number in range(int(rng.integers(2, 3 * count))):
        nodes = rng.integers(0, count, int(rng.integers(2, 5))).tolist()
        oneway = str(rng.choice(["yes", "no", "-1"]))
        tags = {"highway": str(rng.choice(["residential", "primary", "track", "footway", "steps"])), "oneway": oneway}
        ways.append((number + 1, [(n, *at(*xy[n])) for n in nodes], tags))
    return ways, rng.uniform(-100, 1600, (12, 2)), rng.uniform(-100, 1600, (4, 2))


class Arcs:
    """Every arc from person to door, in whole units, parallel arcs reduced to the least."""

    def __init__(self, search: Search, people: Places, doors: Places) -> None:
        self.search, self.edges = search, search.network.modes[search.mode.id]
        self.toward = search._out is self.edges.forward
        self.least: dict[tuple[object, object], int] = {}
        for e in range(search.network.size):
            ends = (int(search.network.tail[e]), int(search.network.head[e]))
            for way, permitted in ((ends, self.edges.forward[e]), (ends[::-1], self.edges.backward[e])):
                if permitted:
                    self._least(way, int(self.edges.ms[e]))
        at_people, at_doors = (self._feet(places) for places in (people, doors))
        for e, point, part, leg in at_people:
            self._joined(("person", point), e, part, leg, at_door=False)
            for other, door, place, more in at_doors:
                if other == e and self._permitted(e, part, place):
                    self._add(("person", point), ("door", door), abs(place - part) + leg + more)
        for e, point, part, leg in at_doors:
            self._joined(("door", point), e, part, leg, at_door=True)

    def _least(self, key: tuple[object, object], value: int) -> None:
        self.least[key] = min(self.least.get(key, value), value)

    def _add(self, a: object, b: object, value: int) -> None:
        """Add an arc from person towards door; trips the other way take it the other way."""
        self._least((a, b) if self.toward else (b, a), value)

    def add_walks(self, walks: dict[tuple[int, int], int]) -> None:
        for (person, door), value in walks.items():
            self._add(("person", person), ("door", door), value)

    def _feet(self, places: Places) -> list[tuple[int, int, int, int]]:
        access, net = places.access[self.search.mode.id], self.search.network
        legs = self.search.leg(access.leg_mm)
        rows = zip(
            access.point.tolist(), access.edge.tolist(), access.from_start_mm.tolist(), legs.tolist(), strict=True
        )
        return [(e, p, round(int(self.edges.ms[e]) * mm / max(int(net.mm[e]), 1)), leg) for p, e, mm, leg in rows]

    def _permitted(self, e: int, here: int, there: int) -> bool:
        """Whether one may go along the edge from one foot to the other, towards the door."""
        out, back = self._out_and_back()
        return bool((there >= here and out[e]) or (there <= here and back[e]))

    def _out_and_back(self) -> tuple[np.ndarray, np.ndarray]:
        forward, backward = self.edges.forward, self.edges.backward
        return (forward, backward) if self.toward else (backward, forward)

    def _joined(self, node: object, e: int, part: int, leg: int, *, at_door: bool) -> None:
        """Join a person or a door to both ends of an edge where the signs permit it."""
        out, back = self._out_and_back()
        tail, head = int(self.search.network.tail[e]), int(self.search.network.head[e])
        rest = int(self.edges.ms[e]) - part
        by_tail, by_head = (out[e], back[e]) if at_door else (back[e], out[e])
        for end, value, permitted in ((tail, part + leg, by_tail), (head, rest + leg, by_head)):
            if permitted and at_door:
                self._add(end, node, value)
            elif permitted:
                self._add(node, end, value)


def straight_walks(
    world, search: Search, people: list[tuple[float, float]], doors: list[tuple[float, float]]
) -> dict[tuple[int, int], int]:
    """Straight walks, whole millimetres by pyproj; nothing bars the way in these worlds."""
    from servicecircle.geo.crs import GEOD

    if not search.mode.straight_walking:
        return {}
    found = {}
    for p, (lon, lat) in enumerate(people):
        for d, (to_lon, to_lat) in enumerate(doors):
            mm = round(GEOD.inv(lon, lat, to_lon, to_lat)[2] * 1000)
            if mm <= world.limit_m * 1000:
                found[p, d] = int(np.rint(mm * 3.6 / search.mode.access_kmh))
    return found


def check_trips(seed: int) -> int:
    """Compare every trip; return how many are made."""
    ways, people_xy, doors_xy = random_world(seed)
    world = package_world(as_ways(ways), as_barriers(ways), limit_m=400.0)
    people, spots = ([at(*xy) for xy in some] for some in (people_xy, doors_xy))
    demand = world.places(people)
    doors, _ = world.doors(spots, [f"d{k}" for k in range(len(spots))])
    mode, direction = MODES[seed % len(MODES)], DIRECTIONS[seed // 2 % 2]
    search = Search(world.network, world.modes[mode], direction=direction, measure="time")
    got = infinite(world.reach(demand, doors, mode, direction, "time"))
    made = Arcs(search, demand, doors.places)
    made.add_walks(straight_walks(world, search, people, spots))
    arcs = made.least
    graph = nx.DiGraph()
    graph.add_nodes_from([("person", k) for k in range(len(people))] + [("door", k) for k in range(len(spots))])
    graph.add_weighted_edges_from((a, b, w) for (a, b), w in arcs.items())
    from_doors = graph.reverse() if direction == "to_facility" else graph
    length = nx.multi_source_dijkstra_path_length(from_doors, {("door", k) for k in range(len(spots))})
    by_networkx = np.array([length.get(("person", k), np.inf) for k in range(len(people))])
    assert np.array_equal(got, by_networkx), seed
    index = {node: k for k, node in enumerate(from_doors)}
    # a weight of 0 is no arc to scipy: every arc gets a ten-millionth, far below half a millisecond on any trip
    arcs_found = [(index[a], index[b], w) for a, b, w in from_doors.edges(data="weight")]
    least = np.array(arcs_found, dtype=np.int64).reshape(-1, 3)
    matrix = coo_array(
        (least[:, 2] + 1e-7, tuple(least[:, :2].T.astype(np.int32))), shape=(len(index), len(index))
    ).tocsr()
    cost = dijkstra(matrix, indices=[index["door", k] for k in range(len(spots))]).min(axis=0)
    by_scipy = np.array([cost[index["person", k]] for k in range(len(people))])
    assert np.array_equal(got, np.where(np.isfinite(by_scipy), np.rint(by_scipy), np.inf)), seed
    return int(np.isfinite(got).sum())


def test_d1_trips_against_networkx_and_scipy() -> None:
    """300 random graphs in the deep run: equal whole milliseconds, all of them."""
    assert sum(check_trips(seed) for seed in range(300 if DEEP else 60)) > (1500 if DEEP else 300)


# --- D2: zonal sums ---------------------------------------------------------------------------------------------------------


@examples(200)
@given(counties(raster=True, areal=True))
def test_d2_sums_of_units_by_exactextract(county: County) -> None:
    """People of each unit against exactextract's own weighted sum of the raster, 1e-6 of everybody (its own limit)."""
    surface, units = surface_of(county), units_of(county).frame
    shares = cell_shares(surface, units)
    values = np.asarray(county.people).ravel()
    mine = np.bincount(shares.unit, weights=values[shares.place] * shares.share, minlength=len(units))
    west, north = surface.grid.transform * (0, 0)
    east, south = surface.grid.transform * surface.grid.shape[::-1]
    source = NumPyRasterSource(
        np.nan_to_num(surface.values), xmin=west, ymin=south, xmax=east, ymax=north, srs_wkt=surface.grid.crs.to_wkt()
    )
    zones = units.geometry.to_crs(surface.grid.crs).to_frame("geometry")
    theirs = exactextract.exact_extract(source, zones, ["sum"], output="pandas")["sum"].to_numpy(dtype=float)
    assert np.abs(mine - np.nan_to_num(theirs)).max() <= SHARES * max(1.0, float(np.nansum(values)))
    flat = units.geometry.to_crs(surface.grid.crs).to_numpy()
    a, _, c, _, e, f = tuple(surface.grid.transform)[:6]
    for place, unit, share in zip(shares.place.tolist(), shares.unit.tolist(), shares.share.tolist(), strict=True):
        row, column = divmod(place, surface.grid.shape[1])
        cell = shapely.box(c + a * column, f + e * (row + 1), c + a * (column + 1), f + e * row)
        assert abs(share - cell.intersection(flat[unit]).area / cell.area) <= 2 * SHARES


@examples(200)
@given(counties(raster=True, areal=True))
def test_d2_the_centre_rule_by_rasterio(county: County) -> None:
    """Whole cells: where a border runs along cells, a cell has share 1 exactly where rasterio's mask has its centre.

    The package shares cells by area and has no centre rule; on units made of whole cells both must be the same.
    """
    surface = surface_of(county)
    grid = surface.grid
    units = units_of(county).frame
    flat = units.geometry.to_crs(grid.crs).to_numpy()
    burnt = rasterio.features.rasterize(
        [(shape, k + 1) for k, shape in enumerate(flat)],
        out_shape=grid.shape,
        transform=grid.transform,
        fill=0,
        dtype="int32",
    )
    a, _, c, _, e, f = tuple(grid.transform)[:6]
    squares = [
        shapely.union_all(
            [
                shapely.box(c + a * j, f + e * (i + 1), c + a * (j + 1), f + e * i)
                for i, j in np.argwhere(burnt == k + 1)
            ]
        )
        for k in range(len(units))
    ]
    kept = [k for k, shape in enumerate(squares) if not shape.is_empty]
    if not kept:
        return
    whole = gpd.GeoDataFrame({"id": [f"w{k}" for k in kept]}, geometry=[squares[k] for k in kept], crs=grid.crs).to_crs(
        "EPSG:4326"
    )
    shares = cell_shares(surface, whole)
    assert np.abs(shares.share - 1).max(initial=0.0) <= SHARES
    lived = np.nan_to_num(surface.values) > 0
    for unit, k in enumerate(kept):
        mask = rasterio.features.geometry_mask(
            [squares[k]], out_shape=grid.shape, transform=grid.transform, invert=True
        )
        assert sorted(shares.place[shares.unit == unit].tolist()) == np.flatnonzero((mask & lived).ravel()).tolist()
        people = county.people.ravel()[shares.place[shares.unit == unit]]
        assert close(float(people.sum()), float(np.nansum(county.people[mask])))


# --- D5: reading ----------------------------------------------------------------------------------------------------------------

CODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")
CRSES = ("EPSG:4326", "EPSG:4490", "EPSG:4547", "EPSG:32650", "EPSG:3857")
WORDS = (
    "石桥村",
    "东岭 镇",
    "a",
    "007",
    "370406001200",
    "12.50",
    "-3",
    "½ m²",
    'says "no"',
    "a,b",
    "x;y",
    "é",
    "䶮村",
    "1e5",
    "TRUE",
)


def rows_of(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame of texts without blank rows, and places."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 8))
    frame = pd.DataFrame(
        {
            "编码": [f"{int(rng.integers(0, 10**12)):012d}" for _ in range(count)],
            "name": rng.choice(WORDS, count).astype(object),
            "note": rng.choice([*WORDS, ""], count).astype(object),
        }
    )
    return frame, rng.uniform((116.0, 34.0), (118.0, 36.0), (count, 2)).round(7)


def write_file(folder: Path, seed: int) -> tuple[Path, pd.DataFrame, str]:
    """Write a file of one of six kinds; return what is in it and, for layers, its CRS."""
    frame, lonlat = rows_of(seed)
    kind = ("csv", "xlsx", "geojson", "gpkg", "shp", "txt")[seed % 6]
    path = folder / f"f{seed}.{kind}"
    crs = CRSES[seed // 6 % len(CRSES)] if kind != "geojson" else "EPSG:4326"
    if kind in ("csv", "txt"):
        coding = CODINGS[seed // 6 % len(CODINGS)]
        separator = ",;\t"[seed // 24 % 3]
        with path.open("w", encoding=coding, newline="") as file:
            csv.writer(file, delimiter=separator).writerows([list(frame.columns), *frame.to_numpy().tolist()])
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        for row in [list(frame.columns), *frame.to_numpy().tolist()]:
            sheet.append([cell or None for cell in row])
        for cells in sheet.iter_rows():
            for cell in cells:
                if cell.value is not None:
                    cell.data_type = "s"
        book.save(path)
    else:
        layer = gpd.GeoDataFrame(frame, geometry=shapely.points(lonlat), crs="EPSG:4326").to_crs(crs)
        options = {"encoding": ("UTF-8", "GB18030")[seed // 6 % 2]} if kind == "shp" else {}
        if kind == "shp":
            layer = layer.rename(columns={"编码": "code"})
        pyogrio.write_dataframe(layer, path, **options)
    return path, frame, crs


def pandas_cells(path: Path, seed: int) -> list[list[str]]:
    """The same file by pandas or geopandas, every cell as text."""
    kind = path.suffix[1:]
    if kind in ("csv", "txt"):
        coding, separator = CODINGS[seed // 6 % len(CODINGS)], ",;\t"[seed // 24 % 3]
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding=coding, sep=separator)
    elif kind == "xlsx":
        frame = pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl").fillna("")
    else:
        frame = gpd.read_file(path).drop(columns="geometry").fillna("")
    return [[str(name) for name in frame.columns], *frame.astype(str).to_numpy().tolist()]


def test_d5_our_reader_against_pandas_and_geopandas(tmp_path: Path) -> None:
    """200 files in the deep run: the same texts, the same coordinates to the last bit, the same CRS."""
    count = 200 if DEEP else 48
    for seed in range(count):
        path, frame, crs = write_file(tmp_path, seed)
        table = read_table(path)
        mine = [table.columns, *table.cells.to_numpy().tolist()]
        assert mine == pandas_cells(path, seed), path.name
        assert mine[1:] == frame.to_numpy().tolist(), path.name
        if table.geometry is not None:
            theirs = gpd.read_file(path)
            assert shapely.get_coordinates(table.geometry).tolist() == shapely.get_coordinates(theirs.geometry).tolist()
            assert table.crs == theirs.crs == crs
    assert len(list(tmp_path.iterdir())) >= count


def test_states_are_those_of_the_package() -> None:
    """``infinite`` reads every state but reached as no way."""
    assert [state.name for state in State] == ["REACHED", "UNREACHABLE", "UNATTACHED", "NO_FACILITY"]
