"""Where people settle: towns, villages, committees, and the border around each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from servicecircle.sample.land import Land, stream
from servicecircle.sample.names import REPEATED_SHARE, committee_names, town_names, village_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Villages are never nearer to each other than this, and keep this far from river, expressway and railway.
NEAREST_M = 700.0
CLEAR_M = 420.0
#: The twin villages that face each other across the river: each this far from its middle, so far north of the town.
TWIN_M = 430.0
TWIN_AT = 0.27
#: Urban-rural codes of the division list by kind: county town, its outskirts, town seats, villages.
CODES = {"core": "111", "rim": "112", "seat": "121", "village": "220"}
FIRST_CODE = 990_000_000_000
#: Longest shift of a border line by its waves, and their length.
BORDER_WAVE_M = 110.0
BORDER_LENGTH_M = 1500.0


@dataclass(frozen=True)
class Places:
    """Settlements, in the order of their codes: towns one after another, committees before villages.

    Attributes
    ----------
    xy : float64 array (places, 2)
    kind : str array (places,)
        ``core`` (committee of the county town), ``seat`` (committee of a town), ``village``.
    town : int64 array (places,)
        Index into ``towns``.
    towns : tuple of str
        Names of towns, then of streets.
    name, code, class_code : str arrays (places,)
    roles : dict
        Planted places: role to index.
    """

    xy: NDArray[np.float64]
    kind: NDArray[np.str_]
    town: NDArray[np.int64]
    towns: tuple[str, ...]
    name: NDArray[np.str_]
    code: NDArray[np.str_]
    class_code: NDArray[np.str_]
    roles: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of settlements."""
        return len(self.xy)

    def of_kind(self, *kinds: str) -> NDArray[np.int64]:
        """Return the indices of settlements of some kinds."""
        return np.flatnonzero(np.isin(self.kind, kinds))


def settle(land: Land, seed: int) -> Places:
    """Place all settlements of a county."""
    rng = stream(seed, "settle")
    core = _core_points(land, rng)
    seats = _seats(land, rng)
    villages, twins = _villages(land, np.concatenate((core, seats)), rng)
    xy = np.concatenate((core, seats, villages))
    kind = np.array(["core"] * len(core) + ["seat"] * len(seats) + ["village"] * len(villages))
    town = _towns(land, xy, kind, seats)
    order = np.lexsort((xy[:, 0], -xy[:, 1], kind == "village", town))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    roles = {} if twins is None else {"twin_west": int(place[twins[0]]), "twin_east": int(place[twins[1]])}
    return _named(land, xy[order], kind[order], town[order], roles, stream(seed, "names"))


def _core_points(land: Land, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the committees of the county town: a sunflower, evenly spaced in its disc."""
    count = land.preset.core_committees
    k = np.arange(count) + 0.5
    radius = land.core_m * 0.93 * np.sqrt(k / count)
    angle = k * np.pi * (3 - np.sqrt(5)) + rng.uniform(0, 2 * np.pi)
    return np.asarray(land.core_xy + np.column_stack((radius * np.cos(angle), radius * np.sin(angle))))


def _inside(land: Land, count: int, rng: np.random.Generator, *, border_m: float) -> NDArray[np.float64]:
    """Return random points of the county outside the county town, away from borders, river and lines."""
    inner = land.outline.buffer(-border_m)
    west, south, east, north = inner.bounds
    xy = np.column_stack((rng.uniform(west, east, count), rng.uniform(south, north, count)))
    away = np.hypot(*(xy - land.core_xy).T) > land.core_m + 600
    return np.asarray(xy[shapely.contains_xy(inner, xy) & away & (land.clearance_m(xy) > CLEAR_M)])


def _seats(land: Land, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the towns' seats: centres of equal parts of the county (Lloyd), each moved a little."""
    count = land.preset.towns
    if count == 0:
        return np.zeros((0, 2))
    cloud = _inside(land, 20_000, rng, border_m=300)
    apart = np.hypot(*(cloud - land.core_xy).T)
    cloud = cloud[apart > land.core_m + 1500]
    seats = cloud[rng.choice(len(cloud), count, replace=False)]
    for _ in range(40):
        owner = cKDTree(seats).query(cloud)[1]
        seats = np.array([cloud[owner == k].mean(axis=0) for k in range(count)])
    free = cloud[cKDTree(cloud).query(seats, k=60)[1]]
    return np.array([near[rng.integers(len(near))] for near in free])


def _villages(
    land: Land, others: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[int, int] | None]:
    """Throw villages one by one, each at least a drawn distance from all others; the planted twins come first."""
    preset = land.preset
    chosen = [tuple(p) for p in others.tolist()]
    twins = None
    if preset.road_circle:
        y = land.core_xy[1] + TWIN_AT * land.size_m[1]
        x = float(land.river_x(y))
        twins = len(chosen), len(chosen) + 1
        chosen += [(x - TWIN_M - 120, y), (x + TWIN_M + 120, y)]
    wanted = len(others) + preset.villages
    hexagonal = np.sqrt(preset.area_km2 * 1e6 / max(preset.villages + preset.towns, 1) * 2 / np.sqrt(3))
    slack = 1.0
    while len(chosen) < wanted:
        cloud = _inside(land, 3000, rng, border_m=min(450.0, 0.04 * land.size_m[1]))
        need = np.maximum(NEAREST_M, hexagonal * slack * rng.uniform(0.32, 0.78, len(cloud)))
        for xy, apart in zip(cloud, need, strict=True):
            if len(chosen) < wanted and np.hypot(*(np.asarray(chosen) - xy).T).min() >= apart:
                chosen.append((float(xy[0]), float(xy[1])))
        slack *= 0.93
    return np.asarray(chosen[len(others) :]).reshape(-1, 2), twins


def _towns(
    land: Land, xy: NDArray[np.float64], kind: NDArray[np.str_], seats: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the town of each settlement: villages go to the nearest seat, the county town is cut into streets."""
    preset = land.preset
    town = np.zeros(len(xy), dtype=np.int64)
    if len(seats):
        town = np.asarray(cKDTree(seats).query(xy)[1], dtype=np.int64)
    core = np.flatnonzero(kind == "core")
    angle = np.arctan2(*(xy[core] - land.core_xy).T[::-1])
    rank = np.argsort(np.argsort(angle))
    town[core] = preset.towns + rank * preset.streets // max(len(core), 1)
    return town


def _named(
    land: Land,
    xy: NDArray[np.float64],
    kind: NDArray[np.str_],
    town: NDArray[np.int64],
    roles: dict[str, int],
    rng: np.random.Generator,
) -> Places:
    preset = land.preset
    names = np.empty(len(xy), dtype=object)
    villages, committees = np.flatnonzero(kind == "village"), np.flatnonzero(kind != "village")
    names[villages] = village_names(len(villages), preset, rng)
    names[committees] = committee_names(len(committees))
    for one in rng.permutation(villages)[: round(REPEATED_SHARE * len(villages))]:
        elsewhere = villages[(town[villages] != town[one]) & ~np.isin(villages, list(roles.values()))]
        if len(elsewhere) and one not in roles.values():
            names[one] = names[rng.choice(elsewhere)]
    number = np.zeros(len(xy), dtype=np.int64)
    for k in np.unique(town):
        mine = town == k
        # committees are numbered from 001, villages from 201, as in the division list
        number[mine & (kind != "village")] = np.arange(1, (mine & (kind != "village")).sum() + 1)
        number[mine & (kind == "village")] = np.arange(201, 201 + (mine & (kind == "village")).sum())
    code = [str(FIRST_CODE + (t + 1) * 1000 + n) for t, n in zip(town, number, strict=True)]
    towns = town_names(preset)
    if preset.without_station:
        # the last committees of the first street: the street's own centre stands at its first one
        towns[preset.towns] = preset.without_station_street
        last = np.flatnonzero((kind == "core") & (town == preset.towns))[-len(preset.without_station) :]
        names[last] = preset.without_station
    rim = np.hypot(*(xy - land.core_xy).T) > 0.75 * land.core_m
    group = np.where((kind == "core") & rim, "rim", kind)
    return Places(
        xy=np.round(xy, 1),
        kind=kind,
        town=town,
        towns=tuple(towns),
        name=names.astype(str),
        code=np.array(code),
        class_code=np.array([CODES[g] for g in group]),
        roles=roles,
    )


def borders(land: Land, places: Places, seed: int) -> NDArray[np.object_]:
    """Return the polygon of each settlement: what is nearest to it, its straight borders made wavy.

    One smooth, small shift of the plane is applied to all vertices, so neighbours keep sharing their border.
    """
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(places.xy), extend_to=land.outline.envelope))
    wave = _Waves(stream(seed, "borders"))
    # one centimetre grid for all: a vertex of one cell that lies inside a neighbour's side becomes a vertex there too
    cut = shapely.intersection(shapely.set_precision(cells, 0.01), land.outline, grid_size=0.01)
    lines = shapely.union_all(shapely.boundary(cut), grid_size=0.01)
    wavy = shapely.transform(shapely.segmentize(lines, 200.0), wave.shift)
    faces = shapely.get_parts(shapely.polygonize([shapely.set_precision(wavy, 0.01)]))
    # an outline that bends inwards may cut a cell in two: every part goes to its place
    middle = wave.back(shapely.get_coordinates(shapely.point_on_surface(faces)))
    owner = cKDTree(places.xy).query(middle)[1]
    result = np.empty(places.count, dtype=object)
    for k in range(places.count):
        result[k] = shapely.union_all(faces[owner == k])
    return result


class _Waves:
    """A smooth shift of the plane, small against its wave length."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle = rng.uniform(0, 2 * np.pi, 6)
        length = BORDER_LENGTH_M * rng.uniform(0.8, 1.6, 6)
        self._wave = 2 * np.pi / length[:, None] * np.column_stack((np.cos(angle), np.sin(angle)))
        self._phase = rng.uniform(0, 2 * np.pi, 6)
        direction = rng.uniform(0, 2 * np.pi, 6)
        self._push = BORDER_WAVE_M / 3 * np.column_stack((np.cos(direction), np.sin(direction)))

    def shift(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(xy + np.sin(xy @ self._wave.T + self._phase) @ self._push)

    def back(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where shifted points came from, by a few fixed-point steps."""
        start = xy
        for _ in range(8):
            start = xy - (self.shift(start) - start)
        return start
