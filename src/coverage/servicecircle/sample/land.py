"""The land of a sample county: outline, river, expressway, railway, hills - everything that was there before people.

All coordinates of this room are metres east and north of the county's middle (the working CRS of its preset).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.geo.crs import WorkingCrs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from servicecircle.sample.presets import Preset

RIVER_HALF_M = 45.0
#: Half the distance between the two carriageways of the expressway.
CARRIAGEWAY_M = 15.0
#: Roads cross the expressway on a bridge this far to either side.
OVERPASS_M = 60.0
#: Roads and lines go on this far beyond the county.
BEYOND_M = 4000.0
#: Where the three bridges lie, as shares of the county's height from the county town's latitude.
BRIDGES_AT = (0.0, -0.15, -0.3)
OUTLINE_CORNERS = 96


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of one step: another step's draws never move them."""
    return np.random.default_rng([seed, *name.encode()])


@dataclass(frozen=True)
class Land:
    """The land of one county.

    Attributes
    ----------
    outline : Polygon
        The county.
    core_xy : float64 array (2,)
        Middle of the county town.
    core_m : float
        Radius of its built-up land.
    river : LineString
        Middle of the river, from south to north.
    motorway_x, rail_y : float
        Where the expressway (north-south) and the railway (west-east) run.
    """

    preset: Preset
    outline: shapely.Polygon
    core_xy: NDArray[np.float64]
    core_m: float
    river: shapely.LineString
    motorway_x: float
    rail_y: float

    @cached_property
    def working(self) -> WorkingCrs:
        """The metre CRS around the county's middle."""
        return WorkingCrs((self.preset.lon, self.preset.lat, self.preset.lon, self.preset.lat))

    @cached_property
    def size_m(self) -> tuple[float, float]:
        """Width and height of the county."""
        west, south, east, north = self.outline.bounds
        return east - west, north - south

    @cached_property
    def river_area(self) -> shapely.Polygon:
        """The river's water."""
        return self.river.buffer(RIVER_HALF_M, cap_style="flat", join_style="mitre")

    @cached_property
    def motorway_zone(self) -> shapely.Polygon:
        """Where a road is on the bridge over the expressway."""
        south, north = self.outline.bounds[1] - BEYOND_M, self.outline.bounds[3] + BEYOND_M
        return shapely.box(self.motorway_x - OVERPASS_M, south, self.motorway_x + OVERPASS_M, north)

    @cached_property
    def rail(self) -> shapely.LineString:
        """The railway."""
        west, _, east, _ = self.outline.bounds
        x = np.linspace(west - BEYOND_M, east + BEYOND_M, 40)
        return shapely.LineString(np.column_stack((x, self.rail_y + 0.04 * x)))

    def river_x(self, y: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return x of the river's middle at y."""
        line = shapely.get_coordinates(self.river)
        return np.asarray(np.interp(y, line[:, 1], line[:, 0]))

    def east_of_river(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points lie east of the river."""
        return xy[:, 0] > self.river_x(xy[:, 1])

    def hills(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how hilly places are, 0 (plain) to 1: the west of the county is hills."""
        width = self.size_m[0]
        edge = -width / 2 + self.preset.hill_share * width
        if self.preset.hill_share <= 0:
            return np.zeros(len(xy))
        return 1 / (1 + np.exp(-(edge - xy[:, 0]) / (0.03 * width)))

    def clearance_m(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return metres from places to the nearest of river, expressway and railway."""
        points = shapely.points(xy)
        lines = (self.river, self.rail)
        nearest = np.min([shapely.distance(points, line) for line in lines], axis=0)
        return np.asarray(np.minimum(nearest, np.abs(xy[:, 0] - self.motorway_x)))


def make_land(preset: Preset, seed: int) -> Land:
    """Return the land of a county: an irregular outline of the preset's area, the county town in its plain."""
    rng = stream(seed, "land")
    outline = _outline(preset, rng)
    west, south, east, north = outline.bounds
    width, height = east - west, north - south
    core_m = float(np.sqrt(preset.core_committees * preset.core_km2_per_committee / np.pi)) * 1000
    core = np.array([0.10 * width, rng.uniform(-0.06, 0.02) * height])
    y = np.linspace(south - BEYOND_M, north + BEYOND_M, 160)
    sway = min(1100.0, 0.04 * width)
    phase = rng.uniform(0, 2 * np.pi)
    # at the county town the river keeps its distance, whatever the phase
    bend = sway * (np.sin(2 * np.pi * (y - core[1]) / (0.55 * height) + phase) - np.sin(phase))
    x = core[0] - core_m - sway - 700 + bend + 0.3 * sway * np.sin((y - core[1]) / 700)
    return Land(
        preset=preset,
        outline=outline,
        core_xy=core,
        core_m=core_m,
        river=shapely.LineString(np.column_stack((x, y))),
        motorway_x=float(min(core[0] + core_m + 1800, 0.46 * width)),
        rail_y=float(core[1] - core_m - 1500),
    )


def _outline(preset: Preset, rng: np.random.Generator) -> shapely.Polygon:
    """Return a rounded, wavy outline of exactly the preset's area around the origin."""
    angle = np.linspace(0, 2 * np.pi, OUTLINE_CORNERS, endpoint=False)
    wave = sum(
        amplitude * np.sin(k * angle + rng.uniform(0, 2 * np.pi))
        for k, amplitude in ((3, 0.035), (5, 0.025), (8, 0.02), (13, 0.01))
    )
    # a superellipse: fuller than an ellipse, rounder than a rectangle
    radius = (1 + wave) / (np.abs(np.cos(angle)) ** 3.2 + np.abs(np.sin(angle)) ** 3.2) ** (1 / 3.2)
    xy = np.column_stack((radius * np.cos(angle) * preset.width_per_height, radius * np.sin(angle)))
    scale = np.sqrt(preset.area_km2 * 1e6 / shapely.Polygon(xy).area)
    return shapely.Polygon(xy * scale)
