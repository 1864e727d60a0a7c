"""Geometries for maps, EPSG:4326. They are drawings: nothing is counted on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from servicecircle.analysis.cover import covered
from servicecircle.standards.wording import limit_text
from servicecircle.travel.isochrones import cells_area, circles, dissolved, lattice
from servicecircle.travel.reach import Places, network_reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.analysis.evaluate import CriterionCoverage
    from servicecircle.analysis.world import World
    from servicecircle.geo.grid import Grid
    from servicecircle.inputs.roads import BarrierShapes
    from servicecircle.standards.model import Criterion
    from servicecircle.travel.doors import AccessFinder

#: Cells of the lattice that is drawn where people are given at points.
LATTICE_M = 100.0
#: The lattice becomes coarser rather than larger than this.
LATTICE_MOST = 250_000
#: Lines of maps are simplified by so many degrees (about 5 m).
SIMPLIFY_DEG = 5e-5


#: Ground without people is drawn like the nearest cell with people, at most so many cells away.
FILL_CELLS = 3


def service_areas(
    world: World, entries: Sequence[CriterionCoverage], finder: AccessFinder, language: str
) -> gpd.GeoDataFrame:
    """Return the dissolved area each computed criterion reaches (columns of ``results.Drawings.service_areas``).

    Travel: dissolved sub-cells with people and the ground between them, or a 100 m lattice where people are given at
    points. Straight distance: geodesic circles round the doors of the facilities.
    """
    drawn = None
    rows = []
    for entry in entries:
        criterion = entry.criterion
        if entry.state != "computed" or criterion.measure == "presence":
            continue
        if criterion.measure == "straight":
            doors = world.doors(entry.facility_rows)
            area = circles(doors.places.lon[doors.row], doors.places.lat[doors.row], criterion.limit / 1000)
        elif world.demand.grid is not None and entry.reach is not None:
            inside = covered(entry.reach, criterion.limit)
            area = _to_wgs84(
                cells_area(
                    world.demand.grid,
                    world.demand.cell,
                    world.demand.per_side,
                    inside,
                    fill=FILL_CELLS * world.demand.per_side,
                ),
                world.demand.grid,
            )
        else:
            drawn = drawn or _Lattice(world, finder)
            area = drawn.area(criterion, entry)
        rows.append(
            {
                "criterion": criterion.key,
                "measure": criterion.measure_key,
                "limit_text": limit_text(criterion, language),
                "geometry": area,
            }
        )
    columns = ["criterion", "measure", "limit_text", "geometry"]
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs="EPSG:4326")


class _Lattice:
    """A lattice over the people's extent, attached to the network once."""

    def __init__(self, world: World, finder: AccessFinder) -> None:
        working = world.walk.working
        xy = working.project(world.demand.lon, world.demand.lat)
        (west, south), (east, north) = xy.min(axis=0) - 5 * LATTICE_M, xy.max(axis=0) + 5 * LATTICE_M
        step = max(LATTICE_M, float(np.sqrt((east - west) * (north - south) / LATTICE_MOST)))
        self._world = world
        self.grid = lattice((west, south, east, north), working.crs, step)
        self.cell = np.arange(self.grid.shape[0] * self.grid.shape[1])
        x, y = self.grid.centres(self.cell)
        lon, lat = working.unproject(np.column_stack((x, y)))
        self._places = Places(lon, lat, finder.find(lon, lat, world.modes))

    def area(self, criterion: Criterion, entry: CriterionCoverage) -> shapely.Geometry:
        search = self._world.search(
            criterion.mode, criterion.standard.direction, "time" if criterion.measure == "time" else "road"
        )
        reach = network_reach(search, self._places, self._world.doors(entry.facility_rows), self._world.walk)
        return _to_wgs84(cells_area(self.grid, self.cell, 1, covered(reach, criterion.limit)), self.grid)


def _to_wgs84(area: shapely.Geometry, grid: Grid) -> shapely.Geometry:
    return gpd.GeoSeries([area], crs=grid.crs).to_crs("EPSG:4326").iloc[0]


def unit_shapes(world: World) -> gpd.GeoDataFrame:
    """Return the drawing geometry of each unit: its polygon, else its cells dissolved, else its point."""
    frame = world.units[["id", "name", "parent", "area_class", "basis", "geometry"]].rename(columns={"id": "unit_id"})
    demand = world.demand
    if demand.grid is None or not (frame.geometry.geom_type == "Point").any():
        return gpd.GeoDataFrame(frame, geometry="geometry", crs="EPSG:4326")
    height, width = demand.grid.shape
    canvas = np.zeros(height * width, dtype=np.int32)
    canvas[demand.cell[demand.piece_point]] = demand.piece_unit + 1
    areas = dissolved(canvas.reshape(height, width), demand.grid.transform)
    shapes = frame.geometry.to_numpy().copy()
    keys = [key for key, area in areas.items() if not area.is_empty]
    moved = gpd.GeoSeries([areas[key] for key in keys], crs=demand.grid.crs).to_crs("EPSG:4326")
    for key, area in zip(keys, moved, strict=True):
        shapes[key - 1] = area
    return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes, crs="EPSG:4326")


def road_lines(world: World) -> gpd.GeoDataFrame:
    """Return the roads by class, simplified, one multi-line each."""
    net = world.network
    owner = np.repeat(np.arange(net.size), np.diff(net.point_start))
    lines = (
        shapely.linestrings(np.column_stack((net.lon, net.lat)), indices=owner)
        if net.size
        else np.zeros(0, dtype=object)
    )
    lines = shapely.simplify(lines, SIMPLIFY_DEG)
    classes = np.unique(net.road_class)
    merged = [shapely.line_merge(shapely.multilinestrings(list(lines[net.road_class == cls]))) for cls in classes]
    return gpd.GeoDataFrame({"road_class": classes}, geometry=merged, crs="EPSG:4326")


def barrier_shapes(barriers: BarrierShapes, box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    """Return the barriers by kind, simplified and cut to the box."""
    shapes = shapely.make_valid(shapely.simplify(barriers.geometry, SIMPLIFY_DEG))
    shapes = shapely.intersection(shapes, shapely.box(*box))
    frame = gpd.GeoDataFrame({"kind": barriers.kind}, geometry=shapes, crs="EPSG:4326")
    return frame[~frame.geometry.is_empty].sort_values("kind", kind="stable", ignore_index=True)
