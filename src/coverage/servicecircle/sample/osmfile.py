"""Write a sample county's network, water, railway and named places as an OpenStreetMap file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import osmium
import osmium.osm.mutable as osm
import shapely

from servicecircle.sample.land import Land, stream

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from servicecircle.sample.network import Node
    from servicecircle.sample.settle import Places
    from servicecircle.sample.streets import Line

GENERATOR = "servicecircle sample (synthetic, 合成数据)"
#: Shares of ways that carry a tag, as Chinese OpenStreetMap has them.
MAXSPEED_SHARE, SURFACE_SHARE, NAMED_IN_TOWN, NAMED_VILLAGE_ROADS = 0.01, 0.05, 0.4, 0.07
POSTED = {
    "primary": "80",
    "secondary": "60",
    "tertiary": "40",
    "residential": "30",
    "unclassified": "40",
    "service": "20",
}
ROAD_WORDS = ("路", "街", "大道", "巷")
#: Degrees are written with seven decimals, as OpenStreetMap keeps them.
DECIMALS = 7


@dataclass
class OsmFile:
    """Nodes by place, ways in the order of drawing; ids count upwards from 1.

    A builder: the one mutable thing of this room, alive inside :func:`write_osm` only.
    """

    land: Land
    ids: dict[tuple[int, int], int] = field(default_factory=dict)
    xy: list[tuple[float, float]] = field(default_factory=list)
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    ways: list[tuple[list[int], dict[str, str]]] = field(default_factory=list)

    def node(self, point: NDArray[np.float64] | tuple[float, float], tags: dict[str, str] | None = None) -> int:
        """Return the id of the node at a place; one place (a centimetre) is one node."""
        key = (round(float(point[0]) * 100), round(float(point[1]) * 100))
        if key not in self.ids:
            self.ids[key] = len(self.ids) + 1
            self.xy.append((float(point[0]), float(point[1])))
        if tags:
            self.tags.setdefault(self.ids[key], {}).update(tags)
        return self.ids[key]

    def way(self, points: NDArray[np.float64], tags: dict[str, str]) -> None:
        """Add a way; consecutive vertices in one place are one."""
        nodes = [self.node(point) for point in points]
        nodes = [n for k, n in enumerate(nodes) if k == 0 or n != nodes[k - 1]]
        if len(nodes) > 1:
            self.ways.append((nodes, tags))

    def write(self, path: Path) -> None:
        """Write the file; its suffix decides the format."""
        lon, lat = self.land.working.unproject(np.array(self.xy))
        header = osmium.io.Header()
        header.set("generator", GENERATOR)
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for number, (x, y) in enumerate(
                zip(np.round(lon, DECIMALS), np.round(lat, DECIMALS), strict=True), start=1
            ):
                writer.add_node(osm.Node(id=number, version=1, location=(x, y), tags=self.tags.get(number, {})))
            for number, (nodes, tags) in enumerate(self.ways, start=1):
                writer.add_way(osm.Way(id=number, version=1, nodes=nodes, tags=tags))


def dressed(lines: list[Line], seed: int) -> list[dict[str, str]]:
    """Return the tags of each way with the names, surfaces, limits and one-ways real maps have on a few of them."""
    rng = stream(seed, "dress")
    result = []
    for line in lines:
        tags, draw = dict(line.tags), rng.random(4)
        kind = tags["highway"]
        share = NAMED_IN_TOWN if line.in_town else NAMED_VILLAGE_ROADS
        if "name" not in tags and kind != "track" and draw[0] < share:
            tags["name"] = f"虚拟{int(draw[0] / share * 400) + 1}{ROAD_WORDS[int(draw[1] * 4)]}"
        if draw[1] < SURFACE_SHARE and "surface" not in tags:
            tags["surface"] = "gravel" if kind in ("track", "unclassified") else "asphalt"
        if draw[2] < MAXSPEED_SHARE and kind in POSTED:
            tags["maxspeed"] = POSTED[kind]
        result.append(tags)
    return result


def write_osm(
    path: Path, land: Land, places: Places, lines: list[Line], lines_beside: list[Line], nodes: list[Node], seed: int
) -> OsmFile:
    """Write roads (with the tags of :func:`dressed`), expressway, railway, river and the named places.

    Parameters
    ----------
    lines_beside : list of Line
        Expressway and railway: their tags are complete.

    Returns
    -------
    OsmFile
        What was written: it knows the id of the node at a place.
    """
    file = OsmFile(land)
    for line, tags in zip(lines, dressed(lines, seed), strict=True):
        file.way(line.xy, tags)
    for line in lines_beside:
        file.way(line.xy, line.tags)
    file.way(shapely.get_coordinates(land.river), {"waterway": "river", "name": "虚拟河"})
    file.way(shapely.get_coordinates(land.river_area.exterior), {"natural": "water", "water": "river"})
    for node in nodes:
        file.node(node.xy, node.tags)
    for name, kind, xy in zip(places.name, places.kind, places.xy, strict=True):
        # a name stands a few metres off its street corner: a node of its own
        file.node(
            xy + np.array([3.3, 4.7]), {"place": "village" if kind == "village" else "neighbourhood", "name": str(name)}
        )
    file.write(path)
    return file
