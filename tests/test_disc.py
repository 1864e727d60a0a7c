"""How well points stand for cells: people within straight circles against the true disc."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from servicecircle.demand.pieces import Demand, cell_shares, cell_side_m, points_per_side, raster_demand
from servicecircle.geo.crs import WorkingCrs, to_wgs84
from servicecircle.geo.grid import Grid, Surface
from servicecircle.travel.straight import nearest_straight, straight_pairs

from .oracle.coverage import disc_people, disc_people_at_points, sub_points

if TYPE_CHECKING:
    from pathlib import Path

WORKING = WorkingCrs((116.9, 34.9, 117.1, 35.1))
CELL_M, SIDE, RADIUS_M = 100.0, 60, 300.0
GRID = Grid(WORKING.crs, Affine(CELL_M, 0, -CELL_M * SIDE / 2, 0, -CELL_M, CELL_M * SIDE / 2), (SIDE, SIDE))
PER_CELL = 7.0


def uniform() -> Surface:
    """7 people in each of 60 x 60 cells of 100 m, on the central meridian of a plane whose scale is 1 to 1e-7 there."""
    return Surface(GRID, np.full(GRID.shape, PER_CELL), "persons")


def everywhere() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"id": ["all"]}, geometry=[shapely.box(116.9, 34.9, 117.1, 35.1)], crs="EPSG:4326")


def demand(per_side: int) -> Demand:
    surface = uniform()
    return raster_demand(surface, cell_shares(surface, everywhere()), per_side=per_side)


def positions(count: int) -> tuple[np.ndarray, np.ndarray]:
    xy = np.random.default_rng(300).uniform(-2500, 2500, (count, 2))
    return to_wgs84(GRID.crs, xy[:, 0], xy[:, 1])


def relative_errors(per_side: int, count: int = 5000) -> np.ndarray:
    """People at points within 300 m of each position, over the people of the true disc, less 1."""
    points, (lon, lat) = demand(per_side), positions(count)
    point, position, mm = straight_pairs(points.lon, points.lat, lon, lat, WORKING, limit_m=RADIUS_M)
    assert mm.max() <= RADIUS_M * 1000
    found = np.bincount(position, weights=points.persons[point], minlength=count)
    return found / (math.pi * RADIUS_M**2 / CELL_M**2 * PER_CELL) - 1


def test_the_package_chooses_two_by_two() -> None:
    assert cell_side_m(GRID) == pytest.approx(CELL_M, rel=1e-6)
    assert points_per_side(cell_side_m(GRID), [RADIUS_M]) == 2
    assert points_per_side(cell_side_m(GRID), [RADIUS_M, 500.0]) == 2


def test_standard_deviation(capsys: pytest.CaptureFixture[str]) -> None:
    """5,000 random positions: at most 1.6 % with the package's points, about 4 % with cell centres; no bias."""
    chosen, centres = relative_errors(points_per_side(cell_side_m(GRID), [RADIUS_M])), relative_errors(1)
    with capsys.disabled():
        print(
            f"\n300 m circles on 100 m cells, 5,000 positions: standard deviation {chosen.std():.2%} with 2 x 2 points,",
            end="",
        )
        print(f" {centres.std():.2%} with cell centres; mean {chosen.mean():+.3%}, {centres.mean():+.3%}")
    assert chosen.std() <= 0.016
    assert 0.038 < centres.std() < 0.043
    assert abs(chosen.mean()) < 4 * chosen.std() / math.sqrt(5000)
    assert abs(centres.mean()) < 4 * centres.std() / math.sqrt(5000)


@pytest.mark.parametrize("per_side", [1, 2, 3])
def test_nearest_straight_counts_the_same_people(per_side: int) -> None:
    """One facility at a time through the search for the nearest, as a study does it."""
    points, (lon, lat) = demand(per_side), positions(40)
    expected = relative_errors(per_side)[:40]
    for k in range(40):
        # the same random stream gives the same first positions whatever the count
        mm, who = nearest_straight(points.lon, points.lat, lon[k : k + 1], lat[k : k + 1], WORKING)
        assert not who.any()
        people = points.persons[mm <= RADIUS_M * 1000].sum()
        assert people / (math.pi * RADIUS_M**2 / CELL_M**2 * PER_CELL) - 1 == pytest.approx(expected[k], abs=1e-12)


def test_against_the_oracle(tmp_path: Path) -> None:
    """The true disc of the oracle is the analytic one; its points and counts are the package's."""
    file = tmp_path / "uniform.tif"
    grid = Grid(GRID.crs, Affine(CELL_M, 0, -1000, 0, -CELL_M, 1000), (20, 20))
    with rasterio.open(
        file,
        "w",
        driver="GTiff",
        width=20,
        height=20,
        count=1,
        dtype="float64",
        crs=grid.crs.to_wkt(),
        transform=grid.transform,
    ) as out:
        out.write(np.full((20, 20), PER_CELL), 1)
    surface = Surface(grid, np.full((20, 20), PER_CELL), "persons")
    points = raster_demand(surface, cell_shares(surface, everywhere()), per_side=2)
    lonlat, people = sub_points(file, 2)
    order, mine = np.lexsort(lonlat.T), np.lexsort((points.lon, points.lat))
    assert np.abs(lonlat[order] - np.column_stack((points.lon, points.lat))[mine]).max() < 1e-12
    assert people.tolist() == points.persons.tolist()
    rng = np.random.default_rng(1)
    for x, y in rng.uniform(-650, 650, (5, 2)):
        lon, lat = (float(v[0]) for v in to_wgs84(grid.crs, np.array([x]), np.array([y])))
        true = disc_people(file, lon, lat, RADIUS_M)
        assert true == pytest.approx(math.pi * RADIUS_M**2 / CELL_M**2 * PER_CELL, rel=1e-5)
        mm, _ = nearest_straight(points.lon, points.lat, np.array([lon]), np.array([lat]), WORKING)
        assert points.persons[mm <= RADIUS_M * 1000].sum() == disc_people_at_points(lonlat, people, lon, lat, RADIUS_M)


@pytest.mark.parametrize(
    ("cell_m", "limits_m", "expected"),
    [
        (100.0, [300.0], 2),
        (100.0, [300.1], 2),
        (100.0, [600.0], 1),
        (100.0, [599.0], 2),
        (100.0, [1000.0, 300.0], 2),
        (92.77, [500.0], 2),
        (100.0, [50.0], 8),
        (100.0, [75.0], 8),
        (100.0, [76.0], 8),
        (100.0, [86.0], 7),
        (1000.0, [300.0], 8),
        (100.0, [100_000.0], 1),
        (100.0, [], 1),
        (100.0, [math.inf], 1),
    ],
)
def test_points_per_side(cell_m: float, limits_m: list[float], expected: int) -> None:
    """The longer cell side over a sixth of the shortest limit, rounded up, at most 8."""
    assert points_per_side(cell_m, limits_m) == expected
