"""The gap list: short units, and patches of uncovered people (design section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import ndimage

from servicecircle.analysis.columns import GAP_COLUMNS
from servicecircle.analysis.cover import at_least
from servicecircle.demand.settlements import directions, where_text
from servicecircle.errors import problem
from servicecircle.geo.coordinates import phone_map
from servicecircle.geo.crs import to_wgs84
from servicecircle.geo.sums import sum_by
from servicecircle.standards.wording import clause_text, limit_text
from servicecircle.text import say

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from servicecircle.analysis.evaluate import CriterionCoverage
    from servicecircle.analysis.world import World
    from servicecircle.errors import Problem
    from servicecircle.study import Gap

#: Diagonal neighbours belong to the same patch.
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=int)


def gap_rule(gap: Gap) -> Problem:
    """Return the sentence that says when a unit is short and what a patch is, with the study's numbers."""
    return problem(
        "flow.gap_rule",
        persons=f"{gap.min_persons:g}",
        share=f"{gap.min_share:.0%}",
        half=f"{gap.half_share:.0%}",
        few=f"{gap.half_persons:g}",
        patch=f"{gap.patch_persons:g}",
    )


def gap_rows(
    world: World, entry: CriterionCoverage, units: pd.DataFrame, named: gpd.GeoDataFrame, language: str
) -> pd.DataFrame:
    """Return the gap list of one criterion: short units, then patches, then what is scattered; each ranked by people.

    Parameters
    ----------
    units : DataFrame
        The criterion's unit table (``analysis.summary.unit_table``).
    named : GeoDataFrame
        Named points (EPSG:4326) that patches are named after.
    """
    if entry.state != "computed":
        return pd.DataFrame(columns=list(GAP_COLUMNS))
    short = _ranked(units[units["short"]].assign(gap_kind="unit"), "unit_id")
    parts = [short]
    if world.demand.grid is not None and entry.criterion.measure != "presence":
        parts += _patch_rows(world, entry, named, language)
    criterion = entry.criterion
    frame = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(len(p) for p in parts) else short
    frame = frame.assign(
        criterion=criterion.key,
        title=criterion.standard.title.in_language(language),
        limit_text=limit_text(criterion, language),
        clause=clause_text(criterion.standard, language),
    )
    frame = frame.reindex(columns=list(GAP_COLUMNS))
    lon, lat = phone_map(frame["lon"].to_numpy(dtype=float), frame["lat"].to_numpy(dtype=float))
    return frame.assign(lon_gcj02=lon, lat_gcj02=lat)


def _ranked(frame: pd.DataFrame, tie: str) -> pd.DataFrame:
    frame = frame.sort_values(["uncovered_persons", tie], ascending=[False, True], kind="stable", ignore_index=True)
    return frame.assign(rank=np.arange(1, len(frame) + 1))


@dataclass(frozen=True)
class Patch:
    """A connected set of cells with uncovered people inside one parent; ``cells`` are flat indices, ascending."""

    parent: str
    persons: float
    uncovered: float
    cells: NDArray[np.int64]
    weight: NDArray[np.float64]
    """Uncovered people of each cell."""


@dataclass(frozen=True)
class _Cells:
    """People of the cells one criterion applies to."""

    index: NDArray[np.int64]
    persons: NDArray[np.float64]
    uncovered: NDArray[np.float64]
    parent: NDArray[np.int64]


def find_patches(world: World, entry: CriterionCoverage) -> list[Patch]:
    """Return the 8-connected sets of cells with uncovered people, inside one parent, most people first."""
    grid = world.demand.grid
    if grid is None:
        return []
    names, parent_of_unit = np.unique(world.units["parent"].to_numpy().astype(str), return_inverse=True)
    cells = _cells(world, entry, parent_of_unit)
    row, column = np.divmod(cells.index, grid.shape[1])
    found = []
    for parent in np.unique(cells.parent):
        mine = np.flatnonzero((cells.parent == parent) & (cells.uncovered > 0))
        if len(mine) == 0:
            continue
        r, c = row[mine] - row[mine].min(), column[mine] - column[mine].min()
        canvas = np.zeros((r.max() + 1, c.max() + 1), dtype=bool)
        canvas[r, c] = True
        label = ndimage.label(canvas, structure=EIGHT_NEIGHBOURS)[0][r, c]
        order = np.argsort(label, kind="stable")
        groups = np.split(mine[order], np.flatnonzero(np.diff(label[order])) + 1)
        found += [_patch(cells, group, str(names[parent])) for group in groups]
    return sorted(found, key=lambda p: (-p.uncovered, int(p.cells[0])))


def _cells(world: World, entry: CriterionCoverage, parent_of_unit: NDArray[np.int64]) -> _Cells:
    """Sum people by cell; a cell belongs to the parent that holds most of its people (of equals the first by name)."""
    demand = world.demand
    kept = np.flatnonzero(entry.applies[demand.piece_unit])
    cell, row = np.unique(demand.cell[demand.piece_point[kept]], return_inverse=True)
    persons = world.people(entry.criterion)[kept]
    uncovered = persons * ~entry.piece_covered[kept]
    parent = parent_of_unit[demand.piece_unit[kept]]
    width = int(parent_of_unit.max(initial=0)) + 1
    pairs, pair = np.unique(row * width + parent, return_inverse=True)
    people = np.bincount(pair, weights=persons)
    order = np.lexsort((pairs % width, -people, pairs // width))
    _, first = np.unique(pairs[order] // width, return_index=True)
    return _Cells(
        cell,
        sum_by(row, persons, len(cell)),
        sum_by(row, uncovered, len(cell)),
        (pairs % width)[order[first]],
    )


def _patch(cells: _Cells, rows: NDArray[np.int64], parent: str) -> Patch:
    rows = np.sort(rows)
    weight = cells.uncovered[rows]
    return Patch(parent, float(cells.persons[rows].sum()), float(weight.sum()), cells.index[rows], weight)


def _middle(world: World, patches: list[Patch]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, per patch, longitude and latitude of its cell nearest to the centre of its uncovered people."""
    grid = world.demand.grid
    if grid is None or not patches:
        return np.zeros(0), np.zeros(0)
    lon, lat = to_wgs84(grid.crs, *grid.centres(np.concatenate([p.cells for p in patches])))
    xy = world.walk.working.project(lon, lat)
    chosen, first = [], 0
    for patch in patches:
        mine = xy[first : first + len(patch.cells)]
        away = np.hypot(*(mine - np.average(mine, axis=0, weights=patch.weight)).T)
        chosen.append(first + int(away.argmin()))
        first += len(patch.cells)
    return lon[chosen], lat[chosen]


def _patch_rows(world: World, entry: CriterionCoverage, named: gpd.GeoDataFrame, language: str) -> list[pd.DataFrame]:
    patches = find_patches(world, entry)
    large = [p for p in patches if at_least(p.uncovered, world.gap.patch_persons)]
    small = [p for p in patches if not at_least(p.uncovered, world.gap.patch_persons)]
    lon, lat = _middle(world, large)
    where = directions(lon, lat, named) if large else []
    rows: list[dict[str, Any]] = [
        {
            "gap_kind": "patch",
            "unit_id": f"patch:{y:.5f}:{x:.5f}",
            "name": where_text(w, x, y, language),
            "parent": p.parent,
            "persons": p.persons,
            "uncovered_persons": p.uncovered,
            "share_covered": 1 - p.uncovered / p.persons,
            "lon": x,
            "lat": y,
        }
        for p, w, x, y in zip(large, where, lon.tolist(), lat.tolist(), strict=True)
    ]
    frames = [_ranked(pd.DataFrame(rows), "unit_id")] if rows else []
    if small:
        people = sum(p.uncovered for p in small)
        name = say(language, "flow.scattered", count=len(small), limit=f"{world.gap.patch_persons:g}")
        frames.append(
            pd.DataFrame([{"gap_kind": "scattered", "unit_id": "scattered", "name": name, "uncovered_persons": people}])
        )
    return frames
