"""Ways from sources other than OpenStreetMap files: plain records put into the arrays the network is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from servicecircle.inputs.roads import BarrierShapes, Places, Ways, _line_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from servicecircle.inputs.roads import Bounds

#: Classes of roads in OpenStreetMap's words that some mode of travel may use, and the links of the higher ones.
ROAD_CLASSES = (
    "motorway motorway_link trunk trunk_link primary primary_link secondary secondary_link tertiary tertiary_link "
    "unclassified residential living_street service road track path footway pedestrian steps cycleway bridleway ferry"
).split()


@dataclass(frozen=True)
class Way:
    """One way: an id, node ids, WGS 84 degrees beside them, and OpenStreetMap tags."""

    id: int
    node: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tags: dict[str, str]

    def meets(self, box: Bounds) -> bool:
        """Return whether the way's bounding box meets a box (west, south, east, north); edges belong to it."""
        west, south, east, north = box
        return bool(
            self.lon.min() <= east and self.lon.max() >= west and self.lat.min() <= north and self.lat.max() >= south
        )


def is_routable(tags: dict[str, str]) -> bool:
    """Return whether a way is a road or a ferry route, as for an extract."""
    return "highway" in tags or tags.get("route") == "ferry"


def as_ways(ways: Sequence[Way]) -> Ways:
    """Return the roads and ferries among ways, in the order given."""
    roads = [way for way in ways if is_routable(way.tags)]
    if not roads:
        nothing, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Ways(whole, np.zeros(1, dtype=np.int64), whole, nothing, nothing, ())
    return Ways(
        id=np.array([way.id for way in roads], dtype=np.int64),
        start=np.concatenate(([0], np.cumsum([len(way.node) for way in roads]))).astype(np.int64),
        node=np.concatenate([way.node for way in roads]).astype(np.int64),
        lon=np.concatenate([way.lon for way in roads]),
        lat=np.concatenate([way.lat for way in roads]),
        tags=tuple(way.tags for way in roads),
    )


def as_barriers(ways: Sequence[Way]) -> BarrierShapes:
    """Return the barrier lines among ways (motorways, and railways or rivers where a source has them)."""
    kinds = [(way, _line_kind(way.tags, way.tags.get("highway"))) for way in ways]
    lines = [(shapely.LineString(np.column_stack((way.lon, way.lat))), kind) for way, kind in kinds if kind is not None]
    shapes = np.empty(len(lines), dtype=object)
    shapes[:] = [line for line, _ in lines]
    return BarrierShapes(shapes, np.array([kind for _, kind in lines], dtype=str))


def no_places() -> Places:
    """Return no named places."""
    words, numbers = np.zeros(0, dtype=str), np.zeros(0)
    return Places(words, words, words, numbers, numbers)
