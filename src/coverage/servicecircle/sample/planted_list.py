"""``planted.csv``: each planted place, what it is short for and why, and the change that would cover it.

The column ``counterfactual`` is read by machines: ``add_road=LON,LAT,LON,LAT``, ``add_facility=LON,LAT,TYPE``,
``join_nodes=ID,ID``, ``oneway=off``, ``ownership=any``, ``flat`` (short only where relief counts), ``limit=0.8`` (a
near miss: holds at the limit, not at 0.8 of it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from servicecircle.sample.plant import gap_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicecircle.sample.county import County
    from servicecircle.sample.osmfile import OsmFile
    from servicecircle.standards.model import Criterion

HEADER = ("unit_id", "name", "criterion", "cause", "detail", "counterfactual", "备注")
NEAR_MISSES = 4


def planted_rows(county: County, file: OsmFile) -> list[list[object]]:
    """Return the rows of ``planted.csv``, header first."""
    preset, roles = county.land.preset, county.planted.roles
    rows: list[tuple[int, str, str, str, str]] = []
    if "twin_west" in roles:
        west, east = roles["twin_west"], roles["twin_east"]
        bridge = _road(county, west, east)
        rows.append((west, preset.road_circle, "river_detour", "nearest clinic across the river", bridge))
    if "lonely" in roles:
        k = roles["lonely"]
        here = f"add_facility={_lonlat(county, county.places.xy[k])},村卫生室"
        rows.append((k, preset.straight_circle, "no_facility", "no clinic within 2.5 km", here))
    if "off_road" in roles:
        k = roles["off_road"]
        others = [row for row in county.planted.graph_nodes() if row != k]
        near = min(others, key=lambda row: float(np.hypot(*(county.places.xy[row] - county.places.xy[k]))))
        rows.append((k, preset.circle, "no_road", "no road within reach", _road(county, k, near)))
    if "road_gap" in roles:
        rows.append((roles["road_gap"], preset.circle, "data_defect", "road ends 3 m short", _join(county, file)))
    if "one_way" in roles:
        rows.append((roles["one_way"], preset.drive_out, "one_way", "one-way towards the town", "oneway=off"))
    if "summit" in roles:
        rows.append((roles["summit"], preset.slope_circle, "slope", "steep hill; needs relief", "flat"))
    if preset.presence == "yanhu/Y04/presence":
        detail = ("wrong_ownership", "only a private clinic", "ownership=any")
        rows += [(k, preset.presence, *detail) for k in county.planted.private]
    rows += [(k, c.key, "near_miss", "holds, not at 0.8 of the limit", "limit=0.8") for c, k in _varied(county)]
    places = county.places
    body: list[list[object]] = [[str(places.code[k]), str(places.name[k]), *rest, "合成数据"] for k, *rest in rows]
    return [list(HEADER), *body]


def _lonlat(county: County, *points: Sequence[float]) -> str:
    lon, lat = county.land.working.unproject(np.array(points))
    return ",".join(f"{x:.7f},{y:.7f}" for x, y in zip(lon, lat, strict=True))


def _road(county: County, one: int, other: int) -> str:
    """Return the straight road between the nearest street corners of two settlements."""
    a, b = county.corners[one], county.corners[other]
    away = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    i, j = np.unravel_index(int(np.argmin(away)), away.shape)
    return f"add_road={_lonlat(county, a[i], b[j])}"


def _join(county: County, file: OsmFile) -> str:
    edge = county.planted.gap_edge
    village = county.planted.roles["road_gap"]
    if edge is None:
        return ""
    other = edge[0] if edge[1] == village else edge[1]
    corners = county.corners[other]
    ends = [gap_ends(list(county.roads), county.planted, c) for c in corners]
    pair = min((e for e in ends if e is not None), key=lambda e: float(np.hypot(e[0][0] - e[1][0], e[0][1] - e[1][1])))
    return f"join_nodes={file.node(pair[0])},{file.node(pair[1])}"


def _varied(county: County) -> list[tuple[Criterion, int]]:
    """Return a few near misses, of different criteria."""
    first = {criterion.key: (criterion, k) for criterion, k in reversed(county.near)}
    return [first[key] for key in sorted(first)][:NEAR_MISSES]
