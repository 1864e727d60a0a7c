"""Worlds with one thing changed, and searches that end at the limit: a case asks who is covered, not how far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from servicecircle.analysis.build import build_ground, build_network_of, facility_units, find_doors
from servicecircle.analysis.evaluate import ReachCache
from servicecircle.travel.again import refound
from servicecircle.travel.doors import AccessFinder
from servicecircle.travel.entrances import Spots, obeying_walls
from servicecircle.travel.network import retimed
from servicecircle.travel.reach import Places, RememberedWalk, network_reach

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.analysis.stages import Prepared
    from servicecircle.analysis.world import World
    from servicecircle.inputs.population import RasterPeople
    from servicecircle.standards.model import Criterion
    from servicecircle.travel.network import Network
    from servicecircle.travel.reach import Reach, Search


class BoundedCache(ReachCache):
    """Reaches of one world, exact up to the farthest limit any of the criteria asks of each, unreachable beyond.

    Parameters
    ----------
    criteria : iterable of Criterion
        All that will be judged.
    known : ReachCache, optional
        Unbounded reaches of the same people to the same doors, taken where they were searched already.
    changed_modes : collection of str
        Modes whose legs or times differ from those of ``known``.
    """

    def __init__(
        self,
        world: World,
        criteria: Iterable[Criterion],
        *,
        known: ReachCache | None = None,
        changed_modes: Collection[str] = (),
    ) -> None:
        super().__init__(world)
        self._known, self._changed = known, changed_modes
        self._engines: dict[tuple[str, str, str], Search] = {}
        self._limits: dict[tuple[str, str, str, bytes], int] = {}
        for criterion in criteria:
            rows = world.facility_rows(criterion)
            key = self._key(rows, criterion.measure, criterion.mode, criterion.standard.direction)
            self._limits[key] = max(self._limits.get(key, 0), criterion.limit)

    def _searched(self, rows: NDArray[np.int64], measure: str, mode: str, direction: str) -> Reach:
        known = None if mode in self._changed else self._known
        found = None if known is None else known.known(rows, measure, mode, direction)
        if found is not None:
            return found
        if measure == "straight":
            return self._world.straight_reach(rows)
        engine = (mode, direction, measure)
        if engine not in self._engines:
            self._engines[engine] = self._world.search(mode, direction, measure)  # type: ignore[arg-type]
        world, limit = self._world, self._limits.get(self._key(rows, measure, mode, direction))
        return network_reach(self._engines[engine], world.demand_places, world.doors(rows), world.walk, at_most=limit)


def remembering(world: World) -> World:
    """Return the world with straight walks that are tested once, however many searches ask for them."""
    walk = world.walk
    return replace(world, walk=RememberedWalk(walk.working, walk.crossings, walk.limit_m))


def at_speeds(world: World, *, road: float = 1.0, access: float = 1.0) -> World:
    """Return the world at other speeds of every mode; seconds at doors and junctions stay."""
    modes = {name: mode.at_speeds(road=road, access=access) for name, mode in world.modes.items()}
    network = world.network if road == 1.0 else retimed(world.network, list(modes.values()))
    return replace(world, modes=modes, network=network)


def with_people(prepared: Prepared, people: RasterPeople) -> World:
    """Return the world with the people of another raster in the same units, made like the first.

    Raises
    ------
    StudyError
        Nobody of them lives in any unit, or a census counts too many where nobody lives.
    """
    world = prepared.world
    inputs = replace(prepared.inputs, population=people)
    ground = build_ground(prepared.study, inputs, prepared.criteria, world.modes)
    demand = ground.demand
    access = prepared.finder.find(demand.lon, demand.lat, world.modes)
    return replace(
        world,
        demand=demand,
        units=ground.units,
        facilities=world.facilities.assign(unit=facility_units(ground, world.facilities)),
        demand_places=Places(demand.lon, demand.lat, access),
    )


def with_units(prepared: Prepared, units: gpd.GeoDataFrame) -> World:
    """Return the world with other classes of the same units: vehicles drive at the speeds of the new class.

    A class may also close a road to a mode (a track in town): then legs of that mode are found anew.
    """
    world = prepared.world
    driving = {name: mode for name, mode in world.modes.items() if mode.class_kmh}
    if not driving:
        return replace(world, units=units)
    ground = replace(prepared.ground, units=units)
    rebuilt = build_network_of(prepared.study, prepared.inputs, ground, driving)
    network = replace(rebuilt, modes={**world.network.modes, **rebuilt.modes})
    return _reattached(replace(world, units=units, network=network), world.network)


def _reattached(world: World, before: Network) -> World:
    """Find the legs anew of the modes that may no longer attach where they could, or may where they could not."""
    turned = {
        name: np.flatnonzero(edges.attachable != before.modes[name].attachable)
        for name, edges in world.network.modes.items()
    }
    modes = {name: world.modes[name] for name, edges in turned.items() if len(edges)}
    if not modes:
        return world
    walk, people, doors = world.walk, world.demand_places, world.entrances.places
    finder = AccessFinder(world.network, walk.working, walk.crossings, limit_m=walk.limit_m)
    legs = {name: refound(finder, people, name, turned[name]) for name in modes}
    spots = Spots(doors.lon, doors.lat, world.entrances.facility, world.entrances.kind)
    opened = obeying_walls(spots, find_doors(finder, modes, doors.lon, doors.lat))
    places = replace(doors, access={**doors.access, **opened.places.access})
    return replace(
        world,
        demand_places=replace(people, access={**people.access, **legs}),
        entrances=replace(world.entrances, places=places),
    )
