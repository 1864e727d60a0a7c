"""Where facilities are entered: the doors of points, areas and lines (design section 4).

An area has its gates: those the study gives for it or, where its file comes without gates, the gates and entrances of
the road file on its border. An area without gates is entered where its border meets roads people may walk; one that
no such road meets, anywhere: every 100 m along its border. A line is entered every 100 m, at its ends and where it
meets such roads. Reach is searched to all doors and reduced to facilities. All distances are those to doors, the
straight one too; also people who live inside an area go to a door.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo.outline import away_mm, common_places, is_area, is_line, outlines, places_along
from servicecircle.travel.doors import network_lines
from servicecircle.travel.reach import Doors, Places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from servicecircle.geo.crs import WorkingCrs
    from servicecircle.travel.doors import Access
    from servicecircle.travel.network import Network

#: What a door is, by how it was found.
KINDS = ("point", "gate", "road_crossing", "border", "line")
#: Doors that open a wall: where there is a gate or a road leads in, people get through.
OPENINGS = ("gate", "road_crossing")
#: Doors where nothing says where an area or a line is entered.
EVERY_M = 100
#: A gate of the road file belongs to every area whose border is at most so far away.
ON_BORDER_M = 5


@dataclass(frozen=True)
class Spots:
    """Doors before they are attached to roads, sorted by facility, longitude and latitude.

    Attributes
    ----------
    lon, lat : float64 arrays (doors,)
        WGS 84 degrees.
    facility : int64 array (doors,)
        Row of the facility; every facility has a door.
    kind : str array (doors,)
        One of :data:`KINDS`.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    facility: NDArray[np.int64]
    kind: NDArray[np.str_]


@dataclass(frozen=True)
class Entrances:
    """Doors of all facilities with their legs, sorted by facility, longitude and latitude.

    Attributes
    ----------
    places : Places
        One point for each door; facilities entered at one place have a door each.
    facility : int64 array (doors,)
        Row of the facility each door belongs to; every facility has a door.
    kind : str array (doors,)
        One of :data:`KINDS`.
    """

    places: Places
    facility: NDArray[np.int64]
    kind: NDArray[np.str_]

    def of(self, rows: NDArray[np.int64]) -> Doors:
        """Return the doors of some facilities; the order of ``rows`` is their order by id."""
        rank = np.full(int(self.facility.max(initial=-1)) + 1, -1, dtype=np.int64)
        rank[rows] = np.arange(len(rows))
        at = np.flatnonzero(rank[self.facility] >= 0)
        at = at[np.argsort(rank[self.facility[at]], kind="stable")]
        return Doors(self.places, at, rank[self.facility[at]], len(rows))

    def attached(self, mode: str) -> NDArray[np.bool_]:
        """Return, per facility, whether any of its doors has a leg."""
        return self._any(self.places.access[mode].attached())

    def walled_in(self) -> NDArray[np.bool_]:
        """Return, per facility, whether for some mode it is attached only because walls that nothing opens yielded."""
        result = self._any(np.zeros(len(self.facility), dtype=bool))
        for access in self.places.access.values():
            attached = access.attached()
            free = attached & (~access.yielded | np.isin(self.kind, OPENINGS))
            result |= self._any(attached) & ~self._any(free)
        return result

    def _any(self, of_door: NDArray[np.bool_]) -> NDArray[np.bool_]:
        result = np.zeros(int(self.facility.max(initial=-1)) + 1, dtype=bool)
        result[self.facility[of_door]] = True
        return result

    def with_point(self, other: Places, row: int, facility: int) -> Entrances:
        """Return the doors with one point of another set as the one door of a new facility.

        Parameters
        ----------
        facility : int
            Row the new facility gets; those from there on move back by one.
        """
        kept = np.where(self.facility >= facility, self.facility + 1, self.facility)
        everyone = np.append(kept, facility)
        order = np.argsort(everyone, kind="stable")
        places = Places(
            np.append(self.places.lon, other.lon[row])[order],
            np.append(self.places.lat, other.lat[row])[order],
            {
                mode: access.with_point(other.access[mode], row).reordered(order)
                for mode, access in self.places.access.items()
            },
        )
        return Entrances(places, everyone[order], np.append(self.kind, "point")[order])


def obeying_walls(spots: Spots, places: Places) -> Entrances:
    """Return the doors where walls yield only at openings and at facilities no door of which is free (for a mode).

    Walls that bar all legs of a gate or of a road's way in do not close it. Any other door that is attached only
    because walls yielded loses its legs where the facility has a free door.
    """
    access = {mode: _obeying(spots, legs) for mode, legs in places.access.items()}
    return Entrances(replace(places, access=access), spots.facility, spots.kind)


def _obeying(spots: Spots, access: Access) -> Access:
    free = np.zeros(int(spots.facility.max(initial=-1)) + 1, dtype=bool)
    shut = access.yielded & ~np.isin(spots.kind, OPENINGS)
    free[spots.facility[access.attached() & ~shut]] = True
    closed = shut & free[spots.facility]
    return access.without(closed) if closed.any() else access


def find_spots(
    places: NDArray[np.float64],
    shapes: Mapping[int, shapely.Geometry],
    given: Mapping[int, NDArray[np.float64]],
    road_gates: NDArray[np.float64],
    network: Network,
    working: WorkingCrs,
) -> Spots:
    """Return where facilities are entered.

    Parameters
    ----------
    places : float64 array (facilities, 2)
        WGS 84 longitude and latitude: the door of a facility without shape.
    shapes : dict
        Areas, lines and sets of points by row of the facility, EPSG:4326, valid.
    given : dict of float64 array (gates, 2)
        Gates the study gives, by row; an area with an entry, even an empty one, has no gates of the road file.
    road_gates : float64 array (gates, 2)
        Gates and entrances of the road file.
    network : Network
        Roads count where the mode ``walk`` may go and legs may end: a bridge over the border or a tunnel under it is
        no way in, nor is a motorway, a ferry or a piece that leads nowhere.
    """
    finder = _Finder(road_gates, network, working) if shapes else None
    parts: list[tuple[NDArray[np.float64], str, int]] = []
    for row in range(len(places)):
        if finder is None or row not in shapes:
            parts.append((places[row : row + 1], "point", row))
        else:
            parts += [(spots, kind, row) for kind, spots in finder.doors(shapes[row], given.get(row)).items()]
    lonlat = np.concatenate([np.zeros((0, 2)), *[spots for spots, _, _ in parts]])
    facility = np.repeat(np.array([row for *_, row in parts], dtype=np.int64), [len(spots) for spots, *_ in parts])
    kind = np.repeat(np.array([kind for _, kind, _ in parts], dtype=str), [len(spots) for spots, *_ in parts])
    order = np.lexsort((lonlat[:, 1], lonlat[:, 0], facility))
    return Spots(lonlat[order, 0], lonlat[order, 1], facility[order], kind[order])


class _Finder:
    """Finds the doors of shapes; roads and gates are indexed once."""

    def __init__(self, road_gates: NDArray[np.float64], network: Network, working: WorkingCrs) -> None:
        walkable = np.flatnonzero(network.modes["walk"].attachable)
        self._roads = network_lines(network, walkable, np.column_stack((network.lon, network.lat)))
        self._road_tree = shapely.STRtree(self._roads)
        self._gates, self._working = road_gates, working
        self._gate_tree = shapely.STRtree(shapely.points(working.project(road_gates[:, 0], road_gates[:, 1])))

    def doors(self, shape: shapely.Geometry, given: NDArray[np.float64] | None) -> dict[str, NDArray[np.float64]]:
        """Return the doors of one shape by kind, each place once."""
        if is_area(shape):
            lines = outlines(shape)
            gates = self._on_border(lines) if given is None else given
            if len(gates):
                return {"gate": np.unique(gates, axis=0)}
            crossings = self._crossings(lines)
            if len(crossings):
                return {"road_crossing": crossings}
            return {"border": _unique([places_along(line, EVERY_M, closed=True) for line in lines])}
        if is_line(shape):
            lines = outlines(shape)
            crossings = self._crossings(lines)
            along = _unique([places_along(line, EVERY_M, closed=False) for line in lines])
            met = {tuple(place) for place in crossings.tolist()}
            new = np.array([tuple(place) not in met for place in along.tolist()], dtype=bool)
            return {"road_crossing": crossings, "line": along[new]}
        return {"point": np.unique(shapely.get_coordinates(shape), axis=0)}

    def _crossings(self, lines: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        found = []
        for line in map(shapely.LineString, lines):
            roads = np.sort(self._road_tree.query(line, predicate="intersects"))
            found.append(common_places(line, self._roads[roads]))
        return _unique(found)

    def _on_border(self, lines: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the gates of the road file at most 5 m from the lines."""
        near: set[int] = set()
        for line in lines:
            drawn = shapely.LineString(self._working.project(line[:, 0], line[:, 1]))
            candidates = self._gate_tree.query(drawn, predicate="dwithin", distance=2.0 * ON_BORDER_M).tolist()
            near |= {k for k in candidates if away_mm(line, self._gates[k], self._working) <= ON_BORDER_M * 1000}
        return self._gates[sorted(near)]


def _unique(places: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(np.unique(np.concatenate([np.zeros((0, 2)), *places]), axis=0))
