"""Small road worlds in memory, read by the package and by the oracle alike, and a flat drawing board near 35 N 117 E."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from servicecircle.geo.crossings import Crossings
from servicecircle.geo.crs import GEOD, WorkingCrs
from servicecircle.inputs.roads import BarrierShapes, RoadData, Ways, _collect, _is_water, _line_kind, _water_areas
from servicecircle.standards.modes import Mode, standard_modes
from servicecircle.travel.doors import Access, AccessFinder
from servicecircle.travel.network import Network, build_network
from servicecircle.travel.reach import Doors, Places, Reach, Search, State, StraightWalk, network_reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from .oracle.osm import Way
    from .oracle.travel import Answer, LonLat

deep = pytest.mark.skipif(
    os.environ.get("SERVICECIRCLE_DEEP") != "1", reason="LEFT OUT: only with SERVICECIRCLE_DEEP=1 (make test-deep)"
)

MODES = ("walk", "walk_elderly", "cycle", "ebike", "drive", "ambulance")
DIRECTIONS = ("to_facility", "from_facility")
#: The package's word and the oracle's.
MEASURES = {"time": "time", "road": "distance"}
EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)

# --- the drawing board ------------------------------------------------------------------------------------------------

ORIGIN = (117.0, 35.0)
BOARD = WorkingCrs((116.9, 34.9, 117.1, 35.1))


def at(x: float, y: float) -> LonLat:
    """Return the place ``x`` metres north of the origin along the meridian, then ``y`` metres west of there.

    Both are geodesics. Within a kilometre or two the board is flat to 0.1 mm: a length between two places is the
    square root of dx^2 + dy^2, so whole metres on the board are whole millimetres in the package. Roads on which
    something is reached between nodes should run along x: only there is a line straight in degrees straight on the
    board (a road of 1,000 m along y sags by 14 mm).
    """
    lon, lat, _ = GEOD.fwd(*ORIGIN, 0.0 if x >= 0 else 180.0, abs(x))
    lon, lat, _ = GEOD.fwd(lon, lat, 270.0 if y >= 0 else 90.0, abs(y))
    return float(lon), float(lat)


def way(number: int, nodes: Sequence[tuple[int, float, float]], **tags: str) -> Way:
    """Return a way through nodes (id, x, y); ``oneway__foot`` stands for the tag ``oneway:foot``."""
    return (
        number,
        [(node, *at(x, y)) for node, x, y in nodes],
        {key.replace("__", ":"): value for key, value in tags.items()},
    )


# --- from ways to the package's inputs --------------------------------------------------------------------------------


def as_ways(ways: Iterable[Way]) -> Ways:
    """Return the roads among ways given as ``(id, [(node, lon, lat)], tags)``."""
    roads = [(number, nodes, tags) for number, nodes, tags in ways if "highway" in tags or tags.get("route") == "ferry"]
    flat = [node for _, nodes, _ in roads for node in nodes]
    return Ways(
        id=np.array([number for number, _, _ in roads], dtype=np.int64),
        start=np.concatenate(([0], np.cumsum([len(nodes) for _, nodes, _ in roads]))).astype(np.int64),
        node=np.array([n[0] for n in flat], dtype=np.int64),
        lon=np.array([np.nan if n[1] is None else n[1] for n in flat], dtype=float),
        lat=np.array([np.nan if n[2] is None else n[2] for n in flat], dtype=float),
        tags=tuple(dict(tags) for _, _, tags in roads),
    )


def as_barriers(ways: Iterable[Way], given: Iterable[shapely.LineString] = ()) -> BarrierShapes:
    """Return the barriers among the ways, by the package's own rule for a way's tags, and given lines."""
    shapes: list[shapely.Geometry] = list(given)
    kinds = ["given"] * len(shapes)
    for _, nodes, tags in ways:
        known = [(lon, lat) for _, lon, lat in nodes if lon is not None]
        kind = _line_kind(tags, tags.get("highway"))
        if kind is not None and len(known) > 1:
            shapes.append(shapely.LineString(known))
            kinds.append(kind)
        if _is_water(tags) and len(nodes) > 3 and nodes[0][0] == nodes[-1][0]:
            shapes.append(shapely.Polygon(known))
            kinds.append("water")
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    return BarrierShapes(geometry, np.array(kinds, dtype=str))


def read_all(path: Path) -> RoadData:
    """Return everything an extract holds."""
    return _collect(path, EVERYWHERE).finish(_water_areas(path, EVERYWHERE)[0])


# --- the package, asked in the oracle's words -------------------------------------------------------------------------


@dataclass(frozen=True)
class PackageWorld:
    """A network and its barriers, asked like ``oracle.travel.door_to_door``."""

    working: WorkingCrs
    network: Network
    crossings: Crossings
    limit_m: float
    modes: Mapping[str, Mode]

    @cached_property
    def finder(self) -> AccessFinder:
        return AccessFinder(self.network, self.working, self.crossings, limit_m=self.limit_m)

    def places(self, lonlat: Sequence[LonLat], *, walls_yield: bool = False) -> Places:
        lon, lat = np.array(lonlat, dtype=float).reshape(-1, 2).T
        return Places(lon, lat, self.finder.find(lon, lat, self.modes, walls_yield=walls_yield))

    def doors(self, lonlat: Sequence[LonLat], ids: Sequence[str]) -> tuple[Doors, list[str]]:
        order = sorted(range(len(ids)), key=lambda k: ids[k])
        row = np.arange(len(ids))
        places = self.places([lonlat[k] for k in order], walls_yield=True)
        return Doors(places, row, row, len(ids)), [ids[k] for k in order]

    def reach(self, demand: Places, doors: Doors, mode: str, direction: str, measure: str) -> Reach:
        search = Search(self.network, self.modes[mode], direction=direction, measure=measure)
        return network_reach(search, demand, doors, StraightWalk(self.working, self.crossings, self.limit_m))

    def access(self, x: float, y: float, mode: str, *, walls_yield: bool = False) -> Access:
        """Return the kept legs of one place on the drawing board."""
        return self.places([at(x, y)], walls_yield=walls_yield).access[mode]

    def trip(
        self,
        start: tuple[float, float],
        *facilities: tuple[float, float],
        mode: str = "walk",
        direction: str = "to_facility",
        measure: str = "time",
    ) -> tuple[str, int | None, str | None]:
        """Return state, value and facility (``a``, ``b``, ... in the order given) of one trip on the drawing board."""
        doors, names = self.doors([at(*f) for f in facilities], [chr(ord("a") + k) for k in range(len(facilities))])
        return answers(self.reach(self.places([at(*start)]), doors, mode, direction, measure), names)[0]


def answers(reach: Reach, names: Sequence[str]) -> list[Answer]:
    """Return a reach in the oracle's form."""
    return [
        ("reached", int(value), names[facility]) if state == State.REACHED else (State(state).name.lower(), None, None)
        for state, value, facility in zip(reach.state, reach.value, reach.facility, strict=True)
    ]


def package_world(
    roads: Ways, barriers: BarrierShapes, working: WorkingCrs = BOARD, *, limit_m: float = 1000.0, modes: Mapping[str, Mode] | None = None,
    urban: bool = False, component_share: float = 0.01,
) -> PackageWorld:  # fmt: skip
    """Return the package's world of roads and barriers; every edge is of one class."""
    modes = standard_modes() if modes is None else modes
    network = build_network(
        roads,
        list(modes.values()),
        working,
        urban=lambda lon, _: np.full(len(lon), urban),
        component_share=component_share,
    )
    shapes = shapely.transform(barriers.geometry, lambda xy: working.project(xy[:, 0], xy[:, 1]))
    return PackageWorld(working, network, Crossings(shapes, barriers.kind == "wall"), limit_m, modes)


def board(*ways: Way, **options: object) -> PackageWorld:
    """Return a world of ways drawn on the board; of ``given`` lines in metres too."""
    given = [shapely.LineString([at(*p) for p in line]) for line in options.pop("given", ())]
    return package_world(as_ways(ways), as_barriers(ways, given), **options)
