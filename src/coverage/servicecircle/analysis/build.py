"""Build the world of a study from its checked inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from servicecircle.analysis.holdings import Holdings
from servicecircle.analysis.world import World
from servicecircle.demand import pieces, settlements
from servicecircle.demand.calibrate import calibrate
from servicecircle.errors import StudyError, problem
from servicecircle.geo.crossings import Crossings
from servicecircle.geo.crs import WorkingCrs, to_wgs84
from servicecircle.inputs.population import RasterPeople
from servicecircle.standards.catalogue import travelled
from servicecircle.travel.again import relimited
from servicecircle.travel.doors import AccessFinder
from servicecircle.travel.entrances import Spots, find_spots, obeying_walls
from servicecircle.travel.network import build_network
from servicecircle.travel.reach import Places, StraightWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from servicecircle.demand.pieces import Demand, Shares
    from servicecircle.inputs.gather import Inputs
    from servicecircle.standards.model import Criterion, Standard
    from servicecircle.standards.modes import Mode
    from servicecircle.study import Study
    from servicecircle.travel.entrances import Entrances
    from servicecircle.travel.network import Network


@dataclass(frozen=True)
class Ground:
    """Where things are before anybody travels: barriers, units, people.

    Attributes
    ----------
    named : GeoDataFrame
        Named points (``name``, EPSG:4326) that blocks and patches are named after.
    """

    working: WorkingCrs
    crossings: Crossings
    units: gpd.GeoDataFrame
    demand: Demand
    named: gpd.GeoDataFrame


def study_modes(
    study: Study, known: Mapping[str, Mode], criteria: Sequence[Criterion], standards: Iterable[Standard] = ()
) -> dict[str, Mode]:
    """Return the modes the criteria travel by, with the study's changes; walking and driving are always among them.

    ``standards`` add the modes of records that are measured without a criterion, and of the records they name.
    """
    wanted = {criterion.mode for criterion in criteria if criterion.mode} | {"walk", "drive"}
    wanted |= {mode for standard in standards for mode in travelled(standard)}
    return {name: mode for name, mode in changed_modes(study, known).items() if name in wanted}


def changed_modes(study: Study, known: Mapping[str, Mode]) -> dict[str, Mode]:
    """Return all modes, with the study's changes."""
    changes = {name: change.model_dump(exclude_none=True) for name, change in study.travel.modes.items()}
    return {name: mode.changed(**changes[name]) if name in changes else mode for name, mode in known.items()}


def build_ground(study: Study, inputs: Inputs, criteria: Sequence[Criterion], modes: Mapping[str, Mode]) -> Ground:
    """Assign people to units and make demand points.

    Raises
    ------
    StudyError
        No people live in any unit, or a census counts too many where nobody lives.
    """
    working = WorkingCrs(inputs.extent)
    barriers = inputs.roads.barriers
    shapes = shapely.transform(barriers.geometry, lambda c: working.project(c[:, 0], c[:, 1]))
    crossings = Crossings(shapes, barriers.kind == "wall")
    named = _named(inputs)
    units, shares = _units_and_shares(study, inputs, named, working, crossings)
    if isinstance(inputs.population, RasterPeople):
        surface = inputs.population.surface
        limits = [limit_m(criterion, modes) for criterion in criteria if criterion.measure != "presence"]
        per_side = pieces.points_per_side(pieces.cell_side_m(surface.grid), limits)
        demand = pieces.raster_demand(surface, shares, per_side=per_side, groups=inputs.population.groups)
        demand = pieces.out_of_water(demand, barriers.geometry[barriers.kind == "water"])
    else:
        frame = inputs.population.frame
        lon, lat, persons = (frame[c].to_numpy(dtype=float) for c in ("lon", "lat", "persons"))
        demand = pieces.point_demand(lon, lat, persons, shares, inputs.population.groups)
    if len(demand.piece_unit) == 0:
        raise StudyError(problem("flow.nobody_in_units", file=inputs.population.path.name))
    if inputs.counts is not None:
        demand = calibrate(demand, inputs.counts, [str(one) for one in units["id"]])
    return Ground(working, crossings, units, demand, named)


def limit_m(criterion: Criterion, modes: Mapping[str, Mode]) -> float:
    """Return a limit as metres: a time as the distance covered at the mode's speed."""
    if criterion.measure == "time":
        return criterion.limit / 1000 * modes[criterion.mode].reference_kmh / 3.6
    return criterion.limit / 1000


def _named(inputs: Inputs) -> gpd.GeoDataFrame:
    """Return the named places of the road file, else the units by their own names."""
    places = inputs.roads.places
    if len(places.name) or inputs.units is None:
        return gpd.GeoDataFrame({"name": places.name}, geometry=shapely.points(places.lon, places.lat), crs="EPSG:4326")
    frame = inputs.units.frame
    return gpd.GeoDataFrame(
        {"name": frame["name"]}, geometry=frame.geometry.representative_point().to_numpy(), crs="EPSG:4326"
    )


def _units_and_shares(
    study: Study, inputs: Inputs, named: gpd.GeoDataFrame, working: WorkingCrs, crossings: Crossings
) -> tuple[gpd.GeoDataFrame, Shares]:
    population = inputs.population
    if inputs.units is not None and study.area.units is not None:
        units = inputs.units.frame
        if isinstance(population, RasterPeople):
            return units, pieces.cell_shares(population.surface, units)
        return units, _points_in(units, population.frame, by_id=_has_ids(study))
    if inputs.units is not None:
        units = inputs.units.frame
    else:
        places = inputs.roads.places
        units = settlements.place_units(places.id, places.name, places.place, places.lon, places.lat)
    if isinstance(population, RasterPeople):
        values = np.nan_to_num(population.surface.values.ravel())  # noqa: PD011 - a Surface, not a frame
        place = np.flatnonzero(values > 0)
        lon, lat = to_wgs84(population.surface.grid.crs, *population.surface.grid.centres(place))
    else:
        place = np.arange(len(population.frame))
        lon, lat = (population.frame[c].to_numpy(dtype=float) for c in ("lon", "lat"))
    naming = settlements.BlockNaming(named, study.area.default_class, study.outputs.language)
    fixed = None
    if _has_ids(study) and not isinstance(population, RasterPeople):
        fixed = _unit_by_id(units, population.frame)
    return settlements.assign(lon, lat, place, units, working, crossings, naming=naming, fixed=fixed)


def _has_ids(study: Study) -> bool:
    points = study.population.points
    return study.population.table is not None or (points is not None and points.id is not None)


def _unit_by_id(units: gpd.GeoDataFrame, frame: pd.DataFrame) -> NDArray[np.int64]:
    """Return the row of the unit with the same id as each row of people, -1 where there is none."""
    row = pd.Series(np.arange(len(units)), index=units["id"].to_numpy())
    return row.reindex(frame["id"].to_numpy()).fillna(-1).to_numpy(dtype=np.int64)


def _points_in(units: gpd.GeoDataFrame, frame: pd.DataFrame, *, by_id: bool) -> Shares:
    """Return whole shares of points in polygon units: by equal id, else by place (on a border the smaller id)."""
    unit = unit_of_points(units, frame["lon"].to_numpy(dtype=float), frame["lat"].to_numpy(dtype=float))
    if by_id:
        named = _unit_by_id(units, frame)
        unit = np.where(named >= 0, named, unit)
    inside = np.flatnonzero(unit >= 0)
    return pieces.Shares(inside, unit[inside], np.ones(len(inside)))


def unit_of_points(units: gpd.GeoDataFrame, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the row of the polygon unit each point lies in (borders count, the smaller id wins), -1 outside."""
    # the tree holds the points: the polygons, with many corners, are the prepared side
    polygon, point = shapely.STRtree(shapely.points(lon, lat)).query(units.geometry.to_numpy(), predicate="intersects")
    unit = np.full(len(lon), len(units), dtype=np.int64)
    np.minimum.at(unit, point, polygon)
    return np.where(unit < len(units), unit, -1)


def facility_units(ground: Ground, facilities: pd.DataFrame) -> NDArray[np.int64]:
    """Return the unit row of every facility, -1 outside: by polygon, else the nearest unit (or its block)."""
    lon, lat = (facilities[c].to_numpy(dtype=float) for c in ("lon", "lat"))
    units = ground.units
    if len(units) and (units.geometry.geom_type != "Point").all():
        return unit_of_points(units, lon, lat)
    point_units = units[units["basis"] != "block"]
    found = settlements.nearest_unit(lon, lat, point_units, ground.working, ground.crossings)
    rows = np.flatnonzero((units["basis"] != "block").to_numpy())
    result = np.where(found >= 0, rows[found] if len(rows) else -1, -1)
    blocks = {name: row for row, name in enumerate(units["id"]) if name.startswith("block:")}
    where = np.floor(ground.working.project(lon, lat) / settlements.BLOCK_M).astype(np.int64)
    in_block = np.array([blocks.get(f"block:{x}:{y}", -1) for x, y in where], dtype=np.int64)
    return np.where(result >= 0, result, in_block)


def build_network_of(study: Study, inputs: Inputs, ground: Ground, modes: Mapping[str, Mode]) -> Network:
    """Build the road network; an edge is urban when its middle lies in (or nearest to) an urban unit."""
    units = ground.units
    classified = units[units["basis"] != "block"]
    areal = len(units) > 0 and bool((units.geometry.geom_type != "Point").all())
    is_urban = (classified["area_class"] == "urban").to_numpy()
    default = study.area.default_class == "urban"

    def urban(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        if areal:
            unit = unit_of_points(classified, lon, lat)
        else:
            nothing = Crossings(np.zeros(0, dtype=object), np.zeros(0, dtype=bool))
            unit = settlements.nearest_unit(lon, lat, classified, ground.working, nothing)
        inside = unit >= 0
        result = np.full(len(lon), default)
        result[inside] = is_urban[unit[inside]]
        return result

    return build_network(
        inputs.roads.ways,
        list(modes.values()),
        ground.working,
        urban=urban,
        component_share=study.travel.component_share,
        component_km=study.travel.component_km,
    )


def build_world(
    study: Study, inputs: Inputs, ground: Ground, network: Network, modes: Mapping[str, Mode]
) -> tuple[World, AccessFinder]:
    """Attach people and facilities to the network and return the world, with the finder that attached them."""
    finder = AccessFinder(network, ground.working, ground.crossings, limit_m=study.travel.access_limit_m)
    facilities = inputs.facilities.frame.assign(unit=facility_units(ground, inputs.facilities.frame))
    if not study.area.cross_boundary:
        facilities = facilities[facilities["unit"] >= 0].reset_index(drop=True)
    demand = ground.demand
    world = World(
        demand=demand,
        units=ground.units,
        facilities=facilities,
        known=inputs.facilities.frame,
        network=network,
        modes=modes,
        demand_places=Places(demand.lon, demand.lat, finder.find(demand.lon, demand.lat, modes)),
        entrances=_entrances(inputs, facilities, network, ground.working, lambda *at: find_doors(finder, modes, *at)),
        walk=StraightWalk(ground.working, ground.crossings, study.travel.access_limit_m),
        gap=study.gap,
        holdings=Holdings(inputs.assets.frame),
        links=inputs.assets.links,
    )
    return world, finder


def _entrances(
    inputs: Inputs,
    facilities: pd.DataFrame,
    network: Network,
    working: WorkingCrs,
    attach: Callable[[NDArray[np.float64], NDArray[np.float64]], Places],
) -> Entrances:
    """Return the doors of the facilities, attached to the network."""
    reading = inputs.facilities
    row_of = {str(code): row for row, code in enumerate(facilities["id"])}
    spots = find_spots(
        facilities[["lon", "lat"]].to_numpy(dtype=float),
        {row_of[code]: shape for code, shape in reading.shapes.items() if code in row_of},
        {row_of[code]: gates for code, gates in reading.gates.items() if code in row_of},
        inputs.roads.gates,
        network,
        working,
    )
    return obeying_walls(spots, attach(spots.lon, spots.lat))


def with_access_limit(world: World, finder: AccessFinder, limit_m: float) -> World:
    """Return the world with another longest access leg and straight walk.

    Parameters
    ----------
    finder : AccessFinder
        The finder that attached the world's people.
    """
    people, doors = world.demand_places, world.entrances.places
    # where a wall yields depends on which edges are near enough: doors are attached anew
    found = find_doors(finder.limited(limit_m), world.modes, doors.lon, doors.lat)
    spots = Spots(doors.lon, doors.lat, world.entrances.facility, world.entrances.kind)
    return replace(
        world,
        demand_places=relimited(finder, people, limit_m),
        entrances=obeying_walls(spots, found),
        walk=replace(world.walk, limit_m=limit_m),
    )


def find_doors(
    finder: AccessFinder, modes: Mapping[str, Mode], lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> Places:
    """Attach points as doors: where walls alone bar every leg, the walls yield."""
    return Places(lon, lat, finder.find(lon, lat, modes, walls_yield=True))
