"""Population that cannot be right: too dense, far from the census, a density, cut off, unknown, in water."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import rasterio
import rasterio.features
import shapely

from servicecircle.doctor.rows import capped
from servicecircle.errors import Problem, problem
from servicecircle.geo.crs import GEOD, WGS84, to_wgs84
from servicecircle.inputs.population import RasterPeople

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from servicecircle.analysis.stages import Prepared
    from servicecircle.geo.grid import Grid
    from servicecircle.inputs.gather import Inputs
    from servicecircle.study import Study

#: More people per km2 live in no village or neighbourhood, and in no cell of a raster (whole blocks of towers do).
MOST_PER_KM2, MOST_PER_KM2_CELL = 100_000.0, 500_000.0
#: People of a raster and of a census or table differ by more than these factors where at least so many are counted.
MOST_TIMES, FEWEST_COUNTED = 2.0, 300.0
#: A whole area above this density, and larger than this, is a raster of people per km2.
MOST_OVERALL, LARGE_KM2 = 20_000.0, 20.0
#: A total that fits a census this well fits.
FITS = 0.2
#: A larger share of a unit's area that is unknown or beyond the raster is told, as is an empty unit of this size.
UNKNOWN_SHARE, EMPTY_KM2, HAIR_SHARE = 0.1, 1.0, 0.001
#: Two rasters of the same people differ by more than this share.
COMPARED_SHARE = 0.2
#: A larger share of the people who stand in water is told.
WATER_SHARE = 0.01
#: Ends of the ranges of small integers: where several cells hold one as their largest value, they are cut off there.
CEILINGS, FEWEST_CUT = (127.0, 255.0, 32_767.0, 65_535.0), 3


def _file(study: Study) -> str:
    given = study.population.raster or study.population.points or study.population.table
    return study.path.name if given is None else given.path


def _areas_km2(shapes: Any) -> NDArray[np.float64]:
    """Return geodesic square kilometres of polygons in degrees; 0 for points."""
    return np.array([abs(GEOD.geometry_area_perimeter(shape)[0]) / 1e6 for shape in shapes], dtype=float)


def look_density(prepared: Prepared) -> Iterator[Problem]:
    """Yield units with more than 100,000 people per km2 (exactly so many are possible)."""
    world, study = prepared.world, prepared.study
    units = world.units
    areas = _areas_km2(units.geometry)
    people = world.unit_persons
    dense = np.flatnonzero((areas > 0) & (people > MOST_PER_KM2 * areas))
    found = [
        problem(
            "people.dense",
            file=_file(study),
            id=str(units["id"].iloc[k]),
            name=str(units["name"].iloc[k]),
            value=f"{people[k] / areas[k]:,.0f}",
            people=f"{people[k]:,.0f}",
            area=f"{areas[k]:.3g}",
            limit=f"{MOST_PER_KM2:,.0f}",
        )
        for k in dense[np.argsort(-people[dense] / areas[dense], kind="stable")].tolist()
    ]
    yield from capped(found, "people.more_dense", by="id")


def look_cells(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield how many cells hold more than 500,000 people per km2, and the worst of them."""
    population = inputs.population
    if not isinstance(population, RasterPeople):
        return
    grid, values = population.surface.grid, np.nan_to_num(population.surface.values)
    area = _cell_km2(grid)[:, None]
    dense = values > MOST_PER_KM2_CELL * area
    if not dense.any():
        return
    row, column = np.unravel_index(int(np.argmax(values / area)), grid.shape)
    cell = np.array([row * grid.shape[1] + column], dtype=np.int64)
    lon, lat = to_wgs84(grid.crs, *grid.centres(cell))
    told = {"row": f"{row + 1}, {column + 1}", "id": f"{lat[0]:.5f}, {lon[0]:.5f}"}
    worst = f"{values[row, column] / area[row, 0]:,.0f}"
    limits = {"limit": f"{MOST_PER_KM2_CELL:,.0f}", "count": int(dense.sum()), "people": f"{values[row, column]:,.0f}"}
    yield problem("people.dense_cells", file=_file(study), **told, value=worst, **limits)


def _cell_km2(grid: Grid) -> NDArray[np.float64]:
    """Return geodesic square kilometres of a cell of each row, in the middle column."""
    rows = np.arange(grid.shape[0], dtype=np.int64) * grid.shape[1] + grid.shape[1] // 2
    corners = [to_wgs84(grid.crs, *grid.centres(rows, dx, dy)) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]
    xy = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    return _areas_km2(shapely.polygons(xy))


def look_total(prepared: Prepared) -> Iterator[Problem]:
    """Yield a total of fewer people than units, and one that only a raster of people per km2 has."""
    world, study = prepared.world, prepared.study
    units, people = len(world.units), _raw_total(prepared)
    if people < units:
        yield problem("people.few", file=_file(study), value=f"{people:.4g}", count=units)
    area = float(_areas_km2(world.units.geometry).sum())
    population = prepared.inputs.population
    if not isinstance(population, RasterPeople) or area <= LARGE_KM2 or people <= MOST_OVERALL * area:
        return
    cell = float(_cell_km2(population.surface.grid).mean())
    told = {"value": f"{people / area:,.0f}", "people": f"{people:,.0f}", "area": f"{area:,.0f}"}
    yield problem("people.like_density", file=_file(study), **told, meant=f"{people * cell:,.0f}", cell=f"{cell:.4g}")


def _raw_total(prepared: Prepared) -> float:
    """Return the people in units before they were scaled to a census."""
    made = prepared.world.demand.calibration
    return math.fsum(prepared.world.unit_persons) if made is None else made.raw_persons


def look_census(prepared: Prepared) -> Iterator[Problem]:
    """Yield towns or units whose people and census differ by more than a factor of two, and what a density would be.

    Where the total times the area of a cell fits the census and the total itself does not, the raster is a density.
    Exactly twice and exactly half are told to nobody; neither are counts below 300 people.
    """
    made = prepared.world.demand.calibration
    if made is None:
        return
    study, population = prepared.study, prepared.inputs.population
    raw, target = math.fsum(made.raw), math.fsum(made.target)
    if isinstance(population, RasterPeople) and raw > 0 and target > 0 and not _fits(raw, target):
        km2 = float(_cell_km2(population.surface.grid).mean())
        for unit, factor in (("km2", km2), ("ha", km2 * 100)):
            if _fits(raw * factor, target):
                told = {
                    "value": f"{raw:,.0f}",
                    "target": f"{target:,.0f}",
                    "meant": f"{raw * factor:,.0f}",
                    "unit": unit,
                }
                yield problem("people.density_by_census", file=_file(study), other=made.file, **told)
                return
    far = (np.maximum(made.raw, made.target) >= FEWEST_COUNTED) & (
        (made.raw > MOST_TIMES * made.target) | (made.target > MOST_TIMES * made.raw)
    )
    found = [
        problem(
            "people.census",
            file=_file(study),
            other=made.file,
            id=made.name[k],
            value=f"{made.raw[k]:,.0f}",
            target=f"{made.target[k]:,.0f}",
            times=f"{float(made.raw[k]) / float(made.target[k]):.2f}" if made.target[k] > 0 else "∞",
        )
        for k in np.flatnonzero(far).tolist()
    ]
    yield from capped(found, "people.more_census", by="id")


def _fits(one: float, other: float) -> bool:
    return abs(one - other) <= FITS * other


def look_ceiling(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield the largest value of a raster where it is the end of an integer's range and stands in several cells."""
    population = inputs.population
    if not isinstance(population, RasterPeople) or any(one.key == "population.saturated" for one in population.notices):
        return
    values = population.surface.values
    most = float(np.nanmax(values))
    count = int((values == most).sum())
    if most in CEILINGS and count >= FEWEST_CUT:
        yield problem("people.ceiling", file=_file(study), value=f"{most:.0f}", count=count)


def look_nodata(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield what a raster declares as no-data where 0 is declared, or where another value stands for it."""
    population, source = inputs.population, study.population.raster
    if not isinstance(population, RasterPeople) or source is None:
        return
    other = [one for one in population.notices if one.key == "population.undeclared"]
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(population.path, driver="GTiff") as dataset:
        declared = dataset.nodata
        if declared == 0:
            count = int((dataset.read_masks(1) == 0).sum())
            yield problem("people.zero_nodata", file=source.path, value="0", count=count)
        elif declared is not None and other and not (dataset.read(1) == declared).any():
            value, count = other[0].values["value"], other[0].values["count"]
            yield problem("people.other_nodata", file=source.path, declared=f"{declared:g}", value=value, count=count)


def look_unknown(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield units of which more than 10 % lies beyond the raster or is unknown, and units in which nobody lives.

    No-data is unknown only where the raster also has zeros: one without any has no-data where nobody lives.
    """
    population = inputs.population
    if study.area.units is None or inputs.units is None or not isinstance(population, RasterPeople):
        return
    units, grid = inputs.units.frame, population.surface.grid
    values = population.surface.values
    shapes = _on_grid(units.geometry.to_numpy(), grid)
    beyond = _beyond(shapes, grid)
    of_unit = _unit_of_cells(shapes, grid)
    inside = of_unit >= 0
    cells = np.bincount(of_unit[inside], minlength=len(units))
    blank = np.bincount(of_unit[inside & np.isnan(values)], minlength=len(units))
    people = np.bincount(of_unit[inside], weights=np.nan_to_num(values)[inside], minlength=len(units))
    gap = blank / np.maximum(cells, 1) if bool((values == 0).any()) else np.zeros(len(units))
    unknown = beyond + (1 - beyond) * gap
    areas = _areas_km2(units.geometry)
    found = []
    for k in range(len(units)):
        told = {"file": _file(study), "id": str(units["id"].iloc[k]), "name": str(units["name"].iloc[k])}
        if unknown[k] > UNKNOWN_SHARE:
            of = "beyond" if beyond[k] > UNKNOWN_SHARE else "unknown"
            found.append(problem(f"people.{of}", **told, value=f"{unknown[k]:.1%}", area=f"{areas[k]:.3g}"))
        elif people[k] <= 0 and areas[k] >= EMPTY_KM2:
            found.append(problem("people.empty", **told, value="0", area=f"{areas[k]:.3g}"))
    yield from capped(found, "people.more_unknown", by="id")


def _on_grid(shapes: NDArray[np.object_], grid: Grid) -> NDArray[np.object_]:
    """Return polygons in degrees in the CRS of a raster."""
    to_grid = pyproj.Transformer.from_crs(WGS84, grid.crs, always_xy=True)
    return np.asarray(shapely.transform(shapes, lambda c: np.column_stack(to_grid.transform(c[:, 0], c[:, 1]))))


def _beyond(shapes: NDArray[np.object_], grid: Grid) -> NDArray[np.float64]:
    """Return the share of each polygon's area beyond the raster."""
    corners = np.array([0, grid.shape[0] * grid.shape[1] - 1], dtype=np.int64)
    x, y = grid.centres(corners, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    frame = shapely.box(x.min(), y.min(), x.max(), y.max())
    area = shapely.area(shapes)
    inside = shapely.area(shapely.intersection(shapely.make_valid(shapes), frame))
    share = np.clip(1 - inside / np.maximum(area, 1e-300), 0.0, 1.0)
    # a hair beyond the edge is how coordinates are rounded
    return np.where(share < HAIR_SHARE, 0.0, share)


def _unit_of_cells(shapes: NDArray[np.object_], grid: Grid) -> NDArray[np.int64]:
    """Return the row of the polygon the centre of each cell lies in, -1 outside: good enough to look, not to count."""
    pairs = ((shape, k + 1) for k, shape in enumerate(shapes))
    marked = rasterio.features.rasterize(pairs, out_shape=grid.shape, transform=grid.transform, fill=0, dtype="int32")
    return np.asarray(marked, dtype=np.int64) - 1


def look_compared(study: Study, inputs: Inputs) -> Iterator[Problem]:
    """Yield the totals of two rasters of the same people in the units where they differ by more than 20 %."""
    population, other = inputs.population, inputs.compared
    if other is None or study.population.compare is None or not isinstance(population, RasterPeople):
        return
    one, two = (_inside(surface, study, inputs) for surface in (population, other))
    if one > 0 and abs(two - one) > COMPARED_SHARE * one:
        told = {"other": study.population.compare.path, "target": f"{two:,.0f}", "share": f"{two / one - 1:+.0%}"}
        yield problem("people.compared", file=_file(study), value=f"{one:,.0f}", **told)


def _inside(people: RasterPeople, study: Study, inputs: Inputs) -> float:
    """Return the people of the cells whose centres lie in the units; all of them where units are no polygons."""
    values = np.nan_to_num(people.surface.values)
    if study.area.units is None or inputs.units is None:
        return float(values.sum())
    grid = people.surface.grid
    mask = _unit_of_cells(_on_grid(inputs.units.frame.geometry.to_numpy(), grid), grid) >= 0
    return float(values[mask].sum())


def look_water(prepared: Prepared) -> Iterator[Problem]:
    """Yield people who stand in water though points of a cell with land were moved there: more than 1 % of all."""
    demand, barriers = prepared.world.demand, prepared.inputs.roads.barriers
    water = barriers.geometry[barriers.kind == "water"]
    if not len(water) or not demand.points:
        return
    hit = np.unique(shapely.STRtree(shapely.points(demand.lon, demand.lat)).query(water, predicate="contains")[1])
    persons = demand.inside_persons()
    wet, total = float(persons[hit].sum()), float(persons.sum())
    if total > 0 and wet > WATER_SHARE * total:
        worst = int(hit[np.argmax(persons[hit])])
        told = {"id": f"{demand.lat[worst]:.5f}, {demand.lon[worst]:.5f}", "people": f"{wet:,.0f}"}
        yield problem("people.in_water", file=_file(prepared.study), value=f"{wet / total:.1%}", **told)
